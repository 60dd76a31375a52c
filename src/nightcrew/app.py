"""The only composition root: builds the parts, starts them in order, stops them in reverse."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from sqlalchemy.exc import OperationalError

from nightcrew import domains, machine
from nightcrew.kernel import clock, cron, files, nodes, slots, store, upkeep
from nightcrew.kernel.access import Access
from nightcrew.kernel.activity import Activity
from nightcrew.kernel.canary import check_key
from nightcrew.kernel.declare import Domain
from nightcrew.kernel.dialects import sync_url
from nightcrew.kernel.errors import NeedsUser, NightcrewError
from nightcrew.kernel.events import Bus
from nightcrew.kernel.health import Health
from nightcrew.kernel.hooks import STARTING, STOPPING, TAKING_OVER, Hooks
from nightcrew.kernel.http import Http
from nightcrew.kernel.http_cache import HttpCache
from nightcrew.kernel.jobs import Jobs
from nightcrew.kernel.nodes_store import KnownNode
from nightcrew.kernel.recovery import Recoveries
from nightcrew.kernel.routing import work as routing
from nightcrew.kernel.run import Run
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.schedule import Schedule
from nightcrew.kernel.settings import Settings
from nightcrew.kernel.slots import Slots
from nightcrew.kernel.vault import Vault
from nightcrew.kernel.wakes import Wakes
from nightcrew.kernel.words import counted
from nightcrew.web.server import WebServer, create_app, make_server

DOMAINS: tuple[Domain, ...] = (upkeep.DOMAIN, *domains.declared())

SWITCH_INTERVAL = 0.001
"""Seconds after which a parsing thread gives way to the event loop, where Python's own value is 0.005 (bench/choices.py)."""

WEB_STOP, WORKERS_STOP, JOBS_STOP, HTTP_STOP, DATABASE_STOP = 10.0, 15.0, 20.0, 5.0, 10.0
"""Seconds that each part has for its end."""

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
        (config.data_dir / "server.lock").touch(0o600)
        exposed = files.make_private(*_with_secrets(config.data_dir, on_sqlite=not config.database_url))
    except OSError as exc:
        raise NeedsUser(f"cannot use {config.data_dir}: {exc.strerror}; choose another --data-dir") from exc
    if exposed:
        log.warning(
            "other users of this machine can read the logins in these files", files=[one.name for one in exposed]
        )
    url = store.database_url(config.data_dir, config.database_url)
    with machine.only_one(config.data_dir):
        files.sweep(config.data_dir, keep={name for domain in config.domains for name in domain.folders})
        vault = Vault.open(config.data_dir)
        database = store.Store(url)
        async with contextlib.AsyncExitStack() as closing:
            closing.push_async_callback(_within, "the database", database.close, DATABASE_STOP)
            await _open(config, database, vault)
            ledger = await slots.ledger(database, config.data_dir)
            closing.push_async_callback(_within, "the ledger of connections", ledger.close, DATABASE_STOP)
            runtime = await _assemble(config, database, ledger, vault)
            closing.callback(clock.follow_nobody)
            closing.push_async_callback(_within, "the HTTP client", runtime.http.close, HTTP_STOP)
            closing.push_async_callback(_within, "the jobs", runtime.jobs.close, JOBS_STOP)  # of a node that never ran
            access = Access(database, password=config.password)
            await access.load()
            await runtime.settings.load(database)
            await runtime.slots.clear()
            yield runtime, access


def _with_secrets(data_dir: Path, *, on_sqlite: bool) -> list[Path]:
    """The files that hold logins or what was asked with them. SQLite gives those beside a database the database's own mode."""
    databases = [data_dir / name for name in ("nightcrew.db", "jobs.db", "connections.db")] if on_sqlite else []
    there = [*data_dir.glob("*.db"), *data_dir.glob("*.db-*"), *data_dir.glob("secret.key")]
    return [*databases, *(path for path in there if path.is_file() and path not in databases)]


async def _open(config: Config, database: store.Store, vault: Vault) -> None:
    """Bring the database up to date, and see that this node fits it."""
    try:
        await asyncio.to_thread(store.migrate, database.url, migration_folders(config.domains))
    except OperationalError as exc:
        raise NeedsUser(f"the database does not answer: {store.reason_of(exc)}") from exc
    if not database.is_sqlite:
        await nodes.tell_time(database)
    await check_key(database, vault)


def migration_folders(domains: Sequence[Domain] = DOMAINS) -> list[Path]:
    """Where the migrations lie: the kernel's, then each domain's."""
    own = Path(store.__file__).parent / "migrations" / "versions"
    return [own, *(domain.migrations for domain in domains if domain.migrations)]


async def _assemble(config: Config, database: store.Store, ledger: store.Store, vault: Vault) -> Runtime:
    instance = uuid.uuid4().hex
    name, place = await nodes.hold_name(database, config.data_dir, instance=instance)
    bus = Bus()
    activity = Activity(database, bus)
    settings = Settings(
        {domain.name: cron.options_of(domain) for domain in config.domains},
        data_dir=config.data_dir,
        node=name,
        vault=vault,
    )
    wakes = Wakes(database)
    url = sync_url(database.url)
    jobs = Jobs(node=name, data_dir=config.data_dir, database=url, store=database, bus=bus, wakes=wakes)
    schedule = Schedule(
        node=name, store=database, bus=bus, activity=activity, jobs=jobs, settings=settings, wakes=wakes
    )
    asked = Hooks(config.domains, lambda: runtime)
    known = nodes.Nodes(
        node=name,
        place=place,
        instance=instance,
        store=database,
        activity=activity,
        alive=machine.alive_file(),
        page=machine.page_of(config.host, config.port) if config.web else "",
    )
    health = Health(
        node=name, store=database, bus=bus, activity=activity, jobs=jobs, schedule=schedule, hooks=asked, nodes=known
    )
    runtime = Runtime(
        node=name,
        data_dir=config.data_dir,
        store=database,
        settings=settings,
        activity=activity,
        bus=bus,
        http=Http(HttpCache(database, vault), recoveries=Recoveries(health.metrics.recoveries)),
        vault=vault,
        jobs=jobs,
        schedule=schedule,
        health=health,
        slots=Slots(ledger, bus, node=name),
        nodes=known,
        wakes=wakes,
        hooks=asked,
        address=f"http://{machine.shown_host(config.host)}:{config.port}",
    )
    return runtime


async def run(
    config: Config,
    runtime: Runtime,
    access: Access,
    stop: asyncio.Event,
    ready: Callable[[Runtime], None] | None = None,
) -> None:
    """Start the parts, wait for `stop`, and stop them in reverse. Raises `NeedsUser` when another node has taken this one's name."""
    if config.web:
        machine.check_exposure(config.host, access)
    listener = machine.listen(config.host, config.port) if config.web else None
    started: list[Domain] = []
    workers: list[asyncio.Task[None]] = []
    server: WebServer | None = None
    serving: list[asyncio.Task[None]] = []
    try:
        for domain in config.domains:
            if await _start(config, runtime, domain):
                started.append(domain)  # noqa: PERF401 - also where the next one does not come
        _wire(config, runtime)
        await runtime.jobs.launch(functools.partial(Run, runtime))
        workers += [
            asyncio.create_task(runtime.nodes.run(), name="nodes"),
            asyncio.create_task(runtime.schedule.run(runtime), name="schedule"),
            asyncio.create_task(runtime.health.run(listener), name="watchdog"),
            asyncio.create_task(runtime.slots.run(), name="slots"),
            asyncio.create_task(runtime.wakes.run(), name="wakes"),
            asyncio.create_task(routing.run(runtime), name="routes"),
        ]
        if listener is not None:
            server = make_server(
                create_app(runtime, access, config.domains, hosts=frozenset({config.host})),
                host=config.host,
                port=config.port,
            )
            serving.append(asyncio.create_task(server.serve(sockets=[listener]), name="web"))
            await _until_started(server, serving[0])
        if ready:
            ready(runtime)
        gc.collect()
        gc.freeze()  # what lives for good is not looked through again (bench/choices.py)
        await _tell_start(runtime)
        await _until_over(stop, runtime.nodes.usurped, [*workers, *serving])
    finally:
        await _stop(runtime, started, workers, server, serving)
    if runtime.nodes.usurped.is_set():
        raise NeedsUser(
            f"another Nightcrew runs as {runtime.node}: this one has stopped. If its data folder is a copy, delete node-id there"
        )


async def _tell_start(runtime: Runtime) -> None:
    """A database that is away just now ends no node that has started: every part of it waits for the database to come back."""
    try:
        await runtime.activity.record("node.started", f"Nightcrew has started on {runtime.node}")
    except store.DatabaseAway as exc:
        log.warning("the start is not in the activity", why=str(exc))


async def _until_over(stop: asyncio.Event, usurped: asyncio.Event, parts: list[asyncio.Task[None]]) -> None:
    """Wait for a reason to stop. A part that ends by itself is one, and its error is raised."""
    reasons = [asyncio.create_task(event.wait(), name="a reason to stop") for event in (stop, usurped)]
    try:
        done, _ = await asyncio.wait([*reasons, *parts], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for reason in reasons:
            reason.cancel()
    for part in parts:
        if part in done and not part.cancelled():
            part.result()


async def _start(config: Config, runtime: Runtime, domain: Domain) -> bool:
    """Declare a domain's work and start the domain. One that cannot start is told, and the others go on without it."""
    for job in domain.jobs:
        runtime.jobs.declare(job)
    if config.work:
        for tick in domain.ticks:
            runtime.schedule.add_tick(domain.name, tick)
        for timetable in domain.timetables:
            runtime.schedule.add_timetable(domain.name, timetable)
    await runtime.hooks.call(domain, "start", default=lambda: None, limit=STARTING)
    return all((failure.domain, failure.hook) != (domain.name, "start") for failure in runtime.hooks.failures)


def _wire(config: Config, runtime: Runtime) -> None:
    """Tell the parts of each other."""
    runtime.jobs.on_end(runtime.schedule.job_ended)
    runtime.jobs.on_end(runtime.health.job_ended)

    async def jobs_of(gone: KnownNode) -> list[str]:
        count = await runtime.jobs.recover(gone.id)
        return [counted(count, "job")] if count else []

    runtime.nodes.on_gone(jobs_of)
    for domain in config.domains:
        runtime.nodes.on_gone(functools.partial(_left_of, runtime, domain))


async def _left_of(runtime: Runtime, domain: Domain, gone: KnownNode) -> list[str]:
    """What a domain had at a node that is gone, taken over."""
    had: list[str] = await runtime.hooks.call(domain, "node_gone", gone, default=list, limit=TAKING_OVER)
    return had


async def _stop(
    runtime: Runtime,
    started: Sequence[Domain],
    workers: Sequence[asyncio.Task[None]],
    server: WebServer | None,
    serving: Sequence[asyncio.Task[None]],
) -> None:
    """Nothing asks any more; nothing is begun any more; what runs is left to the next start; then the domains end.

    Each has its time, and what does not end in it is told and left behind.
    """
    runtime.bus.close()
    if server is not None:
        server.should_exit = True
    late = await _ended(serving, WEB_STOP)
    for task in (*workers, *late):
        task.cancel()
    await _ended([*workers, *late], WORKERS_STOP)
    await _within("the jobs", runtime.jobs.close, JOBS_STOP)
    for domain in reversed(started):
        await runtime.hooks.call(domain, "stop", default=lambda: None, limit=STOPPING)
    for failure in runtime.hooks.failures:
        if failure.hook == "stop":
            log.error("not stopped in order", why=failure.sentence)
    await _within("the sign of life", runtime.nodes.stop, DATABASE_STOP)


async def _ended(tasks: Sequence[asyncio.Task[None]], limit: float) -> list[asyncio.Task[None]]:
    """Wait for tasks to end; returns those that have not within `limit` seconds, which are told, as errors are."""
    if not tasks:
        return []
    done, late = await asyncio.wait(tasks, timeout=limit)
    for task in done:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("not stopped in order", part=task.get_name(), why=str(error))
    for task in late:
        log.error("not stopped in time", part=task.get_name(), limit_s=limit)
    return list(late)


async def _within(what: str, close: Callable[[], Awaitable[None]], limit: float) -> None:
    """Close a part. Neither an error nor one that hangs keeps the others from being closed."""
    try:
        async with asyncio.timeout(limit):
            await close()
    except TimeoutError:
        log.error("not stopped in time", part=what, limit_s=limit)  # noqa: TRY400
    except NightcrewError as exc:
        log.error("not stopped in order", part=what, why=str(exc))  # noqa: TRY400
    except Exception:
        log.exception("not stopped in order", part=what)


async def _until_started(server: WebServer, serving: asyncio.Task[None]) -> None:
    while not server.started:
        if serving.done():
            serving.result()
            raise NeedsUser("the web server did not start")
        await asyncio.sleep(0.02)
