"""What was read before, word for word, is not read again: with what is known, a list gives the rows that it gives without."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightcrew.kernel.errors import GiveUp, Retry
from nightcrew.playlists import known as knowing
from nightcrew.playlists.formats import m3u
from nightcrew.playlists.known import KnownPieces
from nightcrew.playlists.picking import Picks
from nightcrew.playlists.providers.base import Listing, Text
from nightcrew.playlists.reading import ListReading
from support import Node, until

ENTRY = '#EXTINF:-1 tvg-id="{0}.example" group-title="News",Channel {0}\nhttp://192.0.2.1/{0}\n'
LINES = [
    '#EXTM3U tvg-shift="2"',
    '#EXTM3U catchup="default"',
    '#EXTINF:-1 tvg-id="a" group-title="News",A',
    '#EXTINF:-1 tvg-id="a" group-title="News",A',
    "#EXTINF:-1 tvg-shift=1,B",
    "#EXTINF:-1,C, the third",
    "#EXTGRP:Sport",
    "#EXTVLCOPT:http-user-agent=Lark/1",
    "http://192.0.2.1/a",
    "http://192.0.2.1/b|Referer=http://192.0.2.2/",
    "stream/c.ts",
    "a heading",
    "",
    "#PLAYLIST:none",
]
texts = st.lists(st.sampled_from(LINES), max_size=30).map(lambda lines: "\n".join(lines).encode())
picks = st.sampled_from([Picks(), Picks(without=("B",)), Picks(only=("A",))])


ALL = Picks()


class Counting(m3u.Reader):
    """A reader that says how many pieces it was given."""

    given = 0

    def entries(self, piece: bytes) -> list[Any]:
        """One more."""
        Counting.given += 1
        return super().entries(piece)


def rows(
    raw: bytes, known: KnownPieces | None = None, wanted: Picks = ALL, later: int = 0, most: int = 10_000
) -> list[Any]:
    """The rows of a text in full; an error in their place where it is no list."""

    async def read() -> list[Any]:
        text = Text(m3u.pieces([raw]), Counting(base="http://192.0.2.9/list.m3u"))
        reading = ListReading(wanted, later, ("secret",), known)
        found = [row async for batch in reading.rows(Listing(text.entries(), text=text), most) for row in batch]
        return [(row.place, row.key, row.hash, row.name, row.said()) for row in found]

    try:
        return asyncio.run(read())
    except Retry as exc:
        return [str(exc)]


@given(texts, texts, picks, st.sampled_from([0, 0, 60]))
@settings(max_examples=300, deadline=None)
def test_what_is_known_changes_no_row(before: bytes, now: bytes, wanted: Picks, later: int) -> None:
    learned = KnownPieces()
    rows(before, learned, wanted, later)
    again = KnownPieces(b"".join(learned.records()))
    for raw in (before, now, before + b"\n" + now, now + b"\n" + before):
        assert rows(raw, again, wanted, later) == rows(raw, None, wanted, later)


@given(texts, st.lists(st.integers(1, 40), min_size=1, max_size=5))
@settings(deadline=None)
def test_a_text_says_the_same_however_it_comes(raw: bytes, sizes: list[int]) -> None:
    blocks, at = [], 0
    while at < len(raw):
        size = sizes[len(blocks) % len(sizes)]
        blocks.append(raw[at : at + size])
        at += size
    assert b"".join(m3u.pieces(blocks)) == raw
    read = []
    for given_as in ([raw], blocks):
        try:
            read.append(list(m3u.read(given_as)))
        except Retry as exc:
            read.append(str(exc))
    assert read[0] == read[1]


def test_only_what_is_new_is_read() -> None:
    lines = [ENTRY.format(number) for number in range(200)]
    first = "#EXTM3U\n" + "".join(lines)
    learned = KnownPieces()
    rows(first.encode(), learned)
    lines[70] = lines[70].replace("192.0.2.1", "192.0.2.3")
    lines[120:120] = [ENTRY.format(900)]
    del lines[10]
    Counting.given = 0
    second = KnownPieces(b"".join(learned.records()))
    found = rows(("#EXTM3U\n" + "".join(lines)).encode(), second)
    assert len(found) == 200
    assert found[69][-1].entry.url == "http://192.0.2.3/70"
    assert Counting.given == 3, "the header, and the two that are new"
    third = KnownPieces(b"".join(second.records()))
    Counting.given = 0
    rows(("#EXTM3U\n" + "".join(lines)).encode(), third)
    assert Counting.given == 1


def test_another_choice_another_offset_or_another_header_is_another_reading() -> None:
    raw = "#EXTM3U\n" + "".join(ENTRY.format(number) for number in range(5))
    learned = KnownPieces()
    rows(raw.encode(), learned)
    known = b"".join(learned.records())
    assert len(rows(raw.encode(), KnownPieces(known), Picks(without=("Channel 3",)))) == 4
    assert {row[-1].entry.attributes["tvg-shift"] for row in rows(raw.encode(), KnownPieces(known), later=90)} == {
        "1.5"
    }
    shifted = rows(raw.replace("#EXTM3U", '#EXTM3U tvg-shift="3"').encode(), KnownPieces(known))
    assert {row[-1].entry.attributes["tvg-shift"] for row in shifted} == {"3"}


def test_what_is_known_is_kept_in_a_file_and_not_believed_when_that_is_damaged(tmp_path: Path) -> None:
    raw, path = ("#EXTM3U\n" + "".join(ENTRY.format(number) for number in range(50))).encode(), tmp_path / "7"
    assert knowing.load(path)._places == {}
    learned = KnownPieces()
    rows(raw, learned)
    learned.save(path)
    assert len(knowing.load(path)._places) == 50
    whole = path.read_bytes()
    for damaged in (whole[:-1], whole[1:], whole[:-60], b"", b"x" * 100, whole[:300] + b"\0" + whole[301:]):
        path.write_bytes(damaged)
        assert knowing.load(path)._places == {}
    knowing.tidy(tmp_path, {8})
    assert not path.exists()


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "known").write_text("a file")
    KnownPieces().save(tmp_path / "known" / "1")


def test_a_longer_list_than_is_remembered_is_read_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knowing, "MOST", 20)
    raw = ("#EXTM3U\n" + "".join(ENTRY.format(number) for number in range(50))).encode()
    learned = KnownPieces()
    rows(raw, learned)
    again = KnownPieces(b"".join(learned.records()))
    assert len(again._places) == 20
    assert rows(raw, again) == rows(raw)


def test_no_more_is_read_than_is_allowed_and_nothing_is_an_error() -> None:
    raw = ("#EXTM3U\n" + "".join(ENTRY.format(number) for number in range(50))).encode()
    with pytest.raises(GiveUp, match="more than 49 channels"):
        rows(raw, most=49)
    assert rows(b"#EXTM3U\n# nothing\n") == ["the list has no channels"]
    assert rows(raw + b"#EXTINF:-1,Half") == ["the list ends in the middle of an entry, so it is incomplete"]


async def test_a_refresh_reads_what_is_new_and_a_rebuild_reads_all(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[bytes] = []
    whole = m3u.Reader.entries

    def counted(reader: m3u.Reader, piece: bytes) -> list[Any]:
        given.append(piece)
        return whole(reader, piece)

    monkeypatch.setattr(m3u.Reader, "entries", counted)
    path = tmp_path / "list.m3u"
    lines = [ENTRY.format(number) for number in range(100)]
    path.write_text("#EXTM3U\n" + "".join(lines))
    source = await node.add(kind="m3u", name="A", url=str(path), region="R")
    assert len(given) == 101
    path.write_text("#EXTM3U\n" + "".join([*lines[:50], ENTRY.format(900), *lines[50:90]]))
    given.clear()
    await node.refresh(source["id"])
    assert len(given) == 2
    listed = (await node.get("/api/v1/channels", params={"region": "R", "limit": 200}))["items"]
    assert [one["name"] for one in listed[49:52]] == ["Channel 49", "Channel 900", "Channel 50"]
    assert len(listed) == 91
    given.clear()
    path.write_text("#EXTM3U\n" + "".join(lines[:20]))
    await node.refresh(source["id"])  # too much would go: it is held back
    path.write_text("#EXTM3U\n" + "".join([*lines[:50], *lines[50:89], ENTRY.format(901)]))
    await node.refresh(source["id"])
    names = [one["name"] for one in (await node.get("/api/v1/channels", params={"region": "R", "limit": 200}))["items"]]
    assert (len(names), names[-1]) == (90, "Channel 901")
    given.clear()
    await node.http.post(f"/api/v1/sources/{source['id']}/refresh?rebuild=true")
    await until(lambda: len(given) > 90)


@pytest.mark.parametrize(
    "shape",
    ["http://192.0.2.1/{}\n", "#extinf:-1,N {}\nhttp://192.0.2.1/{}\n", "#EXTGRP:{}\n" * 40 + "http://192.0.2.1/{}\n"],
)
def test_a_batch_is_small_whatever_the_text_is(shape: str) -> None:
    raw = "".join(shape.replace("{}", str(number)) for number in range(100_000 // shape.count("\n"))).encode()
    text, sizes = Text(m3u.pieces([raw[at : at + 1_000_000] for at in range(0, len(raw), 1_000_000)]), m3u.Reader()), []

    async def read() -> None:
        async for batch in text.batches():
            sizes.append(sum(map(len, batch)))

    asyncio.run(read())
    assert sum(sizes) == len(raw)
    assert max(sizes) < 1 << 20


def test_a_second_header_adds_its_guides() -> None:
    header = m3u.ListHeader()
    raw = b'#EXTM3U x-tvg-url="http://h/1"\n#EXTINF:-1,A\nhttp://s/1\n#EXTM3U\n#EXTINF:-1,B\nhttp://s/2\n#EXTM3U url-tvg="http://h/2"\n'
    assert len(list(m3u.read([raw], header))) == 2
    assert header.guides == ["http://h/1", "http://h/2"]
