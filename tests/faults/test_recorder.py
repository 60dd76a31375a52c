"""Faults of recorders and of the source: every picture is accounted for."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import pytest

from counted import Counted
from counter import Film
from darkroom import accounted, finish, in_state, kill, more, record, recorders, seconds, wait_for
from support import Node, until


@pytest.fixture
async def source(film: Film) -> AsyncIterator[Counted]:
    """A live source with a window of six segments of a second."""
    async with Counted(film, window=8) as made:
        yield made


async def test_a_recording_without_faults_has_every_picture_once(node: Node, source: Counted) -> None:
    row = await record(node, source.url, title="Plain")
    await seconds(node, row["id"], 12)
    done = await finish(node, row["id"])
    found = await accounted(node, done, source)
    assert found.whole
    assert (done["gaps"], done["parts"], done["restarts"]) == (0, 1, 0)


async def test_a_recorder_that_is_killed_is_replaced_and_nothing_is_lost(node: Node, source: Counted) -> None:
    row = await record(node, source.url)
    await seconds(node, row["id"], 9)
    kill(node)
    await more(node, row["id"], 5)
    found = await accounted(node, await finish(node, row["id"]), source)
    assert found.whole


async def test_a_recorder_that_dies_just_before_a_rotation_does_not_stop_it(node: Node, source: Counted) -> None:
    row = await record(node, source.url)
    await seconds(node, row["id"], 9)
    kill(node)  # the seed's defect: the rotation found no process, and nothing went on
    await node.post(f"/api/v1/recordings/{row['id']}/rotate")
    await more(node, row["id"], 4)
    done = await finish(node, row["id"])
    assert done["parts"] == 2, "the rotation took place"
    assert (await accounted(node, done, source)).whole
    assert done["restarts"] == 1
    assert done["file"], "and so did the post-processing"


async def test_a_rotation_loses_and_doubles_nothing(node: Node, source: Counted) -> None:
    row = await record(node, source.url)
    await seconds(node, row["id"], 9)
    for parts in (2, 3, 4):
        await node.post(f"/api/v1/recordings/{row['id']}/rotate")
        await wait_for(node, row["id"], lambda now, parts=parts: now["parts"] == parts)
    await more(node, row["id"], 3)
    done = await finish(node, row["id"])
    assert done["parts"] == 4
    assert (await accounted(node, done, source)).whole


async def test_segments_that_are_never_there_are_listed_to_the_segment(node: Node, source: Counted) -> None:
    row = await record(node, source.url)
    await seconds(node, row["id"], 8)
    lost = source.newest + 3
    source.lost |= {lost, lost + 1, lost + 4}
    await seconds(node, row["id"], lost + 8)
    done = await finish(node, row["id"])
    found = await accounted(node, done, source)
    assert [last - first + 1 for first, last in found.missing] == [50, 25]


async def test_a_torn_segment_is_read_again(node: Node, source: Counted) -> None:
    row = await record(node, source.url)
    await seconds(node, row["id"], 8)
    source.truncate |= {source.newest + 2, source.newest + 3}
    await more(node, row["id"], 6)
    done = await finish(node, row["id"])
    assert not source.truncate
    assert (await accounted(node, done, source)).whole


@pytest.mark.parametrize("fault", [{"answer": 404}, {"answer": 503}, {"hang": True}, {"frozen": True}])
async def test_a_source_that_is_away_for_less_than_its_window_costs_nothing(
    node: Node, source: Counted, fault: dict[str, object]
) -> None:
    row = await record(node, source.url)
    await seconds(node, row["id"], 9)
    with source.fault(**fault):
        await asyncio.sleep(4)
    await more(node, row["id"], 6)
    done = await finish(node, row["id"])
    assert (await accounted(node, done, source)).whole
    assert done["state"] == "done"


@pytest.mark.parametrize("fault", [{"answer": 503}, {"hang": True}])
async def test_a_source_that_is_away_for_longer_leaves_a_gap_that_is_listed(
    node: Node, source: Counted, fault: dict[str, object]
) -> None:
    row = await record(node, source.url)
    await seconds(node, row["id"], 9)
    with source.fault(**fault):
        await asyncio.sleep(18)
    await more(node, row["id"], 4)
    done = await finish(node, row["id"])
    found = await accounted(node, done, source)
    assert len(found.missing) == 1


async def test_numbers_that_begin_anew_lose_and_double_nothing(node: Node, source: Counted) -> None:
    row = await record(node, source.url)
    await seconds(node, row["id"], 10)
    source.reset(0)
    await more(node, row["id"], 8)
    done = await finish(node, row["id"])
    assert (await accounted(node, done)).whole
    assert done["parts"] == 2, "a new numbering goes into a new part"


async def test_a_stopped_recorder_is_replaced_when_it_gives_no_sign_of_life(node: Node, source: Counted) -> None:
    row = await record(node, source.url)
    await seconds(node, row["id"], 9)
    (pid,) = recorders(node)
    os.kill(pid, signal.SIGSTOP)
    await in_state(node, row["id"], "retrying", "recording")
    await until(lambda: recorders(node) not in ([pid], []), 40)
    await more(node, row["id"], 4)
    done = await finish(node, row["id"])
    await accounted(node, done, source)
    assert done["restarts"] == 1


async def test_an_end_marker_ends_the_recording(node: Node, source: Counted) -> None:
    row = await record(node, source.url)
    await seconds(node, row["id"], 9)
    source.end()
    done = await in_state(node, row["id"], "done")
    assert (await accounted(node, done, source)).whole
    assert any("has ended" in move["reason"] for move in done["moves"])


async def test_a_continuous_stream_lists_what_a_new_connection_has_missed(node: Node, source: Counted) -> None:
    row = await record(node, source.ts)
    await seconds(node, row["id"], 6)
    source.cut()
    await more(node, row["id"], 5)
    kill(node)
    await more(node, row["id"], 5)
    done = await finish(node, row["id"])
    await accounted(node, done)


async def test_fragmented_mp4_is_joined_with_nothing_lost(node: Node, tmp_path_factory: pytest.TempPathFactory) -> None:
    from counter import encode

    film = encode(tmp_path_factory.getbasetemp() / "fmp4", seconds=60, segment=1.0, kind="fmp4")
    async with Counted(film, window=8) as source:
        row = await record(node, source.url)
        await seconds(node, row["id"], 9)
        await node.post(f"/api/v1/recordings/{row['id']}/rotate")
        kill(node)
        await more(node, row["id"], 4)
        done = await finish(node, row["id"])
        assert done["parts"] == 2
        assert (await accounted(node, done, source)).whole
