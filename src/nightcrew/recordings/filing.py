"""Which films come of a recording's parts, by its ledger. Pure.

A film holds streams that are set up in one way from beginning to end. One that comes later, or goes, leaves a hole in its track;
one that is set up otherwise from some place on begins the next film there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from nightcrew.kernel.errors import GiveUp
from nightcrew.muxer.wire import Container, Seam, Slot, Stretch
from nightcrew.recordings.films import CODECS
from nightcrew.recordings.runs import StreamRun
from nightcrew.transport.elementary import ElementaryStream

Wanted = Literal["auto", "mp4", "mkv"]
MOST_FILMS = 99
"""Of one recording: a stream that changes more often than that is no programme."""
SUFFIXES: dict[Container, str] = {"mp4": ".mp4", "matroska": ".mkv", "mpegts": ".ts"}
NEAR = 30.0
"""Seconds that a sound may have been recorded earlier or later than the picture it belongs to."""
_COMMON = {
    "h264",
    "hevc",
    "vvc",
    "av1",
    "mpeg1video",
    "mpeg2video",
    "mpeg4",
    "aac",
    "mp2",
    "mp3",
    "ac3",
    "eac3",
    "opus",
}
HOLDS: dict[Container, frozenset[str]] = {
    "mp4": frozenset(_COMMON | {"vp9", "flac", "alac", "dts", "mov_text", "ttml"}),
    "matroska": frozenset(
        _COMMON
        | {"vp8", "vp9", "vc1", "dirac", "flac", "alac", "dts", "truehd", "dvb_subtitle", "arib_caption", "webvtt"}
    ),
    "mpegts": frozenset(
        (_COMMON - {"av1"})
        | {
            "aac_latm",
            "vc1",
            "dirac",
            "cavs",
            "avs2",
            "dts",
            "truehd",
            "s302m",
            "dvb_subtitle",
            "dvb_teletext",
            "arib_caption",
        }
    ),
}
"""What libav writes into each container, and players find there."""
_OF: dict[Wanted, tuple[Container, ...]] = {
    "auto": ("mp4", "matroska", "mpegts"),
    "mp4": ("mp4",),
    "mkv": ("matroska",),
}


def container_of(suffix: str) -> Container:
    """What a film with this suffix is."""
    return next(container for container, known in SUFFIXES.items() if known == suffix)


@dataclass(slots=True)
class Film:
    """One file to make."""

    slots: list[Slot] = field(default_factory=list)
    runs: list[StreamRun] = field(default_factory=list)
    taken: list[tuple[tuple[int, int], ...]] = field(default_factory=list)
    """For each run: which of its streams is in which slot."""
    tail: Seam | None = None
    beside: list[list[tuple[StreamRun, tuple[tuple[int, int], ...]]]] = field(default_factory=list)
    """Sounds that were recorded by themselves: their stretches, and which of its streams is in which slot."""

    @property
    def at(self) -> float:
        """Seconds after the recording's beginning."""
        return self.runs[0].at

    def container(self, wanted: Wanted) -> Container:
        """The first of those that are wanted that holds every stream. Raises `GiveUp` when none does."""
        codecs = {slot.codec for slot in self.slots}
        for one in _OF[wanted]:
            if codecs <= HOLDS[one]:
                return one
        first = _OF[wanted][0]
        missing = ", ".join(CODECS.get(codec, codec.upper()) for codec in sorted(codecs - HOLDS[first]))
        other = "" if wanted == "auto" else ": try again with the container auto"
        raise GiveUp(f"{SUFFIXES[first][1:].upper()} cannot hold {missing}{other}; the parts are kept")

    def stretches(self) -> tuple[Stretch, ...]:
        """What its muxer reads."""
        found: list[Stretch] = []
        for number, (run, taken) in enumerate(zip(self.runs, self.taken, strict=True)):
            following = self.runs[number + 1] if number + 1 < len(self.runs) else None
            tail = self.tail if following is None else seam(run, following)
            lead = None
            if not run.anew:
                lead = tuple(one.id for one in run.table if one.kind == "video")
            found.append(Stretch(run.form, tuple(run.ranges), taken, run.gap, lead, tail, run.offset))
        return tuple(found)

    def inputs_beside(self) -> tuple[tuple[Stretch, ...], ...]:
        """The sounds beside it, as its muxer reads them."""
        return tuple(
            tuple(Stretch(run.form, tuple(run.ranges), taken, run.gap, offset=run.offset) for run, taken in sound)
            for sound in self.beside
        )


def films(found: Sequence[StreamRun]) -> list[Film]:
    """Group runs into films. Raises `GiveUp` for a stream that changes all the time."""
    made: list[Film] = []
    for run in found:
        film = made[-1] if made else None
        taken = None if film is None else _fit(film, run)
        if film is None or taken is None:
            if film is not None:
                film.tail = seam(film.runs[-1], run)
            film = Film()
            made.append(film)
            taken = _fit(film, run) or ()
        film.runs.append(run)
        film.taken.append(taken)
    if len(made) > MOST_FILMS:
        raise GiveUp(f"the stream changed {len(made)} times, and would be as many files; the parts are kept")
    return [film for film in map(_settled, made) if film.slots]


@dataclass(frozen=True, slots=True)
class SeparateSound:
    """A sound that was recorded beside its picture, from a playlist of its own."""

    language: str
    runs: Sequence[StreamRun]


def add_sounds(made: Sequence[Film], sounds: Sequence[SeparateSound]) -> None:
    """Give each film the stretches of each sound that may lie beside it: its clock says which packets do."""
    for film in made:
        until = film.at + sum(run.seconds + run.gap for run in film.runs)
        for number, sound in enumerate(sounds, 1):
            near = [run for run in sound.runs if run.at < until + NEAR and run.at + run.seconds > film.at - NEAR]
            film.beside.append([(run, _beside(film, run, sound, number, at)) for at, run in enumerate(near)])


def _beside(film: Film, run: StreamRun, sound: SeparateSound, number: int, place: int) -> tuple[tuple[int, int], ...]:
    """Which slot each stream of a sound's stretch has. One that is set up otherwise than before has a slot of its own."""
    taken: list[tuple[int, int]] = []
    for stream in run.table:
        if stream.kind != "audio":
            continue
        mine = (at for at, slot in enumerate(film.slots) if slot.input == number and _same(slot, stream))
        at = next(mine, len(film.slots))
        if at == len(film.slots):
            language = sound.language or stream.language
            film.slots.append(Slot("audio", stream.codec, stream.config, language, place, stream.id, number))
        taken.append((stream.id, at))
    return tuple(taken)


def seam(run: StreamRun, following: StreamRun) -> Seam | None:
    """How a run goes over into the next one; None where that begins anew."""
    if following.anew or run.form != "mpegts":
        return None
    keys = tuple(one.id for one in following.table if one.kind == "video")
    return Seam(tuple(following.ranges), keys)


def _fit(film: Film, run: StreamRun) -> tuple[tuple[int, int], ...] | None:
    """Which slot of a film each stream of a run has; new slots where there is none. None when one cannot be in it."""
    slots, taken = list(film.slots), dict[int, int]()
    for stream in run.table:
        number = next((n for n in _free(slots, stream, taken) if _goes_on(slots[n], stream)), None)
        if number is not None:
            taken[stream.id] = number
    for stream in run.table:
        if stream.id not in taken:
            number = next(iter(_free(slots, stream, taken)), len(slots))
            if number == len(slots):
                slots.append(_new(stream, len(film.runs)))
            taken[stream.id] = number
        number = taken[stream.id]
        if not _same(slots[number], stream):
            return None
        if stream.config and not slots[number].config:  # it was announced before anything of it came
            slots[number] = _new(stream, len(film.runs), slots[number].language)
        elif stream.language and not slots[number].language:
            slots[number] = replace(slots[number], language=stream.language)
    film.slots = slots
    return tuple(taken.items())


def _new(stream: ElementaryStream, number: int, language: str = "") -> Slot:
    return Slot(stream.kind, stream.codec, stream.config, language or stream.language, number, stream.id)


def _free(slots: Sequence[Slot], stream: ElementaryStream, taken: Mapping[int, int]) -> Iterator[int]:
    """The slots that a stream may have: another kind of subtitle gets one of its own, anything else goes on as it can."""
    for number, slot in enumerate(slots):
        if (
            slot.kind == stream.kind
            and number not in taken.values()
            and (slot.kind != "subtitle" or _same(slot, stream))
        ):
            yield number


def _goes_on(slot: Slot, stream: ElementaryStream) -> bool:
    """Whether it is plainly the same one."""
    return slot.language == stream.language and (bool(slot.language) or slot.id == stream.id)


def _same(slot: Slot, stream: ElementaryStream) -> bool:
    """Whether a decoder that is set up for the one decodes the other."""
    if slot.codec != stream.codec:
        return False
    if not slot.config or not stream.config:
        return True
    return _key(slot.codec, slot.config) == _key(stream.codec, stream.config)


def _key(codec: str, config: str) -> str:
    """The set-up as far as it matters: what says it in each frame may change its channels."""
    if codec == "aac" or "#" in config or "x" in config:
        return config
    return config.partition(",")[0]


def _settled(film: Film) -> Film:
    """Pictures first, and without streams that were announced and never came."""
    kept = [number for number, slot in enumerate(film.slots) if slot.config or slot.kind == "subtitle"]
    kept.sort(key=lambda number: ("video", "audio", "subtitle").index(film.slots[number].kind))
    now = {number: place for place, number in enumerate(kept)}
    film.slots = [film.slots[number] for number in kept]
    film.taken = [tuple((one, now[slot]) for one, slot in taken if slot in now) for taken in film.taken]
    return film
