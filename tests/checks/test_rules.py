"""Score, verdict and order: pure rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.checks import rules
from nightcrew.checks.rules import Facts, RankedStream
from nightcrew.checks.settings import CheckSettings
from nightcrew.playlists.exports import DEAD_PLACES, UNPLACED
from nightcrew.prober.wire import ProbeReport

DEFAULTS = CheckSettings()
GOOD = ProbeReport(
    container="mpegts",
    video_codec="h264",
    width=1920,
    height=1080,
    fps=25.0,
    audio_codec="aac",
    kbps=4000.0,
    seconds=16.0,
    wall=16.0,
    pictures=2,
    frozen=False,
    black=False,
    silent=False,
)


def report(**changes: object) -> ProbeReport:
    return ProbeReport(**{**{name: getattr(GOOD, name) for name in GOOD.__dataclass_fields__}, **changes})  # type: ignore[arg-type]


# -- score -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "value"),
    [
        (Facts("hevc", 1920, 1080, 60.0, "aac", 8000.0), 1.0),
        (Facts("h264", 1920, 1080, 30.0, "aac", 4000.0), 0.40 * 0.5 + 0.35 + 0.15 * 0.5 + 0.10 * 0.8),
        (Facts("h264", 1280, 720, 25.0, "aac", 16_000.0), 0.40 + 0.35 * 0.7 + 0.15 * 25 / 60 + 0.10 * 0.8),
        (Facts("mpeg2video", 720, 576, 25.0, "mp2", 2000.0), 0.40 * 0.25 + 0.35 * 0.5 + 0.15 * 25 / 60 + 0.10 * 0.5),
        (Facts("av1", 640, 360, 120.0, "aac", 800.0), 0.40 * 0.1 + 0.35 * 0.3 + 0.15 + 0.10),
    ],
)
def test_the_score_is_the_formula_of_the_specification(facts: Facts, value: float) -> None:
    assert rules.score(facts, DEFAULTS).value == pytest.approx(value, abs=1e-4)


@given(
    kbps=st.none() | st.floats(0, 1e6),
    height=st.integers(0, 5000),
    fps=st.floats(0, 300),
    codec=st.sampled_from(["", "h264", "hevc", "av1", "mpeg2video"]),
    weights=st.tuples(*[st.floats(0, 1)] * 4),
)
def test_a_score_is_between_0_and_1_and_its_parts_explain_it(
    kbps: float | None, height: int, fps: float, codec: str, weights: tuple[float, ...]
) -> None:
    names = ("weight_bitrate", "weight_resolution", "weight_fps", "weight_codec")
    options = CheckSettings(**dict(zip(names, weights, strict=True)))
    found = rules.score(Facts(codec, 0, height, fps, "", kbps), options)
    assert 0 <= found.value <= 1
    assert all(0 <= part.value <= 1 for part in found.parts)
    weights_of = sum(part.weight for part in found.parts)
    explained = sum(part.value * part.weight for part in found.parts) / (weights_of or 1) * min(weights_of, 1)
    assert found.value == pytest.approx(explained * (0.9 if codec else 1), abs=1e-4)


def test_a_bit_rate_that_was_not_measured_raises_no_score() -> None:
    measured = rules.score(Facts("h264", 1920, 1080, 50.0, "aac", 0.001), DEFAULTS).value
    unknown = rules.score(Facts("h264", 1920, 1080, 50.0, "aac", None), DEFAULTS).value
    assert unknown == measured


def test_a_card_with_a_spinner_is_not_better_than_television() -> None:
    card = rules.score(Facts("h264", 1920, 1080, 25.0, "aac", 114.0), DEFAULTS).value
    television = rules.score(Facts("mpeg2video", 720, 576, 25.0, "mp2", 3200.0), DEFAULTS).value
    assert card < television


@pytest.mark.parametrize(("codec", "kbps"), [("h264", 1037), ("hevc", 519), ("mpeg2video", 2074)])
def test_where_a_resolution_has_the_bits_that_it_needs(codec: str, kbps: int) -> None:
    assert rules.bits_value(Facts(codec, 1920, 1080, 25.0, "aac", kbps)) == 1
    assert 0.99 < rules.bits_value(Facts(codec, 1920, 1080, 25.0, "aac", kbps - 4)) < 1


def test_a_picture_without_sound_loses_a_share() -> None:
    loud, mute = (rules.score(Facts("h264", 1920, 1080, 50.0, sound, 5000.0), DEFAULTS).value for sound in ("aac", ""))
    assert mute == pytest.approx(0.9 * loud, abs=1e-4)


@pytest.mark.parametrize("entry", ["notice board", " Notice Board ", "group:Still life", "GROUP:still LIFE"])
def test_a_channel_is_allowed_what_a_person_says(entry: str) -> None:
    slides = report(frozen=True, loop=5.0, black=True, silent=True, kbps=90.0)
    options = CheckSettings(allow_frozen=[entry])
    assert rules.for_channel(options, "Other", "Other") is options
    mine = rules.for_channel(options, "Notice board", "Still life")
    assert "black" in (rules.failure(slides, mine) or "")
    every = CheckSettings(
        allow_frozen=[entry], allow_black=["x", entry], allow_silent=[entry], allow_kbps=[entry], min_kbps=500
    )
    mine = rules.for_channel(every, "Notice board", "Still life")
    assert rules.failure(slides, mine) is None
    assert mine.min_kbps == 0


@pytest.mark.parametrize(("lasts", "told"), [(0.04, True), (10.0, True), (59.9, True), (60.0, False), (None, False)])
def test_what_ends_within_a_minute_is_no_channel(lasts: float | None, told: bool) -> None:
    assert ("clip" in (rules.failure(GOOD, DEFAULTS, lasts=lasts) or "")) is told


@pytest.mark.parametrize(
    ("lasts", "told"), [(90.0, True), (120.0, True), (7200.0, True), (50_000.0, False), (None, False)]
)
def test_what_ends_is_no_channel_and_may_be_a_film(lasts: float | None, told: bool) -> None:
    found = rules.failure(report(ended=lasts is not None), DEFAULTS, lasts=lasts, live=True)
    assert ("a recording, not a channel" in (found or "")) is told
    assert rules.failure(GOOD, DEFAULTS, lasts=lasts, live=False) is None


@pytest.mark.parametrize(
    ("name", "group", "url", "attributes", "live"),
    [
        ("News", "Germany", "http://h/live/u/p/1.ts", {}, True),
        ("News", "", "http://h/1.m3u8", {}, True),
        ("Metropolis", "Germany", "http://h/movie/u/p/1.mkv", {}, False),
        ("Metropolis", "Filme", "http://h/1", {}, False),
        ("Metropolis", "Sport / VOD", "http://h/1", {}, False),
        ("Metropolis (1927)", "", "http://h/1", {}, False),
        ("Dark S01 E03", "", "http://h/1", {}, False),
        ("Metropolis", "", "http://h/1", {"tvg-type": "movie"}, False),
        ("Das Erste (HD)", "Vodafone", "http://h/1", {}, True),
    ],
)
def test_films_are_told_from_channels(name: str, group: str, url: str, attributes: dict[str, str], live: bool) -> None:
    assert rules.is_live(name, group, url, attributes) is live


def test_a_playlist_that_names_its_segments_again_is_a_loop() -> None:
    assert "the same 8 s again" in (rules.failure(GOOD, DEFAULTS, repeats=8.0) or "")
    assert rules.failure(GOOD, DEFAULTS, repeats=8.0, radio=True) is None
    board = rules.for_channel(DEFAULTS.model_copy(update={"allow_frozen": ["Board"]}), "Board", "")
    assert rules.failure(GOOD, board, repeats=8.0) is None


def test_of_what_was_not_seen_nothing_is_known_and_it_is_worth_nothing() -> None:
    assert rules.facts_of(ProbeReport()) == Facts()
    assert rules.score(Facts(), DEFAULTS).value == 0
    assert rules.facts_of(GOOD) == Facts("h264", 1920, 1080, 25.0, "aac", 4000.0)


def test_the_parts_are_told_in_their_order_and_the_value_to_four_digits() -> None:
    found = rules.score(Facts("h264", 1920, 1080, 23.976, "aac", 1234.5), DEFAULTS)
    assert [part.name for part in found.parts] == ["bit rate", "resolution", "frame rate", "codec"]
    assert found.value == 0.5517


@pytest.mark.parametrize(
    ("height", "value"),
    [(-1, 0), (0, 0), (1, 0.3), (575, 0.3), (576, 0.5), (719, 0.5), (720, 0.7), (1079, 0.7), (1080, 1)],
)
def test_each_resolution_has_its_worth(height: int, value: float) -> None:
    assert rules.resolution_value(height) == value


def test_the_threshold_comes_after_the_score() -> None:
    options = CheckSettings(min_score=0.5)
    low = Facts("h264", 640, 360, 25.0, "aac", 500.0)
    value = rules.score(low, options).value
    assert value > 0
    assert "minimum" in (rules.below_minimum(low, value, options) or "")
    assert rules.below_minimum(low, value, DEFAULTS) is None


@pytest.mark.parametrize("limits", [{"min_height": 720}, {"min_kbps": 1000}, {"min_fps": 50}])
def test_each_minimum_of_the_user_is_a_reason_of_its_own(limits: dict[str, int]) -> None:
    low = Facts("h264", 640, 360, 25.0, "aac", 500.0)
    assert str(next(iter(limits.values()))) in (rules.below_minimum(low, 0.9, CheckSettings(**limits)) or "")


@pytest.mark.parametrize(
    ("options", "least"), [({"min_height": 360}, 361), ({"min_kbps": 500}, 501), ({"min_fps": 25}, 26)]
)
def test_what_just_reaches_a_minimum_is_good_enough(options: dict[str, int], least: int) -> None:
    low, (name,) = Facts("h264", 640, 360, 25.0, "aac", 500.0), options
    assert rules.below_minimum(low, 0.5, CheckSettings(**options, min_score=0.5)) is None
    assert rules.below_minimum(low, 0.5, CheckSettings(**{name: least})) is not None
    assert rules.below_minimum(low, 0.499, CheckSettings(min_score=0.5)) == "its score is 0.50; the minimum is 0.50"


# -- good or not -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"error": "nothing in it can be decoded"}, "decoded"),
        ({"video_codec": "", "audio_codec": ""}, "decoded"),
        ({"video_codec": "", "width": 0, "height": 0, "pictures": 0}, "no video"),
        ({"width": 0, "height": 0}, "no size"),
        ({"width": 0}, "no size"),
        ({"height": 0}, "no size"),
        ({"video_codec": "unknown"}, "cannot be decoded here"),
        ({"pictures": 0, "black": None, "frozen": None}, "no picture could be decoded"),
        ({"frozen": True}, "did not move"),
        ({"black": True}, "black"),
        ({"silent": True}, "silent"),
        ({"ended": True, "seconds": 1.2}, "broke off after 1.2 s"),
        ({"loop": 5.0}, "the same 5 s again and again"),
        ({"seconds": 6.0, "wall": 20.0}, "too slow"),
        ({"seconds": 2.0, "wall": 25.0, "late": True}, "too slow"),
    ],
)
def test_each_failure_has_a_reason_of_its_own(changes: dict[str, object], word: str) -> None:
    assert word in (rules.failure(report(**changes), DEFAULTS) or "")


def test_a_good_stream_has_none() -> None:
    assert rules.failure(GOOD, DEFAULTS) is None
    assert rules.failure(report(ended=True, seconds=70.0, wall=70.0), DEFAULTS, lasts=70.0) is None, "a short film"
    assert rules.failure(report(audio_codec="", silent=None), DEFAULTS) is None, "a web camera without sound"
    assert rules.failure(report(kbps=0.0, seconds=0.0, pictures=0), DEFAULTS) is None, "only its headers were asked for"


def test_a_short_look_calls_nothing_frozen_black_or_silent() -> None:
    assert rules.failure(report(frozen=True, black=True, silent=True, seconds=4.0, wall=4.0), DEFAULTS) is None


def test_a_picture_of_one_dot_has_a_size() -> None:
    assert rules.failure(report(width=1, height=1), DEFAULTS) is None


@pytest.mark.parametrize(
    ("seconds", "wall", "late", "slow"),
    [(11.25, 15.0, False, False), (11.24, 15.0, False, True), (11.0, 14.9, False, False), (11.0, 14.9, True, True)],
)
def test_three_seconds_of_it_in_four_are_enough_and_it_is_looked_at_for_long_before_less_is_slow(
    seconds: float, wall: float, late: bool, slow: bool
) -> None:
    said = rules.failure(report(seconds=seconds, wall=wall, late=late), DEFAULTS)
    assert ("too slow" in (said or "")) is slow


@pytest.mark.parametrize(("seconds", "told"), [(12.0, True), (11.9, False)])
def test_a_picture_stands_still_when_it_did_for_most_of_the_time_that_doubt_takes(seconds: float, told: bool) -> None:
    said = rules.failure(report(frozen=True, seconds=seconds, wall=seconds), DEFAULTS)
    assert ("did not move" in (said or "")) is told


@pytest.mark.parametrize(
    ("options", "seconds"), [({}, 15.0), ({"probe_limit": 20}, 14.0), ({"probe_limit": 5, "sample_seconds": 9.0}, 9.0)]
)
def test_doubt_leaves_time_to_answer_and_takes_no_less_than_a_sample(options: dict[str, float], seconds: float) -> None:
    assert rules.doubt(CheckSettings(**options)) == seconds  # type: ignore[arg-type]


def test_a_card_that_stands_still_is_all_that_radio_shows() -> None:
    card = report(frozen=True, black=True)
    assert rules.failure(card, DEFAULTS) is not None
    assert rules.failure(card, DEFAULTS, radio=True) is None
    assert rules.failure(report(frozen=True, silent=True), DEFAULTS, radio=True) is not None


def test_a_short_card_that_was_seen_to_its_end_is_a_card() -> None:
    card = report(frozen=True, ended=True, seconds=8.0, wall=1.0)
    assert "did not move" in (rules.failure(card, DEFAULTS, lasts=61.0) or "")


def test_radio_is_allowed_where_a_channel_calls_itself_radio() -> None:
    sound = report(video_codec="", width=0, height=0, pictures=0)
    assert rules.failure(sound, DEFAULTS, radio=True) is None
    assert rules.failure(sound, CheckSettings(audio_only="never"), radio=True) is not None
    assert rules.failure(sound, CheckSettings(audio_only="always")) is None
    assert rules.is_radio("Radio Eins", "", {})
    assert rules.is_radio("Eins", "Radio", {})
    assert rules.is_radio("Eins", "", {"radio": "true"})
    assert not rules.is_radio("Radiology TV", "Science", {})


def test_dead_streams_are_tried_again_with_growing_pauses() -> None:
    pauses = [rules.next_retry(failures, DEFAULTS) for failures in range(1, 30)]
    assert pauses[:3] == [3600, 7200, 14_400]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 7 * 86_400


# -- order -------------------------------------------------------------------------------------------------------------


def ordered(entries: list[RankedStream], options: CheckSettings) -> list[int]:
    places = rules.order(entries, options)
    return sorted((stream_id for stream_id in places if places[stream_id] >= 0), key=lambda one: places[one])


def entry(stream_id: int, account: str, score: float | None, **more: object) -> RankedStream:
    return RankedStream(id=stream_id, account=account, source=account, score=score, **more)  # type: ignore[arg-type]


ENTRIES = [entry(1, "A", 0.9), entry(2, "A", 0.8), entry(3, "B", 0.7), entry(4, "B", 0.6), entry(5, "C", 0.5)]


def test_better_streams_come_first_then_unchecked_then_dead_ones() -> None:
    entries = [entry(1, "A", 0.9, dead=True), entry(2, "A", None), entry(3, "B", 0.2), entry(4, "B", 0.6)]
    assert ordered(entries, DEFAULTS) == [4, 3, 2, 1]


def test_places_tell_good_fresh_and_dead_streams_apart() -> None:
    entries = [
        entry(1, "A", 0.3, dead=True),
        entry(2, "A", None, lead=1),
        entry(3, "A", None),
        entry(4, "A", 0.0),
        entry(5, "A", 0.6),
        entry(6, "A", None, dead=True),
        entry(7, "A", 0.9, dead=True),
    ]
    places = {5: 1, 4: 2, 3: UNPLACED, 2: UNPLACED + 1, 7: DEAD_PLACES, 1: DEAD_PLACES + 1, 6: DEAD_PLACES + 2}
    assert rules.order(entries, DEFAULTS) == places
    assert rules.order(entries, CheckSettings(account_stream_limit=6)) == {**places, 6: -1}


def test_diversification_takes_another_provider_second_and_never_a_worse_stream_first() -> None:
    assert ordered(ENTRIES, CheckSettings(diversify=True)) == [1, 3, 5, 2, 4]
    swapped = [entry(1, "A", 0.1), entry(2, "A", 0.3), entry(3, "B", 0.7), entry(4, "C", 0.6)]
    assert ordered(swapped, CheckSettings(diversify=True)) == [3, 4, 2, 1], "the best account begins, not the first one"


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.floats(0, 1)), min_size=1, max_size=12))
def test_diversification_keeps_the_best_first_and_each_accounts_own_order(found: list[tuple[str, float]]) -> None:
    entries = [entry(index, account, score, lead=index) for index, (account, score) in enumerate(found)]
    plain, spread = ordered(entries, DEFAULTS), ordered(entries, CheckSettings(diversify=True))
    assert spread[0] == plain[0]
    assert sorted(spread) == sorted(plain)
    for account in "ABC":
        mine = {one.id for one in entries if one.account == account}
        assert [one for one in spread if one in mine] == [one for one in plain if one in mine]
    accounts = {one.id: one.account for one in entries}
    first_round = [accounts[one] for one in spread[: len({account for account, _ in found})]]
    assert len(set(first_round)) == len(first_round), "no account comes twice before each came once"


def test_account_priority_comes_before_the_score() -> None:
    assert ordered(ENTRIES, CheckSettings(account_priority=["c", "B"])) == [5, 3, 4, 1, 2]


def test_a_picture_that_is_higher_than_wished_comes_after_the_others() -> None:
    entries = [entry(1, "A", 0.95, height=2160), entry(2, "A", 0.5, height=1080), entry(3, "A", 0.4, height=720)]
    assert ordered(entries, CheckSettings(prefer_max_height=1080)) == [2, 3, 1]


def test_an_accounts_limit_leaves_its_worse_streams_out_but_not_those_a_person_added() -> None:
    entries = [*ENTRIES, entry(6, "A", 0.1, exempt=True)]
    assert ordered(entries, CheckSettings(account_stream_limit=1)) == [1, 3, 5, 6]
    assert ordered(entries, CheckSettings(account_stream_limit=0)) == [1, 2, 3, 4, 5, 6]


def test_a_limit_prefers_working_streams_to_dead_ones() -> None:
    entries = [entry(1, "A", 0.9, dead=True), entry(2, "A", 0.2)]
    assert ordered(entries, CheckSettings(account_stream_limit=1)) == [2]
