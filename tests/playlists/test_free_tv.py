"""A real provider list of 2,059 free channels, from file to playlist and back."""

from __future__ import annotations

import re
from pathlib import Path

from support import Node, data_file


def parse_as_a_player(text: str) -> list[tuple[dict[str, str], str, str]]:
    """(attributes, name, address) of each entry, read as simple players do: by regular expression, not by our reader."""
    found = []
    lines = text.splitlines()
    for index, line in enumerate(lines):
        if line.startswith("#EXTINF"):
            attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', line))
            name = re.sub(r'^#EXTINF:\S+(?:\s+[\w-]+="[^"]*")*\s*,', "", line)
            address = next(later for later in lines[index + 1 :] if not later.startswith("#"))
            found.append((attributes, name, address))
    return found


async def test_free_tv_is_served_without_loss(any_node: Node) -> None:
    path: Path = data_file("free-tv.m3u8")
    source = await any_node.add(kind="m3u", name="Free TV", url=str(path), region="free")
    assert source["feeds"][0]["streams"] == 2059
    answer = await any_node.http.get("/playlist/FREE.m3u")
    assert answer.headers["content-type"].startswith("audio/x-mpegurl")

    original, served = parse_as_a_player(path.read_text("utf-8")), parse_as_a_player(answer.text)
    assert len(served) == 2059
    for (was, was_name, was_url), (now, name, url) in zip(original, served, strict=True):
        assert (name, url) == (was_name, was_url)
        for key in ("tvg-id", "tvg-name", "tvg-logo", "tvg-chno", "group-title", "tvg-country"):
            assert now.get(key, "").strip() == was.get(key, "").strip(), (key, was_name)
    groups = {item["group"]: item["channels"] for item in (await any_node.get("/api/v1/groups"))["items"]}
    assert len(groups) == 97
    assert sum(groups.values()) == 2059


async def test_reading_it_again_changes_nothing_and_keeps_every_id(node: Node) -> None:
    source = await node.add(kind="m3u", name="Free TV", url=str(data_file("free-tv.m3u8")), region="free")
    before = (await node.http.get("/playlist/FREE.m3u")).text
    (job,) = await node.refresh(source["id"], rebuild=True)
    assert job["state"] == "done"
    runs = (await node.get(f"/api/v1/sources/{source['id']}/runs"))["items"]
    assert runs[0]["outcome"] == "unchanged"
    assert (await node.http.get("/playlist/FREE.m3u")).text == before
