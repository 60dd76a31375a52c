"""What is a film that holds all of a recording, and what is none: each rule by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nightcrew.muxer.wire import FilmReport, Slot, SlotReport
from nightcrew.recorder.ledger import Part, StreamTotal, Tally
from nightcrew.recordings import verdict
from nightcrew.transport.elementary import ElementaryStream

SLOTS = (
    Slot("video", "h264", "1280x720", "", 0, 256),
    Slot("audio", "aac", "48000 Hz, 2 channels", "deu", 0, 257),
    Slot("subtitle", "dvb_subtitle", "", "deu", 0, 258),
)
VIDEO = SlotReport(2500, 0, 0.02, 99.98, 100.02, 2500)
SOUND = SlotReport(4688, 0, 0.0, 99.98, 100.0, 4688)
TEXT = SlotReport(50, 0, 1.0, 98.0, 98.0, 20)
WHOLE = FilmReport((VIDEO, SOUND, TEXT))


def changed(number: int, **values: object) -> FilmReport:
    slots = list(WHOLE.slots)
    slots[number] = replace(slots[number], **values)  # type: ignore[arg-type]
    return FilmReport(tuple(slots))


def tally(**values: object) -> Tally:
    streams = {
        ElementaryStream(256, "video", "h264", "1280x720"): StreamTotal(2500, 100.0),
        ElementaryStream(257, "audio", "aac", "48000 Hz, 2 channels", "deu"): StreamTotal(600, 100.0),
        ElementaryStream(258, "subtitle", "dvb_subtitle", "", "deu"): StreamTotal(50, 0.0),
    }
    made = Tally(parts=[Part(1, "x", 0.0, frames=2500)], seconds=100.0, streams=streams)
    for name, value in values.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    ("found", "wrong"),
    [
        (WHOLE, None),
        (FilmReport((VIDEO, SOUND)), "2 of 3 streams"),
        (changed(0, packets=2499), "2499 of 2500 pictures (H.264)"),
        (changed(1, packets=4000), "4000 of 4688 frames of sound (AAC)"),
        (changed(2, packets=49), "49 of 50 subtitles (DVB)"),
        (changed(1, last=80.0), "80.0 of 100.0 s of Audio AAC 48000 Hz, 2 channels (deu)"),
        (changed(1, first=0.03), None),
        (changed(1, first=0.05), "Audio AAC 48000 Hz, 2 channels (deu) is 50 ms out of step"),
        (changed(0, first=0.2), "Audio AAC 48000 Hz, 2 channels (deu) is 180 ms out of step"),
    ],
)
def test_a_film_holds_what_was_written_at_its_place(found: FilmReport, wrong: str | None) -> None:
    assert verdict.unlike_order(SLOTS, WHOLE, found) == wrong


@pytest.mark.parametrize(
    ("made", "found", "doubt"),
    [
        (WHOLE, WHOLE, False),
        (WHOLE, changed(0, decoded=2499), True),
        (WHOLE, changed(1, decoded=4687), True),
        (WHOLE, changed(1, decoded=None), False),
        (WHOLE, changed(2, decoded=0), False),
        (changed(1, torn=1), WHOLE, True),
    ],
)
def test_what_gives_less_than_it_has_is_compared_with_the_source(
    made: FilmReport, found: FilmReport, doubt: bool
) -> None:
    assert verdict.is_in_doubt(SLOTS, made, found) is doubt


@pytest.mark.parametrize(
    ("found", "wrong"),
    [
        (WHOLE, None),
        (changed(0, decoded=2499), "2499 of 2500 pictures (H.264) can be decoded"),
        (changed(1, decoded=4687), None),
        (changed(1, decoded=4686), "4686 of 4688 frames of sound (AAC) can be decoded"),
        (changed(1, decoded=None), None),
    ],
)
def test_a_decoder_makes_as_much_of_a_film_as_of_its_source(found: FilmReport, wrong: str | None) -> None:
    assert verdict.unlike_source(SLOTS, found, WHOLE) == wrong


@pytest.mark.parametrize(
    ("recorded", "made", "wrong"),
    [
        (tally(), WHOLE, None),
        (tally(), changed(0, packets=2400), "2400 of 2500 pictures"),
        (tally(seconds=200.0), WHOLE, "100.0 of 200.0 s"),
        (tally(), changed(1, packets=0), "nothing of Audio AAC (deu)"),
        (tally(), changed(1, end=60.0), "60.0 of 100.0 s of Audio AAC (deu)"),
        (tally(), changed(2, packets=0), "nothing of Subtitles DVB (deu)"),
    ],
)
def test_films_hold_what_their_ledger_has(recorded: Tally, made: FilmReport, wrong: str | None) -> None:
    assert verdict.unlike_ledger(recorded, [(SLOTS, made)]) == wrong


def test_several_films_hold_it_together() -> None:
    half = FilmReport(
        (replace(VIDEO, packets=1250, end=50.0), replace(SOUND, packets=2344, end=50.0), replace(TEXT, packets=25))
    )
    assert verdict.unlike_ledger(tally(), [(SLOTS, half), (SLOTS, half)]) is None
    assert verdict.unlike_ledger(tally(), [(SLOTS, half)]) == "50.0 of 100.0 s of Video H.264"
