"""Which films come of a recording's stretches: streams that go on in one, and what needs the next."""

from __future__ import annotations

import pytest

from nightcrew.kernel.errors import GiveUp
from nightcrew.recordings import filing
from nightcrew.recordings.filing import SeparateSound, container_of, films
from nightcrew.recordings.runs import StreamRun
from nightcrew.transport.elementary import ElementaryStream as Stream

PICTURE = Stream(1, "video", "h264", "1280x720")
SOUND = Stream(2, "audio", "aac", "48000 Hz, 2 channels", "deu")
ENGLISH = Stream(3, "audio", "aac", "48000 Hz, 2 channels", "eng")
TEXT = Stream(4, "subtitle", "dvb_subtitle", "", "deu")


def run(*table: Stream, at: float = 0.0, **more: object) -> StreamRun:
    made = StreamRun("mpegts", table, at, seconds=10.0, **more)  # type: ignore[arg-type]
    made.extend(f"/{at:g}.ts", 0, 1000)
    return made


def slots(*runs: StreamRun) -> list[list[tuple[str, str, str]]]:
    """Kind, codec and language of each track of each film."""
    return [[(slot.kind, slot.codec, slot.language) for slot in film.slots] for film in films(runs)]


def test_what_stays_as_it_is_is_one_film() -> None:
    (film,) = films([run(PICTURE, SOUND), run(PICTURE, SOUND, at=10)])
    assert [slot.kind for slot in film.slots] == ["video", "audio"]
    assert film.taken == [((1, 0), (2, 1)), ((1, 0), (2, 1))]
    assert film.at == 0
    assert films([run(PICTURE, at=7)])[0].at == 7


def test_a_picture_of_another_size_begins_the_next_film() -> None:
    larger = Stream(1, "video", "h264", "1920x1080")
    found = films([run(PICTURE, SOUND), run(larger, SOUND, at=10, anew=False)])
    assert [film.slots[0].config for film in found] == ["1280x720", "1920x1080"]
    assert found[0].tail is not None
    assert found[0].tail.keys == (1,)
    assert found[1].tail is None


def test_channels_of_sound_may_change_within_a_film_but_not_its_rate() -> None:
    ac3 = Stream(2, "audio", "ac3", "48000 Hz, 2 channels", "deu")
    more = Stream(2, "audio", "ac3", "48000 Hz, 6 channels", "deu")
    slower = Stream(2, "audio", "ac3", "44100 Hz, 6 channels", "deu")
    assert len(films([run(PICTURE, ac3), run(PICTURE, more, at=10)])) == 1
    assert len(films([run(PICTURE, ac3), run(PICTURE, slower, at=10)])) == 2
    mono = Stream(2, "audio", "aac", "48000 Hz, 1 channel", "deu")
    assert len(films([run(PICTURE, SOUND), run(PICTURE, mono, at=10)])) == 2, "aac says it once at the beginning"


def test_a_stream_that_comes_later_or_goes_leaves_a_hole() -> None:
    (film,) = films([run(PICTURE, SOUND), run(PICTURE, at=10), run(PICTURE, SOUND, ENGLISH, at=20)])
    assert [slot.language for slot in film.slots] == ["", "deu", "eng"]
    assert film.taken[1] == ((1, 0),)
    assert [slot.stretch for slot in film.slots] == [0, 0, 2]


def test_sounds_keep_their_track_by_their_language_and_else_by_their_number() -> None:
    first, second = run(PICTURE, SOUND, ENGLISH), run(PICTURE, ENGLISH, SOUND, at=10)
    assert films([first, second])[0].taken[1] == ((1, 0), (3, 2), (2, 1))
    one, two = Stream(5, "audio", "mp2", "a"), Stream(6, "audio", "mp2", "a")
    assert films([run(one, two), run(two, one, at=10)])[0].taken[1] == ((6, 1), (5, 0))


def test_a_stream_that_was_announced_and_never_came_is_left_out() -> None:
    empty = Stream(9, "audio", "aac", "", "fra")
    assert slots(run(empty, PICTURE, SOUND)) == [[("video", "h264", ""), ("audio", "aac", "deu")]]
    assert films([run(empty)]) == []
    later = Stream(9, "audio", "aac", "48000 Hz, 2 channels")
    assert slots(run(PICTURE, empty), run(PICTURE, later, at=10))[0][1] == ("audio", "aac", "fra")


def test_a_language_that_is_said_later_is_that_of_the_track() -> None:
    silent = Stream(2, "audio", "aac", "48000 Hz, 2 channels")
    assert slots(run(PICTURE, silent), run(PICTURE, SOUND, at=10))[0][1] == ("audio", "aac", "deu")


def test_pictures_come_first_and_subtitles_last_and_another_kind_of_them_has_its_own_track() -> None:
    page = Stream(4, "subtitle", "dvb_teletext", "", "deu")
    assert [kind for kind, _, _ in slots(run(TEXT, SOUND, PICTURE))[0]] == ["video", "audio", "subtitle"]
    assert [codec for _, codec, _ in slots(run(PICTURE, TEXT), run(PICTURE, page, at=10))[0]] == [
        "h264",
        "dvb_subtitle",
        "dvb_teletext",
    ]


def test_a_stream_that_changes_all_the_time_is_no_programme(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filing, "MOST_FILMS", 2)
    sizes = [run(Stream(1, "video", "h264", f"{size}x90"), at=10.0 * size) for size in (1, 2, 3)]
    assert len(films(sizes[:2])) == 2
    with pytest.raises(GiveUp, match="changed 3 times"):
        films(sizes)


# -- containers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codec", "auto", "mkv"),
    [
        ("h264", "mp4", "matroska"),
        ("vp8", "matroska", "matroska"),
        ("cavs", "mpegts", None),
        ("av1", "mp4", "matroska"),
    ],
)
def test_the_first_container_that_holds_all_is_taken(codec: str, auto: str, mkv: str | None) -> None:
    (film,) = films([run(Stream(1, "video", codec, "1x1"))])
    assert film.container("auto") == auto
    if mkv:
        assert film.container("mkv") == mkv
    else:
        with pytest.raises(GiveUp, match="MKV cannot hold .*try again with the container auto"):
            film.container("mkv")


def test_what_no_container_holds_is_told() -> None:
    (film,) = films([run(Stream(1, "video", "cavs", "1x1"), Stream(2, "audio", "flac", "1"))])
    with pytest.raises(GiveUp, match="MP4 cannot hold CAVS; the parts are kept|MP4 cannot hold .*; the parts are kept"):
        film.container("auto")
    assert [container_of(suffix) for suffix in (".mp4", ".mkv", ".ts")] == ["mp4", "matroska", "mpegts"]


# -- what a muxer reads --------------------------------------------------------------------------------------------


def test_a_stretch_that_follows_byte_for_byte_says_how_it_goes_on() -> None:
    (film,) = films([run(PICTURE), run(PICTURE, at=10, anew=False, gap=2.0), run(PICTURE, at=20)])
    first, second, third = film.stretches()
    assert (first.lead, second.lead, third.lead) == (None, (1,), None)
    assert first.tail is not None
    assert first.tail.keys == (1,)
    assert (second.tail, third.tail) == (None, None)
    assert (first.gap, second.gap) == (0.0, 2.0)


def test_only_transport_streams_run_into_each_other() -> None:
    other = StreamRun("fmp4", (PICTURE,), 0.0)  # type: ignore[arg-type]
    assert filing.seam(other, run(PICTURE, anew=False)) is None
    assert filing.seam(run(PICTURE), run(PICTURE)) is None
    assert filing.seam(run(PICTURE), run(PICTURE, anew=False)) is not None


def test_a_sound_of_its_own_lies_beside_the_films_that_are_near() -> None:
    larger = Stream(1, "video", "h264", "1920x1080")
    made = films([run(PICTURE, SOUND), run(larger, SOUND, at=100)])
    near, late = run(ENGLISH, at=0), run(ENGLISH, at=100)
    filing.add_sounds(made, [SeparateSound("fra", [near, late])])
    assert [[[piece.at for piece, _ in sound] for sound in film.beside] for film in made] == [[[0]], [[100]]]
    assert [slot.language for slot in made[0].slots] == ["", "deu", "fra"]
    ((stretch,),) = made[0].inputs_beside()
    assert stretch.ranges == tuple(near.ranges)
    (unnamed,) = films([run(PICTURE)])
    filing.add_sounds([unnamed], [SeparateSound("", [run(PICTURE, ENGLISH)])])
    assert [slot.language for slot in unnamed.slots] == ["", "eng"]
    assert unnamed.beside[0][0][1] == ((3, 1),), "a picture beside it is none of its sounds"


def test_a_sound_may_be_recorded_a_little_earlier_or_later() -> None:
    (film,) = films([run(PICTURE, at=100)])
    runs = [run(ENGLISH, at=at) for at in (59, 61, 100, 139, 141)]
    filing.add_sounds([film], [SeparateSound("", runs)])
    assert [piece.at for piece, _ in film.beside[0]] == [61, 100, 139]
