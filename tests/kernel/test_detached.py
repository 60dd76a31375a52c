"""Processes that outlive the server: known by who they are, seen dying at once, ended as a group, never mistaken."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from structlog.testing import capture_logs

from nightcrew.kernel import detached
from nightcrew.kernel.detached import Detached, Identity, adopt, boot_id, identity_of, launch
from nightcrew.kernel.processes import Command
from support import patient

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")

SLEEP = "import time; time.sleep(60)"
STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""
SLOW = """
import signal, sys, time
def leave(*_):
    time.sleep(0.5)
    print("last words", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
print("up", flush=True)
time.sleep(60)
"""
LEADER = STUBBORN.replace("signal.signal(signal.SIGTERM, signal.SIG_IGN)\n", "", 1)
"""It obeys itself, and its child does not."""
PARENT = """
import asyncio, json, sys
from dataclasses import asdict
from pathlib import Path
from nightcrew.kernel.detached import launch
from nightcrew.kernel.processes import Command

async def main():
    process = await launch(Command((sys.executable, "-c", sys.argv[2])), log_file=Path(sys.argv[1]))
    print(json.dumps(asdict(process.identity)))
    await process.forget()

asyncio.run(main())
"""

Start = Callable[..., Awaitable[Detached]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Start Python code; what still runs at the end of the test is killed."""
    started: list[Detached] = []

    async def begin(code: str, *, grace: float = 5.0) -> Detached:
        process = await launch(Command((sys.executable, "-c", code), grace=grace), log_file=tmp_path / "out.log")
        started.append(process)
        return process

    yield begin
    for process in started:
        await process.kill()


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    end = time.monotonic() + patient(seconds)
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        await asyncio.sleep(0.01)


def there(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").exists()


def gone_or_zombie(pid: int) -> bool:
    return identity_of(pid) is None


# -- who a process is --------------------------------------------------------------------------------------------------


async def test_a_living_process_is_itself_and_a_dead_one_nobody(start: Start) -> None:
    process = await start(SLEEP)
    assert process.identity == identity_of(process.pid)
    assert process.identity.running
    await process.kill()
    assert not process.identity.running
    assert identity_of(process.pid) is None
    assert adopt(process.identity) is None


def test_a_process_that_has_ended_and_was_not_reaped_does_not_run() -> None:
    child = subprocess.Popen([sys.executable, "-c", SLEEP])
    identity = identity_of(child.pid)
    assert identity is not None
    child.kill()
    end = time.monotonic() + 10
    while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end
    assert there(child.pid)
    assert not identity.running
    assert identity_of(child.pid) is None
    child.wait()


@pytest.mark.parametrize("other", [{"started": "1"}, {"boot": "another"}])
async def test_a_number_that_is_used_anew_is_never_signalled(start: Start, other: dict[str, str]) -> None:
    process = await start(SLEEP)
    stranger = replace(process.identity, **other)
    assert not stranger.running
    assert adopt(stranger) is None
    mistaken = Detached(stranger, 0.0)
    mistaken.ended.set()
    with capture_logs() as logs:
        assert not mistaken.tell(signal.SIGKILL)
        await mistaken.kill()
        await mistaken.end()
    assert process.identity.running, "the one that has the number now goes on"
    assert {(line["event"], line["log_level"]) for line in logs} == {("a process was already gone", "info")}


def test_a_name_with_brackets_and_spaces_does_not_hide_when_it_started(tmp_path: Path) -> None:
    program = tmp_path / "a) R 1 (b"
    program.symlink_to("/bin/sleep")
    child = subprocess.Popen([str(program), "60"])
    try:
        identity = identity_of(child.pid)
        assert identity is not None
        started = psutil.Process(child.pid).create_time() - psutil.boot_time()
        assert int(identity.started) / os.sysconf("SC_CLK_TCK") == pytest.approx(started, abs=2)
    finally:
        child.kill()
        child.wait()


# -- the end -----------------------------------------------------------------------------------------------------------


async def test_it_is_started_in_a_group_and_a_session_of_its_own_with_its_output_in_its_log(
    start: Start, tmp_path: Path
) -> None:
    process = await start("import os, sys; print(os.getpgrp(), os.getsid(0), flush=True); print('oh', file=sys.stderr)")
    await asyncio.wait_for(process.ended.wait(), 10)
    assert process.how == "it ended with status 0"
    log = tmp_path / "out.log"
    assert log.read_text() == f"{process.pid} {process.pid}\noh\n"
    assert log.stat().st_mode & 0o777 == 0o600


async def test_a_signal_reaches_the_process(start: Start) -> None:
    process = await start(SLEEP)
    assert process.tell(signal.SIGUSR1)  # which Python does not handle, also while it starts
    await asyncio.wait_for(process.ended.wait(), 10)
    assert process.how == "it was ended by SIGUSR1"


async def test_one_that_obeys_is_ended_by_term_alone(start: Start) -> None:
    process = await start(SLEEP)
    assert await process.end() == "it was ended by SIGTERM"
    assert not there(process.pid)


async def test_one_that_does_not_obey_is_killed_after_its_grace_with_all_of_its_group(
    start: Start, tmp_path: Path
) -> None:
    process = await start(STUBBORN, grace=0.5)
    await until(lambda: (tmp_path / "out.log").read_text().strip())
    child = int((tmp_path / "out.log").read_text())
    assert await process.end() == "it was ended by SIGKILL"
    await until(lambda: gone_or_zombie(child))
    assert not there(process.pid)


@pytest.mark.parametrize(("grace", "words"), [(20.0, ["up", "last words"]), (0.0, ["up"])])
async def test_one_that_needs_a_moment_has_its_grace_and_without_grace_it_has_none(
    start: Start, tmp_path: Path, grace: float, words: list[str]
) -> None:
    process = await start(SLOW, grace=grace)
    await until(lambda: (tmp_path / "out.log").read_text().strip())
    await process.end()
    assert (tmp_path / "out.log").read_text().splitlines() == words


async def test_one_killed_behind_our_back_is_seen_within_a_second_and_leaves_no_zombie(start: Start) -> None:
    process = await start(SLEEP)
    await asyncio.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    await asyncio.wait_for(process.ended.wait(), 1.0)
    assert process.how == "it was ended by SIGKILL"
    assert not there(process.pid), "it was reaped"


async def test_what_a_dead_process_leaves_behind_in_its_group_is_ended(start: Start, tmp_path: Path) -> None:
    process = await start(STUBBORN)
    await until(lambda: (tmp_path / "out.log").read_text().strip())
    child = int((tmp_path / "out.log").read_text())
    os.kill(process.pid, signal.SIGKILL)
    await asyncio.wait_for(process.ended.wait(), 1.0)
    await until(lambda: gone_or_zombie(child))


async def test_ending_one_that_is_gone_is_no_failure(start: Start) -> None:
    process = await start("")
    await asyncio.wait_for(process.ended.wait(), 10)
    with capture_logs() as logs:
        assert await process.end() == "it ended with status 0"
        assert not process.tell(signal.SIGTERM)
    assert {(line["event"], line["log_level"]) for line in logs} == {("a process was already gone", "info")}


async def test_one_that_ends_between_the_look_and_the_signal_is_no_failure(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = await start(SLEEP)

    def late(_pid: int, _number: int) -> None:
        raise ProcessLookupError

    with monkeypatch.context() as patched, capture_logs() as logs:
        patched.setattr(os, "kill", late)
        assert not process.tell(signal.SIGTERM)
    assert [(line["event"], line["log_level"]) for line in logs] == [("a process was already gone", "info")]


async def test_many_that_die_at_once_are_all_seen(start: Start) -> None:
    processes = [await start(SLEEP) for _ in range(10)]
    for process in processes:
        os.kill(process.pid, signal.SIGKILL)
    await asyncio.wait_for(asyncio.gather(*(process.ended.wait() for process in processes)), 2.0)
    assert not any(there(process.pid) for process in processes)


async def test_without_pidfd_a_death_is_seen_too(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_pid: int) -> int:
        raise OSError

    monkeypatch.setattr(os, "pidfd_open", unknown)
    process = await start(SLEEP)
    os.kill(process.pid, signal.SIGKILL)
    await asyncio.wait_for(process.ended.wait(), 2 * detached.POLL)
    assert not there(process.pid)


# -- found again -------------------------------------------------------------------------------------------------------


async def orphan(folder: Path, code: str = SLEEP) -> Identity:
    """A process whose parent has ended."""
    parent = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", PARENT, str(folder / "out.log"), code],
        capture_output=True,
        text=True,
        check=True,
        timeout=patient(30),
    )
    return Identity(**json.loads(parent.stdout))


async def test_one_of_another_server_is_found_again_watched_and_ended(tmp_path: Path) -> None:
    identity = await orphan(tmp_path)
    assert identity.running, "it has outlived its parent"
    process = adopt(identity)
    assert process is not None
    await asyncio.sleep(0.1)
    assert not process.ended.is_set()
    os.kill(identity.pid, signal.SIGKILL)
    await asyncio.wait_for(process.ended.wait(), 1.0)
    assert process.how == "it ended while nobody was its parent"


async def test_the_group_of_an_adopted_one_is_ended_with_it(tmp_path: Path) -> None:
    (tmp_path / "out.log").touch()
    identity = await orphan(tmp_path, LEADER)
    await until(lambda: (tmp_path / "out.log").read_text().strip())
    child = int((tmp_path / "out.log").read_text())
    process = adopt(identity)
    assert process is not None
    await process.end()
    await until(lambda: gone_or_zombie(child))


async def test_an_adopted_one_is_ended(tmp_path: Path) -> None:
    second = await orphan(tmp_path)
    process = adopt(second)
    assert process is not None
    assert await process.end() == "it ended while nobody was its parent"
    assert not second.running


async def test_one_that_is_forgotten_goes_on_and_can_be_adopted_by_the_same_server(start: Start) -> None:
    process = await start(SLEEP)
    await process.forget()
    assert process.identity.running
    assert not process.ended.is_set()
    again = adopt(process.identity, grace=1.0)
    assert again is not None
    assert "nobody was its parent" in await again.end()
    assert await process.kill() == "it was ended by SIGTERM", "who started it can still wait for its end"
    assert again.ended.is_set()
    assert not process.identity.running


# -- logs --------------------------------------------------------------------------------------------------------------


def test_a_log_stays_small_while_somebody_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detached, "LOG_BYTES", 10_000)
    log, seen = tmp_path / "out.log", 0
    with log.open("ab", buffering=0) as writer:
        for number in range(2_000):
            writer.write(b"%09d\n" % number)
            if number % 50 == 49:
                detached.rotate(log)
                older = log.with_name("out.log.1")
                seen = max(seen, log.stat().st_size, older.stat().st_size if older.exists() else 0)
    assert seen <= 10_500
    kept = (log.with_name("out.log.1").read_bytes() + log.read_bytes()).split()
    assert kept == [b"%09d" % number for number in range(2_000 - len(kept), 2_000)], (
        "the newest lines, none torn or doubled"
    )
    assert len(kept) >= 1_000


def test_a_log_that_is_small_or_not_there_is_left_alone(tmp_path: Path) -> None:
    detached.rotate(tmp_path / "none.log")
    (tmp_path / "small.log").write_text("x")
    detached.rotate(tmp_path / "small.log")
    assert [path.name for path in tmp_path.iterdir()] == ["small.log"]


async def test_a_log_is_rotated_when_a_process_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detached, "LOG_BYTES", 100)
    log = tmp_path / "deep" / "out.log"
    for text in ("a" * 150, "b"):
        process = await launch(Command((sys.executable, "-c", f"print({text!r})")), log_file=log)
        await asyncio.wait_for(process.ended.wait(), 10)
    assert log.read_text() == "b\n"
    assert log.with_name("out.log.1").stat().st_mode & 0o077 == 0, "it may hold what others must not see"


async def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        await launch(Command(("/nowhere/at/all",)), log_file=tmp_path / "out.log")


async def test_the_loop_goes_on_while_a_process_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    turn, real = threading.Event(), subprocess.Popen

    def slow(*args: Any, **options: Any) -> subprocess.Popen[bytes]:
        if not turn.wait(10):
            raise OSError("the loop stands still")
        return real(*args, **options)

    monkeypatch.setattr(detached.subprocess, "Popen", slow)
    starting = asyncio.ensure_future(launch(Command((sys.executable, "-c", "")), log_file=tmp_path / "out.log"))
    asyncio.get_running_loop().call_soon(turn.set)
    await (await starting).ended.wait()


async def test_a_process_whose_start_nobody_waits_for_any_more_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, turn, real = threading.Event(), threading.Event(), subprocess.Popen
    made: list[subprocess.Popen[bytes]] = []

    def slow(*args: Any, **options: Any) -> subprocess.Popen[bytes]:
        begun.set()
        turn.wait(10)
        made.append(real(*args, **options))
        return made[0]

    monkeypatch.setattr(detached.subprocess, "Popen", slow)
    code = "import time; time.sleep(60)"
    starting = asyncio.ensure_future(launch(Command((sys.executable, "-c", code)), log_file=tmp_path / "out.log"))
    await asyncio.to_thread(begun.wait, 10)
    starting.cancel()
    asyncio.get_running_loop().call_soon(turn.set)
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert made[0].returncode == -signal.SIGKILL


# -- restarts ----------------------------------------------------------------------------------------------------------


def test_restarts_wait_longer_and_longer() -> None:
    assert [detached.delay(count) for count in range(8)] == [0.0, 1.0, 2.0, 5.0, 10.0, 10.0, 10.0, 10.0]


def test_a_boot_has_one_name() -> None:
    assert boot_id() == boot_id() == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
