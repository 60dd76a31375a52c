"""Streams that change in the middle: nothing of what was received is lost, whatever codec, size, rate or language comes next.

Reported in public for programs of this kind; each test is named for the situation. Each decodes what was sent and what was made,
and compares the pictures, the samples of sound and the subtitles.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from films import (
    STRETCHES,
    Content,
    Source,
    content,
    content_of,
    films,
    make,
    read,
    recorded,
    recorded_beside,
    source,
)
from nightcrew.muxer.wire import FilmReport
from nightcrew.recorder import ledger
from nightcrew.recordings import filing, verdict

Sequence = list[tuple[str, int] | float]


def stretches(names: Sequence) -> list[Source | float]:
    return [one if isinstance(one, float) else source(*one) for one in names]


def filed(folder: Path, sources: list[Source | float]) -> tuple[list[Path], str | None]:
    """The films of a recording, and what is wrong with them by our own judgement."""
    recorded(folder, sources)
    made = films(folder)
    paths: list[Path] = []
    reports: list[tuple[list[filing.Slot], FilmReport]] = []
    wrong = None
    for number, film in enumerate(made):
        path = folder / f"film{number}{filing.SUFFIXES[film.container('auto')]}"
        written = make(film, path)
        wrong = wrong or verdict.unlike_order(film.slots, written, read(path))
        reports.append((film.slots, written))
        paths.append(path)
    return paths, wrong or verdict.unlike_ledger(ledger.read(folder), reports)


def shown(path: Path) -> list[str]:
    """Codec and language of each stream. MP4 has one number for MP2 and MP3, which libav calls MP3."""
    with av.open(str(path)) as film:
        known = [one for one in film.streams if one.type in {"video", "audio", "subtitle"}]
        return [f"{one.codec.canonical_name} {one.language or ''}".removesuffix(" und").strip() for one in known]


A, B = 0, 2
"""Where the times of the first and of a second stretch that goes on begin."""
CASES: dict[str, tuple[Sequence, list[list[str]], str]] = {
    "another resolution": ([("plain", A), ("larger", B)], [["h264", "aac"], ["h264", "aac"]], ".mp4"),
    "fMP4 with a new init section, times go on": (
        [("fragments", A), ("larger fragments", B)],
        [["h264", "aac"], ["h264", "aac"]],
        ".mp4",
    ),
    "fMP4 whose times begin anew": ([("fragments", A), ("fragments", A)], [["h264", "aac"]], ".mp4"),
    "fMP4 with another init section, times anew": (
        [("fragments", A), ("hevc fragments", A)],
        [["h264", "aac"], ["hevc", "aac"]],
        ".mp4",
    ),
    "times begin anew": ([("plain", A), ("plain", A)], [["h264", "aac"]], ".mp4"),
    "sound begins later": ([("mute", A), ("plain", B)], [["h264", "aac"]], ".mp4"),
    "sound goes away": ([("plain", A), ("mute", B)], [["h264", "aac"]], ".mp4"),
    "a second language begins later": ([("german", A), ("languages", B)], [["h264", "aac deu", "aac eng"]], ".mp4"),
    "a language that was not named is named": (
        [("plain", A), ("languages", B)],
        [["h264", "aac deu", "aac eng"]],
        ".mp4",
    ),
    "sound changes from AAC to AC-3": ([("plain", A), ("ac3", B)], [["h264", "aac"], ["h264", "ac3"]], ".mp4"),
    "sound changes from MP2 to AC-3": ([("mp2", A), ("ac3", B)], [["h264", "mp3"], ["h264", "ac3"]], ".mp4"),
    "AC-3 changes its channels": ([("ac3", A), ("ac3 5.1", B)], [["h264", "ac3"]], ".mp4"),
    "advertisement at another rate first": ([("44100", A), ("plain", A)], [["h264", "aac"]] * 2, ".mp4"),
    "advertisement at another rate between": (
        [("plain", A), ("44100", A), ("plain", 4)],
        [["h264", "aac"]] * 3,
        ".mp4",
    ),
    "stereo to mono": ([("plain", A), ("mono", B)], [["h264", "aac"]] * 2, ".mp4"),
    "H.264 then HEVC": ([("plain", A), ("hevc", A)], [["h264", "aac"], ["hevc", "aac"]], ".mp4"),
    "MPEG-2": ([("mpeg2", A)], [["mpeg2video", "mp3"]], ".mp4"),
    "E-AC-3": ([("eac3", A)], [["h264", "eac3"]], ".mp4"),
    "sound first, picture later": ([("radio", A), ("plain", B)], [["h264", "aac"]], ".mp4"),
    "sound alone": ([("radio", A)], [["aac"]], ".mp4"),
    "sound alone in fMP4": ([("radio fragments", A)], [["aac"]], ".mp4"),
    "AAC in LATM": ([("latm", A)], [["h264", "aac_latm"]], ".ts"),
    "AAC, then LATM": ([("plain", A), ("latm", B)], [["h264", "aac"], ["h264", "aac_latm"]], ".mp4"),
    "packed audio": ([("packed", A)], [["aac"]], ".mp4"),
    "packed audio in MP3": ([("packed mp3", A)], [["mp3"]], ".mp4"),
    "packed audio in AC-3": ([("packed ac3", A)], [["ac3"]], ".mp4"),
    "a transport stream, then fMP4": (
        [("plain", A), ("fragments", A)],
        [["h264", "aac"], ["h264", "aac"]],
        ".mp4",
    ),
    "sound, then a picture without, then sound again": (
        [("packed", A), ("larger mute", B), ("packed", A), ("radio", A)],
        [["h264", "aac"]],
        ".mp4",
    ),
    "AV1": ([("av1 fragments", A)], [["av1", "aac"]], ".mp4"),
    "Opus": ([("opus fragments", A)], [["h264", "opus"]], ".mp4"),
    "a short gap in the middle": ([("plain", A), 3.0, ("plain", 5)], [["h264", "aac"]], ".mp4"),
    "a long gap in the middle": ([("plain", A), 90.0, ("plain", 92)], [["h264", "aac"]], ".mp4"),
    "pictures in another order than they are shown in": (
        [("reordered", A), ("reordered", A)],
        [["h264", "aac"]],
        ".mp4",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_lost_where_a_stream_changes(case: str, tmp_path: Path) -> None:
    names, expected, suffix = CASES[case]
    sources = stretches(names)
    paths, wrong = filed(tmp_path / "rec", sources)
    assert [shown(path) for path in paths] == expected
    assert paths[0].suffix == suffix
    found = [content(path) for path in paths]
    sent = content_of(sources, tmp_path)
    assert sum(one.pictures for one in found) == sent.pictures
    primed = 1105 if "MP3" in case else 0  # samples that its encoder says to leave out, where the file begins
    assert sum(one.samples for one in found) == sent.samples + primed
    assert wrong is None


def test_dvb_subtitles_are_kept_with_their_language(tmp_path: Path) -> None:
    subtitled = with_subtitles(tmp_path)
    paths, wrong = filed(tmp_path / "rec", [subtitled])
    assert [path.suffix for path in paths] == [".mkv"]
    assert shown(paths[0]) == ["h264", "aac", "dvb_subtitle deu"]
    sent = content_of([subtitled], tmp_path)
    assert sent.subtitles
    assert content(paths[0]) == sent
    assert wrong is None


def test_subtitles_that_begin_later_are_in_the_same_film(tmp_path: Path) -> None:
    subtitled = with_subtitles(tmp_path)
    paths, wrong = filed(tmp_path / "rec", [source("plain", 0), subtitled])
    assert [shown(path) for path in paths] == [["h264", "aac", "dvb_subtitle deu"]]
    assert content(paths[0]) == content_of([source("plain", 0), subtitled], tmp_path)
    assert wrong is None


def with_subtitles(folder: Path) -> Source:
    """Packets of DVB subtitles, a page each second, put into a transport stream by libav."""
    plain, target = folder / "plain.ts", folder / "subtitled.ts"
    plain.write_bytes(source("plain", 0).whole)
    page = bytes.fromhex("20000f1000010002" + "1e10" + "0f8000010000" + "ff")
    with av.open(str(plain)) as given, av.open(str(target), "w", format="mpegts") as out:
        copies = {one.index: out.add_stream_from_template(one, opaque=True) for one in given.streams}
        text = out.add_mux_stream("dvbsub")
        text.metadata["language"] = "deu"
        for number, packet in enumerate(given.demux()):
            if not packet.size:
                continue
            at = packet.pts
            packet.stream = copies[packet.stream.index]
            out.mux(packet)
            if number % 25 == 10 and at is not None:
                spoken = av.Packet(page)
                spoken.stream, spoken.pts, spoken.dts = text, at, at
                out.mux(spoken)
    return Source((target.read_bytes(),))


def test_the_sound_stays_in_step_over_a_jump_of_the_clock(tmp_path: Path) -> None:
    """Each stream keeps its distance from the picture, as it was sent, within a frame."""
    sources = stretches([("plain", 0), ("plain", 7), ("plain", 0), 60.0, ("plain", 500)])
    recorded(tmp_path / "rec", sources)
    (film,) = films(tmp_path / "rec")
    make(film, tmp_path / "film.mp4")
    with av.open(str(tmp_path / "film.mp4")) as made:
        times: dict[str, list[float]] = {"video": [], "audio": []}
        for packet in made.demux(video=0, audio=0):
            if packet.pts is not None and packet.size:
                times[packet.stream.type].append(float(packet.pts * packet.time_base))
    keys = [times["video"][at] for at in range(0, len(times["video"]), 50)]
    sounds = [min(times["audio"], key=lambda one, key=key: abs(one - key)) for key in keys]  # type: ignore[misc]
    assert all(abs(key - sound) < 0.04 for key, sound in zip(keys, sounds, strict=True))
    steps = [b - a for a, b in zip(times["video"], times["video"][1:], strict=False)]
    assert all(0 < step < 5.1 for step in steps), "a jump of 5 s stays, one of a minute closes up"
    assert sum(step > 1 for step in steps) == 1


def beside(folder: Path, pictures: Sequence, german: Sequence, english: Sequence) -> tuple[list[Path], Content]:
    """The films of a picture with two sounds that have playlists of their own, and what was sent."""
    rec = folder / "rec"
    recorded(rec, stretches(pictures))
    recorded_beside(rec, stretches(english), name="English", language="eng", default=False)
    recorded_beside(rec, stretches(german), name="Deutsch", language="deu", default=True)
    made = films(rec)
    paths = [folder / f"film{number}.mp4" for number in range(len(made))]
    for number, (film, path) in enumerate(zip(made, paths, strict=True)):
        written = make(film, path, first=number == 0, last=number == len(made) - 1)
        assert verdict.unlike_order(film.slots, written, read(path)) is None
    return paths, content_of(stretches([*pictures, *german, *english]), folder)


@pytest.mark.parametrize(
    ("pictures", "sounds"),
    [
        ([("mute", 0), ("mute", 2)], [("radio", 0), ("radio", 2)]),
        ([("mute", 0), ("mute", 0)], [("radio", 0), ("radio", 0)]),
        ([("mute fragments", 0), ("mute fragments", 2)], [("radio fragments", 0), ("radio fragments", 2)]),
        ([("mute", 5), 3.0, ("mute", 10)], [("radio", 5), 3.0, ("radio", 10)]),
        ([("mute", 5), ("mute", 7)], [("radio", 4), ("radio", 6), ("radio", 8)]),
    ],
    ids=["plain", "times anew", "fMP4", "a gap", "sound that begins earlier and ends later"],
)
def test_sounds_with_playlists_of_their_own_are_all_kept(pictures: Sequence, sounds: Sequence, tmp_path: Path) -> None:
    (path,), sent = beside(tmp_path, pictures, sounds, sounds)
    assert shown(path) == ["h264", "aac deu", "aac eng"]
    found = content(path)
    assert (found.pictures, found.samples) == (sent.pictures, sent.samples)


def test_sounds_beside_a_picture_that_changes_are_in_each_film_in_part(tmp_path: Path) -> None:
    pictures: Sequence = [("mute", 0), ("mute", 2), ("larger mute", 4)]
    sounds: Sequence = [("radio", 0), ("radio", 2), ("radio", 4)]
    paths, sent = beside(tmp_path, pictures, sounds, sounds)
    assert [shown(path) for path in paths] == [["h264", "aac deu", "aac eng"]] * 2
    found = [content(path) for path in paths]
    assert [one.pictures for one in found] == [100, 50]
    assert abs(sum(one.samples for one in found) - sent.samples) <= 2 * 1024, "a frame of each sound at the cut"


PALETTE = sorted(STRETCHES)


@st.composite
def sequences(draw: st.DrawFn) -> Sequence:
    """Two to six stretches; their times go on or begin anew, and something may be missing between them."""
    found: Sequence = []
    at = 0
    for _ in range(draw(st.integers(2, 6))):
        name = draw(st.sampled_from(PALETTE))
        anew = draw(st.booleans())
        gap = draw(st.sampled_from([0.0, 0.0, 0.0, 3.0, 40.0]))
        if gap and found:
            found.append(gap)
        at = 0 if anew else at + round(gap)
        found.append((name, at))
        at += 2
    return found


@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
@given(sequences())
def test_what_films_hold_is_what_was_sent(names: Sequence) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        sources = stretches(names)
        paths, wrong = filed(folder / "rec", sources)
        sent = content_of(sources, folder)
        found = [content(path) for path in paths]
        assert sum(one.pictures for one in found) == sent.pictures, names
        kinds = [one[0] for one in names if not isinstance(one, float)]
        primed = 1105 * kinds.count("packed mp3") + 312 * kinds.count("opus fragments")  # left out where a file begins
        assert 0 <= sum(one.samples for one in found) - sent.samples <= primed, names
        assert wrong is None, names
