"""Subtitles of a stream that plays, when its provider does not do as it should."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from nightcrew.kernel.errors import NotFound, Retry
from nightcrew.kernel.http import Http, Request
from nightcrew.playlists import subtitles
from nightcrew.playlists.formats.master import SubtitleRendition
from nightcrew.playlists.subtitles import Subtitles


@dataclass
class Provider:
    """It knows one token at a time, and some segments that take for ever."""

    token: str = "first"
    hangs: frozenset[int] = frozenset()
    size: int = 20
    asked: list[str] = field(default_factory=list)
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        self.asked.append(path)
        status, body = 200, ""
        if not path.endswith(self.token):
            status = 403
        elif path.startswith("/subs"):
            lines = [f"#EXTINF:1,\n{number}.vtt?{self.token}" for number in range(100)]
            body = "\n".join(["#EXTM3U", "#EXT-X-TARGETDURATION:1", "#EXT-X-MEDIA-SEQUENCE:0", *lines, ""])
        else:
            number = int(path[1:].partition(".")[0])
            if number in self.hangs:
                await asyncio.sleep(60)
            body = "WEBVTT\n" + f"{number} ".ljust(self.size, "x")
        head = f"HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {len(body.encode())}\r\n\r\n"
        writer.write(head.encode() + body.encode())
        await writer.drain()
        writer.close()

    def renditions(self) -> list[SubtitleRendition]:
        one = SubtitleRendition("subs", "English", f"{self.url}/subs.m3u8?{self.token}", "en")
        return [SubtitleRendition("subs", "German", f"{self.url}/other.m3u8", "de"), one]


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    made = Provider()
    async with await asyncio.start_server(made.serve, "127.0.0.1", 0) as server:
        made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield made


@pytest.fixture
async def shown(provider: Provider, http: Http) -> AsyncIterator[Subtitles]:
    async def anew() -> list[SubtitleRendition]:
        return provider.renditions()

    async with http.session() as own:
        yield Subtitles(own, Request(provider.url, allow_private=True), provider.renditions()[1:], anew)


async def test_a_token_that_has_run_out_is_looked_up_anew(
    provider: Provider, shown: Subtitles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subtitles, "FRESH", 0.0)
    assert "subs0-99.vtt" in await shown.playlist(0, "")
    provider.token = "second"
    assert "subs0-99.vtt" in await shown.playlist(0, "")
    assert (await shown.segment(0, 5)).startswith(b"WEBVTT\n5 ")
    provider.asked.clear()
    await shown.playlist(0, "")
    assert provider.asked == ["/subs.m3u8?second"], "the new address is kept"


async def test_what_stays_refused_is_no_matter_for_a_person(provider: Provider, shown: Subtitles) -> None:
    provider.renditions = list  # type: ignore[assignment, method-assign]
    provider.token = "second"
    with pytest.raises(Retry):
        await shown.playlist(0, "")


async def test_a_segment_that_hangs_keeps_nobody_from_the_others(provider: Provider, shown: Subtitles) -> None:
    provider.hangs = frozenset({3})
    await shown.playlist(0, "")
    hanging = asyncio.create_task(shown.segment(0, 3))
    while not any(path.startswith("/3.vtt") for path in provider.asked):
        await asyncio.sleep(0.01)
    assert (await shown.segment(0, 4)).startswith(b"WEBVTT\n4 ")
    assert "subs0-3.vtt" in await shown.playlist(0, "")
    hanging.cancel()


async def test_what_is_kept_is_limited_in_bytes(provider: Provider, shown: Subtitles) -> None:
    provider.size = 200_000
    await shown.playlist(0, "")
    for number in range(12):
        await shown.segment(0, number)
    (kept,) = shown._kept
    assert 0 < sum(map(len, kept.segments.values())) <= subtitles.KEPT_BYTES
    assert 11 in kept.segments
    provider.size = 300_000
    with pytest.raises(Exception, match="larger"):
        await shown.segment(0, 20)


async def test_with_the_stream_they_are_over(provider: Provider, shown: Subtitles) -> None:
    await shown.playlist(0, "")
    shown.close()
    for asked in (shown.segment(0, 7), shown.segment(0, 8)):
        with pytest.raises(Retry, match="is over"):
            await asked
    with pytest.raises(NotFound):
        await shown.segment(1, 0)
