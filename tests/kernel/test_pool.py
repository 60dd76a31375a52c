"""Helper processes: kept, limited, replaced in time, and never left behind."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
import time
from collections.abc import AsyncIterator

import psutil
import pytest
from structlog.testing import capture_logs

from nightcrew.kernel.errors import Retry
from nightcrew.kernel.pool import Pool
from nightcrew.kernel.processes import Child, Command
from support import until

ECHO = Command((sys.executable, "-c", "import sys\nfor line in sys.stdin: print(line, end='', flush=True)"), grace=0)
USELESS = Command((sys.executable, "-c", "import sys; sys.exit('no licence at http://user:s3cr3t@host/')"), grace=0)
PARENT = Command(
    (
        sys.executable,
        "-c",
        "import subprocess, sys, time\n"
        "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid, flush=True)\n"
        "time.sleep(60)",
    ),
    grace=0,
)


@contextlib.asynccontextmanager
async def pool(**options: object) -> AsyncIterator[Pool]:
    made = Pool("echo", **options)  # type: ignore[arg-type]
    try:
        yield made
    finally:
        await made.close()
        assert made.pids == []


async def say(child: Child, word: str = "x") -> int:
    """Have a helper answer; returns its process id."""
    child.stdin.write(f"{word}\n".encode())
    assert await child.stdout.readline() == f"{word}\n".encode()
    return child.pid


async def task(helpers: Pool) -> int:
    async with helpers.one(ECHO) as child:
        return await say(child)


async def test_a_process_is_kept_for_the_next_task_until_it_has_done_enough() -> None:
    async with pool(tasks=2) as helpers:
        pids = [await task(helpers) for _ in range(5)]
        assert pids[0] == pids[1] != pids[2] == pids[3] != pids[4]
        assert helpers.pids == [pids[4]]
        assert not psutil.pid_exists(pids[0]), "it was reaped"


async def test_one_that_holds_too_much_memory_makes_room() -> None:
    async with pool(tasks=99, memory=1) as helpers:
        assert await task(helpers) != await task(helpers)
    async with pool(tasks=99, memory=1 << 40) as helpers:
        assert await task(helpers) == await task(helpers)


async def test_one_that_has_died_meanwhile_is_not_given_to_the_next_task() -> None:
    async with pool(tasks=99) as helpers:
        pid = await task(helpers)
        psutil.Process(pid).kill()
        while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.001)  # the loop does not turn, so nobody has heard of it
        assert await task(helpers) != pid
        assert len(helpers.pids) == 1


async def test_only_so_many_go_on_at_a_time_and_each_has_its_turn() -> None:
    order: list[int] = []
    leave = asyncio.Event()

    async def stay(number: int) -> None:
        async with helpers.one(ECHO) as child:
            await say(child)
            order.append(number)
            await leave.wait()

    async with pool(at_once=2) as helpers:
        tasks = [asyncio.create_task(stay(number)) for number in range(5)]
        await until(lambda: len(order) == 2)
        assert len(helpers.pids) == 2
        tasks[2].cancel()
        leave.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert sorted(order[:2]) == [0, 1]
        assert sorted(order[2:]) == [3, 4]
        assert await task(helpers), "no place was lost"


async def test_a_turn_that_is_not_taken_goes_to_the_next() -> None:
    leave = asyncio.Event()

    async def stay() -> None:
        async with helpers.one(ECHO):
            await leave.wait()

    async with pool(at_once=1) as helpers:
        first = asyncio.create_task(stay())
        await until(lambda: helpers.pids)
        second, third = (asyncio.create_task(task(helpers)) for _ in range(2))
        await asyncio.sleep(0)
        first.add_done_callback(lambda _: second.cancel())  # in the moment in which it has its turn
        leave.set()
        assert await asyncio.wait_for(third, 10)
        await asyncio.gather(first, second, return_exceptions=True)


async def test_a_task_that_fails_ends_its_process_with_all_that_it_has_begun() -> None:
    async with pool(tasks=99) as helpers:
        with pytest.raises(ZeroDivisionError):
            async with helpers.one(PARENT) as child:
                grandchild = int(await child.stdout.readline())
                assert psutil.pid_exists(grandchild)
                raise ZeroDivisionError
        assert helpers.pids == []
        await until(lambda: not psutil.pid_exists(grandchild) or psutil.Process(grandchild).status() == "zombie")
        assert not psutil.pid_exists(child.pid)


@pytest.mark.parametrize("grace", [0.0, 60.0])
async def test_one_that_says_more_than_is_read_is_ended_and_reaped(grace: float) -> None:
    """asyncio waits for ever for a process of whose output something was not read."""
    flood = Command((sys.executable, "-c", "while True: print('x' * 60_000, flush=True)"), grace=grace)
    async with pool() as helpers, asyncio.timeout(30):
        async with helpers.one(flood) as child:
            await child.stdout.readline()
            await asyncio.sleep(0.3)  # its pipe is full by now, and what asyncio keeps as well
        assert helpers.pids == []
        assert not psutil.pid_exists(child.pid)


async def test_a_file_can_be_what_a_process_reads() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"first\nsecond\n")
        file.seek(0)
        command = Command(ECHO.args, stdin=file.fileno())
        async with pool() as helpers, helpers.one(command) as child:
            assert await child.stdout.read() == b"first\nsecond\n"
            with pytest.raises(RuntimeError, match="no standard input"):
                child.stdin.write(b"x")


async def test_a_task_has_its_time() -> None:
    async with pool() as helpers:
        with pytest.raises(TimeoutError):
            async with helpers.one(ECHO, limit=0.05) as child:
                await child.stdout.readline()
        assert helpers.pids == []
        assert not child.alive


async def test_after_processes_without_any_use_the_next_ones_wait_longer_and_longer() -> None:
    async with pool(pauses=(0.0, 0.01, 0.02)) as helpers:
        with capture_logs() as logs:
            for _ in range(4):
                with pytest.raises(EOFError):
                    async with helpers.one(USELESS) as child:
                        await child.stdout.readexactly(1)
                assert "no licence" in child.last_words()
                assert "s3cr3t" not in child.last_words()
            await task(helpers)
            await task(helpers)
        waits = [(one["kind"], one["lost"], one["pause_s"]) for one in logs if "pause_s" in one]
        assert waits == [("echo", 1, 0.01), ("echo", 2, 0.02), ("echo", 3, 0.02), ("echo", 4, 0.02)]


async def test_what_cannot_be_started_is_told() -> None:
    async with pool() as helpers:
        with pytest.raises(Retry, match="cannot start the echo: No such file"):
            async with helpers.one(Command(("/nowhere/at/all",))):
                raise AssertionError
        assert await task(helpers)


async def test_processes_that_nobody_needed_for_a_while_are_ended() -> None:
    async with pool(tasks=99, idle=60.0) as helpers:
        pid = await task(helpers)
        await helpers.trim()
        assert helpers.pids == [pid]
        helpers.idle = 0.0
        await helpers.trim()
        assert helpers.pids == []


# -- shared by all tasks -----------------------------------------------------------------------------------------------


async def test_tasks_share_one_process_and_the_next_has_a_new_one_when_it_has_done_enough() -> None:
    async with pool(tasks=2) as helpers:
        async with helpers.shared(ECHO) as one:
            async with helpers.shared(ECHO) as two:
                assert one is two
            async with helpers.shared(ECHO) as three:
                assert three is one
            async with helpers.shared(ECHO) as four:
                assert four is one, "it is in use"
        async with helpers.shared(ECHO) as five:
            assert five is not one
        assert not one.alive


async def test_a_shared_process_is_replaced_after_an_error_when_nobody_uses_it() -> None:
    async with pool(tasks=99) as helpers:
        async with helpers.shared(ECHO) as one:
            with pytest.raises(TimeoutError):
                async with helpers.shared(ECHO, limit=0.01) as two:
                    await two.stdout.readline()
            async with helpers.shared(ECHO) as three:
                assert three is one
        async with helpers.shared(ECHO) as four:
            assert four is not one


async def test_a_shared_process_that_is_dead_is_replaced_at_once() -> None:
    async with pool(tasks=99) as helpers, helpers.shared(ECHO) as one:
        psutil.Process(one.pid).kill()
        await until(lambda: not one.alive)
        async with helpers.shared(ECHO) as two:
            await say(two)
            assert helpers.pids == [two.pid]
