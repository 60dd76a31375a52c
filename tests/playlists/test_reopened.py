"""Streams whose server does not let go on: what is asked of it has an end, and so has the work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from nightcrew.kernel.errors import NightcrewError
from nightcrew.kernel.http import Http, Request
from nightcrew.playlists import segments
from nightcrew.playlists.formats import hls
from nightcrew.playlists.formats.hls_writer import HlsSegment
from nightcrew.playlists.formats.master import SubtitleRendition
from nightcrew.playlists.hls_output import HlsOutput, _Show
from nightcrew.playlists.mixing import MOST_LOOKED, _begun
from nightcrew.playlists.segments import Segments
from nightcrew.transport.ts import PACKET
from support import is_linear


async def test_a_playlist_whose_numbers_move_and_whose_segments_are_refused_is_left(
    http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "LEAST_PAUSE", 0.01)
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        asked.append(path)
        status, body = (403, "") if "seg" in path else (200, listed(sum("list" in one for one in asked)))
        writer.write(f"HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        await writer.drain()
        writer.close()

    def listed(number: int) -> str:
        lines = [f"#EXTINF:0.1,\nseg{7 * number + at}.ts" for at in range(3)]
        head = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:{7 * number}\n"
        return head + "\n".join([*lines, ""])

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server, http.session() as own:
        request = Request(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/list", allow_private=True)

        async def anew() -> tuple[str, str]:
            return await own.text(request, limits=segments.PLAYLIST_LIMITS)

        playlist = hls.parse_media(*await anew())
        with pytest.raises(NightcrewError):
            async with asyncio.timeout(60):
                async for _ in Segments(own, request, playlist, anew).chunks():
                    pass
    assert sum("seg" in one for one in asked) <= segments.MOST_REOPENED + segments.MOST_MISSED + 2


def test_looking_for_the_time_of_a_picture_takes_time_in_proportion_to_its_bytes() -> None:
    packet = b"\x47\x01\x00\x10" + b"\xff" * (PACKET - 4)

    async def pieces(count: int) -> AsyncIterator[bytes]:
        for _ in range(count):
            yield packet

    def look(count: int) -> tuple[bytes, float | None]:
        return asyncio.run(_begun(pieces(count)))

    begun, at = look(100)
    assert (begun, at) == (packet * 100, None)
    assert is_linear(look, MOST_LOOKED // PACKET // 4)
    most = MOST_LOOKED // PACKET + 1_000
    assert len(look(3 * most)[0]) <= 2 * MOST_LOOKED + PACKET, "it is not looked for without end"


@pytest.mark.parametrize("first", [False, True])
async def test_the_address_of_a_channel_stays_what_it_was_when_its_source_takes_another_way(first: bool) -> None:
    one = SubtitleRendition("subs", "English", "http://192.0.2.1/subs.m3u8", "en")
    subtitled = SimpleNamespace(renditions=(one,))
    opened: Any = SimpleNamespace(
        content_type="video/mp2t", subtitles=subtitled if first else None, needed=lambda _: None
    )
    show = _Show(opened)
    show.reel.segments.extend(HlsSegment(number, b"x", 1.0, False) for number in range(3))
    output = HlsOutput(SimpleNamespace())  # type: ignore[arg-type]
    output._known[7] = show
    named = ["EXT-X-MEDIA:TYPE=SUBTITLES" in await told(output)]
    opened.subtitles = None if first else subtitled
    named.append("EXT-X-MEDIA:TYPE=SUBTITLES" in await told(output))
    assert named == [first, first]


async def told(output: HlsOutput) -> str:
    """What a player is answered."""
    return await output.playlist(7, "tv", "7/", "")
