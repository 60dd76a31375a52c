"""Streams that are protected (DRM): said at once, not tried for an hour. What can be decrypted is recorded.

Reported in public for programs of this kind; each test is named for the situation.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from streamlink.stream.hls import M3U8, parse_m3u8
from streamlink.utils.crypto import AES, pad

from counted import LONG, Counted, Request, _send
from counter import Film, encode
from darkroom import accounted, finish, finished, get, in_state, more, record, seconds
from nightcrew.kernel.clock import utcnow
from nightcrew.recorder import protection, scout
from nightcrew.recorder.protection import Protected
from nightcrew.recorder.source import _why
from nightcrew.recorder.wire import PROTECTED, Order
from nightcrew.recordings import watching
from nightcrew.recordings.standing import watch_state
from nightcrew.recordings.store import watches
from support import Node, until

FAIRPLAY = 'METHOD=SAMPLE-AES,URI="skd://some-key",KEYFORMAT="com.apple.streamingkeydelivery",KEYFORMATVERSIONS="1"'
WIDEVINE = (
    'METHOD=SAMPLE-AES-CTR,URI="data:text/plain;base64,AAAA",KEYFORMAT="urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed"'
)
PLAYREADY = 'METHOD=SAMPLE-AES,URI="data:text/plain;base64,AAAA",KEYFORMAT="com.microsoft.playready"'
FOREIGN = 'METHOD=AES-128,URI="https://keys.test/1",KEYFORMAT="com.example.vault"'
BY_SCHEME = 'METHOD=AES-128,URI="skd://some-key"'
NAKED = 'METHOD=SAMPLE-AES,URI="https://keys.test/1"'
PLAIN = 'METHOD=AES-128,URI="key.bin"'
NAMED = 'METHOD=AES-128,URI="key.bin",KEYFORMAT="identity",KEYFORMATVERSIONS="1"'
NONE = "METHOD=NONE"
KEY = bytes(range(16))


class Locked(Counted):
    """A live source with keys in its playlists. `keys`: of each segment; `session`: of the master; `key`: encrypts segments."""

    keys: tuple[str, ...] = ()
    session: tuple[str, ...] = ()
    key: bytes = b""
    clear: Callable[[int], bool] = staticmethod(lambda _: False)
    """Which numbers have no key."""

    def _playlist(self) -> bytes:
        locked = [f"#EXT-X-KEY:{one}" for one in self.keys]
        lines, found = super()._playlist().decode().splitlines(), list[str]()
        for line, after in zip(lines, [*lines[1:], ""], strict=True):
            if line.startswith("#EXTINF"):
                number = int(after.removeprefix("seg/").partition(".")[0])
                found += [f"#EXT-X-KEY:{NONE}"] if self.clear(number) else locked
            found.append(line)
        return "\n".join([*found, ""]).encode()

    def _master(self) -> bytes:
        first, _, rest = super()._master().partition(b"\n")
        return b"\n".join([first, *(f"#EXT-X-SESSION-KEY:{one}".encode() for one in self.session), rest])

    async def _file(self, request: Request, writer: asyncio.StreamWriter) -> None:
        if request.path == "/key.bin":
            await _send(request, writer, 200, self.key, "application/octet-stream")
        else:
            await super()._file(request, writer)

    async def _segment(self, number: int, request: Request, writer: asyncio.StreamWriter) -> bool:
        index = self._index(number)
        if not self.key or index is None:
            return await super()._segment(number, request, writer)
        cipher = AES.new(self.key, AES.MODE_CBC, number.to_bytes(16, "big"))
        data = cipher.encrypt(pad(self.film.segments[index], 16, style="pkcs7"))
        self.fetched[number] += await _send(request, writer, 200, data, "video/mp2t")
        return True


def parsed(*lines: str) -> M3U8[Any, Any]:
    text = "\n".join(["#EXTM3U", "#EXT-X-TARGETDURATION:2", *lines, ""])
    return parse_m3u8(text, base_uri="http://source.test/live/i.m3u8")


def keyed(*keys: str) -> list[str]:
    return [*(f"#EXT-X-KEY:{one}" for one in keys), "#EXTINF:2.0,", "n.ts"]


# -- what is protected -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "protected"),
    [
        ([FAIRPLAY], True),
        ([WIDEVINE], True),
        ([PLAYREADY], True),
        ([FOREIGN], True),
        ([BY_SCHEME], True),
        ([NAKED], True),
        ([WIDEVINE, PLAYREADY, FAIRPLAY], True),
        ([], False),
        ([NONE], False),
        ([PLAIN], False),
        ([NAMED], False),
        ([NAMED, FOREIGN], False),
        ([FOREIGN, NAMED], False),
        ([PLAIN, NONE], False),
        ([FAIRPLAY, NONE], False),
    ],
)
def test_the_keys_of_a_segment_tell_whether_it_is_protected(keys: list[str], protected: bool) -> None:
    (segment,) = parsed(*keyed(*keys)).segments
    assert protection.is_protected(segment.key) is protected


def test_a_key_stays_until_the_next_one() -> None:
    found = parsed(*keyed(PLAIN), *keyed(), *keyed(FAIRPLAY), *keyed(), *keyed(NONE)).segments
    assert [protection.is_protected(one.key) for one in found] == [False, False, True, True, False]
    assert found[1].key is not None and found[1].key.uri == "http://source.test/live/key.bin"


def test_before_the_beginning_the_newest_segment_decides_and_later_all() -> None:
    preface = parsed(*keyed(NONE), *keyed(FAIRPLAY)).segments
    programme = parsed(*keyed(FAIRPLAY), *keyed(NONE)).segments
    assert protection.is_over(preface, begun=False)
    assert not protection.is_over(preface, begun=True)
    assert not protection.is_over(programme, begun=False)
    assert not protection.is_over([], begun=False)


@pytest.mark.parametrize(
    ("known", "written", "protected"),
    [(b"avc1", b"encv", True), (b"avc1", b"enca", True), (b"avc1", b"avc3", False), (b"iso6", b"encv", False)],
    ids=["picture", "sound", "another codec", "a brand"],
)
def test_encrypted_sample_entries_tell_it(known: bytes, written: bytes, protected: bool, tmp_path: Path) -> None:
    """In their place alone: the same letters elsewhere mean nothing."""
    init = encode(tmp_path, seconds=2, segment=1.0, kind="fmp4").init
    assert init is not None and init.count(known) == 1
    changed = init.replace(known, written)
    with pytest.raises(Protected) if protected else contextlib.nullcontext():
        protection.check_init(changed)
    for end in range(0, len(changed), 7):
        with contextlib.suppress(Protected):  # a torn one is no reason to fail otherwise
            protection.check_init(changed[:end])


def test_a_protected_dash_manifest_is_told_alike() -> None:
    from streamlink import PluginError

    assert isinstance(_why(PluginError("https://host.test/token/a.mpd is protected by DRM")), Protected)


# -- recordings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keys", [[FAIRPLAY], [WIDEVINE, PLAYREADY], [FOREIGN]], ids=["fairplay", "two", "foreign"])
async def test_a_protected_stream_is_told_at_once_and_asked_for_nothing_more(
    node: Node, film: Film, keys: list[str]
) -> None:
    async with Locked(film, window=8) as source:
        source.keys = tuple(keys)
        row = await record(node, source.url)
        failed = await in_state(node, row["id"], "failed", limit=30)
        assert failed["reason"] == f"nothing was recorded: {PROTECTED}"
        asked = len(source.asked)
        assert not source.fetched
        assert asked < 8, source.asked
        await asyncio.sleep(2)
        assert len(source.asked) == asked, "it is over"
    assert not Path(failed["folder"]).exists()


async def test_the_key_of_the_master_playlist_tells_it(node: Node, film: Film) -> None:
    async with Locked(film, window=8) as source:
        source.session = (WIDEVINE, FAIRPLAY)
        row = await record(node, source.master)
        failed = await in_state(node, row["id"], "failed", limit=30)
        assert PROTECTED in failed["reason"]
        assert not source.fetched


async def test_encrypted_fragments_without_a_key_in_the_playlist_are_told(node: Node, tmp_path: Path) -> None:
    film = encode(tmp_path / "film", seconds=30, segment=1.0, kind="fmp4")
    assert film.init is not None
    async with Counted(replace(film, init=film.init.replace(b"avc1", b"encv")), window=8, keeps=LONG) as source:
        row = await record(node, source.url)
        failed = await in_state(node, row["id"], "failed", limit=30)
        assert PROTECTED in failed["reason"]
        assert not source.fetched
        found = await asyncio.to_thread(scout.answer, 1, Order(0, "", "", source.url, private=True))
        assert (found.live, found.protected, found.error) == (None, True, PROTECTED)


@pytest.mark.parametrize("keys", [[PLAIN], [NAMED], [NAMED, FOREIGN]], ids=["plain", "named", "or a foreign one"])
async def test_segments_with_a_key_that_anybody_gets_are_recorded(node: Node, film: Film, keys: list[str]) -> None:
    async with Locked(film, window=8) as source:
        source.keys, source.key, source.session = tuple(keys), KEY, tuple(keys)
        row = await record(node, source.master)
        await seconds(node, row["id"], 9)
        assert (await accounted(node, await finish(node, row["id"]), source)).whole


async def test_a_protected_stretch_is_listed_and_what_follows_is_recorded(node: Node, film: Film) -> None:
    async with Locked(film, window=8) as source:
        row = await record(node, source.url)
        await seconds(node, row["id"], 6)
        first = source.newest + 2
        source.keys, source.clear = (FAIRPLAY,), lambda number: not first <= number < first + 3
        await until(lambda: source.fetched[first + 4])
        await more(node, row["id"], 1)
        done = await finish(node, row["id"])
        await accounted(node, done, source)
        ledger = await node.get(f"/api/v1/recordings/{row['id']}/ledger")
        assert {one["reason"] for one in ledger["gaps"]} == {protection.STRETCH}
        missing = [(one["first_sequence"], one["last_sequence"]) for one in ledger["gaps"]]
        assert (missing[0][0], missing[-1][1]) == (first, first + 2)


async def test_what_came_before_a_protected_programme_becomes_a_file(node: Node, film: Film) -> None:
    await node.patch("/api/v1/settings", {"recordings.offline_grace": 3})
    async with Locked(film, window=8) as source:
        row = await record(node, source.url)
        await seconds(node, row["id"], 6)
        source.keys = (FAIRPLAY,)
        done = await finished(node, row["id"])
        assert done["bytes"] > 0
        detail = await get(node, row["id"])
        assert any("DRM" in move["reason"] for move in detail["moves"]), detail["moves"]


async def test_a_key_that_is_refused_is_told_as_such(node: Node, film: Film) -> None:
    async with Locked(film, window=8) as source:
        source.keys, source.key = ('METHOD=AES-128,URI="gone.bin"',), KEY
        row = await record(node, source.url)
        found: list[str] = []

        async def told() -> bool:
            found.append((await get(node, row["id"]))["reason"] or "")
            return "its key cannot be read (HTTP 404)" in found[-1]

        await until(told, 60)
        assert source.asked.count("/gone.bin") < 25, "each of its segments needs the same one"
        assert not source.fetched, "segments are of no use without it"


async def test_a_channel_whose_first_stream_is_protected_is_recorded_from_the_next(
    node: Node, film: Film, tmp_path: Path
) -> None:
    async with Locked(film, window=8) as first, Locked(film, window=8) as second:
        first.keys = (WIDEVINE,)
        channel = await add_channel(node, tmp_path, first.url, second.url)
        row = await node.post("/api/v1/recordings", {"channel": channel})
        await seconds(node, row["id"], 6)
        await finish(node, row["id"])
        assert second.fetched
        assert not first.fetched
        second.keys = (FAIRPLAY,)
        row = await node.post("/api/v1/recordings", {"channel": channel})
        failed = await in_state(node, row["id"], "failed", limit=30)
        assert PROTECTED in failed["reason"], "all of them are"


async def add_channel(node: Node, folder: Path, *urls: str) -> int:
    """A channel with these streams."""
    for number, url in enumerate(urls):
        path = folder / f"list{number}.m3u"
        path.write_text(f'#EXTM3U\n#EXTINF:-1 tvg-id="one.example",One\n{url}\n')
        await node.add(kind="m3u", name=f"List {number}", url=str(path), region="DE", max_streams=1)
    (channel,) = (await node.get("/api/v1/channels"))["items"]
    return int(channel["id"])


# -- watched streams ---------------------------------------------------------------------------------------------------


async def test_a_watched_stream_that_is_protected_says_so_and_is_seldom_looked_at(node: Node, film: Film) -> None:
    async with Locked(film, window=8) as source:
        source.keys = (FAIRPLAY,)
        watch = await node.post("/api/v1/watches", {"url": source.url, "name": "Locked"})

        async def told() -> bool:
            (row,) = (await node.get("/api/v1/watches"))["items"]
            return bool(row["error"] == PROTECTED)

        await until(told, 30)
        known = await watches.get(node.runtime.store, watch["id"])
        assert known.next_look_at - utcnow() > timedelta(hours=5)
        assert watch_state(known) == "protected"
        assert (await node.get("/api/v1/recordings"))["items"] == []
        assert PROTECTED[1:] in (await node.http.get("/recordings")).text
        source.keys = ()
        await node.patch(f"/api/v1/watches/{watch['id']}", {"enabled": True})  # a change has it looked at anew
        await until(lambda: bool(source.fetched), 30)
        assert watch_state(await watches.get(node.runtime.store, watch["id"])) == "live"


async def test_what_only_the_recorder_finds_protected_is_not_begun_again(node: Node) -> None:
    """A scout may find nothing wrong where a recorder does; the next window is not missed for it."""
    body = {"url": "http://127.0.0.1:9/a.m3u8", "name": "Locked", "windows": ["2099-12-31 20:00-23:30"]}
    watch = await node.post("/api/v1/watches", body)
    now = utcnow()
    await watching.protected(node.runtime, watch["id"], now)
    known = await watches.get(node.runtime.store, watch["id"])
    assert known.error == PROTECTED
    assert now < known.next_look_at <= now + watching.PROTECTED_EVERY
