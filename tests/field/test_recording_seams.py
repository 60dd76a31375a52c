"""A stream whose sound changes while a picture is being sent: nothing is torn, wherever the change falls in a segment or between two.

Bytes are spliced as a broadcaster's multiplexer does it: the tables change, one sound ends and another begins, the picture goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from films import Source, content, films, make, read, recorded, source
from nightcrew.recorder import ledger
from nightcrew.recorder.inspecting import Packets
from nightcrew.recordings import verdict
from nightcrew.transport import psi, ts
from nightcrew.transport.ts import PACKET, Cutter

VIDEO, SOUND = 0x100, 0x101
AT = 1.3
"""Seconds after the beginning at which the sound changes: in the middle of a group of pictures."""


def packets(data: bytes) -> Iterator[bytes]:
    for at in range(0, len(data), PACKET):
        yield data[at : at + PACKET]


def spliced(first: bytes, second: bytes) -> bytes:
    """The first stream, from `AT` on with the tables and the sound of the second, packet by packet in between."""
    begin = next(at for packet in packets(first) if (at := ts.time_of(packet)) is not None)
    before, after = list(packets(first)), list(packets(second))
    change = next(n for n, one in enumerate(before) if begins(one, SOUND, begin + AT))
    there = next(n for n, one in enumerate(after) if begins(one, SOUND, begin + AT))
    sound = [one for one in after[there:] if ts.pid_of(one, 0) == SOUND]
    picture = [one for one in before[change:] if ts.pid_of(one, 0) == VIDEO]
    rest = [one for one in before[change:] if ts.pid_of(one, 0) == SOUND and not begins(one, SOUND, 0)]
    tables = [next(one for one in after if ts.pid_of(one, 0) == pid) for pid in (psi.ASSOCIATION_PID, pmt(second))]
    mixed: list[bytes] = []
    share = max(1, len(picture) // max(1, len(sound)))
    while picture or sound:
        mixed += sound[:1] + picture[:share]
        del sound[:1], picture[:share]
    assert not rest or len(rest) < len(before)
    return b"".join([*before[:change], *tables, *mixed])


def begins(packet: bytes, pid: int, at: float) -> bool:
    if ts.pid_of(packet, 0) != pid or not packet[1] & 0x40:
        return False
    found = ts.time_of(packet)
    return found is not None and found >= at


def pmt(data: bytes) -> int:
    section = next(psi.sections(ts.payloads(data, 0, 0, len(data)), psi.ASSOCIATION))
    return next(psi.map_pids(section))


def chunks(data: bytes, count: int) -> Source:
    """Segments that know nothing of pictures."""
    size = len(data) // PACKET // count * PACKET
    return Source((*(data[at * size : (at + 1) * size] for at in range(count - 1)), data[(count - 1) * size :]))


def pieces(data: bytes, _count: int) -> Source:
    """As a stream without segments is cut: where a decoder can begin."""
    cutter = Cutter()
    found = [piece.data for piece in cutter.feed(data)]
    rest = cutter.rest()
    return Source((*found, *([rest.data] if rest is not None else [])))


@pytest.mark.parametrize(
    "cut", [(chunks, 1), (chunks, 3), (chunks, 7), (chunks, 40), (pieces, 0)], ids=["whole", "3", "7", "40", "pieces"]
)
@pytest.mark.parametrize("sounds", [("plain", "ac3"), ("plain", "44100"), ("ac3", "mono"), ("mp2", "eac3")], ids=str)
def test_a_sound_that_changes_in_the_middle_of_a_picture_is_kept_with_all_pictures(
    sounds: tuple[str, str], cut: tuple, tmp_path: Path
) -> None:
    first, second = (source(name, 0, 4).whole for name in sounds)
    whole = spliced(first, second)
    made = cut[0](whole, cut[1])
    recorded(tmp_path / "rec", [made])
    found = films(tmp_path / "rec")
    assert [[slot.codec for slot in film.slots] for film in found] == [
        ["h264", {"plain": "aac", "44100": "aac", "mono": "aac"}.get(name, name)] for name in sounds
    ]
    reports = []
    pictures, samples = 0, 0
    for number, film in enumerate(found):
        path = tmp_path / f"film{number}.mp4"
        written = make(film, path)
        assert verdict.unlike_order(film.slots, written, read(path)) is None
        reports.append((film.slots, written))
        one = content(path)
        pictures += one.pictures
        samples += one.samples
        assert one.pictures % 25 == 0, "a film ends where a picture begins that needs no other"
    assert verdict.unlike_ledger(ledger.read(tmp_path / "rec"), reports) is None
    assert pictures == 100
    rate = 48000
    lost = abs(samples - 4 * rate) if "44100" not in sounds else abs(samples - AT * rate - (4 - AT) * 44100)
    assert lost <= 4 * 2048, "no more than what encoders add, and a frame at the cut"


def test_the_ledger_says_at_which_byte_a_sound_changes(tmp_path: Path) -> None:
    first, second = (source(name, 0, 4).whole for name in ("plain", "ac3"))
    whole = spliced(first, second)
    found = Packets().inspect(whole)
    (begin, before), (at, after) = found.changes
    assert (begin, [one.codec for one in before]) == (0, ["h264", "aac"])
    assert [one.codec for one in after] == ["h264", "ac3"]
    assert ts.pid_of(whole, at) == pmt(second)
    assert found.pictures == 100


@pytest.mark.parametrize("missing", [3.0, 60.0])
def test_a_stretch_without_tables_of_its_own_is_read_by_those_before_it(missing: float, tmp_path: Path) -> None:
    """As behind a gap of a stream whose tables come rarely: nothing says what the packets are but what came before."""
    first, second = source("plain", 0, 2).whole, source("plain", round(2 + missing), 2).whole
    bare = b"".join(one for one in packets(second) if ts.pid_of(one, 0) in {VIDEO, SOUND})
    recorded(tmp_path / "rec", [Source((first,)), missing, Source((bare,))])
    (film,) = films(tmp_path / "rec")
    make(film, tmp_path / "film.mp4")
    assert content(tmp_path / "film.mp4").pictures == 100
