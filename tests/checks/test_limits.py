"""Never more connections than an account allows: checks, viewers and recordings at once, over two processes, kill -9 in between."""

from __future__ import annotations

import asyncio
import contextlib
import random
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

import programs
from studio import QUICK, Source
from support import free_port, patient, until

LIMIT = 4
KEY = "kUq1Gkqk2cUqGv0e8bN1v7ZlD3VJtq3k0cW0xT1q1nA="
RECORDER = Path(__file__).with_name("recorder.py")


class Machine:
    """A `nightcrew` process of its own."""

    def __init__(self, folder: Path, database: str, *, web: bool) -> None:
        self.folder, self.database, self.web = folder, database, web
        self.port = free_port()
        self.process: programs.AnyProgram | None = None

    def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        command = ["serve" if self.web else "worker", "--data-dir", str(self.folder), "--database-url", self.database]
        command += ["--port", str(self.port)] if self.web else []
        self.process = programs.start(*command, log=self.folder / "log", NIGHTCREW_SECRET_KEY=KEY)

    def kill(self) -> None:
        """kill -9."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@contextlib.asynccontextmanager
async def machines(folder: Path, database: str) -> AsyncIterator[tuple[Machine, Machine, httpx2.AsyncClient]]:
    """A server and a worker on one database, and a client of the server."""
    server, worker = Machine(folder / "one", database, web=True), Machine(folder / "two", database, web=False)
    async with httpx2.AsyncClient(
        base_url=f"http://127.0.0.1:{server.port}", timeout=patient(30), trust_env=False
    ) as http:
        try:
            server.start()
            await until(lambda: answers(http), 30)
            worker.start()
            yield server, worker, http
        finally:
            server.kill()
            worker.kill()


async def answers(http: httpx2.AsyncClient) -> bool:
    with contextlib.suppress(httpx2.TransportError):
        return (await http.get("/health")).status_code == 200
    return False


async def view(http: httpx2.AsyncClient, channels: list[int], counts: dict[str, int]) -> None:
    """Somebody who zaps."""
    while True:
        with contextlib.suppress(httpx2.TransportError):
            async with http.stream("GET", f"/play/{random.choice(channels)}") as answer:
                if answer.status_code == 200:
                    counts["viewed"] += 1
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(random.uniform(0.2, 2.0)):
                            async for _ in answer.aiter_raw():
                                pass
        await asyncio.sleep(random.uniform(0.2, 1.0))


@pytest.mark.slow
async def test_checks_viewers_and_recordings_never_exceed_an_accounts_limit(
    tmp_path: Path, postgres: str, source: Source
) -> None:
    source.limit = LIMIT  # one more is refused, and counted
    async with machines(tmp_path, postgres) as (_server, worker, http):
        options = {**QUICK, "playlists.stream_mode": "proxy", "checks.phase2_poll_interval": 5}
        options |= {"checks.probe_limit": 60, "checks.retries": 2, "checks.retry_delay": 1}  # for a slow machine
        assert (await http.patch("/api/v1/settings", json=options)).status_code == 200
        source.lists["S.m3u"] = [(f"C{number}", f"/login/c{number}.ts") for number in range(30)]
        body = {"kind": "m3u", "name": "S", "url": f"{source.url}/S.m3u", "region": "DE", "max_streams": LIMIT}
        assert (await http.post("/api/v1/sources", json=body)).status_code == 201

        async def channels() -> list[int]:
            return [item["id"] for item in (await http.get("/api/v1/channels")).json()["items"]]

        await until(channels)
        found = await channels()
        run = (await http.post("/api/v1/checks", json={"all": True})).json()
        assert run["total"] == 30
        counts = {"viewed": 0}
        viewers = [asyncio.create_task(view(http, found, counts)) for _ in range(3)]
        recorder = subprocess.Popen([sys.executable, str(RECORDER), postgres, source.url, str(LIMIT)])
        try:
            for _ in range(3):
                await asyncio.sleep(random.uniform(3.0, 4.5))
                worker.kill()
                worker.start()
            await asyncio.sleep(4)
            await until(lambda: counts["viewed"] > 5 and "/login/recording.ts" in source.asked)  # they take part
        finally:
            for task in viewers:
                task.cancel()
            await asyncio.gather(*viewers, return_exceptions=True)
            recorder.kill()
            recorder.wait()

        async def done() -> bool:
            return bool((await http.get(f"/api/v1/checks/runs/{run['id']}")).json()["state"] == "done")

        await until(done, 150)
        ended = (await http.get(f"/api/v1/checks/runs/{run['id']}")).json()
        assert (ended["ok"], ended["failed"]) == (30, 0)
    assert source.most["login"] == LIMIT, "they were all needed, and never one more"
    assert source.refused == 0
