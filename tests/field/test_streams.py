"""Streams with the manners of real servers, as viewers get them.

Reported in public for programs of this kind; each test is named for the situation.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from hypothesis import given
from hypothesis import strategies as st

from counter import Film, account, numbers
from nightcrew.kernel.http import Http, Request
from nightcrew.playlists import opening, releases
from nightcrew.playlists.formats import hls, master
from nightcrew.playlists.formats.media import media_type
from nightcrew.playlists.joining import BoxSplitter, PacketSplitter
from nightcrew.playlists.models import Channel, Stream
from nightcrew.playlists.origin import media
from nightcrew.playlists.relay import Relay
from nightcrew.playlists.releases import Releases
from nightcrew.transport.framing import Plain, framing
from nightcrew.transport.ts import PACKET
from streaming import Origin, Script, answers, ended, head, made, packets, playing, programme, proxied, sends, serving
from support import Node, until

PLAYLIST = "application/vnd.apple.mpegurl"


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    async with serving() as made:
        yield made


def segments(*names: str) -> list[str]:
    return [line for name in names for line in ("#EXTINF:2,", name)]


# -- time to begin -----------------------------------------------------------------------------------------------------


def late(marker: int, seconds: float) -> Script:
    async def script(source: Origin, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        await sends(marker)(source, writer)

    return script


async def test_a_lone_stream_gets_time_to_begin(
    node: Node, origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "FIRST_BYTE", 0.3)
    origin.scripts["/a"] = late(1, 1.0)
    channel = await proxied(node, tmp_path, origin.url("/a"))
    async with playing(node, channel) as pieces:
        assert await anext(pieces) == packets(1)


async def test_of_several_that_are_slow_one_gets_time_in_the_end(
    node: Node, origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "FIRST_BYTE", 0.3)
    monkeypatch.setattr(opening, "PAUSE", 0.1)
    origin.scripts |= {"/a": answers(b"gone", status="404 Not Found"), "/b": late(2, 1.0)}
    origin.scripts["/c"] = answers(b"<html>gone</html>")
    channel = await proxied(node, tmp_path, *map(origin.url, ("/a", "/b", "/c")))
    async with playing(node, channel) as pieces:
        assert await anext(pieces) == packets(2)


async def test_each_answer_of_an_hls_server_gets_the_time(
    node: Node, origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "FIRST_BYTE", 0.9)

    def slowly(script: Script) -> Script:
        async def late(source: Origin, writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(0.5)
            await script(source, writer)

        return late

    origin.scripts["/m"] = slowly(answers(b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9\nv\n", PLAYLIST))
    origin.scripts["/v"] = slowly(answers(ended(*segments("s")), PLAYLIST))
    origin.scripts["/s"] = slowly(answers(packets(1, 20), "video/mp2t"))
    origin.scripts["/b"] = sends(2)
    channel = await proxied(node, tmp_path, origin.url("/m"), origin.url("/b"))
    async with playing(node, channel) as pieces:
        assert await anext(pieces) == packets(1)


async def test_a_lone_stream_that_is_busy_is_asked_again(node: Node, origin: Origin, tmp_path: Path) -> None:
    asked = 0

    async def every_second(source: Origin, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await (answers(b"busy", status="503 Busy") if asked % 2 else sends(1))(source, writer)

    origin.scripts["/a"] = every_second
    channel = await proxied(node, tmp_path, origin.url("/a"))
    async with playing(node, channel) as pieces:
        assert await anext(pieces) == packets(1)


async def test_a_server_that_says_come_back_in_a_minute_is_not_waited_for(
    node: Node, origin: Origin, tmp_path: Path
) -> None:
    async def later(_origin: Origin, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 503 Busy\r\nRetry-After: 60\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    origin.scripts["/a"] = later
    channel = await proxied(node, tmp_path, origin.url("/a"))
    assert (await node.http.get(f"/play/{channel}")).status_code == 503
    assert origin.asked == ["/a"]


async def test_a_lone_stream_whose_address_lives_for_a_while_is_opened_again(
    node: Node, origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nightcrew.playlists.relay.STEADY", 0.3)
    origin.scripts["/a"] = sends(1, limit=12)
    channel = await proxied(node, tmp_path, origin.url("/a"))
    async with playing(node, channel) as pieces:
        for _ in range(30):
            await anext(pieces)
    assert origin.asked.count("/a") > 1


async def test_a_film_that_has_ended_is_not_shown_again(
    node: Node, origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nightcrew.playlists.relay.STEADY", 0.0)
    origin.scripts["/a"] = answers(packets(1, 200), "video/mp2t")
    channel = await proxied(node, tmp_path, origin.url("/a"))
    assert (await node.http.get(f"/play/{channel}")).content == packets(1, 200)
    assert origin.asked == ["/a"]


# -- accounts that count long ------------------------------------------------------------------------------------------


class Panel:
    """An account with one connection, which is counted for a while after its end."""

    def __init__(self, seconds: float, status: str) -> None:
        self.seconds, self.status = seconds, status
        self.counted = self.refused = 0

    def stream(self, marker: int) -> Script:
        async def script(source: Origin, writer: asyncio.StreamWriter) -> None:
            if self.counted:
                self.refused += 1
                await answers(b"limit", status=self.status)(source, writer)
                return
            self.counted += 1
            try:
                await sends(marker)(source, writer)
            finally:
                asyncio.get_running_loop().call_later(self.seconds, self._forget)

        return script

    def _forget(self) -> None:
        self.counted -= 1


@pytest.mark.parametrize("status", ["403 Forbidden", "458 Limit", "429 Too Many Requests"])
async def test_changing_the_channel_on_one_connection_plays_a_moment_later(
    node: Node, origin: Origin, tmp_path: Path, status: str
) -> None:
    panel = Panel(1.0, status)
    origin.scripts |= {f"/{n}": panel.stream(n) for n in (1, 2, 3)}
    listed = [(f"P{n}", origin.url(f"/{n}")) for n in (1, 2, 3)]
    found = await programme(node, tmp_path, listed, max_streams=1)
    refused = []
    for n in (1, 2, 3):
        async with playing(node, found[f"P{n}"]) as pieces:
            assert await anext(pieces) == packets(n)
        refused.append(panel.refused)
    assert refused[1] > 0
    assert refused[2] == refused[1], "how long it counts was learned"


def test_what_an_account_counts_is_learned_and_not_believed_for_ever() -> None:
    now = 100.0
    known = Releases(clock=lambda: now)
    assert not known.is_ours(["a"], 403)
    known.ended(["a"])
    assert known.is_ours(["a"], 403)
    assert known.is_ours(["a"], 458)
    assert not known.is_ours(["a"], 404)
    assert not known.is_ours(["b"], 403)
    now += 1.5
    known.opened(["a"], refused=True)
    assert known.seconds(["a", "b"]) == pytest.approx(1.5)
    known.ended(["a"])
    now += 3.9
    assert known.is_ours(["a"], 403)
    now += 0.2
    assert not known.is_ours(["a"], 403), "twice as long and a second more is long enough"


def test_an_account_that_refuses_for_another_reason_is_not_waited_for_each_time() -> None:
    known = Releases(clock=lambda: 0.0)
    known.ended(["a"])
    for _ in range(releases.MOST_IN_VAIN):
        assert known.is_ours(["a"], 403)
        known.vain(["a"])
    assert not known.is_ours(["a"], 403)
    assert known.is_ours(["a"], 458), "this says what it means"


# -- HLS ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "#EXT-X-STREAM-INF:BANDWIDTH=4000000,RESOLUTION=1920x1080\ngone\n#EXT-X-STREAM-INF:BANDWIDTH=7,RESOLUTION=640x360\ngood\n",
        "#EXT-X-STREAM-INF:BANDWIDTH=7\ngone\n#EXT-X-STREAM-INF:BANDWIDTH=7\ngood\n",
        "#EXT-X-STREAM-INF:BANDWIDTH=7\npage\n#EXT-X-STREAM-INF:BANDWIDTH=5\ngood\n",
    ],
)
async def test_a_variant_that_is_gone_is_left_for_the_next(
    node: Node, origin: Origin, tmp_path: Path, text: str
) -> None:
    origin.scripts |= {
        "/m": answers(b"#EXTM3U\n" + text.encode(), PLAYLIST),
        "/gone": answers(b"no", status="404 Not Found"),
        "/page": answers(b"<html>no</html>"),
        "/good": answers(ended(*segments("s")), PLAYLIST),
        "/s": answers(packets(1, 20), "video/mp2t"),
    }
    channel = await proxied(node, tmp_path, origin.url("/m"))
    assert (await node.http.get(f"/play/{channel}")).content == packets(1, 20)


async def torn(_origin: Origin, writer: asyncio.StreamWriter) -> None:
    head(writer, length=20 * PACKET)
    writer.write(packets(9, 1))
    await writer.drain()
    writer.close()


@pytest.mark.parametrize("script", [answers(b"no", status="404 Not Found"), answers(b"", status="500 No"), torn])
async def test_a_segment_that_is_missing_is_left_out(
    node: Node, origin: Origin, tmp_path: Path, script: Script
) -> None:
    names = ["a", "b", "hole", "c"]
    origin.scripts["/m"] = answers(ended(*segments(*names)), PLAYLIST)
    origin.scripts |= {f"/{n}": answers(packets(k, 20), "video/mp2t") for k, n in enumerate(names)} | {"/hole": script}
    channel = await proxied(node, tmp_path, origin.url("/m"))
    found = (await node.http.get(f"/play/{channel}")).content
    assert found.startswith(packets(0, 20) + packets(1, 20))
    assert found.endswith(packets(3, 20))


async def test_segments_that_are_all_missing_are_an_error(node: Node, origin: Origin, tmp_path: Path) -> None:
    origin.scripts["/m"] = answers(ended(*segments("a", "b")), PLAYLIST)
    origin.scripts |= {f"/{n}": answers(b"no", status="404 Not Found") for n in "ab"}
    channel = await proxied(node, tmp_path, origin.url("/m"))
    answer = await node.http.get(f"/play/{channel}")
    assert (answer.status_code, "HTTP 404" in answer.json()["detail"]) == (409, True)


async def test_an_address_that_expires_is_asked_for_anew(origin: Origin) -> None:
    """The list's address leads to one with a token, which is refused after three answers, segments too."""
    tokens, uses, number = 0, 0, 0

    async def entry(source: Origin, writer: asyncio.StreamWriter) -> None:
        nonlocal tokens, uses
        tokens, uses = tokens + 1, 0
        await answers(f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlist{tokens}\n".encode(), PLAYLIST)(source, writer)

    def with_token(token: int, script: Script) -> Script:
        async def checked(source: Origin, writer: asyncio.StreamWriter) -> None:
            nonlocal uses
            uses += 1
            good = token == tokens and uses <= 4
            await (script if good else answers(b"expired", status="403 Forbidden"))(source, writer)

        return checked

    def listing(token: int) -> Script:
        async def script(source: Origin, writer: asyncio.StreamWriter) -> None:
            nonlocal number
            number += 1
            lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:1", f"#EXT-X-MEDIA-SEQUENCE:{number}"]
            lines += [line for n in range(number, number + 3) for line in ("#EXTINF:0.2,", f"seg{token}-{n}")]
            await answers("\n".join(lines).encode(), PLAYLIST)(source, writer)

        return script

    origin.scripts["/in"] = entry
    for token in range(1, 30):
        origin.scripts[f"/list{token}"] = with_token(token, listing(token))
        for n in range(1, 60):
            origin.scripts[f"/seg{token}-{n}"] = with_token(token, answers(packets(n, 5), "video/mp2t"))
    http, got = Http(), b""
    async with media(http, Request(origin.url("/in"), allow_private=True)) as opened:
        async for chunk in opened.chunks:
            got += chunk
            if len(got) >= 15 * 5 * PACKET:
                break
    await http.close()
    order = [got[at] for at in range(4, len(got), 5 * PACKET)]
    assert order == sorted(set(order))
    assert len(order) >= 15
    assert tokens > 1


async def test_a_playlist_and_segments_that_are_always_packed_play(node: Node, origin: Origin, tmp_path: Path) -> None:
    def packed(body: bytes, kind: str) -> Script:
        async def script(_origin: Origin, writer: asyncio.StreamWriter) -> None:
            data = gzip.compress(body)
            writer.write(
                f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Encoding: gzip\r\nConnection: close\r\n"
                f"Content-Length: {len(data)}\r\n\r\n".encode()
                + data
            )
            await writer.drain()

        return script

    origin.scripts |= {"/m": packed(ended(*segments("s")), PLAYLIST), "/s": packed(packets(1, 20), "video/mp2t")}
    channel = await proxied(node, tmp_path, origin.url("/m"))
    assert (await node.http.get(f"/play/{channel}")).content == packets(1, 20)


@pytest.mark.parametrize("written", ["IV=0X{}", "IV=0x{}", "iv=0x{}", "IV = 0X{}"])
def test_an_initialisation_vector_is_read_as_it_is_written(written: str) -> None:
    vector = bytes(range(16))
    said = written.format(vector.hex().upper() if "X" in written else vector.hex())
    text = f'#EXTM3U\n#EXT-X-KEY:METHOD=AES-128, URI="k,1",{said}\n#EXTINF:2,\na.ts\n'
    (segment,) = hls.parse_media(text, "http://h/i.m3u8").segments
    assert segment.key == "http://h/k,1"
    assert segment.iv == (vector if not written.startswith("iv") else (0).to_bytes(16, "big"))


async def test_an_upper_case_vector_decrypts(node: Node, origin: Origin, tmp_path: Path) -> None:
    key, vector = b"sixteen bytes ok", bytes(range(16))
    padding, cipher = PKCS7(128).padder(), Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
    packed = cipher.update(padding.update(packets(1, 9)) + padding.finalize()) + cipher.finalize()
    line = f'#EXT-X-KEY:METHOD=AES-128,URI="key",IV=0X{vector.hex().upper()}'
    origin.scripts |= {
        "/m": answers(ended(line, *segments("s")), PLAYLIST),
        "/key": answers(key, "application/octet-stream"),
        "/s": answers(packed, "video/mp2t"),
    }
    channel = await proxied(node, tmp_path, origin.url("/m"))
    assert (await node.http.get(f"/play/{channel}")).content == packets(1, 9)


@pytest.mark.parametrize("ranges", [True, False])
async def test_segments_that_are_parts_of_one_file_are_passed_on(
    node: Node, origin: Origin, tmp_path: Path, ranges: bool
) -> None:
    whole = packets(7, 3) + packets(1, 10) + packets(2, 10) + packets(3, 10)

    async def file(source: Origin, writer: asyncio.StreamWriter) -> None:
        start, _, end = source.headers[-1].get("range", "").removeprefix("bytes=").partition("-")
        if not ranges:
            await answers(whole, "video/mp2t")(source, writer)
            return
        await answers(whole[int(start) : int(end) + 1], "video/mp2t", "206 Partial Content")(source, writer)

    size = 10 * PACKET
    lines = [f"#EXT-X-BYTERANGE:{size}@{3 * PACKET}", *segments("f"), f"#EXT-X-BYTERANGE:{size}", *segments("f")]
    origin.scripts |= {"/m": answers(ended(*lines), PLAYLIST), "/f": file}
    channel = await proxied(node, tmp_path, origin.url("/m"))
    assert (await node.http.get(f"/play/{channel}")).content == packets(1, 10) + packets(2, 10)


def test_a_variants_default_sound_is_known() -> None:
    text = (
        '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="English",LANGUAGE="en",URI="en.m3u8"\n'
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="Deutsch",LANGUAGE="de",DEFAULT=YES,URI="de.m3u8"\n'
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="b",NAME="Inside",DEFAULT=YES\n'
        '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="a",NAME="Text",DEFAULT=YES,URI="text.m3u8"\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"\n1.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2,AUDIO="b"\n2.m3u8\n'
        "#EXT-X-STREAM-INF:BANDWIDTH=3\n3.m3u8\n"
    )
    sounds = master.parse_sounds(text, "http://h/m.m3u8")
    found = [master.sound_of(variant, sounds) for variant in master.parse_master(text, "http://h/m.m3u8")]
    assert [sound and sound.url for sound in found] == ["http://h/de.m3u8", None, None]


@pytest.mark.parametrize("container", ["ts", "mp4", "adts"])
async def test_sound_in_segments_of_its_own_is_heard(
    node: Node, origin: Origin, tmp_path: Path, film: Film, container: str
) -> None:
    fragmented = ("-movflags", "frag_keyframe+empty_moov+default_base_moof", "-f", "mp4")
    kind = {"ts": ("-f", "mpegts"), "mp4": fragmented, "adts": ("-f", "adts")}[container]
    sound = await made("-f", "lavfi", "-i", "sine=frequency=440:duration=6", "-c:a", "aac", *kind)
    master_list = (
        b'#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="S",DEFAULT=YES,URI="sound"\n'
        b'#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"\npicture\n'
    )
    origin.scripts |= {
        "/m": answers(master_list, PLAYLIST),
        "/picture": answers(ended(*segments(*(f"p{n}" for n in range(6)))), PLAYLIST),
        "/sound": answers(ended("#EXTINF:6,", "s"), PLAYLIST),
        "/s": answers(sound, "audio/x"),
        **{f"/p{n}": answers(film.segments[n], "video/mp2t") for n in range(6)},
    }
    channel = await proxied(node, tmp_path, origin.url("/m"))
    answer = await node.http.get(f"/play/{channel}")
    path = tmp_path / "got.ts"
    path.write_bytes(answer.content)
    assert account(numbers(path)).whole
    listed = await made("-i", str(path), "-map", "0:a", "-f", "s16le", "-ac", "1", "-ar", "8000")
    assert len(listed) == pytest.approx(6 * 8000 * 2, rel=0.1)


async def test_a_stream_whose_own_sound_cannot_be_had_comes_without_it(
    node: Node, origin: Origin, tmp_path: Path, film: Film
) -> None:
    origin.scripts |= {
        "/m": answers(
            b'#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="S",URI="gone"\n'
            b'#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"\npicture\n',
            PLAYLIST,
        ),
        "/picture": answers(ended(*segments("p0")), PLAYLIST),
        "/gone": answers(b"no", status="404 Not Found"),
        "/p0": answers(film.segments[0], "video/mp2t"),
    }
    channel = await proxied(node, tmp_path, origin.url("/m"))
    assert (await node.http.get(f"/play/{channel}")).content == film.segments[0]


# -- headers and connections -------------------------------------------------------------------------------------------


async def test_a_referrer_goes_along_to_another_host(node: Node, origin: Origin, tmp_path: Path) -> None:
    async def moved(_origin: Origin, writer: asyncio.StreamWriter) -> None:
        to = f"http://localhost:{origin.port}/b"
        writer.write(f"HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())

    origin.scripts |= {"/a": moved, "/b": sends(1)}
    await node.patch("/api/v1/settings", {"stream_mode": "proxy"})
    listing = tmp_path / "list.m3u"
    listing.write_text(
        "#EXTM3U\n#EXTINF:-1,One\n#EXTVLCOPT:http-referrer=http://site.test/\n#EXTVLCOPT:http-origin=http://site.test\n"
        f'#EXTHTTP:{{"cookie":"session=1","authorization":"Bearer x"}}\n{origin.url("/a")}\n'
    )
    await node.add(kind="m3u", name="L", url=str(listing), region="X")
    (channel,) = (await node.get("/api/v1/channels"))["items"]
    async with playing(node, channel["id"]) as pieces:
        assert await anext(pieces) == packets(1)
    asked = dict(zip(origin.asked, origin.headers, strict=True))
    assert asked["/a"]["authorization"] == "Bearer x"
    assert asked["/b"]["referer"] == "http://site.test/"
    assert "authorization" not in asked["/b"]
    assert "cookie" not in asked["/b"]


async def test_each_source_has_its_own_session(node: Node, origin: Origin, tmp_path: Path) -> None:
    """The server sets a cookie for each login, and refuses another login's."""

    def session(login: str) -> Script:
        async def script(source: Origin, writer: asyncio.StreamWriter) -> None:
            if source.headers[-1].get("cookie", f"session={login}") != f"session={login}":
                await answers(b"another login", status="403 Forbidden")(source, writer)
                return
            writer.write(
                f"HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\nSet-Cookie: session={login}; Path=/\r\n\r\n".encode()
            )
            writer.write(packets(1, 20))
            await writer.drain()

        return script

    origin.scripts |= {f"/{login}": session(login) for login in ("anna", "bob")}
    found = await programme(node, tmp_path, *([(login, origin.url(f"/{login}"))] for login in ("anna", "bob")))
    for name in ("anna", "bob", "anna", "bob"):
        async with playing(node, found[name]) as pieces:
            assert await anext(pieces) == packets(1)


async def test_an_old_radio_server_plays(node: Node, origin: Origin, tmp_path: Path) -> None:
    frames = (b"\xff\xfb\x90\x00" + bytes(413)) * 50

    async def icy(_origin: Origin, writer: asyncio.StreamWriter) -> None:
        writer.write(b"IC")
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(b"Y 200 OK\r\nicy-name: Field Radio\r\nContent-Type: audio/mpeg\r\nicy-br: 128\r\n\r\n" + frames)
        await writer.drain()

    origin.scripts["/radio"] = icy
    channel = await proxied(node, tmp_path, origin.url("/radio"))
    answer = await node.http.get(f"/play/{channel}")
    assert (answer.headers["content-type"], answer.content) == ("audio/mpeg", frames)


async def test_no_connection_is_left_when_the_viewer_of_hls_has_gone(
    node: Node, origin: Origin, tmp_path: Path
) -> None:
    """A server that keeps connections open sees them end with the viewer."""
    open_now = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal open_now
        open_now += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1]
                lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:60", *segments("a", "b", "c")]
                body = packets(1, 20) if path != b"/m" else "\n".join(lines).encode()
                writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
                await writer.drain()
        open_now -= 1
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/m"
        channel = await proxied(node, tmp_path, url)
        async with playing(node, channel) as pieces:
            assert await anext(pieces) == packets(1)
            assert open_now > 0
        await until(lambda: open_now == 0)


# -- containers --------------------------------------------------------------------------------------------------------


async def test_what_cannot_follow_ends_the_answer(node: Node, origin: Origin, tmp_path: Path) -> None:
    """After a transport stream no MP4 comes in the same answer; one that can follow does."""
    boxes = b"\0\0\0\x18ftypiso6" + bytes(12) + b"\0\0\0\x10moof" + bytes(8)
    origin.scripts |= {"/a": sends(1, limit=4), "/b": answers(boxes, "video/mp4"), "/c": sends(3, limit=4)}
    channel = await proxied(node, tmp_path, *map(origin.url, ("/a", "/b", "/c")))
    assert (await node.http.get(f"/play/{channel}")).content == packets(1, 28) + packets(3, 28)
    assert origin.asked[:3] == ["/a", "/b", "/c"]


async def test_head_says_what_get_gave(node: Node, origin: Origin, tmp_path: Path) -> None:
    boxes = b"\0\0\0\x18ftypiso6" + bytes(12) + b"\0\0\0\x10moof" + bytes(8)
    origin.scripts["/b"] = answers(boxes, "video/mp4")
    channel = await proxied(node, tmp_path, origin.url("/b"))
    assert (await node.http.get(f"/play/{channel}")).headers["content-type"] == "video/mp4"
    assert (await node.http.head(f"/play/{channel}")).headers["content-type"] == "video/mp4"


@pytest.mark.parametrize(("lead", "tail"), [(4, 0), (0, 16)])
async def test_packets_of_other_sizes_are_made_plain(
    node: Node, origin: Origin, tmp_path: Path, lead: int, tail: int
) -> None:
    wide = b"".join(bytes([n] * lead) + packets(1, 1) + bytes([n] * tail) for n in range(60))
    origin.scripts["/a"] = answers(wide, "video/mp2t")
    channel = await proxied(node, tmp_path, origin.url("/a"))
    answer = await node.http.get(f"/play/{channel}")
    assert (answer.headers["content-type"], answer.content) == ("video/mp2t", packets(1, 60))


@given(st.sampled_from([(188, 0), (192, 4), (204, 0)]), st.integers(0, 203), st.lists(st.integers(1, 900), max_size=9))
def test_packets_are_found_wherever_a_stream_begins(size_lead: tuple[int, int], cut: int, steps: list[int]) -> None:
    size, lead = size_lead
    packet = bytes([0xA5] * lead) + b"\x47\x01\x00\x1a" + bytes([9] * 184) + bytes([0xA5] * (size - 188 - lead))
    data = (packet * 30)[cut % size :]
    found = framing(data[:1024])
    assert found == ((size - cut % size) % size, size)
    assert media_type(data[:1024]) == "video/mp2t"
    plain, got = Plain(*found), b""
    for step in steps:
        got += plain.feed(data[:step])
        data = data[step:]
    got += plain.feed(data)
    assert got == packet[lead : lead + 188] * (len(got) // 188)
    assert len(got) // 188 in {29, 30}


# -- joining -----------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(1, 700), min_size=1, max_size=40))
def test_whatever_the_pieces_are_no_packet_is_lost(steps: list[int]) -> None:
    data, cut, got = b"".join(packets(n % 250, 1) for n in range(60)), PacketSplitter(), b""
    for step in steps:
        got += b"".join(piece.data for piece in cut.feed(data[:step]))
        data = data[step:]
    got += b"".join(piece.data for piece in cut.feed(data))
    assert got == b"".join(packets(n % 250, 1) for n in range(60))


def box(kind: bytes, size: int) -> bytes:
    return (size + 8).to_bytes(4, "big") + kind + bytes(size)


@given(st.lists(st.integers(1, 90), max_size=60))
def test_boxes_are_cut_before_each_fragment_whatever_the_pieces_are(steps: list[int]) -> None:
    start = box(b"ftyp", 12) + box(b"free", 3) + box(b"moov", 200)
    fragment = box(b"styp", 8) + box(b"sidx", 20) + box(b"moof", 60) + box(b"mdat", 500)
    data, cut, pieces = start + fragment * 3, BoxSplitter(), []
    for step in steps:
        pieces += cut.feed(data[:step])
        data = data[step:]
    pieces += cut.feed(data)
    assert b"".join(piece.data for piece in pieces) == start + fragment * 3
    assert cut.head == start
    entries = [number for number, piece in enumerate(pieces) if piece.entry]
    assert len(entries) == 3
    assert b"".join(piece.data for piece in pieces[entries[1] :]) == fragment * 2


# -- viewers -----------------------------------------------------------------------------------------------------------


async def test_two_viewers_of_one_channel_share_one_connection(node: Node, origin: Origin, tmp_path: Path) -> None:
    origin.scripts |= {"/a": sends(1), "/b": sends(2)}
    listed = [("A", origin.url("/a")), ("B", origin.url("/b"))]
    found = await programme(node, tmp_path, listed, max_streams=1)
    async with contextlib.AsyncExitStack() as viewers:
        for _ in range(3):
            pieces = await viewers.enter_async_context(playing(node, found["A"]))
            assert await anext(pieces) == packets(1)
        assert (origin.most, origin.asked) == (1, ["/a"])

        async def three() -> bool:
            (account,) = (await node.get("/api/v1/accounts"))["items"]
            return [one["owner"] for one in account["holders"]] == ["127.0.0.1 (3): A"]

        await until(three)
    await until(lambda: origin.connections == 0)
    async with playing(node, found["B"]) as pieces:
        assert await anext(pieces) == packets(2)


async def test_viewers_that_come_at_once_share_one_connection(node: Node, origin: Origin, tmp_path: Path) -> None:
    origin.scripts["/a"] = late(1, 0.3)
    channel = await proxied(node, tmp_path, origin.url("/a"), max_streams=1)

    async def watch() -> bytes:
        async with playing(node, channel) as pieces:
            found: bytes = await anext(pieces)
            return found

    assert await asyncio.gather(*(watch() for _ in range(5))) == [packets(1)] * 5
    assert origin.asked == ["/a"]


async def test_one_who_leaves_takes_nothing_from_the_others(node: Node, origin: Origin, tmp_path: Path) -> None:
    origin.scripts["/a"] = sends(1)
    channel = await proxied(node, tmp_path, origin.url("/a"), max_streams=1)
    async with playing(node, channel) as staying:
        await anext(staying)
        async with playing(node, channel) as going:
            await anext(going)
        for _ in range(20):
            assert await anext(staying) == packets(1)
    assert origin.asked == ["/a"]


async def test_a_viewer_that_reads_nothing_slows_nobody(node: Node, origin: Origin, tmp_path: Path) -> None:
    """Forty megabytes for one who reads, beside one who has stopped."""
    size = 40 << 20

    async def much(_origin: Origin, writer: asyncio.StreamWriter) -> None:
        head(writer)
        for _ in range(size // (PACKET * 700)):
            writer.write(packets(1, 700))
            await writer.drain()

    origin.scripts["/a"] = much
    channel = await proxied(node, tmp_path, origin.url("/a"), max_streams=1)
    _reader, writer = await asyncio.open_connection("127.0.0.1", int(node.url.rsplit(":", 1)[1]), limit=1024)
    writer.write(f"GET /play/{channel} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    await until(lambda: bool(origin.asked))
    got: Any = 0
    async with playing(node, channel) as pieces:
        async for piece in pieces:
            got += len(piece)
    assert got > size * 0.8
    assert origin.asked == ["/a"]
    writer.close()


async def test_a_channel_that_cannot_be_joined_is_read_again(node: Node, origin: Origin, tmp_path: Path) -> None:
    async def matroska(_origin: Origin, writer: asyncio.StreamWriter) -> None:
        head(writer, kind="video/x-matroska")
        writer.write(b"\x1aE\xdf\xa3" + bytes(4000))
        await writer.drain()
        await asyncio.sleep(60)

    origin.scripts["/a"] = matroska
    channel = await proxied(node, tmp_path, origin.url("/a"))
    async with playing(node, channel) as one, playing(node, channel) as two:
        assert (await anext(one))[:4] == (await anext(two))[:4] == b"\x1aE\xdf\xa3"
    assert origin.asked == ["/a", "/a"]


# -- cards -------------------------------------------------------------------------------------------------------------


async def judged(_channel: Channel, stream: Stream, chunks: AsyncIterator[bytes]) -> str:
    """Everything that the source S0 or S2 sends is a card."""
    async for _ in chunks:
        return "its picture did not move" if stream.source in {"S0", "S2"} else ""
    return ""


async def test_a_card_is_left_while_somebody_watches(node: Node, origin: Origin, tmp_path: Path) -> None:
    origin.scripts |= {"/a": sends(1), "/b": sends(2)}
    channel = await proxied(node, tmp_path, origin.url("/a"), origin.url("/b"))
    node.runtime.part(Relay).judge = judged
    async with playing(node, channel) as pieces:
        assert await anext(pieces) == packets(1)
        async for piece in pieces:
            if piece == packets(2):
                break
        await until(lambda: origin.open == {"/a": 0, "/b": 1})


async def test_of_cards_alone_one_goes_on(node: Node, origin: Origin, tmp_path: Path) -> None:
    """Where every other stream was left before, the viewer is not sent round and round."""
    origin.scripts |= {"/a": sends(1), "/c": answers(b"no", status="404 Not Found"), "/b": sends(2)}
    channel = await proxied(node, tmp_path, *map(origin.url, ("/a", "/c", "/b")))
    node.runtime.part(Relay).judge = judged
    async with playing(node, channel) as pieces:
        async for piece in pieces:
            if piece == packets(2):
                break
        for _ in range(40):
            assert await anext(pieces) == packets(2)
    assert origin.asked.count("/a") == 1


async def test_a_lone_stream_is_not_looked_at(node: Node, origin: Origin, tmp_path: Path) -> None:
    origin.scripts["/a"] = sends(1)
    channel = await proxied(node, tmp_path, origin.url("/a"))
    node.runtime.part(Relay).judge = judged
    async with playing(node, channel) as pieces:
        for _ in range(40):
            assert await anext(pieces) == packets(1)
    assert origin.asked == ["/a"]
