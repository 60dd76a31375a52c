"""Whether films hold all of what was recorded. Pure. Each answer is a sentence's end for people, or None when all is well."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from nightcrew.muxer.wire import FilmReport, Slot, SlotReport
from nightcrew.recorder.ledger import Tally
from nightcrew.recordings.films import CODECS, described

IN_STEP = 0.04
"""Seconds that a stream may be shifted against the picture."""
SLACK = 2.0
"""Seconds that films may differ from their ledger, and the same in percent: lengths in playlists are rounded."""
AT_A_CUT = 1
"""Frames of sound that a cut may cost."""
WHAT = {"video": "pictures", "audio": "frames of sound", "subtitle": "subtitles"}


def unlike_order(slots: Sequence[Slot], made: FilmReport, found: FilmReport) -> str | None:
    """What of the packets that were written is not in a film, or not at its place."""
    if len(found.slots) != len(slots):
        return f"{len(found.slots)} of {len(slots)} streams"
    for slot, written, there in zip(slots, made.slots, found.slots, strict=True):
        if there.packets < written.packets:
            return f"{there.packets} of {written.packets} {_of(slot)}"
        if written.last is None or there.last is None:
            continue
        if abs(there.last - written.last) > SLACK:
            return f"{there.last:.1f} of {written.last:.1f} s of {_named(slot)}"
        apart = _lead(slots, made, written) - _lead(slots, found, there)
        if abs(apart) > IN_STEP:
            return f"{_named(slot)} is {abs(apart) * 1000:.0f} ms out of step"
    return None


def is_in_doubt(slots: Sequence[Slot], made: FilmReport, found: FilmReport) -> bool:
    """Whether it has to be seen what a decoder gives for the source: some packets were torn, or gave nothing."""
    silent = (
        there.decoded is not None and slot.kind != "subtitle" and there.decoded < there.packets
        for slot, there in zip(slots, found.slots, strict=True)
    )
    return any(written.torn for written in made.slots) or any(silent)


def unlike_source(slots: Sequence[Slot], found: FilmReport, source: FilmReport) -> str | None:
    """What a decoder gives for the source, and not for a film of it."""
    for slot, there, before in zip(slots, found.slots, source.slots, strict=True):
        allowed = AT_A_CUT if slot.kind == "audio" else 0
        if there.decoded is not None and before.decoded is not None and there.decoded + allowed < before.decoded:
            return f"{there.decoded} of {before.decoded} {_of(slot)} can be decoded"
    return None


def unlike_ledger(tally: Tally, films: Sequence[tuple[Sequence[Slot], FilmReport]]) -> str | None:
    """What the ledger has, and no film."""
    pictures = sum(_pictures(slots, report) for slots, report in films)
    if tally.frames and not believable(pictures, tally.frames):
        return f"{pictures} of {tally.frames} pictures"
    covered, seconds = tally.seconds - tally.missing, sum(report.seconds for _, report in films)
    slack = SLACK + covered * SLACK / 100
    if not covered - slack <= seconds:
        return f"{seconds:.1f} of {covered:.1f} s"
    return _missing_stream(tally, films)


def _missing_stream(tally: Tally, films: Sequence[tuple[Sequence[Slot], FilmReport]]) -> str | None:
    """By kind and codec: what there is of each, by its own clock."""
    there: dict[tuple[str, str], float] = defaultdict(float)
    packets: dict[tuple[str, str], int] = defaultdict(int)
    for slots, report in films:
        for slot, written in zip(slots, report.slots, strict=True):
            key = slot.kind, slot.codec
            there[key] += written.end - (written.first or 0.0) if written.packets else 0.0
            packets[key] += written.packets
    recorded: dict[tuple[str, str], float] = defaultdict(float)
    names: dict[tuple[str, str], str] = {}
    for stream, total in tally.streams.items():
        recorded[stream.kind, stream.codec] += total.seconds
        names.setdefault((stream.kind, stream.codec), described(stream.kind, stream.codec, "", stream.language))
    for one, seconds in recorded.items():
        if not packets[one]:
            return f"nothing of {names[one]}"
        if one[0] != "subtitle" and there[one] < seconds - SLACK - seconds * SLACK / 100:
            return f"{there[one]:.1f} of {seconds:.1f} s of {names[one]}"
    return None


def believable(counted: int, listed: int) -> bool:
    """Whether libav's count of pictures may take the place of the ledger's: it never stands for pictures that are lost.

    Some pictures more or less are torn ones; half as many are fields, two of which are a picture.
    """
    slack = 3 + listed // 1000
    return counted >= listed - slack or abs(2 * counted - listed) <= slack


def _pictures(slots: Sequence[Slot], report: FilmReport) -> int:
    """Of the first video."""
    return next((one.packets for slot, one in zip(slots, report.slots, strict=True) if slot.kind == "video"), 0)


def _lead(slots: Sequence[Slot], report: FilmReport, one: SlotReport) -> float:
    """Seconds that a stream begins after the picture."""
    picture = next((other for slot, other in zip(slots, report.slots, strict=True) if slot.kind == "video"), one)
    return (one.first or 0.0) - (picture.first or 0.0)


def _of(slot: Slot) -> str:
    return f"{WHAT[slot.kind]} ({CODECS.get(slot.codec, slot.codec.upper())})"


def _named(slot: Slot) -> str:
    return described(slot.kind, slot.codec, slot.config, slot.language)
