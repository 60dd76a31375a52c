"""Decisions about channels: identity, filter, status, guard, ranking, secrets."""

from __future__ import annotations

import dataclasses
import itertools
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from nightcrew.playlists import rules
from nightcrew.playlists.addresses import Addresses
from nightcrew.playlists.formats import master
from nightcrew.playlists.formats.master import Variant
from nightcrew.playlists.identity import EntryIdentity, Identifier, ident_of, label
from nightcrew.playlists.rules import Filter, ListChange, ListEntry, Status

WORD = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12).map(str.strip)
FEW = st.sampled_from(["", "a", "A", "b", "ä", "1", "2"])
ENTRIES = st.builds(ListEntry, name=FEW, url=FEW, group=FEW, guide_id=FEW, provider_id=FEW)


def ident(entry: ListEntry) -> bytes:
    return ident_of(entry.name, entry.group, entry.guide_id, entry.provider_id)


def identify(*entries: ListEntry) -> list[EntryIdentity]:
    identifier = Identifier()
    return [identifier.identify(entry) for entry in entries]


# -- identity ------------------------------------------------------------------------------------------------------


@given(st.lists(ENTRIES, max_size=30))
def test_every_channel_of_a_list_has_a_key_of_its_own(entries: list[ListEntry]) -> None:
    keys = [identity.key for identity in identify(*entries)]
    assert len(set(keys)) == len(keys)
    assert all(
        len(identity.key) == len(ident(entry)) == 16
        for identity, entry in zip(identify(*entries), entries, strict=True)
    )


@given(st.lists(ENTRIES, max_size=15), st.data())
def test_addresses_logos_and_numbers_are_no_part_of_the_identity(entries: list[ListEntry], data: st.DataObject) -> None:
    moved = [dataclasses.replace(e, url=data.draw(WORD), logo=data.draw(WORD), number=data.draw(WORD)) for e in entries]
    assert identify(*entries) == identify(*moved)


@given(WORD.filter(bool), WORD, WORD, WORD, WORD)
def test_the_providers_id_decides_alone(provider_id: str, name: str, other: str, group: str, guide_id: str) -> None:
    one = ListEntry(name=name, url="", group=group, guide_id=guide_id, provider_id=provider_id)
    two = ListEntry(name=other, url="", provider_id=provider_id)
    assert identify(one) == identify(two)
    assert identify(one) != identify(dataclasses.replace(one, provider_id=provider_id + "x"))


def test_the_guide_id_joins_channels_that_name_and_group_tell_apart() -> None:
    hd, sd, renamed = (
        ListEntry(name=name, url="", group="News", guide_id=guide)
        for name, guide in (("One", "x.de"), ("Two", "X.DE"), ("Three", "x.de"))
    )
    assert ident(hd) == ident(sd) == ident(renamed)
    assert len({identity.key for identity in identify(hd, sd, renamed)}) == 3


@given(WORD.filter(bool))
def test_without_ids_the_name_and_the_group_decide(group: str) -> None:
    """Case, accents, punctuation and remarks are no other channel; a quality, a country or a plus is."""
    same = [
        ListEntry(name=name, url="", group=group)
        for name in ("Das Erste", "DAS ERSTE", "das-erste", "Das Érste [Geo-blocked]", "Das Erste Ⓢ")
    ]
    assert len({ident(one) for one in same}) == 1
    for other in ("Das Erste HD", "Das Erste [4K]", "Das Erste [AT]", "Das Erste+"):
        assert ident(same[0]) != ident(ListEntry(name=other, url="", group=group))
    assert ident(same[0]) != ident(ListEntry(name="Das Zweite", url="", group=group))
    assert ident(same[0]) != ident(ListEntry(name="Das Erste", url="", group=group + "x"))


def test_alike_entries_are_numbered_so_that_one_more_leaves_the_others() -> None:
    entry = ListEntry(name="A", url="")
    assert identify(entry, entry, entry)[:2] == identify(entry, entry)


@given(
    st.builds(ListEntry, name=WORD, url=WORD, group=WORD, number=WORD, logo=WORD, guide_id=WORD, expires=st.booleans()),
    WORD,
)
def test_the_hash_of_a_row_changes_with_everything_that_is_stored(entry: ListEntry, text: str) -> None:
    assert rules.row_hash(entry) == rules.row_hash(dataclasses.replace(entry))
    for field in ("name", "url", "group", "number", "logo", "guide_id"):
        assume(getattr(entry, field) != text)
        assert rules.row_hash(entry) != rules.row_hash(dataclasses.replace(entry, **{field: text}))
    assert rules.row_hash(entry) != rules.row_hash(dataclasses.replace(entry, expires=not entry.expires))
    assert rules.row_hash(entry) != rules.row_hash(dataclasses.replace(entry, attributes={"a": text}))


def test_the_order_of_attributes_does_not_count() -> None:
    one, two = (
        ListEntry(name="A", url="", attributes=dict(pairs))
        for pairs in ([("a", "1"), ("b", "2")], [("b", "2"), ("a", "1")])
    )
    assert rules.row_hash(one) == rules.row_hash(two)


def test_the_identity_of_a_channel_stays_what_it_was() -> None:
    """It is stored: another one would make all channels new ones, with other ids and without what people changed."""
    entry = ListEntry(name="DE: Das Erste HD", url="http://s/1", group="News")
    numbered = [identity.key.hex()[:12] for identity in identify(entry, entry, entry)]
    told = "label\0de das erste hd\0news\0de: das erste hd\0news"
    assert numbered == [rules.digest(f"{told}{more}").hex()[:12] for more in ("", "\0001", "\0002")]
    (by_guide,) = identify(dataclasses.replace(entry, guide_id="One.DE"))
    assert by_guide.key == rules.digest("guide\0one.de\0de: das erste hd\0news")
    assert ident(dataclasses.replace(entry, guide_id="One.DE")) == rules.digest("guide\0one.de")
    (by_id,) = identify(dataclasses.replace(entry, provider_id="7"))
    assert by_id.key == rules.digest("id\x007\0")
    assert ident(dataclasses.replace(entry, provider_id="7")) == rules.digest("id\x007")


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("DE: Das Erste HD Ⓢ", "de das erste hd"),
        ("Das Érste [4K]", "das erste 4k"),
        ("Canal+ (Geo-blocked)", "canal plus"),
        ("HD", "hd"),
        ("  ", ""),
        ("!!!", "!!!"),
    ],
)
def test_a_name_as_it_is_compared(name: str, plain: str) -> None:
    assert label(name) == plain


@pytest.mark.parametrize(
    ("url", "lasting"),
    [
        ("http://s:8080/live/user/pass/123.ts", "s#123"),
        ("http://s/user/other/123", "s#123"),
        ("http://s/ts/lark", "s/ts/lark"),
        ("http://u:p@s/ts/lark?token=1&id=7&e=1700000000", "s/ts/lark?id=7"),
        ("http://s/p.php?c=1&auth=2&expires=3&hash=4&sig=5", "s/p.php?c=1"),
        ("http://s/hls/4f2a9c7d1e8b4f2a9c7d1e8b/index.m3u8", ""),
        ("http://s/1700000000/index.m3u8", ""),
        ("http://s/", ""),
        ("http://s", ""),
        ("http://[s/x", ""),
        ("", ""),
    ],
)
def test_what_stays_of_an_address(url: str, lasting: str) -> None:
    assert Addresses([url], [url.replace("4f2a", "77aa").replace("1700", "1800")]).of(url) == lasting


def test_a_search_finds_names_whatever_their_case_and_accents() -> None:
    assert rules.search_text("Télé", "", "NEWS", "ﬁlm") == "tele news film"
    assert rules.search_text("", "") == ""


@given(st.text(max_size=40))
def test_normalising_twice_is_normalising_once(name: str) -> None:
    assert label(label(name)) == label(name)
    assert bool(label(name)) == bool(name.casefold().strip())


@pytest.mark.parametrize(
    ("url", "playable"),
    [
        ("http://s/1", True),
        ("HTTPS://s", True),
        ("udp://@239.0.0.1:1234", True),
        ("rtsp://u:p@h/x", True),
        ("[NO PUBLIC STREAM]", False),
        ("file:///etc/passwd", False),
        ("http:///x", False),
        ("", False),
        ("javascript:alert(1)", False),
        ("http://", False),
        ("  http://s", False),
    ],
)
def test_what_can_be_played(url: str, playable: bool) -> None:
    assert rules.is_playable(url) is playable


# -- regions -------------------------------------------------------------------------------------------------------


@given(st.text(max_size=60))
@example("all")
@example("ALL")
@example("ﬀ" * 40)
@example("-" * 50)
@example("A" * 39 + "-B")
def test_every_source_name_makes_a_valid_region(name: str) -> None:
    region = rules.region_from(name)
    assert rules.region_name(region) == region
    assert region != rules.ALL


@given(st.text(max_size=50))
def test_a_region_is_fit_for_an_address_or_refused(text: str) -> None:
    try:
        region = rules.region_name(text)
    except ValueError:
        return
    assert region.isascii()
    assert region == quote(region, safe="")
    assert region != ".."
    assert rules.region_name(region) == region
    assert rules.region_name(region.lower()) == region


@pytest.mark.parametrize("text", ["", " ", "/", "..", "a/b", "all", "A" * 41, "-a", ".a", "Ä"])
def test_what_is_no_region(text: str) -> None:
    with pytest.raises(ValueError, match="a region is"):
        rules.region_name(text)


@pytest.mark.parametrize("name", ["..", ".hidden", "a/b", "", "x" * 61, 7, None])
def test_what_is_no_name_of_a_combination(name: object) -> None:
    with pytest.raises(ValueError, match="needs a name"):
        rules.checked_combination({"name": name, "regions": ["DE", "AT"]})


@pytest.mark.parametrize(
    ("name", "region"),
    [
        ("My list", "MY-LIST"),
        ("Télé 2", "TELE-2"),
        ("all", "ALL-1"),
        ("!!!", "SOURCE-1"),
        ("x" * 41, "X" * 40),
        ("x" * 39 + " y", "X" * 39),
    ],
)
def test_a_region_is_made_of_a_sources_name(name: str, region: str) -> None:
    assert rules.region_from(name) == region


@pytest.mark.parametrize("text", [" de ", "De", "DE"])
def test_a_region_is_written_in_one_way(text: str) -> None:
    assert rules.region_name(text) == "DE"
    assert rules.region_name("north  america") == "NORTH-AMERICA"


def test_a_combination_is_kept_in_one_form() -> None:
    entry = {"name": " DACH ", "regions": ["de", "AT", "DE", "ch"], "more": 1}
    assert rules.checked_combination(entry) == {"name": "DACH", "regions": ["DE", "AT", "CH"]}


@pytest.mark.parametrize("regions", [None, "DE,AT", [], ["DE"], ["DE", "de"], {"DE": 1, "AT": 2}])
def test_a_combination_is_of_two_regions_at_least(regions: object) -> None:
    with pytest.raises(ValueError, match="two or more regions"):
        rules.checked_combination({"name": "DACH", "regions": regions})
    assert rules.checked_combination({"name": "DACH", "regions": ["DE", "AT"]})["regions"] == ["DE", "AT"]


# -- filter --------------------------------------------------------------------------------------------------------


def test_the_filter_keeps_what_contains_a_keyword_and_may_regroup_it() -> None:
    chosen = Filter.of(True, ["news", "sport: Sports ", " ", ":Nothing", "NEW:Late"])
    assert chosen.apply("BBC News", "UK") == "UK"
    assert chosen.apply("SPORT 1", "DE") == "Sports"
    assert chosen.apply("News and Sport", "X") == "X", "the first keyword that matches counts"
    assert chosen.apply("New", "X") == "Late"
    assert chosen.apply("Cartoons", "X") is None


@given(WORD, WORD, st.lists(WORD))
def test_a_filter_that_is_off_or_has_no_keywords_keeps_everything(name: str, group: str, keywords: list[str]) -> None:
    assert Filter.of(False, keywords).apply(name, group) == group
    assert Filter.of(True, ["", " ", ":G"]).apply(name, group) == group


@given(WORD.filter(bool), WORD, WORD)
def test_a_keyword_is_found_whatever_its_case(keyword: str, before: str, after: str) -> None:
    assume(":" not in keyword)
    chosen = Filter.of(True, [keyword.swapcase()])
    assume(keyword.casefold() == keyword.swapcase().casefold())
    assert chosen.apply(before + keyword + after, "G") == "G"


# -- fresh or not --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "refreshing", "status"),
    [
        (None, False, Status.NO_DATA),
        (None, True, Status.REFRESHING),
        (0, False, Status.FRESH),
        (720, False, Status.FRESH),
        (720.1, False, Status.STALE),
        (9999, True, Status.REFRESHING),
    ],
)
def test_the_status_of_a_region(age: float | None, refreshing: bool, status: Status) -> None:
    assert rules.status(age, 600, refreshing=refreshing) is status


def test_the_css_of_a_status_is_one_word() -> None:
    assert [status.css for status in Status] == ["fresh", "stale", "no-data", "refreshing"]


MOMENTS = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC))


@given(st.lists(MOMENTS, min_size=1))
def test_a_whole_is_as_old_as_its_oldest_part(moments: list[datetime]) -> None:
    assert rules.oldest(moments) == min(moments)
    assert rules.oldest(iter(moments)) == min(moments)
    assert rules.oldest([*moments, None]) is None
    assert rules.oldest([None, *moments]) is None


def test_nothing_has_no_age() -> None:
    assert rules.oldest([]) is None


# -- the guard -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stored", "gone", "guard", "held"),
    [
        (0, 0, 30, None),
        (0, 5, 30, None),
        (100, 0, 0, None),
        (100, 30, 30, None),
        (100, 31, 30, "−31 %"),
        (1000, 301, 30, "−30 %"),
        (100, 1, 0, "−1 %"),
        (100, 100, 100, None),
        (100, 100, 99, "−100 %"),
        (3, 1, 33, "−33 %"),
    ],
)
def test_a_loss_beyond_the_guard_is_held_back(stored: int, gone: int, guard: int, held: str | None) -> None:
    assert rules.held_back(ListChange(stored=stored, gone=gone), guard) == held


@given(st.integers(1, 10_000), st.integers(0, 10_000), st.integers(0, 100), st.integers(0, 10_000))
def test_only_the_loss_counts_for_the_guard(stored: int, gone: int, guard: int, new: int) -> None:
    gone = min(gone, stored)
    held = rules.held_back(ListChange(stored, new=new, changed=new, moved=new, gone=gone), guard)
    assert (held is not None) == (gone * 100 > guard * stored)


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))
def test_a_change_is_nothing_only_when_nothing_changed(new: int, changed: int, moved: int, gone: int) -> None:
    assert ListChange(5, new, changed, moved, gone).nothing == (new + changed + moved + gone == 0)


def test_a_change_of_which_nothing_is_said_is_nothing() -> None:
    assert ListChange(stored=5).nothing


def test_an_address_is_good_for_ever_unless_its_source_says_otherwise() -> None:
    assert not ListEntry(name="A", url="").expires


@given(st.integers(0, 10_000), st.floats(60, 86_400), st.one_of(st.none(), st.floats(0, 86_400)))
def test_the_pause_after_failures_grows_within_bounds(failures: int, interval: float, after: float | None) -> None:
    pause = rules.next_attempt(failures, interval, after)
    assert pause <= rules.next_attempt(failures + 1, interval, after)
    assert 30 <= pause <= max(interval, after or 0)
    assert pause >= (after or 0)


@pytest.mark.parametrize(
    ("failures", "after", "pause"),
    [
        (0, None, 30),
        (1, None, 30),
        (2, None, 60),
        (4, None, 240),
        (5, None, 300),
        (99, None, 300),
        (1, 45.0, 45),
        (2, 9.0, 60),
    ],
)
def test_the_pause_after_failures_doubles_up_to_the_interval(failures: int, after: float | None, pause: float) -> None:
    assert rules.next_attempt(failures, 300, after) == pause


# -- variants ------------------------------------------------------------------------------------------------------


def v(height: int, fps: float, bandwidth: int = 0) -> Variant:
    return Variant(f"http://s/{height}p{fps}/{bandwidth}", height, fps, bandwidth)


def test_variants_are_ranked_as_the_specification_says() -> None:
    best_first = [
        v(1080, 50),
        v(720, 50),
        v(1080, 25),
        v(720, 25),
        v(576, 50),
        v(576, 25),
        v(360, 30),
        v(360, 25),
        v(240, 25),
    ]
    for pair in itertools.combinations(best_first, 2):
        assert master.best_variant(pair) == master.best_variant(pair[::-1]) == pair[0]
    assert sorted(best_first, key=master.variant_rank, reverse=True) == best_first


@pytest.mark.parametrize("fps", [50.0, 59.94, 60.0])
def test_frame_rates_about_fifty_and_about_twenty_five_are_classes(fps: float) -> None:
    for slow in (23.976, 24.0, 25.0, 29.97, 30.0):
        assert master.best_variant([v(720, fps), v(1080, slow)]) == v(720, fps)
        assert master.best_variant([v(720, slow), v(576, fps)]) == v(720, slow)


def test_equal_pictures_are_told_apart_by_their_bandwidth() -> None:
    assert master.best_variant([v(720, 50, 1), v(720, 50, 3), v(720, 50, 2)]) == v(720, 50, 3)
    assert master.best_variant([]) is None


@given(st.lists(st.tuples(st.integers(1, 719), st.integers(1, 100)), min_size=2, max_size=2, unique=True))
def test_the_rest_is_ranked_by_height_times_frame_rate(pair: list[tuple[int, int]]) -> None:
    one, two = (v(height, fps) for height, fps in pair)
    assume(one.height * one.fps != two.height * two.fps)
    assert master.best_variant([one, two]) == max(one, two, key=lambda variant: variant.height * variant.fps)


MASTER = """#EXTM3U
#EXT-X-VERSION:6
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="aud1",LANGUAGE="en",NAME="English",AUTOSELECT=YES,DEFAULT=YES,CHANNELS="2",URI="a1/prog_index.m3u8"

#EXT-X-STREAM-INF:AVERAGE-BANDWIDTH=2168183,BANDWIDTH=2177116,CODECS="avc1.640020,mp4a.40.2",RESOLUTION=960x540,FRAME-RATE=60.000,CLOSED-CAPTIONS="cc1",AUDIO="aud1",SUBTITLES="sub1"
v5/prog_index.m3u8
#EXT-X-STREAM-INF:AVERAGE-BANDWIDTH=7968416,BANDWIDTH=8001098,CODECS="avc1.64002a,mp4a.40.2",RESOLUTION=1920x1080,FRAME-RATE=60.000,AUDIO="aud1"
# a remark in between
https://cdn.example/v9/prog_index.m3u8?x=1

#EXT-X-STREAM-INF:PROGRAM-ID=1,BANDWIDTH=1280000
../low.m3u8
#EXT-X-I-FRAME-STREAM-INF:AVERAGE-BANDWIDTH=183689,BANDWIDTH=187492,CODECS="avc1.64002a",RESOLUTION=1920x1080,URI="v7/iframe_index.m3u8"
"""


def test_a_master_playlist_names_its_variants() -> None:
    """Two of the variants of Apple's public example stream, and the oldest form there is."""
    variants = master.parse_master(MASTER.replace("\n", "\r\n"), "https://h.example/a/b/master.m3u8?token=1")
    assert variants == [
        Variant("https://h.example/a/b/v5/prog_index.m3u8", 540, 60.0, 2_177_116),
        Variant("https://cdn.example/v9/prog_index.m3u8?x=1", 1080, 60.0, 8_001_098),
        Variant("https://h.example/a/low.m3u8", 0, 0.0, 1_280_000),
    ]
    best = master.best_variant(variants)
    assert best is not None
    assert best.height == 1080


def test_a_media_playlist_names_none() -> None:
    assert master.parse_master("#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\nseg1.ts\n", "http://h/") == []


@pytest.mark.parametrize(
    "attributes",
    [
        "RESOLUTION=1x",
        "RESOLUTION=x",
        "RESOLUTION=1920x1080x9",
        "RESOLUTION=9x" + "9" * 5000,
        "FRAME-RATE=nan",
        "FRAME-RATE=inf",
        "FRAME-RATE=-5",
        "BANDWIDTH=" + "9" * 5000,
        'CODECS="',
        "=,=,",
        "RESOLUTION=1x٣٠٠",
    ],
)
def test_nonsense_in_a_master_playlist_is_passed_over(attributes: str) -> None:
    (variant,) = master.parse_master(f"#EXTM3U\n#EXT-X-STREAM-INF:{attributes}\nv.m3u8\n", "http://h/")
    assert variant.url == "http://h/v.m3u8"
    assert 0 <= variant.height < 100_000
    assert 0 <= variant.fps < 1000
    master.best_variant([variant])


@pytest.mark.parametrize("line", ["http://[::1", "//[", "http://a\u2100b/x"])
def test_an_impossible_address_in_a_master_playlist_breaks_nothing(line: str) -> None:
    variants = master.parse_master(
        f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{line}\n#EXT-X-STREAM-INF:BANDWIDTH=2\nok.m3u8\n", "http://h/"
    )
    assert "http://h/ok.m3u8" in [variant.url for variant in variants]


@given(st.text(max_size=200), st.text(max_size=30))
def test_no_text_makes_the_parser_of_master_playlists_fall_over(text: str, line: str) -> None:
    for variant in master.parse_master(f"#EXT-X-STREAM-INF:{text}\n{line}\n{text}", "http://h/a/"):
        master.variant_rank(variant)


@pytest.mark.parametrize(
    ("attributes", "variant"),
    [
        ("RESOLUTION=1x99999", (99_999, 0.0, 0)),
        ("RESOLUTION=1x100000", (0, 0.0, 0)),
        ("FRAME-RATE=0", (0, 0.0, 0)),
        ("FRAME-RATE=999.9", (0, 999.9, 0)),
        ("FRAME-RATE=1000", (0, 0.0, 0)),
        ("FRAME-RATE=fast", (0, 0.0, 0)),
        ("BANDWIDTH=99999999999", (0, 0.0, 99_999_999_999)),
        ("BANDWIDTH=100000000000", (0, 0.0, 0)),
        ("resolution=1x720", (0, 0.0, 0)),
        ("RESOLUTION=1X720", (720, 0.0, 0)),
    ],
)
def test_what_a_variant_says_of_itself_is_believed_within_reason(
    attributes: str, variant: tuple[int, float, int]
) -> None:
    (found,) = master.parse_master(f"#EXT-X-STREAM-INF:{attributes}\nv.m3u8\n", "http://h/")
    assert (found.height, found.fps, found.bandwidth) == variant


def test_an_address_without_a_description_before_it_is_no_variant() -> None:
    text = "#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\nb.m3u8\n"
    assert [one.url for one in master.parse_master(text, "http://h/")] == ["http://h/a.m3u8"]


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (v(1080, 45), v(1079, 60)),
        (v(720, 45), v(2160, 44.9)),
        (v(1080, 20), v(1079, 44)),
        (v(720, 20), v(719, 60)),
        (v(720, 20), v(1080, 19.9)),
        (v(600, 0.0), v(600, 24.0)),
        (v(600, 25.1), v(600, 0.0)),
    ],
)
def test_where_the_classes_of_variants_begin(better: Variant, worse: Variant) -> None:
    assert master.best_variant([worse, better]) == master.best_variant([better, worse]) == better


def test_only_of_several_variants_those_that_nothing_describes_are_measured() -> None:
    told, without_size, without_rate = v(720, 25), v(0, 25), v(720, 0)
    assert master.unnamed([told, without_size, without_rate]) == [without_size, without_rate]
    assert master.unnamed([without_size]) == []
    assert master.unnamed([told, told]) == []


def test_what_was_measured_fills_in_what_a_playlist_does_not_say() -> None:
    told, untold = Variant("http://s/a?token=1", 720, 25.0), Variant("http://s/b?token=1")
    known = {master.variant_key(Variant(f"http://s/{name}?token=2")): (576, 50.0) for name in "ab"}
    assert master.with_measured([told, untold], known) == [told, Variant("http://s/b?token=1", 576, 50.0)]
    assert master.with_measured([untold], {}) == [untold]


# -- secrets in addresses ------------------------------------------------------------------------------------------

SECRET = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), min_size=1, max_size=12).map(
    lambda text: quote(text, safe="")
)
URL = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="{}"), max_size=30)


@given(URL, st.lists(SECRET, min_size=1, max_size=3, unique=True), st.lists(st.integers(0, 2), max_size=4))
@example("/live/", ["demo", "demo-password"], [0, 1])
@example("/live/", ["1", "0"], [0, 1])
@example("/live/", ["x", "secret"], [0, 1])
def test_hidden_secrets_are_filled_in_again(url: str, secrets: list[str], places: list[int]) -> None:
    whole = "http://h" + url + "".join(f"/{secrets[place % len(secrets)]}" for place in places)
    assert rules.fill_secrets(rules.hide_secrets(whole, secrets), secrets) == whole


@given(
    URL,
    st.text(st.sampled_from("WXYZ"), min_size=4, max_size=9),
    st.text(st.sampled_from("WXYZ-"), min_size=4, max_size=9),
)
@example("/live/", "WXYZ", "WXYZ-WORD")
def test_no_part_of_a_secret_is_left_in_the_stored_address(url: str, user: str, password: str) -> None:
    """The demo panel's login is demo / demo-password: `{secret0}-password` would be stored, and shown."""
    assume(user != password and "WXYZ" not in url and not set(url) & set("WXYZ"))
    hidden = rules.hide_secrets(f"http://h{url}/live/{user}/{password}/1.ts", [user, password])
    assert not set(hidden) & set("WXYZ")


def test_a_new_password_takes_the_place_of_the_old_one() -> None:
    hidden = rules.hide_secrets("http://h/live/demo/demo-password/1.ts", ["demo", "demo-password"])
    assert rules.fill_secrets(hidden, ["hans", "new"]) == "http://h/live/hans/new/1.ts"


def test_a_placeholder_for_a_secret_that_is_gone_stays() -> None:
    assert rules.fill_secrets("http://h/{secret0}/{secret1}/{secret7}", ["a", "b"]) == "http://h/a/b/{secret7}"
    assert rules.hide_secrets("http://h/1", []) == rules.hide_secrets("http://h/1", [""]) == "http://h/1"
    assert rules.hide_secrets("http://h/x/x", ["x", "x"]) == "http://h/{secret0}/{secret0}", "the first of equal ones"
