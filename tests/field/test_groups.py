"""Channels that a list puts into several groups at once.

Reported in public for programs of this kind; each test is named for the situation.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from nightcrew.playlists.picking import Picks
from nightcrew.playlists.rules import ListEntry, groups_of
from support import Node


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("News", ("News",)),
        ("", ("",)),
        ("General;News", ("General", "News")),
        (" General ; News ;; General", ("General", "News")),
        (";", ("",)),
        ("Films & more", ("Films & more",)),
    ],
)
def test_a_semicolon_separates_groups(text: str, groups: tuple[str, ...]) -> None:
    assert groups_of(text) == groups


def test_a_choice_by_group_looks_at_each_of_them() -> None:
    entry = ListEntry("Ant", "http://s/1", group="General;News")
    assert Picks(only=("group:news",)).keeps(entry)
    assert not Picks(without=("group:General",)).keeps(entry)
    assert not Picks(only=("group:General;News2",)).keeps(entry)


async def test_a_channel_stands_in_each_of_its_groups(any_node: Node, tmp_path: Path) -> None:
    node = any_node
    (tmp_path / "list.m3u").write_text(
        '#EXTM3U\n#EXTINF:-1 group-title="General; News",Ant\nhttp://192.0.2.1/1\n'
        "#EXTINF:-1,Bee\n#EXTGRP:News;100%_sure\nhttp://192.0.2.1/2\n"
        '#EXTINF:-1 group-title="General",Cat\nhttp://192.0.2.1/3\n'
        '#EXTINF:-1 group-title="New",Dog\nhttp://192.0.2.1/4\n'
        "#EXTINF:-1,Eel\nhttp://192.0.2.1/5\n"
    )
    await node.add(kind="m3u", name="L", url=str(tmp_path / "list.m3u"), region="DE")
    counts = {row["group"]: row["channels"] for row in (await node.get("/api/v1/groups"))["items"]}
    assert counts == {"": 1, "100%_sure": 1, "General": 2, "New": 1, "News": 2}
    expected = {"": "Eel", "100%_sure": "Bee", "General": "Ant Cat", "New": "Dog", "News": "Ant Bee"}
    for group, names in expected.items():
        found = (await node.get("/api/v1/channels", params={"group": group}))["items"]
        assert " ".join(one["name"] for one in found) == names
        if group:
            text = (await node.http.get(f"{node.url}/playlist/group/{group.replace('%', '%25')}.m3u")).text
            assert [
                line.rpartition(",")[2] for line in text.splitlines() if line.startswith("#EXTINF")
            ] == names.split()
    assert (await node.get("/api/v1/channels", params={"group": "00%_sure"}))["items"] == []

    categories = await node.get("/player_api.php?action=get_live_categories")
    assert [one["category_name"] for one in categories] == ["Other", "100%_sure", "General", "New", "News"]
    (news,) = [one["category_id"] for one in categories if one["category_name"] == "News"]
    listed = await node.get(f"/player_api.php?action=get_live_streams&category_id={news}")
    assert [one["name"] for one in listed] == ["Ant", "Bee"]
    assert int(news) in listed[0]["category_ids"]
    assert len(listed[0]["category_ids"]) == 2
