"""The domain of docs/adding-a-domain.md does what it says, and withstands what every domain has to: kill -9 and outages."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest

from nightcrew import app
from nightcrew.kernel.store import metadata
from support import UP, free_port, patient, running, until

from . import sixth

HARBOURS = [f"harbour-{chr(97 + n)}" for n in range(12)]
KILLS = int(os.environ.get("NIGHTCREW_KILLS", "2"))


class Service:
    """A tide service. Every level is the number of the round; `broken` answers 503 until it is mended."""

    def __init__(self) -> None:
        self.round, self.broken, self.keys = 1.0, False, set[str]()
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                service.keys.add(self.headers.get("X-Api-Key", ""))
                body = json.dumps(HARBOURS if self.path == "/harbours" else {"level": service.round}).encode()
                self.send_response(503 if service.broken else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def connection(self) -> dict[str, Any]:
        return {"kind": "tides", "name": "Tide service", "url": self.url, "settings": {"api_key": "s3cret-of-tides"}}


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(autouse=True, scope="module")
def forgotten() -> Iterator[None]:
    """Its table is none of Nightcrew's for the tests that follow in this process."""
    yield
    if "tide" in metadata.tables:
        metadata.remove(metadata.tables["tide"])


def declared() -> Any:
    from nightcrew.tides.domain import DOMAIN

    return DOMAIN


async def test_everything_that_a_domain_may_declare_works(
    tmp_path: Path, service: Service, database: str | None
) -> None:
    domains = (*app.DOMAINS, declared())
    async with running(tmp_path / "data", database_url=database, domains=domains) as node:
        await node.post("/api/v1/connections", service.connection)
        for harbour in HARBOURS[:2]:
            await node.post("/api/v1/tides", {"harbour": harbour})

        async def levels() -> list[Any]:
            return [row["level"] for row in (await node.get("/api/v1/tides"))["items"]]

        async def measured() -> bool:
            return await levels() == [service.round] * 2

        await until(measured)
        assert service.keys == {"s3cret-of-tides"}
        assert 'nightcrew_tides_level_metres{harbour="harbour-a"} 1.0' in (await node.http.get("/metrics")).text
        page = (await node.http.get("/tides")).text
        assert "harbour-a" in page and 'href="/tides"' in (await node.http.get("/")).text

        job = (await node.post("/api/v1/tides/report"))["job"]
        assert (await node.runtime.jobs.wait(job)).state == "done"
        assert (tmp_path / "data" / "tides.txt").read_text() == "harbour-a: 1.0 m\nharbour-b: 1.0 m\n"

        await node.patch("/api/v1/settings", {"tides.interval": 1, "tides.daily_cron": "0 7 * * *"})
        service.round = 4.0
        for harbour in HARBOURS[:2]:
            await declared_store().settle(node.runtime.store, harbour, again=0, error=None)
        await until(measured)

        async def told() -> bool:
            entries = (await node.get("/api/v1/activity?kind=tide.flood"))["items"]
            return sorted(entry["subject"] for entry in entries) == HARBOURS[:2]

        await until(told)
        assert "s3cret" not in (await node.http.get("/connections")).text


def declared_store() -> Any:
    from nightcrew.tides import store

    return store


def test_it_stays_small() -> None:
    text = "\n".join(path.read_text("utf-8") for path in (sixth.EXAMPLES / "tides").rglob("*.py"))
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith(("from ", "import "))]
    assert len(lines) <= 150


# -- what every domain has to withstand --------------------------------------------------------------------------------


@dataclass
class Server:
    """`nightcrew serve` with the example, as a process that a test may kill."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, sixth.__file__, "serve", "--data-dir", str(self.folder), "--port", str(self.port)]
        with (self.folder / "test.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.until(lambda: self.get("/health") is not None, UP, "the server")

    def get(self, path: str) -> Any:
        try:
            return httpx2.get(f"http://127.0.0.1:{self.port}{path}", timeout=patient(20), trust_env=False).json()
        except httpx2.TransportError:
            return None

    def post(self, path: str, body: Any = None) -> Any:
        answer = httpx2.post(f"http://127.0.0.1:{self.port}{path}", json=body, timeout=patient(20), trust_env=False)
        assert answer.is_success, answer.text
        return answer.json()

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def until(self, done: Any, limit: float, what: str) -> None:
        end = time.monotonic() + patient(limit)
        while not done():
            assert time.monotonic() < end, (
                f"no end to waiting for {what}: {(self.folder / 'test.log').read_text()[-2000:]}"
            )
            time.sleep(0.05)

    def levels(self) -> list[float | None]:
        return [row["level"] for row in (self.get("/api/v1/tides") or {"items": []})["items"]]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path / "data", free_port())
    made.start()
    yield made
    made.kill()


def command(server: Server, *arguments: str) -> str:
    line = [sys.executable, sixth.__file__, *arguments, "--url", f"http://127.0.0.1:{server.port}"]
    return subprocess.run(line, capture_output=True, text=True, timeout=patient(60), check=True).stdout


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_again_and_again_nothing_is_forgotten_and_nothing_is_half_done(server: Server, service: Service) -> None:
    server.post("/api/v1/connections", service.connection)
    settings = {"tides.interval": 1}
    httpx2.patch(f"http://127.0.0.1:{server.port}/api/v1/settings", json=settings, timeout=patient(20), trust_env=False)
    command(server, "tides", "add", HARBOURS[0])
    for harbour in HARBOURS[1:]:
        server.post("/api/v1/tides", {"harbour": harbour})
    server.until(lambda: server.levels() == [1.0] * len(HARBOURS), 60, "the first levels")
    assert "harbour-a" in command(server, "tides", "list")
    random.seed(20261127)
    for kill in range(1, KILLS + 1):
        service.round = 1.0 + kill
        job = server.post("/api/v1/tides/report")["job"]
        time.sleep(random.uniform(0, 0.5))
        server.kill()
        server.start()
        server.until(lambda: server.levels() == [service.round] * len(HARBOURS), 60, "the levels after a kill")
        server.until(lambda: server.get(f"/api/v1/jobs/{job}")["state"] == "done", 60, "the report")  # noqa: B023
        assert len((server.folder / "tides.txt").read_text().splitlines()) == len(HARBOURS)
        assert not list(server.folder.rglob("*.tmp-*"))
    health = server.get("/health")
    assert (health["failed"], health["problems"]) == ([], [])


async def test_an_outage_of_its_service_is_told_keeps_what_is_known_and_ends_by_itself(
    tmp_path: Path, service: Service
) -> None:
    async with running(tmp_path, domains=(*app.DOMAINS, declared())) as node:
        await node.post("/api/v1/connections", service.connection)
        await node.patch("/api/v1/settings", {"tides.interval": 1})
        await node.post("/api/v1/tides", {"harbour": "harbour-a"})

        async def level() -> Any:
            return (await node.get("/api/v1/tides"))["items"][0]

        async def known() -> bool:
            return bool((await level())["level"] == 1.0)

        await until(known)
        service.broken = True

        async def told() -> bool:
            return any("harbour-a" in need["message"] for need in (await node.get("/api/v1/needs"))["items"])

        await until(told, 60)
        assert (await level())["level"] == 1.0, "what was known is kept"
        assert (await node.http.get("/health")).status_code == 200
        service.broken, service.round = False, 2.0

        async def again() -> bool:
            found = await level()
            return bool(found["level"] == 2.0 and found["error"] is None)

        await until(again, 120)
