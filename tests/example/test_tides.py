"""The domain of docs/adding-a-domain.md does what it says, and withstands what every domain has to: kill -9 and outages."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from pydantic import BaseModel

from darkroom import Server, serving
from nightcrew import app
from nightcrew.kernel.store import metadata
from ordeal import torment
from ordeal.tides import HARBOURS, Tides
from support import patient, running, until

from . import sixth

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


def test_each_of_its_routes_says_what_it_answers() -> None:
    for router in declared().routers:
        for route in router.routes:
            if isinstance(route, APIRoute) and route.include_in_schema:
                assert issubclass(route.response_model, BaseModel), route.path


# -- what every domain has to withstand --------------------------------------------------------------------------------


def command(server: Server, *arguments: str) -> str:
    line = [sys.executable, sixth.__file__, *arguments, "--url", str(server.http.base_url)]
    return subprocess.run(line, capture_output=True, text=True, timeout=patient(60), check=True).stdout


@contextlib.contextmanager
def written_to(database: Path) -> Iterator[None]:
    """Somebody else writes into it until the end of the block, so that nobody can."""
    with contextlib.closing(sqlite3.connect(database, isolation_level=None, check_same_thread=False)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_killed_again_and_again_nothing_is_forgotten_and_nothing_is_half_done(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    async with serving(folder, script=Path(sixth.__file__), NIGHTCREW_LOG_LEVEL="WARNING") as server:
        away = functools.partial(written_to, folder / "nightcrew.db")
        await torment(server, [Tides()], kills=KILLS, seed=20261127, away=away)
        await asyncio.to_thread(command, server, "tides", "add", "harbour-z")
        assert "harbour-z" in await asyncio.to_thread(command, server, "tides", "list")


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
