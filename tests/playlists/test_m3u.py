"""The M3U reader takes what is found in the wild, and reads back what our writer wrote."""

from __future__ import annotations

import gzip
import io

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from nightcrew.kernel.errors import GiveUp, NightcrewError, Retry
from nightcrew.playlists.formats import m3u
from nightcrew.playlists.formats.charsets import blocks
from nightcrew.playlists.rules import ListEntry
from support import is_linear


def read(text: str | bytes, listing: m3u.ListHeader | None = None) -> list[ListEntry]:
    raw = text.encode() if isinstance(text, str) else text
    return list(m3u.read(blocks(io.BytesIO(raw)), listing))


def one(text: str | bytes) -> ListEntry:
    (entry,) = read(text)
    return entry


# -- what providers write ------------------------------------------------------------------------------------------


def test_an_entry_with_everything() -> None:
    entry = one(
        '#EXTM3U\n#EXTINF:-1 tvg-id="bbc1.uk" tvg-name="BBC 1" tvg-logo="http://l/1.png" tvg-chno="101" tvg-shift="-1" '
        'group-title="News; UK" catchup="default" catchup-source="http://c/?a={start}" x-odd="kept",BBC One, London\n'
        "#EXTVLCOPT:http-user-agent=Player/1.0 (x=y)\n#KODIPROP:inputstream=adaptive\nhttp://s/1.ts\n"
    )
    assert entry == ListEntry(
        name="BBC One, London",
        url="http://s/1.ts",
        group="News; UK",
        number="101",
        logo="http://l/1.png",
        guide_id="bbc1.uk",
        attributes={
            "tvg-name": "BBC 1",
            "tvg-shift": "-1",
            "catchup": "default",
            "catchup-source": "http://c/?a={start}",
            "x-odd": "kept",
            "vlc:http-user-agent": "Player/1.0 (x=y)",
            "kodi:inputstream": "adaptive",
        },
    )


@pytest.mark.parametrize(
    ("line", "name", "group", "guide_id"),
    [
        ('#EXTINF:-1 tvg-id="a" group-title="G",Plain', "Plain", "G", "a"),
        ('#EXTINF:-1 tvg-id="a" group-title="The "Best" Of",Name', "Name", 'The "Best" Of', "a"),
        ('#EXTINF:-1 group-title="12" Vinyl" tvg-id="a",Name', "Name", '12" Vinyl', "a"),
        ('#EXTINF:-1 tvg-id="" group-title="",Name', "Name", "", ""),
        ('#EXTINF:-1 tvg-id="a" group-title="G, H",Name', "Name", "G, H", "a"),
        ("#EXTINF:-1 tvg-id=a group-title=G,Name", "Name", "G", "a"),
        ('#EXTINF:-1 tvg-id="a" group-title="G" Name Without Comma', "Name Without Comma", "G", "a"),
        ("#EXTINF:-1 Name", "Name", "", ""),
        ("#EXTINF:-1,", "1.ts", "", ""),
        ("#EXTINF:,Name", "Name", "", ""),
        ("#EXTINF: ,Name", "Name", "", ""),
        ("#EXTINF:-1 ,Name", "Name", "", ""),
        ("#EXTINF:-1,Name, with, commas", "Name, with, commas", "", ""),
        ('#EXTINF:-1,Name "quoted" x="y"', 'Name "quoted" x="y"', "", ""),
        ('#EXTINF:-1tvg-id="a",Name', "Name", "", "a"),
        ('#EXTINF:-1  tvg-id="a"   group-title="G"  ,  Name  ', "Name", "G", "a"),
        ('#EXTINF:-1\ttvg-id="a"\tgroup-title="G",Name', "Name", "G", "a"),
        ('#EXTINF:-1 TVG-ID="a" Group-Title="G",Name', "Name", "G", "a"),
        ('#extinf:-1 tvg-id="a",Name', "Name", "", "a"),
        ('#EXTINF:-1 tvg-id="a" tvg-id="b",Name', "Name", "", "a"),
        ('#EXTINF:-1 tvg-id="a"group-title="G",Name', "Name", "G", "a"),
        ("#EXTINF:-1 tvg-id='a',Name", "Name", "", "a"),
    ],
)
def test_what_stands_on_an_extinf_line(line: str, name: str, group: str, guide_id: str) -> None:
    entry = one(f"#EXTM3U\n{line}\nhttp://s/1.ts\n")
    assert (entry.name, entry.group, entry.guide_id) == (name, group, guide_id)


def test_the_name_falls_back_to_tvg_name_then_tvg_id_then_the_address() -> None:
    assert one('#EXTINF:-1 tvg-name="N" tvg-id="i",\nhttp://s/1.ts').name == "N"
    assert one('#EXTINF:-1 tvg-id="i",\nhttp://s/1.ts').name == "i"
    assert one("http://s/path/1.ts").name == "1.ts"


def test_windows_line_ends_a_byte_order_mark_and_blank_lines() -> None:
    raw = b"\xef\xbb\xbf#EXTM3U\r\n\r\n   \r\n#EXTINF:-1,\xc3\x84\r\n\r\nhttp://s/1.ts\r\n\r\n#EXTINF:-1,B\r\nhttp://s/2.ts"
    assert [(entry.name, entry.url) for entry in read(raw)] == [("Ä", "http://s/1.ts"), ("B", "http://s/2.ts")]


def test_latin_1_is_read_line_by_line() -> None:
    raw = "#EXTINF:-1,Österreich\nhttp://s/1\n".encode("latin-1") + "#EXTINF:-1,Ö€\nhttp://s/2\n".encode()
    assert [entry.name for entry in read(raw)] == ["Österreich", "Ö€"]


def test_extgrp_names_the_group_unless_the_entry_does() -> None:
    text = '#EXTINF:-1,A\n#EXTGRP:News\nhttp://s/1\n#EXTINF:-1 group-title="Own",B\n#EXTGRP:News\nhttp://s/2\n#EXTINF:-1,C\nhttp://s/3\n'
    assert [entry.group for entry in read(text)] == ["News", "Own", ""]


def test_headers_after_the_address() -> None:
    entry = one("#EXTINF:-1,A\nhttp://s/1.m3u8?x=1|User-Agent=My%20Player&Referer=http%3A%2F%2Fr%2F%3Fa%3D1%26b%3D2\n")
    assert entry.url == "http://s/1.m3u8?x=1"
    assert entry.attributes == {"http:User-Agent": "My Player", "http:Referer": "http://r/?a=1&b=2"}


@pytest.mark.parametrize("url", ["http://s/a|b", "/local|x=y", "http://s/a|"])
def test_a_bar_that_begins_no_headers_belongs_to_the_address(url: str) -> None:
    assert one(f"#EXTINF:-1,A\n{url}\n").url == url


def test_a_list_of_bare_addresses() -> None:
    assert [entry.url for entry in read("http://s/1\nrtmp://s/2\n# a remark\nudp://@239.0.0.1:1234")] == [
        "http://s/1",
        "rtmp://s/2",
        "udp://@239.0.0.1:1234",
    ]


def test_equal_addresses_are_all_kept() -> None:
    assert len(read("#EXTINF:-1,A\nhttp://s/1\n#EXTINF:-1,B\nhttp://s/1\n")) == 2


def test_an_entry_without_an_address_leaves_nothing_to_the_next_one() -> None:
    entry = one(
        '#EXTINF:-1 tvg-id="a" tvg-logo="http://l/a.png" group-title="GA" catchup="xc",A\n#EXTVLCOPT:x=1\n'
        '#EXTINF:-1 tvg-id="b",B\nhttp://s/b\n'
    )
    assert (entry.name, entry.guide_id, entry.group, entry.logo, dict(entry.attributes)) == ("B", "b", "", "", {})


def test_the_guides_that_a_list_names() -> None:
    for header, guides in (
        ('#EXTM3U x-tvg-url="http://g/1.xml, https://g/2.xml.gz"', ["http://g/1.xml", "https://g/2.xml.gz"]),
        ("#EXTM3U url-tvg=http://g/1.xml", ["http://g/1.xml"]),
        ('#EXTM3U X-TVG-URL="http://g/1.xml" url-tvg=""', ["http://g/1.xml"]),
        ('#EXTM3U x-tvg-url="file:///etc/passwd"', []),
        ("#EXTM3U", []),
    ):
        listing = m3u.ListHeader()
        read(f"{header}\n#EXTINF:-1,A\nhttp://s/1\n", listing)
        assert listing.guides == guides, header


def test_a_list_with_a_header_on_each_line_names_no_more_guides_than_are_kept() -> None:
    listing = m3u.ListHeader()
    read("".join(f'#EXTM3U x-tvg-url="http://g/{number}.xml"\n' for number in range(2 * m3u.MOST_GUIDES)), listing)
    assert listing.guides == [f"http://g/{number}.xml" for number in range(m3u.MOST_GUIDES)]


# -- what is no list -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["#EXTM3U\n#EXTINF:-1,A\nhttp://s/1\n#EXTINF:-1 tvg-i", "#EXTINF:-1,A", "#EXTINF:-1,A\n#EXTVLCOPT:ht"]
)
def test_a_list_cut_off_inside_of_an_entry_is_no_list(text: str) -> None:
    with pytest.raises(Retry, match="incomplete"):
        read(text)


def test_an_overlong_line_is_given_up_without_being_read_whole() -> None:
    class Endless(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer) -> int:
            self.given = getattr(self, "given", 0) + len(buffer)
            assert self.given < 10 << 20, "it reads on and on"
            buffer[:] = b"x" * len(buffer)
            return len(buffer)

    with pytest.raises(GiveUp, match="line 1 is longer"):
        list(m3u.read(blocks(io.BufferedReader(Endless()))))


@pytest.mark.parametrize(
    ("first", "content_type"),
    [
        (b"<!doctype html><html>", ""),
        (b"  \n<html>", "text/html"),
        (b"Sorry, we are down", "text/html"),
        (b'{"error": "x"}', "application/json"),
        (b"[1, 2]", ""),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"MZ\x90\0\x03", ""),
        (b"Subscription expired", "text/plain"),
        (b"\xef\xbb\xbf<html>", ""),
    ],
)
def test_what_is_no_list_is_refused_by_its_first_bytes(first: bytes, content_type: str) -> None:
    with pytest.raises(Retry):
        m3u.sniff(first, content_type)


@pytest.mark.parametrize(
    "first",
    [
        b"#EXTM3U\n",
        b"\xef\xbb\xbf#EXTM3U\n",
        b"\r\n\n #EXTINF:-1,A",
        gzip.compress(b"#EXTM3U", mtime=0),
        b"",
        b"http://s/1.ts\n",
        b"# made by a person\nhttp://s/1\n",
        b"#EXTINF:-1,<html>\nhttp://x",
        b"#EX",
    ],
)
def test_a_list_is_recognised_by_its_first_bytes_whatever_it_calls_itself(first: bytes) -> None:
    for content_type in ("", "audio/x-mpegurl", "text/plain", "application/octet-stream"):
        m3u.sniff(first, content_type)


# -- hostile -------------------------------------------------------------------------------------------------------


@given(
    st.one_of(
        st.binary(max_size=300),
        st.lists(
            st.sampled_from(
                [
                    b"#EXTINF:",
                    b"-1",
                    b" ",
                    b",",
                    b'"',
                    b"=",
                    b"tvg-id",
                    b"\n",
                    b"\r",
                    b"|",
                    b"http://",
                    b"\xff",
                    b"#EXTM3U",
                    b"\0",
                    b"a",
                    b"#EXTGRP:",
                    b"#EXTVLCOPT:",
                    b"%",
                    b"\xef\xbb\xbf",
                ]
            ),
            max_size=60,
        ).map(b"".join),
    )
)
@settings(max_examples=300)
def test_no_bytes_make_the_reader_fall_over(raw: bytes) -> None:
    try:
        found = read(raw, m3u.ListHeader())
    except NightcrewError:
        return
    for entry in found:
        assert entry.url
        for text in (entry.name, entry.group, entry.number, entry.guide_id):
            assert not set(text) & {"\n", "\r", "\0"}
        assert "\n" not in entry.url


@pytest.mark.parametrize("field", ["name", "url", "logo", "group", "guide_id"])
def test_no_nul_comes_through(field: str) -> None:
    """PostgreSQL stores no NUL: one such entry would fail the whole refresh with an error of the database."""
    text = '#EXTINF:-1 tvg-id="a\0" tvg-logo="http://l/\0.png" group-title="G\0",N\0\nhttp://s/\0.ts\n'
    try:
        found = read(text)
    except NightcrewError:
        return
    assert all("\0" not in getattr(entry, field) for entry in found)


@pytest.mark.parametrize(
    "unit",
    [
        '"',
        " ",
        '" ',
        ' "',
        '="',
        'a="',
        'a=" ',
        'a="b" ',
        'a="b',
        '" a="',
        "a=",
        "=",
        ",",
        'a="b"c ',
        '"a',
        "a ",
        "a.",
        '"\t',
        "\t",
        'a-b="," ',
        'a = "',
        "a  =  ",
        "=“",
        "a=“b” ",
        "&amp",
    ],
)
def test_an_adversarial_line_that_is_four_times_as_long_takes_about_four_times_as_long(unit: str) -> None:
    """A line may have 64 KB, and the search does not let the event loop run."""

    def search(size: int) -> None:
        for lead in ("#EXTINF:-1 ", '#EXTINF:-1 a="', "#EXTM3U "):
            line = lead + unit * (size // len(unit.encode()))
            read(f"{line}\nhttp://s/1\n", m3u.ListHeader())
            read(f'{line}",Name\nhttp://s/1\n', m3u.ListHeader())

    assert is_linear(search, 15_000)


# -- our own writing -----------------------------------------------------------------------------------------------

PRINTABLE = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z"), include_characters=" ", exclude_characters='"'),
    max_size=25,
).map(str.strip)
NUMBER = st.from_regex(r"([0-9]{1,6}([.-][0-9]{1,4})?)?", fullmatch=True)
KEY = st.from_regex(r"[a-z][a-z0-9-]{0,9}", fullmatch=True).filter(
    lambda key: (
        key
        not in {
            "tvg-id",
            "tvg-logo",
            "tvg-chno",
            "group-title",
            "tvg-name",
            "duration",
            "channel-id",
            "num",
            "lcn",
            "chno",
            "number",
            "cuid",
        }
    )
)
URL = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='|"'), max_size=20).map(
    lambda t: f"http://s/{t}"
)
HEADER_VALUE = (
    st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20).map(str.strip).filter(bool)
)


@st.composite
def attributes(draw: st.DrawFn) -> dict[str, str]:
    plain = draw(st.dictionaries(KEY, PRINTABLE.filter(bool), max_size=4))
    option = st.from_regex(r"(vlc|kodi):[a-z][a-z.-]{0,9}", fullmatch=True)
    return plain | draw(st.dictionaries(option, PRINTABLE.filter(bool), max_size=2))


def written(entry: ListEntry) -> str:
    return m3u.header("http://g/guide.xml", "7") + m3u.item(
        channel_id=5,
        name=entry.name,
        group=entry.group,
        number=entry.number,
        logo=entry.logo,
        guide_id=entry.guide_id,
        url=entry.url,
        attributes=dict(entry.attributes),
    )


@given(
    st.builds(
        ListEntry,
        name=PRINTABLE.filter(bool),
        url=URL,
        group=PRINTABLE,
        number=NUMBER,
        logo=PRINTABLE,
        guide_id=PRINTABLE,
        attributes=attributes(),
    )
)
@example(ListEntry(name="a, b", url="http://s/1", group="x,", attributes={"catchup": "a=b"}))
@settings(max_examples=150)
def test_what_is_written_is_read_again(entry: ListEntry) -> None:
    listing = m3u.ListHeader()
    (again,) = read(written(entry), listing)
    assert listing.guides == ["http://g/guide.xml"]
    assert (again.name, again.url, again.group, again.number) == (entry.name, entry.url, entry.group, entry.number)
    assert (again.logo, again.guide_id) == (entry.logo, entry.guide_id)
    assert {key: value for key, value in again.attributes.items() if key not in {"channel-id", "tvg-name"}} == dict(
        entry.attributes
    )
    assert again.attributes["channel-id"] == "5"


@given(st.dictionaries(st.sampled_from(["User-Agent", "Referer", "Cookie"]), HEADER_VALUE, min_size=1, max_size=3))
@example({"Referer": "http://r/?a=1&b=2"})
@example({"User-Agent": "100%41"})
def test_headers_after_the_address_are_read_again(headers: dict[str, str]) -> None:
    entry = ListEntry(name="A", url="http://s/1", attributes={f"http:{key}": value for key, value in headers.items()})
    (again,) = read(written(entry))
    assert again.url == entry.url
    assert {key: value for key, value in again.attributes.items() if key.startswith("http:")} == dict(entry.attributes)


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_no_text_breaks_out_of_its_entry(name: str, group: str, logo: str, value: str) -> None:
    """A channel's name must not be able to add an entry of its own."""
    assume(name.strip())
    text = written(
        ListEntry(
            name=name, url="http://s/1", group=group, logo=logo, guide_id=value, attributes={"x": value, "vlc:y": value}
        )
    )
    (again,) = read(text.encode("utf-8", "replace"))
    assert again.url == "http://s/1"
    assert text.count("\n") <= 4
