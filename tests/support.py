"""Shared by all tests: a node in this process, databases, free ports, the data folder."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from furnished import furnish
from nightcrew import app
from nightcrew.kernel.access import Access
from nightcrew.kernel.declare import Domain
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.settings import Options
from nightcrew.kernel.store import Store

DATA = Path(__file__).parents[2] / "shared" / "data"


def data_file(name: str) -> Path:
    """A file of the shared data folder; without the folder the test is skipped, except in CI."""
    path = DATA / name
    if not path.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{path} is missing, and CI must have it")
        pytest.skip(f"the shared data folder is not here: {path}")
    return path


def patient(seconds: float) -> float:
    """A limit for what takes so long on an ordinary machine: four times as much, for a slow or busy one.

    It is only reached by what never happens.
    """
    return max(seconds, min(240.0, 4 * seconds))


@dataclass
class House:
    """The domains of a node for which a test names none: those that the tests of its folder are about, as each one costs a start's time."""

    domains: tuple[Domain, ...] = app.DOMAINS

    def let(self, *names: str) -> None:
        """Only these, with the kernel's; without names, all."""
        self.domains = tuple(one for one in app.DOMAINS if not names or one.name in {"kernel", *names})


house = House()
UP = 240.0
"""Seconds that a server may take to start on a machine that is busy with everything else."""


PORTS_EACH = 1_300
"""Ports of one process of the tests, below those that systems give to connections."""


def _ports() -> Iterator[int]:
    """Each process has some of its own, which it gives one after the other: two programs that start at the same time never get the same."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    first = 10_000 + int(worker.removeprefix("gw") or 0) % 16 * PORTS_EACH
    return itertools.cycle(first + (os.getpid() * 37 + step) % PORTS_EACH for step in range(PORTS_EACH))


_free = _ports()


def free_port() -> int:
    """A port that nobody listens on now, and that nobody else is given soon."""
    for port in _free:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError


@dataclass
class Node:
    """A running Nightcrew in this process, and a client of its HTTP API."""

    runtime: Runtime
    access: Access
    http: httpx2.AsyncClient
    url: str

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

    async def add(self, **body: Any) -> dict[str, Any]:
        """Add a source and wait until its first refresh is over; returns the source as it is then."""
        source = await self.post("/api/v1/sources", body)
        await self.settled(source)
        return dict(await self.get(f"/api/v1/sources/{source['id']}"))

    async def settled(self, source: dict[str, Any]) -> None:
        """Wait for the runs that a source shows."""
        for feed in source["feeds"]:
            if feed["run"]:
                await self.runtime.jobs.wait(feed["run"], limit=60)

    async def refresh(self, source_id: int, *, rebuild: bool = False) -> list[dict[str, Any]]:
        """Refresh a source and wait; returns how its jobs ended."""
        answer = await self.post(f"/api/v1/sources/{source_id}/refresh?rebuild={rebuild}")
        return [(await self.runtime.jobs.wait(job, limit=60)).describe() for job in answer["jobs"]]


async def raw(node: Node, *lines: str, body: bytes = b"") -> tuple[int, bytes]:
    """Status and body of a request written by hand."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(node.url.rsplit(":", 1)[1]))
    writer.write("\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1") + body)
    with contextlib.suppress(ConnectionError):
        await writer.drain()
    try:
        async with asyncio.timeout(10):
            answer = await reader.read()
    finally:
        writer.close()
    head, _, rest = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), rest


@contextlib.asynccontextmanager
async def running(folder: Path, **config: Any) -> AsyncIterator[Node]:
    """A node on a free port until the end of the block. `config` are fields of `app.Config`; its domains are those of the house."""
    port = config.pop("port", None) or free_port()
    config.setdefault("domains", house.domains)
    settings = app.Config(data_dir=folder, port=port, **config)
    await asyncio.to_thread(furnish, settings)
    stop, up = asyncio.Event(), asyncio.Event()
    async with app.node(settings) as (runtime, access):
        serving = asyncio.create_task(app.run(settings, runtime, access, stop, lambda _: up.set()))
        waiting = asyncio.create_task(up.wait())
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            waiting.cancel()
            await serving
        url = f"http://127.0.0.1:{port}"
        try:
            async with httpx2.AsyncClient(base_url=url, timeout=patient(30), trust_env=False, verify=False) as client:
                yield Node(runtime, access, client, url)
        finally:
            stop.set()
            await serving


@contextlib.asynccontextmanager
async def at_rest(folder: Path, domain: Domain, **config: Any) -> AsyncIterator[Runtime]:
    """A node in which a domain has what it needs, and nobody works: what happens is what the test does."""
    async with app.node(app.Config(data_dir=folder, **config)) as (runtime, _):
        if domain.start is not None:
            await domain.start(runtime)
        yield runtime
        if domain.stop is not None:
            await domain.stop(runtime)


class NoOptions(Options):
    """The test domain has none."""


def domain(**parts: Any) -> Domain:
    """A domain "lab" with these parts."""
    return Domain(name="lab", title="Laboratory", settings=NoOptions, **parts)


def pauses(most: float = 0.25) -> Iterator[float]:
    """Seconds between two looks, short ones first: to look fifty times a second at what takes long costs half a core."""
    pause = 0.01
    while True:
        yield pause
        pause = min(most, pause * 1.3)


async def until(condition: Callable[[], Any], limit: float = 30.0) -> None:
    """Wait until `condition()` holds; it may be a coroutine. `limit`: as for `patient`."""
    async with asyncio.timeout(patient(limit)):
        for pause in pauses():
            found = condition()
            if await found if isinstance(found, Awaitable) else found:
                return
            await asyncio.sleep(pause)


def cost(work: Callable[[int], object], size: int) -> float:
    """Seconds of this thread that `work(size)` takes; what others do meanwhile does not count."""
    began = time.thread_time()
    work(size)
    return time.thread_time() - began


def is_linear(work: Callable[[int], object], size: int) -> bool:
    """Whether four times as much takes less than nine times as long; what takes next to nothing does.

    The quickest of three counts, as anything may come in between.
    """
    most, least = (min(cost(work, one) for _ in range(3)) for one in (4 * size, size))
    return most < 0.05 or most < 9 * least


@contextlib.contextmanager
def counting(store: Store, into: list[str]) -> Iterator[None]:
    """Collect the statements that a store executes, until the end of the block; rows given together count as one.

    Emptying SQLite's log is not counted: the store does it beside its callers, a while after a write.
    """

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if not statement.startswith("PRAGMA wal_checkpoint"):
            into.append(statement)

    sa.event.listen(store.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield
    finally:
        sa.event.remove(store.engine.sync_engine, "before_cursor_execute", note)


@contextlib.contextmanager
def locked_out(database_url: str) -> Iterator[None]:
    """The PostgreSQL database takes no connection until the end of the block, and the open ones are cut."""
    url = sa.make_url(database_url)
    engine = sa.create_engine(
        url.set(drivername="postgresql+psycopg", database="postgres"), isolation_level="AUTOCOMMIT"
    )
    try:
        with engine.connect() as connection:
            connection.execute(sa.text(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS false"))
            others = sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")
            connection.execute(others, {"name": url.database})
            yield
            connection.execute(sa.text(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS true"))
    finally:
        engine.dispose()
