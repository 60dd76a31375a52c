"""What happens when a recording is finished: a webhook is called, a program is run. Durable jobs; what fails there fails no recording.

Who starts them comes by again after a crash, so their runs have ids of their own, and each is there once. The program outlives
the server, as recorders do: the next start waits for the same one, and starts no second.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil

from nightcrew.kernel.detached import Detached, Identity, adopt, identity_of, launch, rotate
from nightcrew.kernel.engine import Engine
from nightcrew.kernel.errors import GiveUp, NightcrewError
from nightcrew.kernel.http import Limits, Request
from nightcrew.kernel.jobs import Ended
from nightcrew.kernel.notify.rules import secrets_in
from nightcrew.kernel.processes import Command
from nightcrew.kernel.redaction import know
from nightcrew.kernel.run import Run
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.words import duration
from nightcrew.recordings import after_rules, news
from nightcrew.recordings.processing import JOB
from nightcrew.recordings.settings import RecordingSettings
from nightcrew.recordings.store import recordings

WEBHOOK, PROGRAM = "recordings.webhook", "recordings.program"
LOG = "after-recordings.log"
FAILED = "recording.after_failed"
LIMIT = 20.0
"""Seconds within which a webhook has to take what it is sent."""
GRACE = 5.0
LOOK = 5.0
"""Seconds between two looks at how large the program's log has become."""
MARK = "NIGHTCREW_RUN"
"""In a program's environment: for which run it was started."""
WELL = "it ended with status 0"


class Programs:
    """Those that this server has started, and is to hear the end of."""

    def __init__(self) -> None:
        self.started: dict[int, Detached] = {}


async def ended(runtime: Runtime, run: Ended) -> None:
    """Called after each run of a job: what is to happen after a recording is begun. Right also when it is called twice."""
    if run.job != JOB or run.outcome != "done":
        return
    recording_id = int(run.args[0])
    row = await recordings.get(runtime.store, recording_id)
    if not row.file or row.node != runtime.node:
        return
    options = runtime.settings.of(RecordingSettings)
    wanted = [(WEBHOOK, "Call the webhook for")] if options.done_webhook else []
    wanted += [(PROGRAM, "Run the program for")] if options.done_command else []
    for job, what in wanted:
        label = f"{what} {row.name}: {row.title}"[:200]
        await Engine.outside(runtime.jobs.start(job, recording_id, run_id=f"{job}:{recording_id}", label=label))


async def _failed(runtime: Runtime, recording_id: int, said: str) -> None:
    row = await recordings.get(runtime.store, recording_id)
    message = f"{row.name}: {row.title or 'recording'} is finished, but {said}"
    await news.announce(runtime, FAILED, message, level="warning", subject=recording_id)


# -- the webhook -------------------------------------------------------------------------------------------------------


async def call_webhook(run: Run, recording_id: int) -> str:
    """The job that tells a webhook."""
    try:
        await run.patient_step("send", _send, run.runtime, recording_id)
    except NightcrewError as exc:
        await run.step("failed", _failed, run.runtime, recording_id, f"the webhook was not told: {exc}")
        raise
    return "the webhook was told"


async def _send(runtime: Runtime, recording_id: int) -> None:
    options = runtime.settings.of(RecordingSettings)
    if not options.done_webhook:
        return  # it was switched off meanwhile
    row = await recordings.get(runtime.store, recording_id)
    headers = after_rules.header_of(options.done_webhook_header)
    secrets = (*secrets_in(options.done_webhook), *headers.values())
    know(secrets)
    request = Request(
        options.done_webhook,
        "POST",
        headers={**headers, "Idempotency-Key": f"recording-{recording_id}-done"},
        json=after_rules.payload(row, base_url=runtime.base_url()),
        secrets=secrets,
        allow_private=options.done_webhook_private,
    )
    await runtime.http.send(request, limits=Limits(seconds=LIMIT))


# -- the program -------------------------------------------------------------------------------------------------------


async def run_program(run: Run, recording_id: int) -> str:
    """The job that runs a program."""
    try:
        begun = await run.step("start", _start, run.runtime, recording_id, run.id)
        how = await run.step("wait", _wait, run, begun) if begun else "it was switched off"
    except NightcrewError as exc:
        await run.step("failed", _failed, run.runtime, recording_id, str(exc))
        raise
    return f"the program: {how}"


async def _start(runtime: Runtime, recording_id: int, run_id: str) -> dict[str, Any] | None:
    """Start it; returns who it is. None: there is none any more.

    A server that was killed before it had stored whom it started finds it by its environment.
    """
    mark = f"{runtime.data_dir}:{run_id}"
    if (found := await asyncio.to_thread(_started_for, mark)) is not None:
        return asdict(found)
    row = await recordings.get(runtime.store, recording_id)
    words = runtime.settings.of(RecordingSettings).done_command
    if not words:
        return None
    known = after_rules.facts(row)
    home = {"HOME": os.environ["HOME"]} if "HOME" in os.environ else {}
    command = Command(after_rules.arguments(words, known), {**home, **after_rules.variables(known), MARK: mark}, GRACE)
    try:
        process = await launch(command, log_file=_log(runtime))
    except OSError as exc:
        raise GiveUp(f"its program could not be started: {exc.strerror}") from exc
    runtime.part(Programs).started[process.pid] = process
    return asdict(process.identity)


def _started_for(mark: str) -> Identity | None:
    """The living program that was started with this mark. What it has started itself has the mark too, and is not it."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == mark and os.getpgid(process.pid) == process.pid:
                return identity_of(process.pid)
    return None


async def _wait(run: Run, begun: dict[str, Any]) -> str:
    """Wait for its end, for as long as it may run. Raises `GiveUp` when it did not end well."""
    who, limit = Identity(**begun), _limit(run.runtime)
    process = run.runtime.part(Programs).started.pop(who.pid, None) or adopt(who, grace=GRACE)
    if process is None:
        return "it ended while nobody waited for it"
    try:
        async with asyncio.timeout(limit):
            await _followed(process, _log(run.runtime))
    except TimeoutError:
        await process.end()
        raise GiveUp(f"its program took longer than {duration(limit)} and was ended; see {LOG}") from None
    except asyncio.CancelledError:
        await (process.forget() if run.stopping else process.end())
        raise
    if process.how != WELL and process.own:
        raise GiveUp(f"its program failed: {process.how}; see {LOG}")
    return process.how


async def _followed(process: Detached, log: Path) -> None:
    while not process.ended.is_set():
        try:
            async with asyncio.timeout(LOOK):
                await process.ended.wait()
        except TimeoutError:
            await asyncio.to_thread(rotate, log)


def _limit(runtime: Runtime) -> float:
    return float(runtime.settings.of(RecordingSettings).done_command_limit)


def _log(runtime: Runtime) -> Path:
    return runtime.data_dir / LOG
