"""Faults of recorders and of the source: every picture is accounted for.

The scenarios mostly wait for a stream, so all are played at the same time, each with a recorder and a source of its own; then
there is a test for each.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from counted import LONG, Counted
from counter import Film, encode
from darkroom import accounted, all_of, chosen, finish, in_state, kill, more, record, recorders, seconds, wait_for
from support import Node, running, until

Play = Callable[[Node, Counted], Awaitable[None]]
GRACE = 20
BEGUN = 12.0
"""Seconds after which a scenario begins its fault: the first playlist already shows ten."""


async def no_faults(node: Node, source: Counted) -> None:
    """Every picture is there, once."""
    row = await record(node, source.url, title="Plain")
    await seconds(node, row["id"], 14)
    done = await finish(node, row["id"])
    assert (await accounted(node, done, source)).whole
    assert (done["gaps"], done["parts"], done["restarts"]) == (0, 1, 0)


async def recorder_is_killed(node: Node, source: Counted) -> None:
    """It is replaced, and nothing is lost."""
    row = await record(node, source.url)
    await seconds(node, row["id"], BEGUN)
    kill(node, row["id"])
    await more(node, row["id"], 5)
    done = await finish(node, row["id"])
    assert (await accounted(node, done, source)).whole
    assert done["restarts"] == 1


async def recorder_dies_just_before_a_rotation(node: Node, source: Counted) -> None:
    """The seed's defect: the rotation found no process, and nothing went on from there."""
    row = await record(node, source.url)
    await seconds(node, row["id"], BEGUN)
    kill(node, row["id"])
    await node.post(f"/api/v1/recordings/{row['id']}/rotate")
    await wait_for(node, row["id"], lambda now: now["parts"] == 2)  # the rotation takes place all the same
    done = await finish(node, row["id"])
    assert done["file"], "and so did the post-processing"
    assert (await accounted(node, done, source)).whole


async def rotations(node: Node, source: Counted) -> None:
    """They lose and double nothing."""
    row = await record(node, source.url)
    await seconds(node, row["id"], BEGUN)
    for parts in (2, 3, 4):
        await node.post(f"/api/v1/recordings/{row['id']}/rotate")
        await wait_for(node, row["id"], lambda now, parts=parts: now["parts"] == parts)
    done = await finish(node, row["id"])
    assert (await accounted(node, done, source)).whole


async def segments_are_lost(node: Node, source: Counted) -> None:
    """They are listed, to the segment."""
    row = await record(node, source.url)
    await seconds(node, row["id"], BEGUN)
    lost = source.newest + 3
    source.lost |= {lost, lost + 1, lost + 4}
    await seconds(node, row["id"], lost + 8)
    found = await accounted(node, await finish(node, row["id"]), source)
    assert [last - first + 1 for first, last in found.missing] == [50, 25]


async def segments_are_torn(node: Node, source: Counted) -> None:
    """They are read again."""
    row = await record(node, source.url)
    await seconds(node, row["id"], BEGUN)
    source.truncate |= {source.newest + 2, source.newest + 3}
    await more(node, row["id"], 6)
    done = await finish(node, row["id"])
    assert not source.truncate
    assert (await accounted(node, done, source)).whole


async def _away(node: Node, source: Counted, length: float, **fault: Any) -> None:
    row = await record(node, source.url)
    await seconds(node, row["id"], BEGUN)
    with source.fault(**fault, forgets=length >= 10):
        await asyncio.sleep(length)
    await more(node, row["id"], 6)
    found = await accounted(node, await finish(node, row["id"]), source)
    assert len(found.missing) == (0 if length < 10 else 1)


async def playlist_stands_still(node: Node, source: Counted) -> None:
    """It does not say that it goes on when it does not, and asks for the address anew."""
    row = await record(node, source.url)
    await seconds(node, row["id"], BEGUN)
    with source.fault(frozen=True, forgets=True):
        stalled = await in_state(node, row["id"], "retrying")
        assert stalled["reason"] == "its playlist shows nothing new"
    await in_state(node, row["id"], "recording")
    await more(node, row["id"], 6)
    found = await accounted(node, await finish(node, row["id"]), source)
    assert len(found.missing) == 1


async def segments_cannot_be_read(node: Node, source: Counted) -> None:
    """Its playlist goes on, and nothing comes of it."""
    row = await record(node, source.url)
    await seconds(node, row["id"], BEGUN)
    source.lost |= set(range(source.newest + 1, source.newest + 200))
    stalled = await in_state(node, row["id"], "retrying")
    assert stalled["reason"] == "its segments cannot be read: HTTP 404"
    source.forget()
    source.lost.clear()
    await in_state(node, row["id"], "recording")
    await more(node, row["id"], 6)
    found = await accounted(node, await finish(node, row["id"]), source)
    assert len(found.missing) == 1


async def _mostly_away(node: Node, source: Counted, lengths: tuple[float, ...]) -> None:
    """Stopped and let go again, as a machine does that is short of memory."""
    row = await record(node, source.url)
    await seconds(node, row["id"], BEGUN)
    for length in lengths:
        (pid,) = recorders(node, row["id"])
        os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(length)
        os.kill(pid, signal.SIGCONT)
        await more(node, row["id"], 2)
    done = await finish(node, row["id"])
    assert (await accounted(node, done, source)).whole
    assert done["restarts"] == 0


async def _stopped_for(node: Node, source: Counted, length: float) -> None:
    """Longer than its window: what it costs is listed, whoever goes on."""
    row = await record(node, source.url)
    await seconds(node, row["id"], BEGUN)
    (pid,) = recorders(node, row["id"])
    os.kill(pid, signal.SIGSTOP)
    await asyncio.sleep(length)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
    await more(node, row["id"], 4)
    await accounted(node, await finish(node, row["id"]), source)


async def recorder_hangs(node: Node, source: Counted) -> None:
    """One that gives no sign of life is replaced; what is lost is listed."""
    row = await record(node, source.url)
    await seconds(node, row["id"], BEGUN)
    (pid,) = recorders(node, row["id"])
    os.kill(pid, signal.SIGSTOP)
    await until(lambda: recorders(node, row["id"]) not in ([pid], []), 40)
    await more(node, row["id"], 4)
    done = await finish(node, row["id"])
    await accounted(node, done, source)
    assert done["restarts"] >= 1  # on a busy machine the next one may be silent for too long as well


async def numbers_begin_anew(node: Node, source: Counted) -> None:
    """Nothing is lost or doubled; the new numbering has a part of its own."""
    row = await record(node, source.url)
    await seconds(node, row["id"], BEGUN)
    source.reset(0)
    await more(node, row["id"], 8)
    done = await finish(node, row["id"])
    assert (await accounted(node, done)).whole
    assert done["parts"] == 2


async def discontinuity(node: Node, source: Counted) -> None:
    """It is noted, and costs nothing."""
    row = await record(node, source.url)
    await seconds(node, row["id"], BEGUN)
    source.discontinue()
    await more(node, row["id"], 5)
    assert (await accounted(node, await finish(node, row["id"]), source)).whole


async def end_marker(node: Node, source: Counted) -> None:
    """It ends the recording."""
    row = await record(node, source.url)
    await seconds(node, row["id"], BEGUN)
    source.end()
    done = await in_state(node, row["id"], "done")
    assert (await accounted(node, done, source)).whole
    assert any("has ended" in move["reason"] for move in done["moves"])


async def goes_offline(node: Node, source: Counted) -> None:
    """For longer than the grace time: then it is over. A server that is broken is not offline."""
    row = await record(node, source.url)
    await seconds(node, row["id"], BEGUN)
    with source.fault(answer=503):
        await in_state(node, row["id"], "retrying")
    await in_state(node, row["id"], "recording")
    source.offline = True
    done = await in_state(node, row["id"], "done")
    assert any("was offline for" in move["reason"] for move in done["moves"])
    await accounted(node, done, source)


async def continuous_stream_breaks_off(node: Node, source: Counted) -> None:
    """What a new connection has missed is listed."""
    row = await record(node, source.ts)
    await seconds(node, row["id"], 6)
    source.cut()
    await more(node, row["id"], 5)
    kill(node, row["id"])
    await more(node, row["id"], 5)
    await accounted(node, await finish(node, row["id"]))


async def fragments_with_a_kill_and_a_rotation(node: Node, source: Counted) -> None:
    """Fragmented MP4 is joined with nothing lost."""
    row = await record(node, source.url)
    await seconds(node, row["id"], BEGUN)
    await node.post(f"/api/v1/recordings/{row['id']}/rotate")
    kill(node, row["id"])
    await wait_for(node, row["id"], lambda now: now["parts"] == 2)
    await more(node, row["id"], 4)
    done = await finish(node, row["id"])
    assert done["parts"] == 2
    assert (await accounted(node, done, source)).whole


async def read_by_ffmpeg(node: Node, source: Counted) -> None:
    """What streamlink cannot read, ffmpeg does; a gap is listed there too."""
    row = await record(node, source.url, kind="ffmpeg")
    await seconds(node, row["id"], 6)
    kill(node, row["id"])
    await more(node, row["id"], 4)
    await accounted(node, await finish(node, row["id"]))


SCENARIOS: dict[str, Play] = {
    play.__name__: play
    for play in (
        no_faults,
        recorder_is_killed,
        recorder_dies_just_before_a_rotation,
        rotations,
        segments_are_lost,
        segments_are_torn,
        segments_cannot_be_read,
        playlist_stands_still,
        recorder_hangs,
        numbers_begin_anew,
        discontinuity,
        end_marker,
        goes_offline,
        continuous_stream_breaks_off,
        fragments_with_a_kill_and_a_rotation,
        read_by_ffmpeg,
    )
}
SCENARIOS |= {
    "source_answers_404_for_5_s": partial(_away, length=5, answer=404),
    "source_answers_503_for_5_s": partial(_away, length=5, answer=503),
    "source_hangs_for_5_s": partial(_away, length=5, hang=True),
    "playlist_is_frozen_for_5_s": partial(_away, length=5, frozen=True),
    "source_answers_503_for_20_s": partial(_away, length=20, answer=503),
    "source_hangs_for_20_s": partial(_away, length=20, hang=True),
    "recorder_is_stopped_for_5_s": partial(_mostly_away, lengths=(5,)),
}


async def recorder_is_killed_20_times(node: Node, source: Counted) -> None:
    """The pauses between restarts grow; whatever they cost is listed."""
    row = await record(node, source.url)
    await seconds(node, row["id"], BEGUN)
    for _ in range(20):
        await until(lambda: bool(recorders(node, row["id"])), 30)
        await more(node, row["id"], 1)
        kill(node, row["id"])
    await more(node, row["id"], 5)
    done = await finish(node, row["id"])
    await accounted(node, done, source)
    assert done["restarts"] >= 15, "a kill may hit one that has not begun yet"


if os.environ.get("NIGHTCREW_SOAK"):
    SCENARIOS |= {
        "recorder_is_killed_20_times": recorder_is_killed_20_times,
        "source_answers_404_for_14_s": partial(_away, length=14, answer=404),
        "source_answers_503_for_40_s": partial(_away, length=40, answer=503),
        "source_hangs_for_40_s": partial(_away, length=40, hang=True),
        "recorder_is_stopped_for_15_s": partial(_stopped_for, length=15),
        "recorder_is_stopped_for_45_s": partial(_stopped_for, length=45),
    }


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, film: Film, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, BaseException | None]:
    """What became of all scenarios."""
    fragments = encode(tmp_path_factory.mktemp("fragments"), seconds=80, segment=1.0, kind="fmp4")

    async def play(node: Node, name: str) -> None:
        async with Counted(fragments if name.startswith("fragments") else film, window=10, keeps=LONG) as source:
            await SCENARIOS[name](node, source)

    async def play_all() -> dict[str, BaseException | None]:
        async with running(tmp_path_factory.mktemp("darkroom")) as node:
            await node.patch("/api/v1/settings", {"recordings.per_recorder": 1, "recordings.offline_grace": GRACE})
            return await all_of({name: partial(play, node, name) for name in chosen(request, SCENARIOS)}, at_once=8)

    return asyncio.run(play_all())


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_picture_is_accounted_for(outcomes: dict[str, BaseException | None], name: str) -> None:
    outcome = outcomes[name]
    if outcome is not None:
        raise outcome
