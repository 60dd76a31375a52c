"""The parts that the matcher is made of, each by itself: words, versions, titles, numbers, and how much they say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nightcrew.music.matching import artists, classical, decision, glance, held_title, judge, paths, reading, titles
from nightcrew.music.matching import versions as kinds
from nightcrew.music.matching.artists import ArtistName, names_in
from nightcrew.music.matching.model import FileCandidate, MatchParts, OtherRecording, TrackMatch, WantedTrack
from nightcrew.music.matching.versions import VersionWords
from nightcrew.music.matching.words import alike, is_slip, similarity, weight, words

DIANA = WantedTrack("Upside Down", ("Diana Ross",), "Diana", 245.0, number=1)


# -- words ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "right", "least", "most"),
    [
        ("moon", "moon", 1.0, 1.0),
        ("f**k", "funk", 0.9, 0.9),
        ("funk", "f*k", 0.9, 0.9),
        ("f**k", "rock", 0.0, 0.0),
        ("on", "in", 0.0, 0.0),
        ("the", "them", 0.0, 0.0),
        ("them", "the", 0.0, 0.0),
        ("1984", "1985", 0.0, 0.0),
        ("abcd", "1984", 0.0, 0.0),
        ("midnight", "midnite", 0.75, 0.95),
        ("moon", "tree", 0.0, 0.0),
    ],
)
def test_how_alike_two_words_are(left: str, right: str, least: float, most: float) -> None:
    assert least <= alike(left, right) <= most


@pytest.mark.parametrize(
    ("left", "right", "slip"),
    [
        ("abcd", "abdc", True),
        ("abcd", "abce", False),
        ("abcd", "abcde", False),
        ("abcde", "abcdx", True),
        ("abcde", "abcd", False),
        ("abcdef", "abcdefgh", False),
        ("abcdefghijkl", "abcdefghijxy", True),
        ("abcdefghijk", "abcdefghixy", False),
        ("abc", "abd", False),
        ("12345", "12346", False),
    ],
)
def test_what_a_hand_does_wrong(left: str, right: str, slip: bool) -> None:
    assert is_slip(left, right) is slip


def test_a_censored_word_is_one_word_and_a_star_alone_is_none() -> None:
    assert words("F**king * Song") == ("f*king", "song")
    assert words("Song*") == ("song*",)


def test_small_words_weigh_a_third_and_order_counts_little() -> None:
    assert (weight("the"), weight("moon")) == (0.34, 1.0)
    assert similarity(("the", "moon"), ("moon",)) == pytest.approx(2 / 2.34)
    assert similarity(("moon", "river"), ("river", "moon")) == 1.0
    assert similarity(("moon",), ()) == 0.0
    assert similarity(("some", "where"), ("somewhere",)) == 0.99
    assert similarity(("moon", "river"), ("tree", "house")) == 0.0


# -- versions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "neutral"),
    [
        ("2011 Remaster", True),
        ("Explicit", True),
        ("40th Anniversary Edition", True),
        ("th Edition", False),
        ("2020 Version", False),
        ("New Version", False),
        ("the of", False),
        ("Reggae", False),
        ("24-bit Remaster", True),
        ("Live Original Mix", False),
    ],
)
def test_what_makes_no_other_recording(text: str, neutral: bool) -> None:
    assert kinds.is_neutral(words(text)) is neutral


@pytest.mark.parametrize(
    ("text", "named", "whose"),
    [
        ("Reggae Version", {"version"}, ("reggae",)),
        ("2020 Version", {"version"}, ("2020",)),
        ("Version", set(), ()),
        ("Reggae", set(), ()),
        ("Live at Wembley 1986", {"live"}, ("wembley",)),
    ],
)
def test_versions_of_what_stands_apart(text: str, named: set[str], whose: tuple[str, ...]) -> None:
    found = kinds.named_apart(words(text))
    assert (set(found.kinds), found.whose) == (named, whose)


@pytest.mark.parametrize(
    ("wanted", "found", "why"),
    [
        ((), ("live",), "it is another version (live)"),
        (("live",), (), "it is not the version that is wanted (live)"),
        (("unplugged",), ("live", "acoustic"), ""),
        (("live", "acoustic"), ("unplugged",), ""),
        (("unplugged",), ("remix",), "it is another version (remix)"),
        (("session",), ("session", "live"), ""),
        (("session",), ("live",), "it is another version (live)"),
        (("extended",), ("extended", "remix"), ""),
        (("edit", "remix"), ("edit",), ""),
        (("edit",), ("remix",), "it is another version (remix)"),
        (("extended",), ("edit", "remix"), "it is another version (edit, remix)"),
        (("intro",), (), ""),
    ],
)
def test_which_versions_disagree(wanted: tuple[str, ...], found: tuple[str, ...], why: str) -> None:
    assert kinds.disagreement(VersionWords(frozenset(wanted), ()), VersionWords(frozenset(found), ())) == why


def test_remixes_differ_by_whose_they_are_and_by_their_numbers() -> None:
    remix = frozenset(["remix"])

    def why(wanted: str, found: str) -> str:
        return kinds.disagreement(VersionWords(remix, words(wanted)), VersionWords(remix, words(found)))

    assert why("Nina Smith", "Nina Smith") == ""
    assert why("Nina Smith", "Smith") == ""
    assert why("Nina Smith", "Otto Brown") == "it is another version (otto brown)"
    assert why("Part 2", "Part 3") == "it is another version (part 3)"
    assert why("2", "") == "it is another version (without a number)"
    assert why("", "") == ""


@pytest.mark.parametrize(
    ("wanted", "found", "much"),
    [("Nina", "Nina", 1.0), ("Nina", "", 0.6), ("", "Nina", 0.6), ("", "", 1.0), ("Nina Smith", "Nina", 0.9)],
)
def test_how_well_remixes_agree(wanted: str, found: str, much: float) -> None:
    remix = frozenset(["remix"])
    assert kinds.agreement(VersionWords(remix, words(wanted)), VersionWords(remix, words(found))) == much


def test_an_intro_that_is_not_named_is_in_doubt() -> None:
    assert kinds.agreement(VersionWords(frozenset(["intro"]), ()), kinds.NONE) == 0.6


@pytest.mark.parametrize(
    ("word", "is_one"), [("40th", True), ("1st", True), ("th", False), ("xth", False), ("40", False)]
)
def test_ordinals(word: str, is_one: bool) -> None:
    assert kinds.is_ordinal(word) is is_one


@pytest.mark.parametrize(
    ("text", "verb"), [("we live", True), ("live and let die", True), ("song live", False), ("moon song", False)]
)
def test_live_may_be_a_verb(text: str, verb: bool) -> None:
    found = words(text)
    at = found.index("live") if "live" in found else 0
    assert kinds.is_lived(found, at) is verb


# -- titles --------------------------------------------------------------------------------------------------------


def test_a_part_behind_a_credit_is_a_number() -> None:
    assert titles.read_title("Song (feat. Nina, Pt. 2)").numbers == {"2"}
    assert titles.read_title("Song (feat. Nina III)").numbers == {"3"}
    assert titles.read_title("Song (feat. Nina 3)").numbers == frozenset()


def test_titles_may_leave_out_their_brackets() -> None:
    whole, plain = titles.read_title("Moon (The River Song)"), titles.read_title("Moon")
    assert titles.title_similarity(whole, whole) == 1.0
    assert titles.title_similarity(whole, plain) == pytest.approx(0.97)
    assert titles.title_similarity(plain, whole) == pytest.approx(0.97)
    slip = titles.title_similarity(titles.read_title("Moon River"), titles.read_title("Moon Rivet"))
    assert 0.9 <= slip < 1.0
    assert titles.title_similarity(plain, titles.read_title("House")) == 0.0


def test_what_a_title_has_more_may_be_a_version() -> None:
    wanted = titles.read_title("Moon")
    found = titles.without(titles.read_title("Moon live 2011 remaster"), wanted)
    assert (found.core, found.versions.kinds, found.numbers) == (("moon",), {"live"}, frozenset())
    same = titles.read_title("Moon")
    assert titles.without(same, wanted) is same
    alone = titles.read_title("Live")
    assert titles.without(alone, wanted) is alone, "nothing would be left of it"
    other = titles.read_title("Moon Palace")
    assert titles.without(other, wanted) is other


# -- artists -------------------------------------------------------------------------------------------------------


def credited(artist: str, text: str, around: str = "") -> float:
    return (
        artists.credit(tuple(names_in(artist)), text, words(around))
        if around
        else artists.credit(tuple(names_in(artist)), text)
    )


@pytest.mark.parametrize(
    ("artist", "text", "much"),
    [
        ("Diana Ross", "Diana Ross", 1.0),
        ("Diana Ross", "Ross, Diana", 0.98),
        ("Diana Ross", "Diana Ros", 0.85),
        ("Diana Ross", "Otto Brown", 0.0),
        ("Diana Ross", "Diana Ross 1980", 0.9),
        ("Diana Ross", "My Diana Ross Story", 0.0),
    ],
)
def test_how_surely_an_artist_is_named(artist: str, text: str, much: float) -> None:
    found = credited(artist, text)
    assert found == much or (much == 0.0 and found < 0.85)


def test_who_is_named_second_counts_a_little_less() -> None:
    both = (ArtistName(("diana", "ross"), "dianaross"), ArtistName(("otto", "brown"), "ottobrown"))
    assert artists.credit(both, "Diana Ross") == 1.0
    assert artists.credit(both, "Otto Brown") == pytest.approx(0.92)


# -- a quick look --------------------------------------------------------------------------------------------------


def looked(path: str, **changes: object) -> str:
    above, name = paths.split(path)
    wanted = reading.read_wanted(replace(DIANA, **changes))  # type: ignore[arg-type]
    return glance.refusal(wanted.sought, above, name)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("Diana Ross/Diana/01 Upside Down.mp3", ""),
        ("Diana Ross/Diana/02 Tenderness.mp3", "its title shares no word with the one that is wanted"),
        ("Diana Ross/Diana/01 Usside Dawn.mp3", ""),
        ("Otto Brown/Hits/01 Upside Down.mp3", "the artist is not named"),
        ("Diana R*ss/Hits/01 Upside Down.mp3", ""),
        ("Ross Diana/Hits/01 Upside Down.mp3", ""),
        ("Diana Ros/Hits/01 Upside Down.mp3", ""),
        ("Диана/Hits/01 Upside Down.mp3", ""),
        ("Diana Ross/Diana/Karaoke Upside Down.mp3", "it is another version (karaoke)"),
        ("Diana Ross/Diana/Upside Down remix.mp3", "it is another version (remix)"),
        ("Diana Ross/Diana/Remix Upside Down.mp3", ""),
        ("Diana Ross/Diana/Upside Down (Otto Remix).mp3", "it is another version (remix)"),
        ("Diana Ross/Diana/Upside Down (Edit).mp3", "it is another version (edit)"),
        ("Diana Ross/Diana/Upside Down (Edit.mp3", ""),
        ("Diana Ross/Diana/Upside Down ().mp3", ""),
        ("Diana Ross/Diana/Upside Down (from the Edit).mp3", ""),
        ("Diana Ross/Diana/Tenderness - Down Under (Edit).mp3", "it is another version (edit)"),
        ("Diana Ross/Diana/Upside Down - Tenderness (Edit).mp3", ""),
    ],
)
def test_what_a_quick_look_refuses(path: str, why: str) -> None:
    assert looked(path) == why


def test_a_quick_look_refuses_no_version_that_is_wanted_or_called_so() -> None:
    assert looked("Diana Ross/Diana/Upside Down remix.mp3", title="Upside Down (Remix)") == ""
    assert looked("Diana Ross/Diana/Remix Upside.mp3", title="Upside Remix Down") == ""
    assert looked("Diana Ross/Live/We live down.mp3", title="We Live Down") == ""


# -- decisions -----------------------------------------------------------------------------------------------------


def test_the_less_a_part_says_the_less_certain_a_file_is() -> None:
    full = MatchParts(1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    best = decision.confidence_of(full)
    assert best == decision.SUREST
    for name in decision.ODDS:
        half, none = (decision.confidence_of(replace(full, **{name: much})) for much in (0.5, 0.0))
        assert none < half <= best, name
        assert none < 0.97, name
    weak = replace(full, title=0.8)
    for name in decision.ODDS_UNKNOWN:
        assert decision.confidence_of(replace(weak, **{name: None})) < decision.confidence_of(weak), name
    assert decision.confidence_of(replace(weak, album=0.8)) > decision.confidence_of(replace(weak, album=0.79))
    assert decision.confidence_of(replace(weak, album=0.0)) == decision.confidence_of(replace(weak, album=None))
    assert (decision.confidence_of(None), decision.score_of(None)) == (0.0, 0.0)


def test_a_score_is_a_share_and_what_is_unknown_lies_between() -> None:
    full, none = MatchParts(1.0, 1.0, 1.0, 1.0, 1.0, 1.0), MatchParts(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    assert decision.score_of(full) == pytest.approx(1.0)
    assert decision.score_of(none) == 0.0
    for name in decision.UNKNOWN:
        unknown = decision.score_of(replace(full, **{name: None}))
        assert decision.score_of(replace(full, **{name: 0.0})) < unknown < 1.0, name


def test_a_decision_is_explained_in_one_line() -> None:
    parts = MatchParts(1.0, None, 0.6, 0.5, 0.0, 1.0)
    match = TrackMatch(0, parts, 0.9, 0.93, off=1.4)
    said = "0.93: title 1.00, artist unknown, length +1 s, version uncertain, album differs, number differs"
    assert decision.explain(match) == said
    fits = replace(match, parts=replace(parts, artist=1.0, version=1.0, album=0.8, number=1.0), off=None)
    assert decision.explain(fits) == "0.93: title 1.00, artist 1.00, album fits, number fits"
    assert decision.explain(replace(match, refused="it is in another key")) == "it is in another key"
    assert decision.explain(replace(match, identified=True)) == "0.93: the same identifier"
    assert decision.explain(replace(match, parts=None)) == "0.93"


def test_the_runner_up_is_told() -> None:
    path, other = "Diana Ross/Diana/01 Upside Down.mp3", "Diana Ross/Hits/Upside Down.mp3"
    longer = decision.decide(DIANA, [FileCandidate(path, 245.0), FileCandidate(other, 255.0)])
    assert "10 s longer" in longer.reason
    shorter = decision.decide(DIANA, [FileCandidate(path, 245.0), FileCandidate(other, 236.0)])
    assert "9 s shorter" in shorter.reason
    refused = decision.decide(DIANA, [FileCandidate(path), FileCandidate("Diana Ross/Diana/Upside Down (Live).mp3")])
    assert "; runner-up refused: it is another version (live)" in refused.reason
    assert decision.decide(DIANA, []).reason == "there are no files"
    assert decision.decide(DIANA, [FileCandidate("a/b.mp3")]).reason == "none of 1 files can be it"


def test_an_identifier_decides_whatever_the_name_says() -> None:
    wanted = replace(DIANA, isrc="US-AB1-80-00001")
    found = decision.match_one(reading.read_wanted(wanted), FileCandidate("a/b.mp3", 250.0, isrc="usab18000001"))
    assert (found.identified, found.confidence, found.score, found.off) == (True, 1.0, 1.0, 5.0)
    other = decision.match_one(reading.read_wanted(wanted), FileCandidate("a/b.mp3", 250.0, isrc="usab18000002"))
    assert (other.identified, other.confidence, other.score) == (False, 0.0, 0.0)


# -- a file held against a track -----------------------------------------------------------------------------------


def parts(path: str, seconds: float | None = None, **changes: object) -> MatchParts:
    wanted = reading.read_wanted(replace(DIANA, **changes))  # type: ignore[arg-type]
    return judge.in_pieces(wanted, FileCandidate(path, seconds))


def test_numbers_albums_and_lengths_of_a_file() -> None:
    right = parts("Diana Ross/Diana/01 - Upside Down.mp3", 245.0)
    assert (right.title, right.number, right.album, right.length) == (1.0, 1.0, 1.0, 1.0)
    assert parts("Diana Ross/Diana/02 - Upside Down.mp3").number == 0.0
    assert parts("Diana Ross/Diana/Upside Down.mp3").number is None
    assert parts("Diana Ross/Diana/01 - Upside Down.mp3", number=None).number is None
    assert parts("Diana Ross/Other Songs/01 - Upside Down.mp3", album="Greatest").album == 0.0
    assert parts("Upside Down - Diana Ross.mp3", album="").album is None
    assert parts("Diana Ross/Diana/01 - Upside Down.mp3", 257.0).length == pytest.approx(0.25)
    assert parts("Diana Ross/Diana/01 - Upside Down.mp3", 262.0).length == 0.0
    with pytest.raises(OtherRecording, match="its length is off by 31 s"):
        parts("Diana Ross/Diana/01 - Upside Down.mp3", 276.0)
    near = parts("Diana Ross/Upside Town Hits/01 - Upside Down.mp3", album="Upside Town")
    assert near.album is not None
    assert near.album > 0.5


def test_a_title_of_two_pieces_is_found_in_two() -> None:
    assert parts("Diana Ross - Moon - River.mp3", title="Moon - River").title == 1.0


def test_a_work_in_another_key_is_another_one() -> None:
    wanted = reading.read_wanted(replace(DIANA, title="Prelude in C minor"))
    assert wanted.title.key == "c minor"
    held_title.check_title(wanted, titles.read_title("Prelude in C minor"), 1.0)
    with pytest.raises(OtherRecording, match="it is in another key"):
        held_title.check_title(wanted, titles.read_title("Prelude in D minor"), 0.9)
    with pytest.raises(OtherRecording, match="it has another title"):
        held_title.check_title(wanted, titles.read_title("Preludes in C minor"), 0.5)


@pytest.mark.parametrize(
    ("name", "said", "there"),
    [
        ("bach", "bach cello suite", True),
        ("bach", "c p e bach cello", False),
        ("bach", "symphony by johann bach", True),
        ("bach", "suite", False),
        ("johann bach", "suite by johann bach", True),
        ("johann bach", "bach", False),
    ],
)
def test_a_composer_stands_among_other_words(name: str, said: str, there: bool) -> None:
    assert classical._is_within(words(name), tuple(said.split())) is there
