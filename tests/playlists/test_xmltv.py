"""The XMLTV reader: a stream of what is known, whatever else stands in the file."""

from __future__ import annotations

import contextlib
import io
import tracemalloc
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nightcrew.guidereader import xmltv as reader
from nightcrew.guidereader.elements import BrokenGuide, RefusedGuide
from nightcrew.guidereader.moments import parse_time
from nightcrew.guidereader.wire import MAX_BODY, MAX_TEXT, GuideChannel, Programme
from nightcrew.playlists.formats import xmltv
from support import cost

AFTER, BEFORE = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def read(text: str | bytes, after: datetime = AFTER, before: datetime = BEFORE) -> list[GuideChannel | Programme]:
    raw = text.encode() if isinstance(text, str) else text
    return list(reader.read(io.BytesIO(raw), after=after, before=before))


def programme(
    body: str = "<title>T</title>",
    attributes: str = 'start="20260304120000 +0000" stop="20260304130000 +0000" channel="a"',
) -> Programme:
    (found,) = read(f"<tv><programme {attributes}>{body}</programme></tv>")
    assert isinstance(found, Programme)
    return found


def as_guide(found: list[GuideChannel | Programme]) -> ET.Element:
    parts = [
        xmltv.channel_text(item) if isinstance(item, GuideChannel) else xmltv.programme_text(item) for item in found
    ]
    return ET.fromstring((xmltv.HEADER + "".join(parts) + xmltv.FOOTER).encode())


def test_channels_and_programmes_come_as_they_stand() -> None:
    found = read(
        '<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE tv SYSTEM "xmltv.dtd"><tv source-info-name="x">'
        '<channel id=" a "><display-name lang="de"> Das Erste </display-name><display-name>1</display-name>'
        '<icon src="http://l/a.png"/><icon src="http://l/b.png"/><url>http://a</url></channel><channel id="b"/><channel/>'
        '<programme start="20260304120000 +0100" stop="20260304123000 +0100" channel="a">\n <title lang="de">Tom &amp; Jerry</title>'
        "<desc>Long</desc></programme></tv>"
    )
    assert found == [
        GuideChannel(
            "a",
            "Das Erste",
            "http://l/a.png",
            '<display-name lang="de"> Das Erste </display-name><display-name>1</display-name>'
            '<icon src="http://l/a.png"></icon><icon src="http://l/b.png"></icon><url>http://a</url>',
        ),
        GuideChannel("b", "b", ""),
        Programme(
            "a",
            NOON - timedelta(hours=1),
            NOON - timedelta(minutes=30),
            "Tom & Jerry",
            '<title lang="de">Tom &amp; Jerry</title><desc>Long</desc>',
        ),
    ]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("20260304120000 +0000", NOON),
        ("20260304140000 +0200", NOON),
        ("20260304063000 -0530", NOON),
        ("20260304120000", NOON),
        ("20260304120000 UTC", NOON),
        ("20260304120000Z", NOON),
        ("202603041200 +0000", NOON),
        ("2026030412", NOON),
        ("20260304", NOON - timedelta(hours=12)),
        ("20260304070000 EST", NOON),
        ("20260304130000 CET", NOON),
        ("20260304130000 Europe/Berlin", NOON),
        ("20260704140000 Europe/Berlin", datetime(2026, 7, 4, 12, tzinfo=UTC)),
        ("20260304130000 +1", NOON),
        ("20260304130000 +01", NOON),
        ("20260304140000 +02:00", NOON),
        ("20260304120000 XYZ", NOON),
        ("20260304120000 Atlantis/Center", NOON),
        ("20260304120000 ../../etc/passwd", NOON),
        (" 20260304120000+0000 ", NOON),
        ("20260304115960 +0000", NOON - timedelta(seconds=1)),
        ("20260230120000", None),
        ("", None),
        ("now", None),
        ("2026", None),
        ("00000101000000", None),
        ("00010101000000 +2300", None),
        ("99991231235959 -2300", None),
    ],
)
def test_times(text: str, moment: datetime | None) -> None:
    assert parse_time(text) == moment


def test_an_offset_with_a_colon_is_not_taken_for_utc() -> None:
    assert parse_time("20260304140000 +02:00") in {NOON, None}


@given(st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1)), st.integers(-14 * 60, 14 * 60))
def test_any_offset_gives_the_same_instant(local: datetime, minutes: int) -> None:
    sign, size = "-" if minutes < 0 else "+", abs(minutes)
    text = f"{local:%Y%m%d%H%M%S} {sign}{size // 60:02}{size % 60:02}"
    assert parse_time(text) == local.replace(tzinfo=UTC, microsecond=0) - timedelta(minutes=minutes)


@given(st.text(st.sampled_from("0123456789 +-:ZUTC٣"), max_size=24))
def test_no_time_makes_the_reader_fall_over(text: str) -> None:
    assert parse_time(text) is None or parse_time(text).tzinfo is UTC


@pytest.mark.parametrize(
    "attributes",
    [
        'start="20260304120000" channel="a"',
        'start="20260304120000" stop="" channel="a"',
        'start="20260304120000" stop="20260304110000" channel="a"',
        'start="20260304120000" stop="20260304120000" channel="a"',
        'start="20260304120000" stop="20290304120000" channel="a"',
    ],
)
def test_a_missing_or_impossible_end_becomes_half_an_hour(attributes: str) -> None:
    found = programme(attributes=attributes)
    assert (found.start, found.stop) == (NOON, NOON + timedelta(minutes=30))


def test_programmes_outside_of_the_window_are_left_out() -> None:
    text = "".join(
        f'<programme start="20260304{hour:02}0000" stop="20260304{hour + 1:02}0000" channel="a"><title>{hour}</title></programme>'
        for hour in range(8, 18)
    )
    found = read(f"<tv>{text}</tv>", after=NOON, before=NOON + timedelta(hours=2))
    assert [item.title for item in found if isinstance(item, Programme)] == ["12", "13"]


@pytest.mark.parametrize("year", ["0001", "9999"])
def test_a_programme_at_the_end_of_time_breaks_nothing(year: str) -> None:
    for stop in ("", f'stop="{year}1231235959"'):
        text = f'<tv><programme start="{year}1231235900" {stop} channel="a"><title>x</title></programme><channel id="b"/></tv>'
        assert GuideChannel("b", "b", "") in read(text)


@pytest.mark.parametrize(
    "attributes",
    ['start="20260304120000"', 'channel="a"', 'start="x" channel="a"', 'start="20260304120000" channel=" "'],
)
def test_a_programme_without_channel_or_start_is_passed_over(attributes: str) -> None:
    assert read(f"<tv><programme {attributes}><title>x</title></programme></tv>") == []


def test_what_is_unknown_is_left_out_and_what_is_known_is_kept() -> None:
    body = (
        '<title>T</title><x:odd xmlns:x="u">no</x:odd><script>alert(1)</script><unknown><title>inner</title></unknown>'
        '<rating system="FSK"><value>12</value><icon src="http://i"/></rating><!-- remark --><?php echo ?><new/>'
    )
    assert (
        programme(body).body
        == '<title>T</title><rating system="FSK"><value>12</value><icon src="http://i"></icon></rating><new></new>'
    )


@pytest.mark.parametrize(
    "body",
    [
        "<title>T</title><desc><x:b>bold</x:b></desc>",
        '<title x:lang="de">T</title>',
        '<title>T</title><credits><x:actor x:role="r">A</x:actor></credits>',
        '<title xml:lang="de">T</title>',
    ],
)
def test_names_with_a_prefix_leave_no_guide_that_others_cannot_read(body: str) -> None:
    """The prefix is declared at `<tv>`, which is not kept: without it the served guide is no XML for most readers."""
    found = read(f'<tv xmlns:x="urn:x"><programme start="20260304120000" channel="a">{body}</programme></tv>')
    assert as_guide(found).find("programme/title").text == "T"  # type: ignore[union-attr]


# -- hostile and broken documents ----------------------------------------------------------------------------------


def test_an_entity_bomb_is_refused() -> None:
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    with pytest.raises(RefusedGuide, match="entities"):
        read(
            f'<!DOCTYPE tv [<!ENTITY l0 "ha">{levels}]><tv><channel id="a"><display-name>&l9;</display-name></channel></tv>'
        )


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE tv [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE tv [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x.dtd"> %x;]>',
        '<!DOCTYPE tv [<!ENTITY x "y">]>',
    ],
)
def test_entities_are_refused_where_they_are_declared(doctype: str) -> None:
    with pytest.raises(RefusedGuide, match="entities"):
        read(f'{doctype}<tv><channel id="a"><display-name>&x;</display-name></channel></tv>')


def test_an_external_dtd_is_not_read() -> None:
    assert read('<!DOCTYPE tv SYSTEM "file:///etc/passwd"><tv><channel id="a"/></tv>') == [GuideChannel("a", "a", "")]


def test_attributes_declared_with_a_huge_default_cost_nothing() -> None:
    """1 MB of default for an attribute of an element that comes 20,000 times is 20 GB of copying: refused, or not added."""

    def parse(size: int) -> None:
        text = f'<!DOCTYPE tv [<!ATTLIST a b CDATA "{"x" * size}">]><tv>{"<a/>" * 20_000}<channel id="c"/></tv>'
        with contextlib.suppress(RefusedGuide):
            assert read(text) == [GuideChannel("c", "c", "")]

    assert cost(parse, 1_000_000) < 5 * max(cost(parse, 1), 0.1)


@pytest.mark.parametrize("encoding", ["no-such-thing", "UTF-7", "zlib", "idna"])
def test_an_encoding_that_cannot_be_read_is_an_error_of_ours_unless_it_is_utf_8(encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><tv><channel id="ä"/></tv>'
    assert read(text.encode()) == [GuideChannel("ä", "ä", "")]
    with pytest.raises((BrokenGuide, RefusedGuide), match=f"written in {encoding}"):
        read(text.encode("latin-1"))


@pytest.mark.parametrize("encoding", ["ISO-8859-1", "windows-1252", "UTF-16", "GB18030"])
def test_other_encodings_are_read(encoding: str) -> None:
    raw = f'<?xml version="1.0" encoding="{encoding}"?><tv><channel id="ä"/></tv>'.encode(encoding)
    assert read(raw) == [GuideChannel("ä", "ä", "")]


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(RefusedGuide, match="deeper"):
        read("<tv><programme>" + "<a>" * 100_000)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<tv>",
        "<tv><channel id='a'/>",
        "<tv><programme start='2026",
        "no xml",
        "\xff",
    ],
)
def test_a_document_that_is_cut_off_or_damaged_may_be_whole_later(text: str) -> None:
    with pytest.raises(BrokenGuide):
        read(text)


@pytest.mark.parametrize("text", ["<html><body>down</body></html>", "<!doctype html><html></html>", "<rss/>", "<TV/>"])
def test_another_document_may_be_a_guide_later(text: str) -> None:
    with pytest.raises(BrokenGuide, match=r"<tv>|XML"):
        read(text)


def test_what_stands_before_the_cut_is_given_first() -> None:
    found = reader.read(io.BytesIO(b'<tv><channel id="a"/>' + b" " * 200_000 + b"<oops"), after=AFTER, before=BEFORE)
    assert next(found) == GuideChannel("a", "a", "")
    with pytest.raises(BrokenGuide):
        next(found)


@pytest.mark.parametrize(
    "body",
    [
        f"<title>{'t' * 5_000_000}</title>",
        f"<title>T</title><desc>{'&lt;' * 300_000}</desc>",
        f'<title lang="{"l" * 1_000_000}">T</title>',
        f"<title>T</title>{'<category>x</category>' * 30_000}",
    ],
)
def test_huge_texts_are_cut(body: str) -> None:
    tracemalloc.start()
    found = programme(body)
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert len(found.title) <= MAX_TEXT
    assert len(found.body) <= MAX_BODY
    assert found.body.startswith("<title>")
    assert size < 30 << 20
    as_guide([found])


def test_reading_holds_no_more_than_what_is_at_hand() -> None:
    class Source(io.RawIOBase):
        left = 120

        def read(self, size: int = -1) -> bytes:
            self.left -= 1
            if self.left == 119:
                return b"<tv>"
            if self.left == 0:
                return b"</tv>"
            line = (
                b'<programme start="20260304120000" channel="a"><title>T</title><desc>'
                + b"d" * 400
                + b"</desc></programme>"
            )
            return line * 120 if self.left > 0 else b""

    tracemalloc.start()
    count = sum(1 for _ in reader.read(Source(), after=AFTER, before=BEFORE))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 118 * 120
    assert peak < 3 << 20


# -- properties ----------------------------------------------------------------------------------------------------

TEXT = st.text(
    st.characters(
        codec="utf-8", exclude_categories=("Cs", "Cc"), include_characters="\n\t", exclude_characters="\ufffe\uffff"
    ),
    max_size=30,
)
TAG = st.sampled_from(
    ["title", "sub-title", "desc", "credits", "category", "icon", "rating", "new", "odd", "x:title", "value", "script"]
)


@st.composite
def elements(draw: st.DrawFn, depth: int = 3) -> str:
    tag = draw(TAG)
    attributes = "".join(
        f" {name}={quoteattr(draw(TEXT))}"
        for name in draw(st.sets(st.sampled_from(["lang", "src", "system", "xml:lang", "x:y"]), max_size=2))
    )
    inside = [escape(draw(TEXT))]
    if depth:
        inside += draw(st.lists(elements(depth - 1), max_size=2))
    return f"<{tag}{attributes}>{''.join(inside)}</{tag}>"


@given(st.lists(elements(), max_size=4), TEXT)
@settings(max_examples=150, deadline=None)
@example(["<title>a\rb</title>"], "a")
@example(["<title>&#13;0</title>"], "a")
def test_what_is_served_is_well_formed_again_and_reads_the_same(children: list[str], channel: str) -> None:
    text = (
        f'<tv xmlns:x="urn:x"><channel id={quoteattr(channel)}><display-name>{escape(channel)}</display-name></channel>'
        f'<programme start="20260304120000" stop="20260304130000" channel={quoteattr(channel)}>{"".join(children)}</programme></tv>'
    )
    found = read(text)
    served = "".join(
        xmltv.channel_text(item) if isinstance(item, GuideChannel) else xmltv.programme_text(item) for item in found
    )
    ET.fromstring(f"{xmltv.HEADER}{served}{xmltv.FOOTER}".encode())
    assert read(f"<tv>{served}</tv>") == found


class Chunked(io.RawIOBase):
    def __init__(self, raw: bytes, size: int) -> None:
        self.rest, self.size = raw, size

    def read(self, size: int = -1) -> bytes:
        piece, self.rest = self.rest[: self.size], self.rest[self.size :]
        return piece


@given(st.lists(elements(), max_size=4), st.integers(1, 60))
@settings(max_examples=60, deadline=None)
@example([f"<title>{'x' * 400}</title><desc>{'&amp;' * 4000}</desc>"], 7)
def test_the_result_does_not_depend_on_how_the_file_is_cut_into_pieces(children: list[str], size: int) -> None:
    raw = f'<tv xmlns:x="u"><programme start="20260304120000" channel="ä">{"".join(children)}</programme></tv>'.encode()
    assert list(reader.read(Chunked(raw, size), after=AFTER, before=BEFORE)) == read(raw)


PIECE = st.sampled_from(
    [
        "<tv>",
        "</tv>",
        "<programme ",
        'start="20260304120000" ',
        'start="99991231235959" ',
        'channel="a"',
        ">",
        "<title>",
        "</title>",
        "</programme>",
        "&amp;",
        "&#0;",
        "&#xD800;",
        "<!DOCTYPE tv [",
        "]>",
        '<!ENTITY a "b">',
        "<![CDATA[",
        "]]>",
        '<?xml version="1.0" encoding="',
        "UTF-16",
        '"?>',
        "\0",
        "ä",
        "/>",
        "<channel id='a'",
    ]
)


@given(st.one_of(st.binary(max_size=80), st.lists(PIECE, max_size=14).map(lambda parts: "".join(parts).encode())))
@settings(max_examples=300)
def test_no_bytes_make_the_reader_fall_over(raw: bytes) -> None:
    for document in (raw, b"<tv>" + raw + b"</tv>"):
        try:
            read(document)
        except (BrokenGuide, RefusedGuide):
            pass
