"""Releases of Torznab answers as ours."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.kernel.errors import Misread
from nightcrew.movies.indexers import values
from nightcrew.movies.indexers.base import Found
from nightcrew.movies.indexers.torznab_items import found_of
from nightcrew.movies.indexers.torznab_xml import TorznabItem, TorznabListing, read

ANSWERS = Path(__file__).parent / "answers"
NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
BASE = "http://127.0.0.1:9696/3/api?t=movie&apikey=prowlarr-key-of-ours"
KEY = ("prowlarr-key-of-ours",)


def saved(name: str) -> list[Found]:
    answer = read((ANSWERS / name).read_bytes())
    assert isinstance(answer, TorznabListing)
    return found_of(answer, BASE, NOW, KEY)


def found(**attrs: str) -> Found:
    values = {"title": "A film", "link": "/dl"} | {name[1:]: text for name, text in attrs.items() if name[0] == "_"}
    item = TorznabItem(values, {}, {name: [text] for name, text in attrs.items() if name[0] != "_"})
    (one,) = found_of(TorznabListing((item,)), BASE, NOW, KEY)
    return one


def test_a_release_as_jackett_sends_it() -> None:
    night, nosferatu = saved("jackett.xml")
    link = "http://127.0.0.1:9117/dl/harbour/?jackett_apikey=0123456789abcdef&path=Q2ZESjhB&file=Night"
    magnet = (
        "magnet:?xt=urn:btih:1122334455667788990011223344556677889900&dn=Night&tr=udp%3A%2F%2Ftracker.example%3A6969"
    )
    assert night == Found(
        guid=values.guid_of("https://harbour.example/torrent/11", ()),
        title="Night of the Living Dead (1968) 1080p BluRay x264 & commentary",
        link=link,
        magnet=magnet,
        info_hash="1122334455667788990011223344556677889900",
        size=7_340_032_000,
        seeds=31,
        leechers=9,
        published_at=datetime(2026, 10, 3, 16, 0, tzinfo=UTC),
        imdb_id="tt0063350",
        year=1968,
    )
    assert (nosferatu.link, nosferatu.magnet[:20]) == ("", "magnet:?xt=urn:btih:"), "a link that is a magnet is one"
    assert (nosferatu.size, nosferatu.info_hash, nosferatu.imdb_id, nosferatu.year) == (None, "", "", None)
    assert (nosferatu.seeds, nosferatu.leechers) == (1, 1)


def test_a_release_as_prowlarr_sends_it() -> None:
    friday, charade = saved("prowlarr.xml")
    assert (
        friday.link == "http://127.0.0.1:9696/3/download?apikey=prowlarr-key-of-ours&link=b0JFa2Q&file=His.Girl.Friday"
    )
    assert friday.size == 2_345_678_901, "the enclosure's length"
    assert friday.imdb_id == "tt0032599"
    assert (friday.seeds, friday.leechers) == (0, 4)
    assert friday.guid != charade.guid
    assert charade.size == 4_000_000_000, "an attribute of it"
    assert charade.link.endswith("file=Charade"), "what is called a magnet may be an http link that redirects to it"
    assert charade.magnet == ""
    assert charade.info_hash == "aabbccddeeff00112233445566778899aabbccdd"
    assert (charade.seeds, charade.leechers) == (12, 0), "fewer peers than seeds"


def test_no_secret_is_shown_of_a_release() -> None:
    for one in (*saved("jackett.xml"), *saved("prowlarr.xml")):
        assert "0123456789abcdef" not in repr(one)
        assert "prowlarr-key-of-ours" not in repr(one)
        assert "prowlarr-key" not in one.guid


def test_what_cannot_be_fetched_or_has_no_title_is_left_out() -> None:
    rows = [
        TorznabItem({"title": "A"}),
        TorznabItem({"link": "/dl"}),
        TorznabItem({"title": "C", "guid": "http://h/page"}),
    ]
    assert found_of(TorznabListing(tuple(rows)), BASE, NOW, KEY) == []
    (one,) = found_of(TorznabListing((TorznabItem({"title": "D"}, {}, {"infohash": ["0f" * 20]}),)), BASE, NOW, KEY)
    assert (one.guid, one.link) == ("0f" * 20, "")


def test_what_tells_releases_apart_when_there_is_no_guid() -> None:
    assert found(infohash="0f" * 20).guid == "0f" * 20
    assert found().guid == values.guid_of("http://127.0.0.1:9696/dl", ())
    assert found(_guid="77").guid == "77"


@pytest.mark.parametrize(
    ("categories", "kept"),
    [
        (["2000"], True),
        (["2999"], True),
        (["3000"], False),
        (["1999"], False),
        (["5000", "5040"], False),
        (["5000", "2040"], True),
        (["7000", "100012"], True),
        (["99999"], False),
        (["100000"], True),
        (["3000", "999999999"], True),
        (["3000", "1000000000"], False),
        (["Films"], True),
        ([], True),
    ],
)
def test_what_is_filed_under_other_things_alone_is_left_out(categories: list[str], kept: bool) -> None:
    item = TorznabItem({"title": "A", "link": "/dl"}, {}, {"category": categories})
    assert bool(found_of(TorznabListing((item,)), BASE, NOW, KEY)) is kept


def test_peers_are_both_kinds_and_leechers_one() -> None:
    assert found(seeders="5", peers="12").leechers == 7
    assert found(seeders="5", peers="12", leechers="3").leechers == 3
    assert found(peers="12").leechers is None
    assert found(seeders="5").leechers is None
    assert found(seeders="many", peers="12").seeds is None


def test_ids_and_years_by_their_other_names() -> None:
    assert found(imdb="63350", imdbyear="1968") == found(imdbid="tt0063350", year="1968")


def test_a_date_of_the_question_is_none() -> None:
    assert found(_pubdate="Sun, 29 Nov 2026 12:00:00 +0000").published_at is None
    assert found(_pubdate="Sun, 22 Nov 2026 12:00:00 +0000").published_at == datetime(2026, 11, 22, 12, tzinfo=UTC)


TEXTS = st.dictionaries(st.sampled_from(["title", "link", "guid", "pubdate", "size"]), st.text(max_size=50))
ATTRS = st.dictionaries(
    st.sampled_from(["seeders", "peers", "infohash", "magneturl", "imdbid", "size", "year", "category"]),
    st.lists(st.one_of(st.text(max_size=50), st.integers().map(str)), min_size=1, max_size=3),
)


@given(st.lists(st.builds(TorznabItem, TEXTS, TEXTS, ATTRS), max_size=5))
def test_whatever_a_release_says_it_is_within_limits(rows: list[TorznabItem]) -> None:
    for one in found_of(TorznabListing(tuple(rows)), BASE, NOW, KEY):
        assert one.title
        assert one.link or one.magnet or one.info_hash
        assert one.size is None or one.size > 0
        assert one.leechers is None or one.leechers >= 0
        assert one.published_at is None or one.published_at < NOW


@given(st.binary(max_size=100))
def test_bytes_in_an_item_become_releases_or_misread(inside: bytes) -> None:
    data = b'<rss><channel><item><title>A</title><attr name="infohash" value="' + b"0f" * 20 + b'"/>' + inside
    try:
        answer = read(data + b"</item></channel></rss>")
    except Misread:
        return
    if isinstance(answer, TorznabListing):
        found_of(answer, BASE, NOW, KEY)
