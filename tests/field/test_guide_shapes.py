"""Guides as people get them: no ends, zones by name, elements that players know.

Reported in public for programs of this kind; each test is named for the situation.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nightcrew.guidereader.cleaning import Cleaner
from nightcrew.guidereader.elements import BrokenGuide, RefusedGuide
from nightcrew.guidereader.wire import Programme
from nightcrew.guidereader.xmltv import LeftOut, read
from nightcrew.kernel import upkeep
from nightcrew.kernel.clock import utcnow
from nightcrew.playlists.domain import DOMAIN
from nightcrew.playlists.formats import charsets, xmltv
from nightcrew.playlists.holes import Holes
from nightcrew.playlists.providers import guide as guides_of_people
from nightcrew.playlists.store import guides as guide_rows
from support import Node, running

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def programmes(text: str, hours: int = 48) -> list[Programme]:
    file = io.BytesIO(f"<tv>{text}</tv>".encode())
    found = read(file, after=NOON - timedelta(hours=1), before=NOON + timedelta(hours=hours))
    return [one for one in found if isinstance(one, Programme)]


def begins(hour: float, channel: str = "a", title: str = "T", stop: str = "") -> str:
    start = (NOON + timedelta(hours=hour)).strftime("%Y%m%d%H%M%S +0000")
    return f'<programme start="{start}"{stop} channel="{channel}"><title>{title}</title></programme>'


def ends(found: list[Programme]) -> list[tuple[str, float, float]]:
    rows = [(one.guide_id, *((at - NOON) / timedelta(hours=1) for at in (one.start, one.stop))) for one in found]
    return sorted(rows)


def test_a_programme_without_an_end_ends_where_the_next_one_of_its_channel_begins() -> None:
    text = begins(0) + begins(0, "b") + begins(2) + begins(1, "b") + begins(3.5)
    assert ends(programmes(text)) == [("a", 0, 2), ("a", 2, 3.5), ("a", 3.5, 4), ("b", 0, 1), ("b", 1, 1.5)]


def test_the_last_one_before_the_horizon_ends_where_one_behind_it_begins() -> None:
    assert ends(programmes(begins(0) + begins(6), hours=5)) == [("a", 0, 6)]


def test_one_that_began_long_ago_and_still_runs_is_kept() -> None:
    assert ends(programmes(begins(-3) + begins(1))) == [("a", -3, 1), ("a", 1, 1.5)]
    assert ends(programmes(begins(-3) + begins(-2))) == []


def test_the_wrong_order_and_a_gap_of_days_make_no_endless_programme() -> None:
    assert ends(programmes(begins(2) + begins(0) + begins(100), hours=200)) == [
        ("a", 0, 0.5),
        ("a", 2, 2.5),
        ("a", 100, 100.5),
    ]


def test_ends_that_are_given_count() -> None:
    stop = ' stop="20260304130000 +0000"'
    assert ends(programmes(begins(0, stop=stop) + begins(3))) == [("a", 0, 1), ("a", 3, 3.5)]


@given(st.lists(st.tuples(st.integers(-5, 40), st.sampled_from("abc"), st.booleans()), max_size=30))
def test_no_order_of_programmes_loses_one_or_makes_one_without_length(rows: list[tuple[int, str, bool]]) -> None:
    text = "".join(
        begins(hour, channel, stop=f' stop="{NOON + timedelta(hours=hour + 1):%Y%m%d%H%M%S} +0000"' if given else "")
        for hour, channel, given in rows
    )
    found = programmes(text)
    assert all(one.start < one.stop for one in found)
    assert len([one for one in found if one.start >= NOON]) == len([row for row in rows if row[0] >= 0])


@pytest.mark.parametrize("zone", ["EST", "est", "America/New_York", "-0500", "-05:00", "-5"])
def test_a_zone_by_name_is_as_good_as_an_offset(zone: str) -> None:
    (one,) = programmes(f'<programme start="20260304070000 {zone}" stop="20260304080000 {zone}" channel="a"/>')
    assert (one.start, one.stop) == (NOON, NOON + timedelta(hours=1))


def test_elements_that_players_know_are_passed_on() -> None:
    body = "<title>Match</title><orig-language>en</orig-language><episode-num>E12</episode-num><premiere></premiere><live></live><new></new>"
    (one,) = programmes(f'<programme start="20260304120000" stop="20260304130000" channel="a">{body}</programme>')
    assert one.body == body
    assert xmltv.is_whole(one.body)


# -- bad places --------------------------------------------------------------------------------------------------------


def guide(title: str, declared: str = "UTF-8", before: str = "") -> str:
    show = f'<programme start="20260304120000" stop="20260304130000" channel="a"><title>{title}</title></programme>'
    return f'<?xml version="1.0" encoding="{declared}"?>\n{before}<tv><channel id="a"><display-name>Salt</display-name></channel>{show}</tv>'


def titles(raw: bytes, charset: str = "", size: int = 1 << 20) -> tuple[list[str], int]:
    """The titles of a guide that is read in small pieces, and how many places were left out."""

    class Slow(io.BytesIO):
        def read(self, most: int | None = -1) -> bytes:
            return super().read(min(size, most) if most and most > 0 else size)

    found = list(read(Slow(raw), after=NOON, before=NOON + timedelta(days=1), charset=charset))
    return [one.title for one in found if isinstance(one, Programme)], sum(
        one.places for one in found if isinstance(one, LeftOut)
    )


PLACES = {
    "Caf&eacute; &amp; Co": "Café & Co",
    "Salt & Co": "Salt & Co",
    "A&B; C&": "A&B; C&",
    "S\x01h\x0bow": "Show",
    "A &#0;&#x1F;&#xe9;&#233;&#XE9; Z": "A ééé Z",
    "&lt;b&gt; &nbsp;&hellip;": "<b> \xa0…",
    "<![CDATA[Tom & Jerry &eacute; <3 ]]>": "Tom & Jerry &eacute; <3",
    "&&amp;&": "&&&",
}


@pytest.mark.parametrize("title", PLACES)
@pytest.mark.parametrize("before", ["", '<!DOCTYPE tv SYSTEM "xmltv.dtd">'])
@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_a_bad_place_is_mended_and_costs_nothing_else(title: str, before: str, size: int) -> None:
    assert titles(guide(title, before=before).encode(), size=size) == ([PLACES[title]], 0)


@pytest.mark.parametrize("size", [1, 3, 1 << 20])
@pytest.mark.parametrize(
    ("title", "declared", "written"),
    [
        ("影视", "GBK", "gbk"),
        ("影视", "GB2312", "gb2312"),
        ("日本", "Shift_JIS", "shift_jis"),
        ("Сова", "windows-1251", "windows-1251"),
        ("Café", "UTF-16", "utf-8"),
        ("Café", "UTF-8", "cp1252"),
        ("Сова", "UTF-16", "utf-16"),
        ("Сова", "UTF-8", "utf-8-sig"),
    ],
)
def test_a_guide_is_read_in_the_charset_that_it_is_written_in(
    title: str, declared: str, written: str, size: int
) -> None:
    assert titles(guide(title, declared).encode(written), size=size) == ([title], 0)


def test_a_charset_that_a_person_names_counts() -> None:
    assert titles(guide("Сова").encode("koi8-r"), charset="koi8-r") == (["Сова"], 0)


def test_an_element_that_is_no_xml_is_left_out_and_told() -> None:
    good = '<programme start="20260304120000" stop="20260304130000" channel="a"><title>{}</title></programme>'
    bad = ["<title>1 < 2</title>", "<title>T</titel>", '<title a="1" a="2">T</title>', "<title>T", "</tv>"]
    shows = "".join(good.format(n) + good.format("bad").replace("<title>bad</title>", one) for n, one in enumerate(bad))
    for size in (1, 100, 1 << 20):
        found, left_out = titles(f"<tv>{shows}{good.format('last')}</tv>".encode(), size=size)
        assert [one for one in found if one != "T"] == ["0", "1", "2", "3", "4", "last"]
        assert left_out >= 4


@pytest.mark.parametrize("cut", [30, 200, -20, -3])
def test_a_guide_that_is_cut_off_is_not_taken_for_whole(cut: int) -> None:
    text = guide("A & B") + " "
    with pytest.raises(BrokenGuide):
        titles(text.strip()[:cut].encode())


def test_rubbish_between_elements_is_too_much_at_some_point() -> None:
    with pytest.raises(BrokenGuide):
        titles(b"<tv><channel id='a'/>" + b"<programme <" * 2_000 + b"</tv>")


@given(
    st.lists(
        st.sampled_from(["&", "<![CDATA[", "]]>", "&eacute;", "&#", "x", ";", "\x02", "]", "<", "é"]), max_size=30
    ),
    st.integers(1, 9),
)
def test_how_a_guide_is_cut_into_pieces_changes_nothing(parts: list[str], size: int) -> None:
    raw = "".join(parts).encode()
    whole, pieces = Cleaner(), Cleaner()
    together = whole.feed(raw) + whole.feed(b"", last=True)
    found = b"".join(pieces.feed(raw[at : at + size]) for at in range(0, len(raw), size)) + pieces.feed(b"", last=True)
    assert found == together


# -- around and at the end of a guide --------------------------------------------------------------------------------


SHOW = '<programme start="20260304120000" stop="20260304130000" channel="a">{}</programme>'


@pytest.mark.parametrize("size", [1, 3, 7, 1 << 20])
@pytest.mark.parametrize(
    "bad",
    [
        "<title>5 < 6</title>",
        "<title>a<br>b</title>",
        "<title>?a<b</title>",
        "<title>a & b</titel>",
        "<title>T",
        "<title",
        '<title a="1" a="2">T</title>',
    ],
)
def test_a_bad_place_in_the_last_programme_costs_that_one_alone(bad: str, size: int) -> None:
    text = (
        f'<tv><channel id="a"/>{begins(1, "b", "open")}{SHOW.format("<title>first</title>")}{SHOW.format(bad)}\n</tv>\n'
    )
    assert titles(text.encode(), size=size) == (["first", "open"], 1)
    with pytest.raises(BrokenGuide):
        titles(text.rstrip().removesuffix("</tv>").encode(), size=size)


@pytest.mark.parametrize("size", [1, 9, 1 << 20])
@pytest.mark.parametrize(
    "before",
    [
        "\n",
        "  \r\n",
        "\ufeff",
        "\ufeff\n\ufeff",
        "<br />\n<b>Warning</b>:  fopen(a): failed in <b>/a.php</b> on line <b>3</b><br />\n",
        "<br>\n<b>Notice</b>: a & b\n",
        "\nWarning: Undefined index: x in /a.php on line 3\n",
        "<!-- made by hand -->",
    ],
)
def test_what_stands_before_a_guide_is_passed_over(before: str, size: int) -> None:
    text = guide("Café")
    inside = text.replace("\n<tv>", f"{before}<tv>")
    for raw in ((before + text).encode(), inside.encode()):
        guides_of_people._sniff(raw, "text/html")
        assert titles(raw, size=size) == (["Café"], 0)


@pytest.mark.parametrize("size", [1, 9, 1 << 20])
@pytest.mark.parametrize(
    "behind", ["<!-- done -->", "garbage", "<br />x < y", "\0\0\0", "</tv>", "<b>Fatal</b>: & so on"]
)
def test_what_stands_behind_a_guide_is_passed_over(behind: str, size: int) -> None:
    assert titles((guide("T") + behind).encode(), size=size) == (["T"], 0)


@pytest.mark.parametrize("text", ["<html><p>x</p></html>" * 9_000 + "<tv></tv>", "<tv <tv " * 9_000, "x" * 99_999])
def test_what_is_no_guide_is_not_searched_through_for_one(text: str) -> None:
    with pytest.raises(BrokenGuide):
        titles(text.encode())


@given(st.binary(max_size=60), st.binary(max_size=60), st.integers(1, 50))
def test_nothing_around_a_guide_makes_it_raise_anything_else(before: bytes, behind: bytes, size: int) -> None:
    with contextlib.suppress(BrokenGuide, RefusedGuide):
        titles(before + guide("T").encode() + behind, size=size)


def test_a_length_is_the_end_of_a_programme_that_says_none() -> None:
    def lasting(hour: float, length: str) -> str:
        return begins(hour).replace("<title>", f"{length}<title>")

    hour = '<length units="minutes">60</length>'
    assert ends(programmes(lasting(0, hour))) == [("a", 0, 1)]
    assert ends(programmes(lasting(0, '<length units="hours">2</length>'))) == [("a", 0, 2)]
    assert ends(programmes(lasting(0, '<length units="seconds">5400</length>'))) == [("a", 0, 1.5)]
    assert ends(programmes(lasting(0, hour) + begins(1.25))) == [("a", 0, 1.25), ("a", 1.25, 1.75)]  # advertisements
    assert ends(programmes(lasting(0, hour) + begins(0.5))) == [("a", 0, 0.5), ("a", 0.5, 1)]
    assert ends(programmes(lasting(0, hour) + begins(9))) == [("a", 0, 1), ("a", 9, 9.5)]
    for odd in ("<length>60</length>", '<length units="minutes">long</length>', '<length units="minutes">0</length>'):
        assert ends(programmes(lasting(0, odd))) == [("a", 0, 0.5)]


@pytest.mark.parametrize(
    ("declared", "written", "charset"),
    [
        ("windows-1251", "utf-8", "utf-8"),
        ("ISO-8859-1", "utf-8", "utf-8"),
        ("no-such-thing", "utf-8", "utf-8"),
        ("UTF-8", "windows-1251", "cp1251"),
        ("UTF-8", "utf-8", ""),
        ("windows-1251", "windows-1251", ""),
        ("UTF-8", "utf-16", ""),
    ],
)
def test_a_guide_that_declares_another_charset_than_its_own_is_read_in_its_own(
    declared: str, written: str, charset: str
) -> None:
    title = "Вечерние новости и погода"
    raw = guide(title, declared).encode(written)
    told = charsets.of_guide(io.BytesIO(raw))
    assert told == charset
    assert titles(raw, told) == ([title], 0)


def test_one_bad_byte_does_not_change_the_charset_of_a_guide() -> None:
    raw = guide("Вечер").replace("</tv>", SHOW.format("<title>Caf@</title>") + "</tv>").encode()
    raw = (raw.removesuffix(b"</tv>") + SHOW.format("<title>Вечер</title>").encode() + b"</tv>").replace(b"@", b"\xe9")
    assert charsets.of_guide(io.BytesIO(raw)) == ""


def test_a_charset_of_seven_bits_is_no_utf_8() -> None:
    raw = guide("日本", "iso-2022-jp").encode("iso-2022-jp")
    assert charsets.of_guide(io.BytesIO(raw)) == ""
    assert titles(raw) == (["日本"], 0)


# -- several guides ----------------------------------------------------------------------------------------------------


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    async with running(tmp_path / "data", domains=(upkeep.DOMAIN, DOMAIN)) as started:
        yield started


async def test_several_guides_fill_each_others_holes(node: Node, tmp_path: Path) -> None:
    """The first names a channel and has nothing for it, or not for all hours; one has programmes and names no channel."""
    now = utcnow().replace(minute=0, second=0, microsecond=0)

    def show(channel: str, begin: int, end: int, title: str) -> str:
        start, stop = ((now + timedelta(hours=hour)).strftime("%Y%m%d%H%M%S +0000") for hour in (begin, end))
        return f'<programme start="{start}" stop="{stop}" channel="{channel}"><title>{title}</title></programme>'

    guides = {
        "a": '<channel id="tw.1"><display-name>K</display-name></channel>'
        + show("tw.3", 0, 1, "A0")
        + show("tw.3", 3, 4, "A3"),
        "b": '<channel id="tw.1"><display-name>K</display-name></channel>'
        + show("tw.1", 0, 1, "B")
        + show("tw.3", 0, 2, "no")
        + show("tw.3", 1, 3, "B1"),
        "c": show("tw.2", 0, 1, "C") + show("tw.3", 4, 5, "C4") + show("tw.3", 2, 5, "no"),
    }
    (tmp_path / "list.m3u").write_text(
        "#EXTM3U\n" + "".join(f'#EXTINF:-1 tvg-id="tw.{n}",K{n}\nhttp://192.0.2.1/{n}\n' for n in (1, 2, 3))
    )
    await node.add(kind="m3u", name="L", url=str(tmp_path / "list.m3u"), region="DE")
    for name, text in guides.items():
        (tmp_path / f"{name}.xml").write_text(f"<tv>{text}</tv>")
        await node.add(kind="guide", name=name, url=str(tmp_path / f"{name}.xml"))
    served = (await node.http.get(f"{node.url}/guide.xml")).text
    root = ElementTree.fromstring(served)
    found = sorted((one.get("channel"), one.get("start"), one.findtext("title")) for one in root.iter("programme"))
    assert [(channel, title) for channel, _, title in found] == [
        ("tw.1", "B"),
        ("tw.2", "C"),
        ("tw.3", "A0"),
        ("tw.3", "B1"),
        ("tw.3", "A3"),
        ("tw.3", "C4"),
    ]
    assert {one.get("id") for one in root.iter("channel")} == {"tw.1", "tw.2", "tw.3"}
    view = guide_rows.GuideView("tw.3", "tw.3", timedelta(), now)
    shown = await guide_rows.schedule(node.runtime.store, view)
    assert [one.title for one in shown] == ["A0", "B1", "A3", "C4"]


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3), st.integers(0, 30), st.integers(1, 6)), max_size=40)
)
@example([("a", 0, 0, 6), ("a", 0, 1, 1), ("a", 1, 3, 1)])
def test_nothing_of_a_later_guide_runs_beside_an_earlier_one(rows: list[tuple[str, int, int, int]]) -> None:
    holes, taken = Holes(), list[tuple[str, int, int, int]]()
    for row in sorted(rows):
        channel, guide, begin, length = row
        start = NOON + timedelta(hours=begin)
        clear = all(c != channel or g == guide or b + n <= begin or b >= begin + length for c, g, b, n in taken)
        assert holes.takes(Programme(channel, start, start + timedelta(hours=length), "T", ""), guide) is clear
        if clear:
            taken.append(row)
