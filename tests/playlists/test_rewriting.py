"""A playlist that is written anew from its old file is the one that would be written from nothing."""

from __future__ import annotations

import io
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.kernel.clock import utcnow
from nightcrew.playlists.models import Channel, channel, feed, stream
from nightcrew.playlists.outputs import EVERYTHING, Outputs, Selection
from nightcrew.playlists.rewriting import RewritePlan, Rewriting, Written, WrittenFiles
from nightcrew.playlists.store import channels
from nightcrew.playlists.writing import PlaylistWriter
from support import Node

ENTRY = '#EXTINF:-1 tvg-id="{0}.example" tvg-logo="http://192.0.2.1/{0}.png" group-title="News",Channel {0}\nhttp://192.0.2.1/{0}/{1}\n'
GUIDE = """<tv><channel id="5.EXAMPLE"><display-name>Five</display-name><icon src="http://192.0.2.7/5.png"/></channel>
<programme start="{0:%Y%m%d}000000 +0000" stop="{0:%Y%m%d}235959 +0000" channel="5.EXAMPLE"><title>News</title></programme></tv>"""


def text(numbers: range | list[int], token: str = "a") -> str:
    return "#EXTM3U\n" + "".join(ENTRY.format(number, token) for number in numbers)


# -- the plan ------------------------------------------------------------------------------------------------------------

lists = st.lists(st.tuples(st.integers(1, 12), st.integers(1, 3)), max_size=12, unique_by=lambda one: one[0])


def entry(one: int, mark: int) -> bytes:
    return f"<{one}.{mark}>".encode() * (mark % 3)  # some are empty: channels that are left out


@given(lists, lists)
def test_whatever_was_written_before_the_file_is_what_is_wanted(
    tmp_path_factory: pytest.TempPathFactory, before: list[tuple[int, int]], now: list[tuple[int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("rewriting")
    known = write(folder / "old", before)
    with (folder / "old").open("rb") as old, (folder / "new").open("wb") as file:
        made = planned(known, now)
        again = Rewriting(file, b"longer head\n")
        again.follow(made, old, {one: (one, mark, entry(one, mark)) for one, mark in now if one in made.fresh()})
        written = again.written("frame")
    wanted = write(folder / "wanted", now, b"longer head\n")
    assert (folder / "new").read_bytes() == (folder / "wanted").read_bytes()
    assert (written.ids, written.marks, written.starts) == (wanted.ids, wanted.marks, wanted.starts)
    assert set(made.fresh()) == {one for one, mark in now if (one, mark) not in before}
    shutil.rmtree(folder)


def planned(known: Written, wanted: list[tuple[int, int]]) -> RewritePlan:
    made = RewritePlan(known)
    for start in range(0, len(wanted), 3):
        some = wanted[start : start + 3]
        made.add([one for one, _ in some], [mark for _, mark in some])
    return made


def write(path: Path, wanted: list[tuple[int, int]], head: bytes = b"head\n") -> Written:
    with path.open("wb") as file:
        one = Rewriting(file, head)
        for number, mark in wanted:
            one.append(number, mark, entry(number, mark))
        return one.written("frame")


def test_an_old_file_that_is_another_one_is_not_read(tmp_path: Path) -> None:
    path, files = tmp_path / "one.m3u", WrittenFiles()
    files.keep(path, write(path, [(1, 1), (2, 2)]))
    known = files.of(path, "frame")
    assert known is not None
    known.file.close()
    assert files.of(path, "another frame") is None
    path.write_bytes(path.read_bytes())
    assert files.of(path, "frame") is None
    path.unlink()
    assert files.of(path, "frame") is None


def test_an_old_file_that_is_cut_is_an_error_and_no_shorter_playlist(tmp_path: Path) -> None:
    known = write(tmp_path / "old", [(1, 1), (2, 2)])
    (tmp_path / "old").write_bytes(b"head\n")
    with (tmp_path / "old").open("rb") as old, pytest.raises(OSError, match="ends before its time"):
        Rewriting(io.BytesIO(), b"").follow(planned(known, [(1, 1)]), old, {})


def test_the_files_that_were_written_last_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nightcrew.playlists.rewriting.MOST", 5)
    files = WrittenFiles()
    for name in "abc":
        files.keep(tmp_path / name, write(tmp_path / name, [(1, 1), (2, 2)]))
    found = {name: files.of(tmp_path / name, "frame") for name in "abc"}
    for one in filter(None, found.values()):
        one.file.close()
    assert [name for name, one in found.items() if one] == ["b", "c"]


# -- with a node -----------------------------------------------------------------------------------------------------------


async def test_every_change_is_in_the_file_and_nothing_else_is_written_again(
    any_node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node, made = any_node, list[int]()
    whole = PlaylistWriter.entry

    def counted(writer: PlaylistWriter, one: Channel) -> bytes:
        made.append(one.id)
        return whole(writer, one)

    monkeypatch.setattr(PlaylistWriter, "entry", counted)
    first, second, guide = (tmp_path / name for name in ("first.m3u", "second.m3u", "guide.xml"))
    first.write_text(text(range(150)))
    source = await node.add(kind="m3u", name="First", url=str(first), region="R")
    outputs, selections = node.runtime.part(Outputs), [EVERYTHING, Selection("R", ("R",)), Selection("g", None, "News")]

    async def look(most: int) -> None:
        """Each file is what a node that remembers nothing writes, and at most so many entries were made anew for each."""
        for selection in selections:
            made.clear()
            path = await outputs.current(selection)
            assert len(made) <= most, (selection.name, len(made))
            fresh = await Outputs(node.runtime, tmp_path / "fresh").current(selection)
            assert path.read_bytes() == fresh.read_bytes(), selection.name
            fresh.unlink()

    async def items() -> list[dict[str, Any]]:
        return list((await node.get("/api/v1/channels", params={"region": "R", "limit": 1000}))["items"])

    await look(150)
    by_name = {one["name"]: one["id"] for one in await items()}
    for number, change in enumerate(
        ({"name": "Another"}, {"number": "7"}, {"group": "Sport"}, {"logo": ""}, {"guide_id": "x"}, {"hidden": True})
    ):
        await node.http.patch(f"/api/v1/channels/{by_name[f'Channel {number}']}", json=change)
        await look(1)
    await node.http.patch(f"/api/v1/channels/{by_name['Channel 5']}", json={"hidden": False})
    await look(1)
    numbers = [*range(10, 150)]
    random.Random(3).shuffle(numbers)
    first.write_text(text([*numbers, 200, 201]))
    await node.refresh(source["id"])
    await look(2)
    first.write_text(text([*numbers, 200, 201]).replace("/11/a", "/11/b"))
    await node.refresh(source["id"])
    await look(1)
    second.write_text(text(range(20, 25), "second"))
    other = await node.add(kind="m3u", name="Second", url=str(second), region="R")
    await look(5)
    async with node.runtime.store.write() as connection:  # as checks do it
        some = sa.select(channel.c.id).where(channel.c.name == "Channel 21").scalar_subquery()
        own = sa.and_(stream.c.channel_id == some, stream.c.feed_id == source["feeds"][0]["id"])
        await connection.execute(sa.update(stream).where(own).values(dead=True, place=1001))
        await connection.execute(sa.update(feed).values(revision=feed.c.revision + 1))
    await look(1)
    assert "http://192.0.2.1/21/second" in (await outputs.current(EVERYTHING)).read_text()
    guide.write_text(GUIDE.format(utcnow()))
    await node.add(kind="xmltv", name="Guide", url=str(guide))
    await look(150)
    assert "http://192.0.2.7/5.png" not in (await outputs.current(EVERYTHING)).read_text(), "the list has a logo"
    await node.http.delete(f"/api/v1/sources/{other['id']}")
    await look(5)
    await node.patch("/api/v1/settings", {"stream_mode": "redirect"})
    await look(150)
    assert b"/play/" in (await outputs.current(EVERYTHING)).read_bytes()


async def test_what_changes_while_a_file_is_written_is_in_the_next_one(
    any_node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what changes back: a mark and its entry, and a setting and what is written by it, are of one moment."""
    node, store = any_node, any_node.runtime.store
    path = tmp_path / "list.m3u"
    path.write_text(text(range(20)))
    await node.add(kind="m3u", name="First", url=str(path), region="R")
    outputs = node.runtime.part(Outputs)
    listed = (await node.get("/api/v1/channels", params={"region": "R", "limit": 100}))["items"]
    one, other = listed[3]["id"], listed[4]["id"]
    meanwhile: list[Any] = []
    whole = channels.PlaylistView.of_ids

    async def slow(view: channels.PlaylistView, ids: Any) -> Any:
        while meanwhile:
            await meanwhile.pop(0)()
        async for page in whole(view, ids):
            yield page

    monkeypatch.setattr(channels.PlaylistView, "of_ids", slow)

    async def current() -> str:
        made = (await outputs.current(EVERYTHING)).read_text()
        fresh = await Outputs(node.runtime, tmp_path / "fresh").current(EVERYTHING)
        assert made == fresh.read_text()
        fresh.unlink()
        return made

    await current()
    await channels.edit(store, one, {"name": "B"})
    meanwhile.append(lambda: channels.edit(store, one, {"name": "A"}))
    await outputs.current(EVERYTHING)
    await channels.edit(store, one, {"name": "B"})
    assert ",B\n" in await current()
    await channels.edit(store, other, {"name": "Seen"})
    meanwhile.append(lambda: channels.edit(store, other, {"hidden": True}))
    await outputs.current(EVERYTHING)
    await channels.edit(store, other, {"hidden": False})
    assert ",Seen\n" in await current()
    await channels.edit(store, one, {"name": "C"})
    meanwhile.append(lambda: node.patch("/api/v1/settings", {"stream_mode": "redirect"}))
    await outputs.current(EVERYTHING)
    await node.patch("/api/v1/settings", {"stream_mode": "direct"})
    assert "/play/" not in await current()
    await channels.edit(store, one, {"name": "D"})
    meanwhile.append(lambda: channels.edit(store, other, {"name": "E"}))
    await outputs.current(EVERYTHING)
    assert ",D\n" in (now := await current())
    assert ",E\n" in now


async def test_where_much_has_changed_all_is_written_anew(node: Node, tmp_path: Path) -> None:
    path = tmp_path / "list.m3u"
    path.write_text(text(range(300)))
    source = await node.add(kind="m3u", name="First", url=str(path), region="R")
    outputs = node.runtime.part(Outputs)
    await outputs.current(EVERYTHING)
    path.write_text(text([*range(100, 300), *range(50)], "b"))
    await node.refresh(source["id"])
    made = (await outputs.current(EVERYTHING)).read_text()
    assert made.count("/b\n") == 250
    assert made == (await Outputs(node.runtime, tmp_path / "fresh").current(EVERYTHING)).read_text()
