"""Which file is the wanted recording: the rules, each by what people really share."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightcrew.music.matching import glance, judge, paths, reading, titles, versions
from nightcrew.music.matching.decision import decide
from nightcrew.music.matching.model import FileCandidate, OtherRecording, WantedTrack
from nightcrew.music.matching.vocabulary import JOINTS
from nightcrew.music.matching.words import similarity, words

DIANA = WantedTrack("Upside Down", ("Diana Ross",), "Diana", 245.0, number=1)


def refusal(wanted: WantedTrack, path: str, seconds: float | None = None, siblings: tuple[str, ...] = ()) -> str:
    """Why a file is not it, empty when it is taken."""
    found = decide(wanted, [FileCandidate(path, seconds, siblings=siblings)])
    return "" if found.picked else found.refused[0].refused if found.refused else found.reason


RIGHT = [
    r"@@abc\Music\Diana Ross\(1980) Diana [FLAC]\01 - Upside Down (Remastered).flac",
    r"@@abc\mp3\Diana Ross - Diana (1980)\01. Upside Down.mp3",
    r"Downloads\Diana Ross - Upside Down.mp3",
    r"Music\D\Diana Ross\Diana\Diana Ross - Upside Down.mp3",
    r"Music\Diana Ross\Diana Ross - Diana - 01 - Upside Down.mp3",
    r"Music\VA - Disco Hits\07 - Diana Ross - Upside Down.mp3",
    "Diana_Ross-Diana-CD-1980-GRP/01-diana_ross-upside_down-grp.mp3",
    "Diana Ross/Diana/CD1/1-01 Upside Down.flac",
    "Ross, Diana/Diana/Upside Down - Diana Ross.m4a",
    "Diana Ross/Diana (Deluxe Edition) [24-96]/01. Upside Down (2003 Remaster).flac",
    "Diana Ross Discography/1980 - Diana/01 Upside Down.mp3",
    "Various/Upside Down [Explicit] - Diana Ross.mp3",
    "DIANA ROSS/DIANA/UPSIDE DOWN.MP3",
    "Diana Ros/Diana/01 - Upside Down.mp3",
    "Music\\Diana Ross\\Diana\\01 - Usside Down.mp3",
]


@pytest.mark.parametrize("path", RIGHT)
@pytest.mark.parametrize("seconds", [None, 246.0])
def test_the_wanted_song_is_found_in_every_shape(path: str, seconds: float | None) -> None:
    assert refusal(DIANA, path, seconds) == ""


WRONG = {
    r"Diana Ross\Live in Vegas\01 Upside Down.mp3": "it is another version (live)",
    r"Diana Ross\Diana\01 Upside Down (Live).mp3": "it is another version (live)",
    r"Diana Ross\Diana\01 Upside Down live.mp3": "it is another version (live)",
    r"Diana Ross\Diana\01 Upside Down (En Vivo).mp3": "it is another version (live)",
    r"Diana Ross\Diana\01 Upside Down (MTV Unplugged).mp3": "it is another version (unplugged)",
    r"Diana Ross\Diana\01 Upside Down (Karaoke Version).mp3": "it is another version (karaoke)",
    r"Diana Ross\Diana\01 Upside Down [Akustik].mp3": "it is another version (acoustic)",
    r"Diana Ross\Diana\01 Upside Down (Acústico).mp3": "it is another version (acoustic)",
    r"Diana Ross\Diana\01 Upside Down (Version instrumentale).mp3": "it is another version (instrumental)",
    r"Diana Ross\Diana\01 Upside Down（ライブ）.mp3": "it is another version (live)",
    r"Diana Ross\Diana\01 Upside Down (Sped Up).mp3": "it is another version (sped)",
    r"Diana Ross\Diana\01 Upside Down (12'' Version).mp3": "it is another version (extended)",
    r"Diana Ross\Diana\01 Upside Down (Somebody Remix).mp3": "it is another version (remix)",
    r"Diana Ross\Diana\01 Upside Down (Demo).mp3": "it is another version (demo)",
    r"Jack Johnson\Curious George\01 - Upside Down.mp3": "the artist is not named",
    r"Diana Ross\Diana\01 - Jack Johnson - Upside Down.mp3": "its name says Jack Johnson",
    r"VA - Top 100\01 - Upside Down.mp3": "the artist is not named",
    r"VA - Songs for Diana Ross Fans\01 - Upside Down.mp3": "it lies among the files of many artists, and its name does not say whose it is",
    r"Various Artists\A Tribute to Diana Ross\01 - Upside Down.mp3": "it lies among the files of many artists",
    r"Diana Ross\Diana\02 - Tenderness.mp3": "its title shares no word with the one that is wanted",
    r"Diana Ross\Upside Down\02 - Friend to Friend.mp3": "its title shares no word with the one that is wanted",
    r"Diana Ross\Diana\01 - Upside Down Again.mp3": "its title has more words (again)",
    r"Diana Ross\Diana\01 - Upside Down (Part 2).mp3": "its title has other numbers",
    r"Diana Ross\Diana\01 - Upside Down, Pt. II.mp3": "its title has other numbers",
    r"Diana Ross\Diana Ross - Upside Down - 02 - Friend to Friend.mp3": "its title shares no word",
}


@pytest.mark.parametrize("path", WRONG)
def test_what_is_another_recording_is_refused_with_the_reason(path: str) -> None:
    assert refusal(DIANA, path).startswith(WRONG[path])


@pytest.mark.parametrize(
    ("seconds", "why"), [(245 + 31, "its length is off by 31 s"), (245 + 12, "none is certain enough")]
)
def test_a_length_that_is_off_speaks_against_it(seconds: float, why: str) -> None:
    assert refusal(DIANA, RIGHT[0], seconds).startswith(why)


def song(title: str, artist: str = "Somebody Known", album: str = "", **more: object) -> WantedTrack:
    return WantedTrack(title, (artist,), album, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wanted", "name", "taken"),
    [
        ("Live Forever", "Live Forever", True),
        ("Live Forever", "Live Forever (Live)", False),
        ("Live Forever", "Forever", False),
        ("Song 2", "Song 2", True),
        ("Song 2", "Song", False),
        ("99 Luftballons", "99 Luftballons", True),
        ("7 rings", "05 - 7 rings", True),
        ("1999", "1999", True),
        ("Wish (Pt. 2)", "Wish Part II", True),
        ("Wish (Pt. 2)", "Wish (Pt. 3)", False),
        ("Wish", "Wish, Part One", False),
        ("F**k You", "Fuck You", True),
        ("Don't Stop", "Dont Stop", True),
        ("Rock & Roll", "Rock and Roll", True),
        ("Rock & Roll", "Rock 'n' Roll", True),
        ("(I Can't Get No) Satisfaction", "Satisfaction", True),
        ("Satisfaction", "(I Can't Get No) Satisfaction", True),
        ("Tired - Kygo Remix", "Tired (Kygo Remix)", True),
        ("Tired - Kygo Remix", "Tired (Other Man Remix)", False),
        ("Tired - Kygo Remix", "Tired", False),
        ("Tired - Kygo Remix", "Tired (Kygo Remix) (Extended Mix)", False),
        ("Tired - Original Mix", "Tired", True),
        ("Tired", "Tired (Original Mix)", True),
        ("Tired - 2011 Remaster", "Tired", True),
        ("Tired - Radio Edit", "Tired", False),
        ("Tired - Radio Edit", "Tired (Radio Edit)", True),
        ("Home - Live at Wembley", "Home (Live at Wembley Arena, 16 July 1986)", True),
        ("Home - Live at Wembley", "Home (Live in Paris)", False),
        ("Home - Live", "Home (Live) Pt. 2", False),
        ("Home (feat. Guest)", "Home", True),
        ("Home", "Home (feat. Guest)", True),
        ("Home", "Home feat. Guest live", False),
        ("Home (with Guest)", "Home ft Guest", True),
        ("Cover Me", "Cover Me", True),
        ("Home (Taylor's Version)", "Home", False),
        ("Home (Taylor's Version)", "Home (Taylor's Version)", True),
        ("Love (From the Film)", "Love", True),
        ("Symphony No. 5 in C Minor, Op. 67: I. Allegro", "Symphony No. 5 in C minor, Op. 67 - I. Allegro", True),
        ("Symphony No. 5 in C Minor: Allegro", "Symphony No. 5 in D minor - Allegro", False),
        ("Кино", "Kino", True),
        ("Café del Mar", "Cafe del Mar", True),
    ],
)
def test_titles_are_compared_as_people_would(wanted: str, name: str, taken: bool) -> None:
    assert (refusal(song(wanted), f"Somebody Known/Album/{name}.mp3") == "") is taken


@pytest.mark.parametrize(
    ("artist", "folder", "taken"),
    [
        ("The Beatles", "Beatles, The", True),
        ("AC/DC", "ACDC", True),
        ("AC/DC", "AC-DC", True),
        ("P!nk", "Pink", True),
        ("Ke$ha", "Kesha", True),
        ("50 Cent", "50 Cent", True),
        ("1986 Omega Tribe", "1986 Omega Tribe", True),
        ("Prince", "Prince Royce", False),
        ("Prince", "Prince - Purple Rain (1984)", True),
        ("Muse", "Mouse", False),
        ("Simon & Garfunkel", "Simon and Garfunkel", True),
        ("Beyoncé", "Beyonce", True),
        ("Queen", "Queens of the Stone Age", False),
        ("Queen", "Queen Discography 1973-1995 [FLAC]", True),
        ("Live", "Live", True),
    ],
)
def test_an_artist_is_known_by_more_than_one_spelling(artist: str, folder: str, taken: bool) -> None:
    assert (refusal(song("Known Song", artist), f"@@x\\Music\\{folder}\\04 - Known Song.mp3") == "") is taken


def test_another_script_is_unknown_and_not_wrong() -> None:
    wanted = WantedTrack("First Love", ("宇多田ヒカル",), "First Love", 258.0)
    assert refusal(wanted, "Utada Hikaru/First Love/05 - First Love.flac", 258.0) == ""
    assert refusal(wanted, "Utada Hikaru/First Love/05 - First Love.flac", 275.0) != ""
    named = WantedTrack("First Love", ("宇多田ヒカル",), "First Love", 258.0, aliases=("Utada Hikaru",))
    assert refusal(named, "Utada Hikaru/First Love/05 - First Love.flac") == ""


def test_the_live_album_is_wanted_when_the_album_says_so() -> None:
    wanted = WantedTrack("Home", ("Somebody Known",), "Live at Wembley", 245.0)
    assert refusal(wanted, "Somebody Known/Live at Wembley/03 Home.mp3") == ""
    assert refusal(wanted, "Somebody Known/Studio/03 Home.mp3") == "it is not the version that is wanted (live)"
    assert refusal(wanted, "Somebody Known/Studio/03 Home.mp3", 245.0) == ""
    both = WantedTrack("Home - Live", ("Somebody Known",), "Live at Wembley", 245.0)
    assert refusal(both, "Somebody Known/Live at Wembley/03 Home - Live.mp3") == ""


def test_files_beside_it_say_what_a_piece_of_its_name_is() -> None:
    path = "Somebody Known/Hits/Crew - 03 - Home.mp3"
    many = ("Crew - 01 - One.mp3", "Crew - 02 - Two.mp3", "Crew - 03 - Home.mp3")
    various = ("Adam - 01 - One.mp3", "Eve - 02 - Two.mp3", "Crew - 03 - Home.mp3")
    assert refusal(song("Home"), path, siblings=many) == ""
    assert refusal(song("Home"), path, siblings=various) == "its name says Crew"


TITLES = [
    "Upside Down",
    "Alive",
    "Song 2",
    "Live and Let Die",
    "Blue (Da Ba Dee)",
    "Demo",
    "Help! - Live",
    "Waves - Robin Schulz Remix",
]
TITLES += ["Sólo Mía", "Cover Me Up", "The Edit", "One (feat. Live)", "Layla (Unplugged)", "Mix", "夜に駆ける", "Remix"]
ARTISTS = [
    "Diana Ross",
    "Live",
    "Simon & Garfunkel",
    "Beyoncé",
    "The The",
    "Karaoke Kings",
    "AC/DC",
    "!!!",
    "P!nk",
    "宇多田ヒカル",
    "Wham",
]
ALBUMS = ["Diana", "Live at Wembley", "Unplugged", "The Remixes", "", "Demo Tapes", "Upside Down"]
SAID = [
    "",
    "(Live)",
    "- Live",
    "(Live Session)",
    "(Remastered 2011)",
    "[Explicit]",
    "(Radio Edit)",
    "(Extended Mix)",
    "(Club)",
    "(feat. Demo)",
]
SAID += [
    "feat. Karaoke Kings",
    "(with Live)",
    "Remix",
    "(Original Mix)",
    "(from the film Cover)",
    "(12'' Version)",
    "Pt. 2",
    "live 2011",
    "(Cover)",
]
SHAPES = [
    "{a}/{b}/01 - {t} {s}.mp3",
    "{a} - {b}/{a} - {t} {s}.flac",
    "x/{a} - {b} - 03 - {t} {s}.mp3",
    "x/{t} {s} - {a}.mp3",
    "x/{t} {s} - {a} - {b}.mp3",
    "VA - Hits/01 - {a} - {t} {s}.mp3",
    "{b}/02_{a}_-_{t}_{s}.mp3",
    "{a}/{b} (Live)/{t}.mp3",
    "{b}/{t} [{a}] {s}.mp3",
]


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(TITLES),
    st.sampled_from(ARTISTS),
    st.sampled_from(ALBUMS),
    st.sampled_from(SHAPES),
    st.sampled_from(SAID),
    st.tuples(*[st.integers(0, 4)] * 3),
    st.data(),
)
def test_a_quick_look_refuses_nothing_that_the_rules_would_take(
    title: str, artist: str, album: str, shape: str, said: str, others: tuple[int, int, int], data: st.DataObject
) -> None:
    """Four of five names in a path are those that are wanted."""
    there = [
        (one if other else data.draw(st.sampled_from(names))).replace("/", "_")
        for one, other, names in zip((artist, album, title), others, (ARTISTS, ALBUMS, TITLES), strict=True)
    ]
    wanted = reading.read_wanted(WantedTrack(title, (artist,), album))
    file = FileCandidate(shape.format(a=there[0], b=there[1], t=there[2], s=said))
    with contextlib.suppress(OtherRecording):
        judge.in_pieces(wanted, file)
        assert not glance.refusal(wanted.sought, *paths.split(file.path)), file.path


def test_an_identifier_ends_the_discussion() -> None:
    wanted = WantedTrack("Home", ("Somebody",), isrc="USRC17607839", mbid="3d4d7c2e-0000-4000-8000-000000000001")
    one = FileCandidate("x/unknown.mp3", isrc="US-RC1-76-07839")
    two = FileCandidate("x/Somebody - Home.mp3")
    found = decide(wanted, [two, one])
    assert found.picked is not None
    assert (found.picked.index, found.picked.confidence) == (1, 1.0)
    assert found.reason.startswith("1.00: the same identifier")


def test_two_recordings_that_are_equally_likely_go_to_a_person() -> None:
    wanted = WantedTrack("Home", ("Somebody Known",))
    files = [FileCandidate("Somebody Known/One/Home.mp3", 180.0), FileCandidate("Somebody Known/Two/Home.mp3", 320.0)]
    found = decide(wanted, files)
    assert (found.picked, found.review) == (None, True)
    assert found.reason.startswith("two recordings are equally likely")


def test_a_decision_is_one_readable_line() -> None:
    found = decide(DIANA, [FileCandidate(RIGHT[0], 246.0), FileCandidate("Diana Ross/Upside Down (Live).mp3", 250.0)])
    assert found.reason == (
        "0.99: title 1.00, artist 1.00, length +1 s, album fits, number fits; runner-up refused: it is another version (live)"
    )
    assert [one.refused for one in found.refused] == ["it is another version (live)"]
    other = FileCandidate("Diana Ross/Best/Upside Down.mp3", 257.0)
    assert decide(DIANA, [FileCandidate(RIGHT[0], 246.0), other]).reason.endswith("; runner-up 0.02 (11 s longer)")
    nothing = [FileCandidate(RIGHT[0], 246.0), FileCandidate("Jack Johnson/Upside Down.mp3")]
    assert "runner-up" not in decide(DIANA, nothing).reason
    assert decide(DIANA, []).reason == "there are no files"
    assert decide(DIANA, [FileCandidate("x/y.mp3")]).reason == "none of 1 files can be it"


TEXT = st.text(max_size=60)
PATHS = st.lists(st.text(max_size=30), max_size=6).map("\\".join)


@given(PATHS, TEXT, TEXT, TEXT, st.lists(st.text(max_size=20), max_size=4))
def test_no_path_and_no_title_makes_it_raise(
    path: str, title: str, artist: str, album: str, siblings: list[str]
) -> None:
    found = decide(WantedTrack(title, (artist,), album), [FileCandidate(path, 1.0, siblings=tuple(siblings))])
    assert all(0 <= one.score <= 1 and 0 <= one.confidence <= 1 for one in found.ranked)


@given(TEXT, TEXT)
def test_likeness_is_a_share_and_goes_both_ways_when_words_are_equal(one: str, other: str) -> None:
    left, right = words(one), words(other)
    assert 0 <= similarity(left, right) <= 1
    assert similarity(left, left) in {0.0, 1.0}
    assert (similarity(left, right) == 1.0) == (left == right) or not left or not right or set(left) == set(right)


@given(TEXT)
def test_a_title_has_no_word_that_the_text_has_not(text: str) -> None:
    """But for "and", which counts where a bracket behind it goes."""
    read = titles.read_title(text)
    there = words(text)
    joined = "".join(titles.counted(there)) + "".join(there)
    assert all(word in joined or word.isdigit() or word in JOINTS for word in read.full)


def test_a_name_is_taken_apart() -> None:
    read = paths.read_name("Artist - Album - 03 - Title (Live).mp3")
    assert (read.pieces, read.first, read.number) == (("Artist", "Album", "Title (Live)"), 2, 3)
    assert paths.read_name("2-07 Title.flac").number == 7
    assert paths.read_name("A3 - Title.flac").number == 3
    assert paths.read_name("107 - Title.flac").number == 7
    folder = paths.read_folder("@@abc\\Music\\Artist\\(1999) Album [FLAC]\\CD2".replace("\\", "/"))
    assert folder.names[1] == "Artist"
    assert "Album" in folder.pieces


def test_versions_are_told_in_five_languages() -> None:
    for text, kind in {
        "Live at Rome": "live",
        "ao vivo": "live",
        "Konzert": "live",
        "Acoustique": "acoustic",
        "カラオケ": "karaoke",
        "アコースティック": "acoustic",
        "インストゥルメンタル": "instrumental",
        "Radio Edit": "edit",
    }.items():
        assert kind in versions.versions_of(text).kinds, text
    assert not versions.versions_of("2011 Remaster").kinds
