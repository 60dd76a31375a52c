"""A public source tries to lead its recorder into the private network: by redirects, playlists, names, and what it sends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from streamlink import Streamlink
from streamlink.exceptions import StreamError
from streamlink.stream.ffmpegmux import FFMPEGMuxer
from streamlink.stream.stream import StreamIO

from counter import Film
from nightcrew.demo.pictures import find_ffmpeg
from nightcrew.recorder import fetch, hls, sounds
from nightcrew.recorder.fetch import body, said, session
from nightcrew.recorder.recording import RecordingThread
from nightcrew.recorder.sharing import Sources
from nightcrew.recorder.source import HOME_ONLY, Offline, Unreadable, resolve
from nightcrew.recorder.transport import as_transport, of_address, received
from nightcrew.recorder.wire import Order
from support import until

PUBLIC, PRIVATE = "127.0.0.2", "127.0.0.1"
"""Two addresses of this machine, of which the recorder takes the first one for a public one."""
SECRET = "hunter22"


@dataclass
class Service:
    """A small HTTP server. It gives what its `pages` say, and keeps what it was asked."""

    pages: dict[str, bytes] = field(default_factory=dict)
    asked: list[bytes] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.asked.append(head)
            page = self.pages.get(head.split(b" ")[1].decode(), b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            writer.write(page)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def ok(data: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + data


def moved(url: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n".encode()


@dataclass
class World:
    provider: Service
    internal: Service

    @property
    def inside(self) -> str:
        return f"http://{PRIVATE}:{self.internal.port}/secret"

    async def record(self, url: str, **more: Any) -> tuple[bytes, str]:
        """What a recording of it would hold, and why it ended."""
        order = Order(1, "", "", url, headers={"Cookie": SECRET}, ffmpeg=find_ffmpeg(), **more)
        return await asyncio.to_thread(read, order)


def read(order: Order) -> tuple[bytes, str]:
    found = b""
    try:
        stream = resolve(order)
        if stream.hls is not None:
            data, _ = body(stream.session, stream.hls.url, limit=1 << 20, seconds=5)
            for line in data.decode("utf-8", "replace").splitlines():
                if line and not line.startswith("#"):
                    found += body(stream.session, line, limit=1 << 20, seconds=5)[0]
            return found, ""
        for chunk in received(stream):
            found += chunk
    except (Unreadable, Offline) as exc:
        return found, str(exc)
    except (OSError, StreamError, ValueError) as exc:
        return found, said(exc)
    return found, ""


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr(fetch, "is_private", lambda address: address != PUBLIC)
    async with started(PUBLIC) as provider, started(PRIVATE) as internal:
        internal.pages["/secret"] = ok(b"the router's password" * 100)
        yield World(provider, internal)


@asynccontextmanager
async def started(host: str) -> AsyncIterator[Service]:
    service = Service()
    async with await asyncio.start_server(service.serve, host, 0) as server:
        service.port = server.sockets[0].getsockname()[1]
        yield service


@pytest.fixture(scope="module")
def flv() -> bytes:
    picture = ["-f", "lavfi", "-i", "testsrc=d=2:r=25:s=64x64", "-c:v", "flv1", "-f", "flv", "pipe:1"]
    return subprocess.run([find_ffmpeg(), "-v", "error", *picture], capture_output=True, check=True).stdout


NAUGHTY = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{inside}\n#EXT-X-ENDLIST\n",
    "hls after a line": "\nx\n#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{inside}\n#EXT-X-ENDLIST\n",
    "hls of files": "\nx\n#EXTM3U\n#EXTINF:2,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
    "a key": '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{inside}"\n#EXTINF:2,\n{inside}\n#EXT-X-ENDLIST\n',
    "concat": "ffconcat version 1.0\nfile '{inside}'\n",
    "concat of files": "ffconcat version 1.0\nfile '/etc/passwd'\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 33\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{inside}</BaseURL></MPD>',
    "smil": "<smil><body><video src='{inside}'/></body></smil>",
    "rtsp's list": "[Reference]\nRef1={inside}\n",
    "nothing known": "x" * 2000,
}


@pytest.mark.parametrize("kind", ["auto", "http"])
@pytest.mark.parametrize("what", NAUGHTY)
async def test_what_a_source_sends_opens_nothing(world: World, what: str, kind: str) -> None:
    text = NAUGHTY[what].format(inside=world.inside, port=world.internal.port)
    world.provider.pages["/live"] = ok(text.encode() + b"\n" * 1000)
    found, why = await world.record(f"http://{PUBLIC}:{world.provider.port}/live", kind=kind)
    assert world.provider.asked
    assert not found, why
    assert why
    assert world.internal.connections == 0
    assert not any(SECRET.encode() in head for head in world.internal.asked)


@pytest.mark.parametrize("kind", ["auto", "hls", "http", "ffmpeg"])
async def test_a_redirect_leads_nowhere_inside(world: World, kind: str) -> None:
    world.provider.pages["/live"] = moved(world.inside)
    found, why = await world.record(f"http://{PUBLIC}:{world.provider.port}/live", kind=kind)
    assert (found, "private network" in why) == (b"", True), why
    assert world.internal.connections == 0


async def test_what_is_no_transport_stream_is_recorded_all_the_same(world: World, flv: bytes) -> None:
    """And over the one connection that it came by: a second request could be answered by something else."""
    world.provider.pages["/camera"] = ok(flv)
    found, why = await world.record(f"http://{PUBLIC}:{world.provider.port}/camera", kind="http")
    assert len(found) > len(flv) / 2, why
    assert found[0] == found[188] == 0x47
    assert len(world.provider.asked) == 1


@pytest.mark.parametrize(
    "scheme", ["rtsp", "rtmp", "udp", "rtp", "srt", "hls+rtmp", "gopher", "file", "concat", "pipe"]
)
@pytest.mark.parametrize("kind", ["auto", "hls", "http", "ffmpeg"])
async def test_a_public_source_is_asked_over_http_alone(world: World, scheme: str, kind: str) -> None:
    found, why = await world.record(f"{scheme}://{PRIVATE}:{world.internal.port}/live", kind=kind)
    assert (found, why) == (b"", HOME_ONLY)
    assert world.internal.connections == 0


async def test_options_behind_an_address_are_part_of_it(world: World) -> None:
    """Streamlink's own addresses take options after a space: a proxy, for one."""
    world.provider.pages["/live"] = ok(NAUGHTY["hls"].format(inside=world.inside).encode())
    proxy = f"http://{PRIVATE}:{world.internal.port}"
    for kind in ("auto", "hls"):
        url = f"http://{PUBLIC}:{world.provider.port}/live proxies={{'http':'{proxy}','https':'{proxy}'}}"
        await world.record(url, kind=kind)
    assert world.internal.connections == 0


async def test_an_address_with_hls_before_it_is_a_playlist(world: World) -> None:
    world.provider.pages["/live"] = ok(NAUGHTY["hls"].format(inside=world.inside).encode())
    _, why = await world.record(f"hls+http://{PUBLIC}:{world.provider.port}/live")
    assert "private network" in why
    assert world.provider.asked and world.internal.connections == 0


PICTURES = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfilm.ts\n#EXT-X-ENDLIST\n"
TURNCOATS = {
    "a sound": {"master": "{inside}"},
    "a sound's playlist that is moved": {"sound": None},
    "a sound's segment": {"sound": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{inside}\n#EXT-X-ENDLIST\n"},
    "a sound's segment that is moved": {"sound": PICTURES.replace("film.ts", "away")},
    "a sound's head": {"sound": PICTURES.replace("#EXTINF", '#EXT-X-MAP:URI="{inside}"\n#EXTINF')},
    "a sound's key": {"sound": PICTURES.replace("#EXTINF", '#EXT-X-KEY:METHOD=AES-128,URI="{inside}"\n#EXTINF')},
    "the picture's segment": {"picture": PICTURES.replace("film.ts", "{inside}")},
    "the picture's head": {"picture": PICTURES.replace("#EXTINF", '#EXT-X-MAP:URI="{inside}"\n#EXTINF')},
    "the picture's key": {"picture": PICTURES.replace("#EXTINF", '#EXT-X-KEY:METHOD=AES-128,URI="{inside}"\n#EXTINF')},
}
"""What a provider's playlists say, where they differ from honest ones."""


@pytest.mark.parametrize("what", TURNCOATS)
async def test_the_playlists_of_a_recording_lead_nowhere_inside(
    world: World, what: str, film: Film, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A master's sounds are playlists too, with segments, heads and keys of their own."""
    monkeypatch.setattr(sounds, "LAST", 0.2)
    monkeypatch.setattr(sounds, "AGAIN", 0.1)
    monkeypatch.setattr(hls, "STALLED", 0.5)
    told = TURNCOATS[what]
    sound = (told.get("master") or "sound").format(inside=world.inside)
    master = (
        f'#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="one",LANGUAGE="en",URI="{sound}"\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=100000,CODECS="avc1.42c00d,mp4a.40.2",AUDIO="a"\npicture\n'
    )
    pages = world.provider.pages
    pages["/master"] = ok(master.encode())
    pages["/film.ts"] = ok(film.segments[0])
    pages["/away"] = moved(world.inside)
    for name in ("picture", "sound"):
        text = told.get(name, PICTURES)
        pages[f"/{name}"] = moved(world.inside) if text is None else ok(text.format(inside=world.inside).encode())
    url = f"http://{PUBLIC}:{world.provider.port}/master"
    order = Order(1, str(tmp_path), "film", url, kind="hls", headers={"Cookie": SECRET}, ffmpeg=find_ffmpeg())
    thread = RecordingThread(order, Sources())
    thread.start()
    await until(lambda: not thread.is_alive() or thread.standing.state in {"waiting", "offline"})
    thread.stop()
    await asyncio.to_thread(thread.join)
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*.ts"))
    assert ("picture's" in what) or kept
    assert b"the router's password" not in kept
    assert world.internal.connections == 0


async def test_a_name_that_answers_differently_a_moment_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the address that was checked is the one that is connected to."""
    real, asked = socket.getaddrinfo, []

    def rebinding(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host == "provider.example":
            asked.append(host)
            host = PUBLIC if len(asked) == 1 else PRIVATE
        return real(host, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    world.provider.pages["/live"] = ok(b"\0" * 10)
    made = session({}, private=False)
    url = f"http://provider.example:{world.provider.port}/live"
    data, _ = await asyncio.to_thread(body, made, url, limit=1000, seconds=5)
    assert data == b"\0" * 10
    assert b"Host: provider.example" in world.provider.asked[0]
    with pytest.raises(OSError) as second:  # its connection is closed: another one is needed, and the name has moved
        await asyncio.to_thread(body, made, url, limit=1000, seconds=5)
    assert "private network" in said(second.value)
    assert world.internal.connections == 0


def certificate(name: str, folder: Path) -> Path:
    """A certificate for a name, signed by itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, *plain) + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.mark.parametrize("name", ["provider.example", "other.example"])
async def test_tls_is_held_to_the_name_and_not_to_the_address(
    world: World, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *args, **more: real(PUBLIC if host == "provider.example" else host, *args, **more),
    )
    path = certificate(name, tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    async with await asyncio.start_server(world.provider.serve, PUBLIC, 0, ssl=context) as server:
        world.provider.pages["/live"] = ok(b"\0" * 10)
        made = session({}, private=False)
        made.http.verify = str(path)
        url = f"https://provider.example:{server.sockets[0].getsockname()[1]}/live"
        asking = asyncio.to_thread(body, made, url, limit=1000, seconds=5)
        if name == "provider.example":
            assert (await asking)[0] == b"\0" * 10
        else:
            with pytest.raises(OSError):
                await asking
            assert not world.provider.asked


class Playlist(StreamIO):
    """A stream of a hostile plugin's answer: what a muxer is given to read."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text.encode()

    def read(self, size: int = -1) -> bytes:
        found, self._text = self._text[:size], self._text[size:]
        return found


@pytest.mark.parametrize("what", ["hls", "hls of files", "concat", "concat of files", "sdp"])
async def test_a_muxer_opens_its_pipes_alone(world: World, what: str, tmp_path: Path) -> None:
    """Its output would be the content of another file: with the list of formats taken out, "concat of files" shows it."""
    kept = tmp_path / "kept.flv"
    picture = ["-f", "lavfi", "-i", "testsrc=d=1:s=64x64", "-c:v", "flv1", str(kept)]
    await asyncio.to_thread(subprocess.run, [find_ffmpeg(), "-v", "error", *picture], check=True)
    text = NAUGHTY[what].replace("/etc/passwd", str(kept)).format(inside=world.inside, port=world.internal.port)

    def muxed() -> bytes:
        made = Streamlink()
        made.set_option("ffmpeg-ffmpeg", find_ffmpeg())
        muxer = FFMPEGMuxer(made, Playlist(text))
        muxer._cmd = [
            part
            for word in muxer._cmd
            for part in (("-safe", "0", word) if word == "-i" and "concat" in what else (word,))
        ]
        opened = muxer.open()
        try:
            return bytes(opened.read(1 << 20))
        finally:
            opened.close()

    assert await asyncio.to_thread(muxed) == b""
    assert world.internal.connections == 0


def why(coming: Iterator[bytes]) -> str:
    with pytest.raises(Unreadable) as ended:
        list(coming)
    return str(ended.value)


def test_a_login_is_not_seen_in_the_list_of_processes() -> None:
    with socket.create_server((PRIVATE, 0)) as server:
        url = f"rtsp://camera:{SECRET}@{PRIVATE}:{server.getsockname()[1]}/live?token={SECRET}"
        coming, seen = of_address(url), list[str]()
        reading = threading.Thread(target=lambda: seen.append(why(coming)))
        reading.start()
        connection, _ = server.accept()  # it has begun
        with connection:
            for child in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.ZombieProcess):
                    seen += [" ".join(child.cmdline()), str(child.environ())]
        reading.join()
    coming.close()
    assert any("nightcrew.recorder.remux" in line for line in seen)
    assert not any(SECRET in line for line in seen)


def test_a_remuxer_ends_with_who_reads_it() -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield os.urandom(10_000)

    before = {child.pid for child in psutil.Process().children(recursive=True)}
    with pytest.raises(Unreadable):
        for _ in as_transport(endless()):
            pass
    assert {child.pid for child in psutil.Process().children(recursive=True)} <= before


async def test_a_box_that_says_to_be_huge_is_told() -> None:
    """A box of an MP4 that says to be of 1 TB."""
    head = (1 << 20).to_bytes(4, "big") + b"ftypisom" + b"\0" * ((1 << 20) - 12)
    bomb = head + b"\0\0\0\1moov" + (1 << 40).to_bytes(8, "big") + b"\0\0\0\1trak" + (1 << 39).to_bytes(8, "big")
    with pytest.raises(Unreadable, match="cannot be read as a stream"):
        await asyncio.to_thread(lambda: list(as_transport(iter([bomb]))))


def test_a_remuxer_that_eats_memory_is_ended(flv: bytes) -> None:
    """A stream that makes libav take all that there is ends its own process, in words."""
    code = "from nightcrew.recorder import remux; remux.remux = lambda *_: bytearray(2 << 30); remux.main()"
    done = subprocess.run([sys.executable, "-c", code], input=b"\n" + flv, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (1, b"MemoryError")


def test_what_libav_complains_of_holds_no_remuxer_up(flv: bytes) -> None:
    """Nobody reads that; and the sentence that says why there is nothing still comes."""
    chatter = "import os; from nightcrew.recorder import remux; real = remux.remux\n"
    code = chatter + "remux.remux = lambda *both: (os.write(2, bytes(1 << 20)), real(*both)); remux.main()"
    done = subprocess.run([sys.executable, "-c", code], input=b"\n" + flv, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert len(done.stdout) > len(flv) / 2
