"""Entries whose address is a web page: they are marked, not played, not checked and not counted as channels that work."""

from __future__ import annotations

from pathlib import Path

import pytest

from nightcrew.playlists import rules
from support import Node

PAGES = [
    "https://www.youtube.com/watch?v=abc",
    "https://YouTube.com/live/abc?feature=share",
    "https://youtu.be/abc",
    "https://m.youtube.com:443/channel/UC1/live",
    "https://www.twitch.tv/somebody",
    "https://www.dailymotion.com/video/x1",
    "https://vimeo.com/1",
    "http://station.example/watch/channel.html",
    "http://station.example/live/index.htm?a=1",
]
STREAMS = [
    "https://manifest.example/api/manifest/hls/playlist/index.m3u8",
    "https://www.youtube.com/api/manifest/hls_variant/id/abc/file/index.m3u8",
    "https://player.vimeo.com/external/1.m3u8?s=abc",
    "http://station.example/youtube.com/1.ts",
    "http://notyoutube.com/1",
    "http://youtube.com.example/1",
    "http://station.example/live.php?id=1",
    "http://station.example/page.html/live.m3u8",
    "http://station.example/1.html.ts",
    "rtmp://twitch.example/live",
]


@pytest.mark.parametrize("url", PAGES)
def test_a_page_is_told(url: str) -> None:
    assert rules.is_page(url)


@pytest.mark.parametrize("url", STREAMS)
def test_a_stream_is_no_page(url: str) -> None:
    assert not rules.is_page(url)


async def test_a_channel_that_is_a_page_is_marked_as_not_playable(node: Node, tmp_path: Path) -> None:
    path = tmp_path / "list.m3u"
    path.write_text("#EXTM3U\n" + "".join(f"#EXTINF:-1,{n}\n{url}\n" for n, url in enumerate((PAGES[0], STREAMS[0]))))
    source = await node.add(kind="m3u", name="A", url=str(path), region="R")
    feed = source["feeds"][0]
    assert (feed["channels"], feed["resolved"]) == (2, 1)
    page, _ = (await node.get("/api/v1/channels", params={"region": "R"}))["items"]
    shown = (await node.http.get(f"/channels/{page['id']}")).text
    assert "a web page, not playable here" in shown
    refused = await node.http.get(f"/play/{page['id']}")
    assert (refused.status_code, "no stream that can be played" in refused.json()["detail"]) == (409, True)
