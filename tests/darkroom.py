"""For tests of recordings: record a film of numbered pictures, and account for every one of them afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import httpx2
import psutil

import programs
from counted import Counted
from counter import FPS, Account, account, numbers, numbers_of
from nightcrew.recordings.models import Recording, RecordingState
from support import UP, free_port, patient, pauses
from support import Node as Inner

OVER = {"done", "failed"}
A_MOMENT = datetime(2026, 8, 20, 12, tzinfo=UTC)


class Node(Protocol):
    """A server in this process, or one of its own."""

    async def get(self, path: str, **more: Any) -> Any: ...

    async def post(self, path: str, body: Any = None, **more: Any) -> Any: ...


@dataclass
class Server:
    """A `nightcrew serve` of its own, which may be killed."""

    folder: Path
    http: httpx2.AsyncClient
    port: int
    environment: dict[str, str] = field(default_factory=dict)
    script: Path | None = None
    """What stands in for `nightcrew`, as a process that is not forked."""
    process: programs.AnyProgram | None = None

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        command = ["serve", "--data-dir", self.folder, "--port", self.port]
        log = self.folder / "test.log"
        if self.script is None:
            self.process = await asyncio.to_thread(programs.start, *command, log=log, **self.environment)
        else:
            words, env = [sys.executable, self.script, *map(str, command)], {**os.environ, **self.environment}
            with log.open("ab") as out:
                self.process = subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            async with asyncio.timeout(UP):
                for pause in pauses():
                    if await self._answers():
                        break
                    assert self.process.poll() is None, self.log()[-3000:]
                    await asyncio.sleep(pause)
        except TimeoutError as exc:
            raise AssertionError(f"the server did not come up:\n{self.log()[-3000:]}") from exc

    async def _answers(self) -> bool:
        with contextlib.suppress(httpx2.TransportError):
            await self.http.get("/health")
            return True
        return False

    def log(self) -> str:
        """What it wrote."""
        return (self.folder / "test.log").read_text("utf-8", "replace")

    async def get(self, path: str, **more: Any) -> Any:
        """JSON of a GET that must succeed."""
        answer = await self.http.get(path, **more)
        assert answer.status_code < 300, f"{path}: {answer.status_code} {answer.text[:300]}"
        return answer.json()

    async def post(self, path: str, body: Any = None, **more: Any) -> Any:
        """JSON of a POST that must succeed."""
        answer = await self.http.post(path, json=body, **more)
        assert answer.status_code < 300, f"{path}: {answer.status_code} {answer.text[:300]}"
        return answer.json()

    async def patch(self, path: str, body: Any) -> Any:
        """JSON of a PATCH that must succeed."""
        answer = await self.http.patch(path, json=body)
        assert answer.status_code < 300, f"{path}: {answer.status_code} {answer.text[:300]}"
        return answer.json()

    def kill(self) -> None:
        """SIGKILL for the server alone."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    async def stop(self) -> int:
        """SIGTERM; returns how it ended."""
        assert self.process is not None
        self.process.terminate()
        return await asyncio.to_thread(self.process.wait, 30)


@contextlib.asynccontextmanager
async def serving(folder: Path, *, script: Path | None = None, **environment: str) -> AsyncIterator[Server]:
    """A server of its own until the end of the block; nothing that it started lives longer."""
    port = free_port()
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=patient(30), trust_env=False) as http:
        server = Server(folder, http, port, environment, script)
        try:
            await server.start()
            yield server
        finally:
            if server.process is not None and server.process.poll() is None:
                server.process.kill()
                server.process.wait()
            for pid in recorders(server):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


async def record(node: Node, url: str, **more: Any) -> dict[str, Any]:
    """Begin a recording."""
    return dict(await node.post("/api/v1/recordings", {"url": url, "name": "Film", **more}))


async def get(node: Node, recording: int) -> dict[str, Any]:
    """A recording as it stands."""
    return dict(await node.get(f"/api/v1/recordings/{recording}"))


async def wait_for(
    node: Node, recording: int, ready: Callable[[dict[str, Any]], object], limit: float = 60
) -> dict[str, Any]:
    """The recording as soon as it is as it should be."""
    row: dict[str, Any] = {}
    try:
        async with asyncio.timeout(patient(limit)):
            for pause in pauses():
                if ready(row := await get(node, recording)):
                    break
                await asyncio.sleep(pause)
    except TimeoutError as exc:
        ledger = await node.get(f"/api/v1/recordings/{recording}/ledger")
        raise AssertionError(f"after {patient(limit)} s: {row} {ledger}") from exc
    return row


async def wait_for_all(
    node: Node, recordings: Collection[int], ready: Callable[[dict[str, Any]], object], limit: float = 60
) -> list[dict[str, Any]]:
    """Wait until all are as they should be. Asks for all of them at once, and seldom: the asking is no part of the test."""
    late: dict[int, dict[str, Any]] = {}
    try:
        async with asyncio.timeout(patient(limit)):
            while True:
                rows = (await node.get("/api/v1/recordings", params={"limit": 200}))["items"]
                rows = [row for row in rows if row["id"] in recordings]
                late = {row["id"]: row for row in rows if not ready(row)}
                if not late and len(rows) == len(recordings):
                    return rows
                await asyncio.sleep(0.5)
    except TimeoutError as exc:
        raise AssertionError(
            f"after {patient(limit)} s {len(late)} are late, the first: {next(iter(late.values()), None)}"
        ) from exc


async def seconds(node: Node, recording: int, least: float) -> dict[str, Any]:
    """Wait until so many seconds are on disk."""
    return await wait_for(node, recording, lambda row: row["seconds"] >= least)


async def more(node: Node, recording: int, least: float = 3.0) -> dict[str, Any]:
    """Wait until it has gone on for some seconds."""
    now = (await get(node, recording))["seconds"]
    return await seconds(node, recording, now + least)


async def in_state(node: Node, recording: int, *states: str, limit: float = 60) -> dict[str, Any]:
    """Wait until it stands so."""
    return await wait_for(node, recording, lambda row: row["state"] in states, limit)


async def finish(node: Node, recording: int) -> dict[str, Any]:
    """Stop it, and wait for its file."""
    await node.post(f"/api/v1/recordings/{recording}/stop")
    return await finished(node, recording)


async def finished(node: Node, recording: int, limit: float = 90) -> dict[str, Any]:
    """Wait until there is nothing left to do with it; it must have worked."""
    row = await in_state(node, recording, *OVER, limit=limit)
    assert row["state"] == "done", row
    return row


def recorders(node: Server | Inner, recording: int | None = None) -> list[int]:
    """The living recorder processes of a node, or the one that holds a recording."""
    return recorders_in(node.folder if isinstance(node, Server) else node.runtime.data_dir, recording)


def recorders_in(folder: Path, recording: int | None = None) -> list[int]:
    """The same, of the node that has this data directory."""
    found = []
    for path in (folder / "recorders").glob("*/identity.json"):
        if recording is not None and not (path.parent / "orders" / f"{recording}.json").exists():
            continue
        with contextlib.suppress(OSError, ValueError, psutil.Error):
            pid = int(json.loads(path.read_text())["pid"])
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                found.append(pid)
    return sorted(found)


def kill(node: Server | Inner, recording: int | None = None) -> None:
    """SIGKILL for all recorders of a node, or for the one that holds a recording."""
    for pid in recorders(node, recording):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


async def accounted(node: Node, row: dict[str, Any], source: Counted | None = None) -> Account:
    """Decode the finished file: nothing is doubled or out of order, and what is missing is listed, to the segment.

    With `source`, whose numbers never began anew, each gap must name the very segments whose pictures are missing.
    """
    ledger = await node.get(f"/api/v1/recordings/{row['id']}/ledger")
    shown = numbers(Path(row["file"]))
    found = account(shown)
    assert not found.doubled, found
    assert not found.disordered, found
    counted, there = [part["frames"] for part in ledger["parts"]], len(shown)
    assert sum(counted) == there, (counted, there, found, ledger["gaps"], row["films"])
    missing = sum(last - first + 1 for first, last in found.missing)
    listed = sum(gap["seconds"] for gap in ledger["gaps"]) * FPS
    assert abs(missing - listed) <= FPS / 2, (found.missing, ledger["gaps"])
    if source is not None:
        per = source.film.frames_per_segment
        said = [(gap["first_sequence"] * per, (gap["last_sequence"] + 1) * per - 1) for gap in ledger["gaps"]]
        assert _joined(said) == found.missing
    return found


def _joined(ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges that touch are one."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return found


def parts_of(row: dict[str, Any]) -> list[int]:
    """The numbers of all pictures in the parts on disk, in their order."""
    return numbers_of(*sorted(Path(row["folder"]).glob("*_part*")))


Scenario = Callable[..., Any]


def chosen(request: Any, scenarios: Iterable[str]) -> list[str]:
    """The scenarios whose tests were chosen."""
    names = {item.callspec.params.get("name") for item in request.session.items if hasattr(item, "callspec")}
    return [name for name in scenarios if name in names]


async def all_of(scenarios: dict[str, Callable[[], Any]], *, at_once: int) -> dict[str, BaseException | None]:
    """Play scenarios at the same time, as they mostly wait; returns what each has raised."""
    room = asyncio.Semaphore(at_once)

    async def play(scenario: Callable[[], Any]) -> None:
        async with room:
            await scenario()

    ended = await asyncio.gather(*(play(scenario) for scenario in scenarios.values()), return_exceptions=True)
    return dict(zip(scenarios, ended, strict=True))


def a_recording(**known: object) -> Recording:
    """A row that is recorded for an hour by `A_MOMENT`; for tests of rules."""
    values: dict[str, object] = dict.fromkeys(Recording.__dataclass_fields__)
    values |= {
        "id": 1,
        "name": "ada",
        "node": "here",
        "state": RecordingState.RECORDING,
        "since": A_MOMENT - timedelta(hours=1),
        "created_at": A_MOMENT - timedelta(hours=1),
        "favourite": False,
        "priority": 0,
        "stop_asked": False,
        "bytes": 0,
        "seconds": 0.0,
        "missing": 0.0,
    }
    return Recording(**{**values, **known})  # type: ignore[arg-type]
