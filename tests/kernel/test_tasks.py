"""The owner of background tasks: what they raise is told, and none outlives it."""

from __future__ import annotations

import asyncio
import gc

import pytest
from structlog.testing import capture_logs

from nightcrew.kernel import forever as loops
from nightcrew.kernel import tasks as tasks_of_a_node
from nightcrew.kernel.errors import Retry
from nightcrew.kernel.forever import forever
from nightcrew.kernel.tasks import Tasks
from support import until


async def fail(error: Exception) -> None:
    raise error


@pytest.mark.parametrize(("error", "level"), [(Retry("later"), "warning"), (ZeroDivisionError("ours"), "error")])
async def test_what_a_task_raises_is_told_and_then_given_to_its_handler(error: Exception, level: str) -> None:
    tasks, seen = Tasks(), list[Exception]()

    async def handle(exc: Exception) -> None:
        seen.append(exc)
        raise exc

    with capture_logs() as told:
        await tasks.spawn(fail(error), "work", handle)
    assert seen == [error]
    assert [(line["task"], line["log_level"]) for line in told] == [("work", level), ("work: after its error", level)]
    await until(lambda: not len(tasks))


async def test_a_task_that_is_cancelled_before_it_begins_leaves_nothing(recwarn: pytest.WarningsRecorder) -> None:
    tasks = Tasks()
    tasks.spawn(fail(Retry("later")), "work")
    await tasks.close()
    await asyncio.sleep(0.01)  # the loop lets go of it
    gc.collect()
    told = [str(one.message) for one in recwarn]
    assert not [words for words in told if "never awaited" in words], "others' garbage may be collected meanwhile"


async def test_close_ends_all_tasks_also_those_that_an_ending_task_spawns() -> None:
    tasks, ended = Tasks(), list[str]()

    async def work(name: str) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(name)
            if name == "first":
                tasks.spawn(work("late"), "late")
                await asyncio.sleep(0)

    tasks.spawn(work("first"), "first")
    tasks.spawn(work("second"), "second")
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await tasks.close()
    assert len(tasks) == 0
    assert {"first", "second"} <= set(ended)


async def test_a_task_whose_cancel_was_lost_is_cancelled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks_of_a_node, "AGAIN", 0.05)
    lost = asyncio.Event()

    async def deaf() -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:  # as a library takes it for the end of its own time-out
            lost.set()
        await asyncio.sleep(3600)

    tasks = Tasks()
    tasks.spawn(deaf(), "deaf")
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await tasks.close()
    assert lost.is_set()
    assert len(tasks) == 0


@pytest.mark.parametrize("how", ["hangs", "raises", "cancelled"])
async def test_a_loop_outlives_a_round_that_goes_wrong(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setattr(loops, "AFTER_ERROR", 0.0)
    rounds = 0

    async def once() -> float:
        nonlocal rounds
        rounds += 1
        if rounds == 1 and how == "hangs":
            await asyncio.sleep(3600)
        if rounds == 1 and how == "raises":
            raise ZeroDivisionError("ours")
        if rounds == 1 and how == "cancelled":
            raise asyncio.CancelledError
        return 0.01

    with capture_logs() as told:
        loop = asyncio.create_task(forever("heartbeat", once, limit=0.05))
        await until(lambda: rounds > 2)
        loop.cancel()
        await asyncio.wait([loop])
    assert loop.cancelled()
    assert [line["part"] for line in told] == ["heartbeat"]
    assert told[0]["event"] == ("a round took too long and was ended" if how == "hangs" else "a round failed")
