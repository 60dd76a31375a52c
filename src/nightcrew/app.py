"""The only composition root: builds the parts, starts them in order, stops them in reverse."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import gc
import ipaddress
import os
import signal
import socket
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from fastapi import FastAPI
from sqlalchemy.exc import OperationalError

from nightcrew import checks, playlists, recordings, seeds
from nightcrew.kernel import files, store, upkeep
from nightcrew.kernel.access import Access
from nightcrew.kernel.activity import Activity
from nightcrew.kernel.domain import Domain
from nightcrew.kernel.errors import NeedsUser
from nightcrew.kernel.events import Bus
from nightcrew.kernel.health import Health
from nightcrew.kernel.http import Http
from nightcrew.kernel.http_cache import HttpCache
from nightcrew.kernel.jobs import Jobs
from nightcrew.kernel.redaction import log_processor
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.schedule import Schedule
from nightcrew.kernel.settings import Settings
from nightcrew.kernel.slots import Slots
from nightcrew.kernel.vault import Vault
from nightcrew.web.server import Server, create_app, make_server

DOMAINS: tuple[Domain, ...] = (upkeep.DOMAIN, playlists.DOMAIN, checks.DOMAIN, recordings.DOMAIN)

SWITCH_INTERVAL = 0.001
"""Seconds after which a parsing thread gives way to the event loop, where Python's own value is 0.005 (bench/choices.py)."""

log = structlog.get_logger("nightcrew")


@dataclass(frozen=True, slots=True)
class Config:
    """How a node is started. `web` and `work` say which halves of the program run here."""

    data_dir: Path
    database_url: str | None = None
    host: str = "127.0.0.1"
    port: int = 8780
    web: bool = True
    work: bool = True
    password: str | None = None
    domains: tuple[Domain, ...] = field(default=DOMAINS)


async def serve(config: Config, *, ready: Callable[[Runtime], None] | None = None) -> None:
    """Run a node until SIGTERM or SIGINT. `ready` is called once it answers.

    Raises `NeedsUser` when something must be set first.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with node(config) as (runtime, access):
        await run(config, runtime, access, stop, ready)


@contextlib.asynccontextmanager
async def node(config: Config) -> AsyncIterator[tuple[Runtime, Access]]:
    """All parts of a node, not yet at work."""
    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        config.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        (config.data_dir / "server.lock").touch()
    except OSError as exc:
        raise NeedsUser(f"cannot use {config.data_dir}: {exc.strerror}; choose another --data-dir") from exc
    url = store.database_url(config.data_dir, config.database_url)
    with _only_one(config.data_dir):
        files.sweep(config.data_dir, keep={recordings.LIBRARY})
        vault = Vault.open(config.data_dir)
        database = store.Store(url)
        folders = [Path(store.__file__).parent / "migrations" / "versions"]
        folders += [domain.migrations for domain in config.domains if domain.migrations]
        try:
            await asyncio.to_thread(store.migrate, database.url, folders)
        except OperationalError as exc:
            raise NeedsUser(f"the database does not answer: {store.reason_of(exc)}") from exc
        bus = Bus()
        name = _node_name(config.data_dir)
        runtime = Runtime(
            node=name,
            data_dir=config.data_dir,
            store=database,
            settings=Settings({domain.name: domain.settings for domain in config.domains}, data_dir=config.data_dir),
            activity=Activity(database, bus),
            bus=bus,
            http=Http(HttpCache(database, vault)),
            vault=vault,
            jobs=Jobs(node=name, data_dir=config.data_dir, database=store.sync_url(database.url)),
            schedule=Schedule(node=name),
            health=Health(),
            slots=Slots(database, bus, node=name),
            address=f"http://{_shown_host(config.host)}:{config.port}",
        )
        access = Access(database, vault, password=config.password)
        try:
            await access.load()
            await runtime.settings.load(database)
            await runtime.slots.clear()
            yield runtime, access
        finally:
            await runtime.jobs.close()
            await runtime.http.close()
            await database.close()


async def run(
    config: Config,
    runtime: Runtime,
    access: Access,
    stop: asyncio.Event,
    ready: Callable[[Runtime], None] | None = None,
) -> None:
    """Start the parts, wait for `stop`, and stop them in reverse."""
    if config.web:
        _check_exposure(config.host, access)
    listener = _listen(config.host, config.port) if config.web else None
    for domain in config.domains:
        _declare(config, runtime, domain)
        if domain.start:
            await domain.start(runtime)
    runtime.jobs.on_end(runtime.schedule.job_ended)
    runtime.jobs.on_end(runtime.health.job_ended)
    await runtime.schedule.announce(runtime)
    await runtime.jobs.launch(runtime)
    async with asyncio.TaskGroup() as tasks:
        workers = [
            tasks.create_task(runtime.schedule.run(runtime), name="schedule"),
            tasks.create_task(runtime.health.run(runtime, listener), name="watchdog"),
            tasks.create_task(runtime.slots.run(), name="slots"),
        ]
        if listener is not None:
            server = make_server(_web(config, runtime, access), host=config.host, port=config.port)
            serving = tasks.create_task(server.serve(sockets=[listener]), name="web")
            await _until_started(server, serving)
        if ready:
            ready(runtime)
        gc.collect()
        gc.freeze()  # what lives for good is not looked through again (bench/choices.py)
        await runtime.activity.record("node.started", f"Nightcrew has started on {runtime.node}")
        await stop.wait()
        runtime.bus.close()
        if listener is not None:
            server.should_exit = True
            await serving
        for task in workers:
            task.cancel()
        for domain in reversed(config.domains):
            if domain.stop:
                await domain.stop(runtime)


def _declare(config: Config, runtime: Runtime, domain: Domain) -> None:
    runtime.health.add(domain.freshness, domain.needs)
    for job in domain.jobs:
        runtime.jobs.declare(job)
    if config.work:
        for tick in domain.ticks:
            runtime.schedule.add_tick(domain.name, tick)
        for timetable in domain.timetables:
            runtime.schedule.add_timetable(domain.name, timetable)


def _web(config: Config, runtime: Runtime, access: Access) -> FastAPI:
    app = create_app(runtime, access, config.domains, hosts=frozenset({config.host}))
    app.include_router(seeds.router)
    app.include_router(seeds.import_router)
    return app


async def _until_started(server: Server, serving: asyncio.Task[None]) -> None:
    while not server.started:
        if serving.done():
            serving.result()
            raise NeedsUser("the web server did not start")
        await asyncio.sleep(0.02)


def _check_exposure(host: str, access: Access) -> None:
    """Beyond the loopback address only with a password."""
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost"
    if not local and not access.protected:
        raise NeedsUser(
            f"before Nightcrew listens on {host}, set a password: the environment variable NIGHTCREW_PASSWORD, or `nightcrew passwd`"
        )


def _listen(host: str, port: int) -> socket.socket:
    """The listening socket, taken before anything is started. Raises `NeedsUser` when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as exc:
        listener.close()
        raise NeedsUser(
            f"cannot listen on {host} port {port}: {exc.strerror}. Choose another with --port or --host"
        ) from exc
    return listener


@contextlib.contextmanager
def _only_one(data_dir: Path) -> Iterator[None]:
    """One server for each data directory: two would recover each other's running jobs."""
    path = data_dir / "server.lock"
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            raise NeedsUser(
                f"another Nightcrew already uses {data_dir}; stop it, or choose another --data-dir"
            ) from exc
        yield


def _node_name(data_dir: Path) -> str:
    """A name that this node keeps over restarts, so that it resumes its own jobs."""
    path = data_dir / "node-id"
    if not path.exists():
        with files.replacing(path) as file:
            file.write(f"{socket.gethostname().split('.')[0][:40]}-{uuid.uuid4().hex[:6]}".encode())
    return path.read_text().strip()


def _shown_host(host: str) -> str:
    if host in {"0.0.0.0", "::", ""}:  # noqa: S104 - compared, not bound
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


def configure_logging(*, level: str = "INFO") -> None:
    """Log lines on stderr: readable on a terminal, logfmt elsewhere; secrets are redacted in both."""
    import logging

    tty = sys.stderr.isatty()
    render = structlog.dev.ConsoleRenderer() if tty else structlog.processors.LogfmtRenderer(sort_keys=False)
    steps = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        log_processor,
        render,
    ]
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    structlog.configure(
        processors=steps,  # type: ignore[arg-type]
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    for name in ("httpx2", "httpcore2", "alembic", "uvicorn.error", "dbos"):
        logging.getLogger(name).setLevel(logging.ERROR)


def default_data_dir() -> Path:
    """`NIGHTCREW_DATA_DIR`, else `~/.local/share/nightcrew` (XDG)."""
    given = os.environ.get("NIGHTCREW_DATA_DIR")
    if given:
        return Path(given).expanduser()
    base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "nightcrew"
