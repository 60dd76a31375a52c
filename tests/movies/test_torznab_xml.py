"""Torznab's XML: what Jackett and Prowlarr send, and what nobody should believe."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.kernel.errors import Misread
from nightcrew.movies.indexers import torznab_xml
from nightcrew.movies.indexers.torznab_xml import (
    MAX_ATTRS,
    MAX_ITEMS,
    MAX_TEXT,
    Caps,
    Said,
    TorznabItem,
    TorznabListing,
    read,
)

ANSWERS = Path(__file__).parent / "answers"
JACKETT, PROWLARR, CAPS = (ANSWERS.joinpath(f"{name}.xml").read_bytes() for name in ("jackett", "prowlarr", "caps"))


def items(data: bytes) -> tuple[TorznabItem, ...]:
    answer = read(data)
    assert isinstance(answer, TorznabListing)
    return answer.items


def rss(inside: str) -> bytes:
    return f"<rss><channel>{inside}</channel></rss>".encode()


def test_a_list_has_values_attributes_that_repeat_and_enclosures() -> None:
    night, nosferatu = items(JACKETT)
    assert night.values["title"] == "Night of the Living Dead (1968) 1080p BluRay x264 & commentary"
    assert night.values["pubdate"] == "Sat, 03 Oct 2026 18:00:00 +0200"
    assert night.values["description"] == "A <b>restored</b> copy"
    assert night.attrs["category"] == ["2000", "2040", "100007", "2000", "2040", "100007"]
    assert night.enclosure["length"] == "7340032000"
    assert night.attr("imdbid", "imdb") == "tt0063350"
    assert night.attr("nothing", "imdb") == "0063350"
    assert "description" not in nosferatu.values, "what is empty is not there"
    assert nosferatu.attr("imdbid") == ""


def test_prefixes_do_not_count() -> None:
    for prefix in ("torznab:", "newznab:", "nowhere:", ""):
        (item,) = items(rss(f'<item><{prefix}attr name="Seeders" value=" 3 "/><title>A</title></item>'))
        assert item.attr("seeders") == "3"


def test_the_first_value_of_a_name_counts_and_elements_inside_of_values_do_not() -> None:
    (item,) = items(
        rss("<item><title>A<b>B</b>C</title><title>D</title><x><title>E</title></x></item><title>F</title>")
    )
    assert item.values == {"title": "AC"}


def test_what_a_server_can_do() -> None:
    caps = read(CAPS)
    assert caps == Caps(
        "Harbour Films", frozenset({"q", "imdbid", "year"}), 50, frozenset({2000, 2040, 2045, 5000, 100007})
    )


@pytest.mark.parametrize(
    ("searching", "movie"),
    [
        ('<movie-search available="no" supportedParams="q"/>', None),
        ('<search available="yes"/>', None),
        ('<movie-search available="yes"/>', frozenset({"q"})),
        ('<movie-search supportedParams="q,ImdbId,"/>', frozenset({"q", "imdbid"})),
        ('<movie-search available="true" supportedParams=""/>', frozenset()),
    ],
)
def test_movie_search_as_it_is_declared(searching: str, movie: frozenset[str] | None) -> None:
    answer = read(f"<caps><limits default='30'/><searching>{searching}</searching></caps>".encode())
    assert answer == Caps("", movie, 30)


def test_an_error_is_one_wherever_it_stands() -> None:
    said = Said(100, "Invalid API Key")
    assert read(b'<?xml version="1.0"?><error code="100" description="Invalid API Key"/>') == said
    assert read(b'<rss><channel><error code="100" description="Invalid API Key"/><item/></channel></rss>') == said
    assert read(b'<error code="what"/>') == Said(900, "")


def test_an_empty_list_is_an_answer_and_an_empty_answer_is_none() -> None:
    assert read(
        b'\xef\xbb\xbf<?xml version="1.0"?>\n<rss><channel><title>Nothing</title></channel></rss>'
    ) == TorznabListing(())
    for data, looks in (
        (b"", "nothing"),
        (b"  \n", "nothing"),
        (b"<!DOCTYPE html><html><body><br></body></html>", "an HTML page"),
        (b"<!doctype html><html><body/></html>", "an HTML page"),
        (b"\xef\xbb\xbf\n<HTML><body>", "an HTML page"),
        (b'{"error": 1}', "JSON"),
        (b"Blackhole", "no valid XML"),
        (b"<rss></rss>", "another kind of XML"),
        (b"<rss><item/></rss>", "another kind of XML"),
        (b"<feed><channel/></feed>", "another kind of XML"),
    ):
        with pytest.raises(Misread, match=looks):
            read(data)


@pytest.mark.parametrize("data", [JACKETT, PROWLARR, CAPS], ids=["jackett", "prowlarr", "caps"])
def test_a_part_of_an_answer_is_no_answer(data: bytes) -> None:
    whole = len(data.rstrip())
    for end in range(0, whole, 97):
        with pytest.raises(Misread):
            read(data[:end])
    read(data[:whole])


def test_declared_entities_and_attributes_are_refused() -> None:
    laughs = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    for inside in (
        f'<!ENTITY a0 "ha">{laughs}',
        '<!ENTITY a9 SYSTEM "file:///etc/passwd">',
        '<!ENTITY % a9 SYSTEM "http://127.0.0.1/x">',
        '<!ATTLIST item a CDATA "default">',
    ):
        with pytest.raises(Misread, match="declares"):
            read(f"<!DOCTYPE rss [{inside}]><rss><channel><item><title>A</title></item></channel></rss>".encode())


def test_depth_has_a_limit() -> None:
    inner = 20 - 3
    items(rss("<item>" + "<a>" * inner + "</a>" * inner + "</item>"))
    with pytest.raises(Misread, match="nested"):
        read(rss("<item>" + "<a>" * (inner + 1) + "</a>" * (inner + 1) + "</item>"))


def test_releases_attributes_and_texts_have_limits() -> None:
    assert len(items(rss("<item><title>A</title></item>" * 505))) == MAX_ITEMS == 500
    (item,) = items(rss("<item>" + '<attr name="tag" value="x"/>' * 205 + "</item>"))
    assert len(item.attrs["tag"]) == MAX_ATTRS == 200
    (item,) = items(
        rss(f"<item><title>{'a' * MAX_TEXT}</title><link>{'b' * (MAX_TEXT + 1)}</link><guid>c</guid></item>")
    )
    assert {name: len(text) for name, text in item.values.items()} == {"title": MAX_TEXT, "guid": 1}
    (item,) = items(rss(f'<item><attr name="tag" value="{"c" * (MAX_TEXT + 1)}"/></item>'))
    assert item.attrs == {}
    (item,) = items(rss(f'<item><enclosure url="{"c" * (MAX_TEXT + 1)}" length="5"/></item>'))
    assert item.enclosure == {"length": "5"}


def test_a_long_answer_is_not_read() -> None:
    most = 8 << 20
    assert items(rss("").ljust(most)) == ()
    with pytest.raises(Misread, match="larger than 8 MiB"):
        read(rss("").ljust(most + 1))


def test_an_error_deep_in_a_list_is_none() -> None:
    assert items(rss('<item><error code="100"/></item>'))
    assert read(b'<rss><channel><error code="1"/><error code="2"/></channel></rss>') == Said(1, "")


def test_values_begin_anew_with_each_release() -> None:
    one, two = items(rss("<item><title>A</title></item>between<item>text<title>B</title>text</item>"))
    assert (one.values, two.values) == ({"title": "A"}, {"title": "B"})


def test_categories_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torznab_xml, "MAX_CATEGORIES", 3)
    answer = read(b"<caps>" + b"".join(b'<category id="%d"/>' % number for number in range(9)) + b"</caps>")
    assert answer == Caps(categories=frozenset({0, 1, 2}))


def test_encodings_that_xml_knows_are_read_and_others_refused() -> None:
    text = '<?xml version="1.0" encoding="{}"?><rss><channel><item><title>Größe</title></item></channel></rss>'
    for encoding in ("utf-8", "iso-8859-1", "windows-1252", "utf-16"):
        (item,) = items(text.format(encoding).encode(encoding))
        assert item.values == {"title": "Größe"}
    for encoding in ("nobody-knows", "base64", "idna", "punycode"):
        with pytest.raises(Misread):
            read(text.format(encoding).encode("latin-1"))


PARTS = st.sampled_from(
    [
        "<rss>", "</rss>", "<channel>", "</channel>", "<item>", "</item>", "<title>", "</title>", "<caps>", "</caps>",
        '<torznab:attr name="size" value="1"/>', '<error code="1"/>', "<enclosure length='1'/>", "<![CDATA[", "]]>",
        "&amp;", "&x;", "text", '<category id="2000"/>', "<!DOCTYPE a [", "]>", '<movie-search supportedParams="q"/>', "\x00", "é",
    ]
)  # fmt: skip


@given(st.one_of(st.binary(max_size=300), st.lists(PARTS, max_size=30).map(lambda parts: "".join(parts).encode())))
def test_whatever_comes_is_an_answer_or_misread(data: bytes) -> None:
    with contextlib.suppress(Misread):
        assert isinstance(read(data), TorznabListing | Caps | Said)


@given(st.data())
def test_a_damaged_answer_is_an_answer_or_misread(data: st.DataObject) -> None:
    whole = bytearray(data.draw(st.sampled_from([JACKETT, PROWLARR, CAPS])))
    for place, byte in data.draw(st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), max_size=5)):
        whole[place] = byte
    with contextlib.suppress(Misread):
        assert isinstance(read(bytes(whole)), TorznabListing | Caps | Said)
