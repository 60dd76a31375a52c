"""The container as its files describe it: held against what the code says, and its scripts run for real."""

from __future__ import annotations

import fnmatch
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from nightcrew import app
from nightcrew.kernel import cron, hooks
from nightcrew.kernel.settings import Settings
from support import free_port

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
SERVER, WORKER = COMPOSE["services"]["nightcrew"], COMPOSE["services"]["worker"]
ALL_STOPPED = (
    app.WEB_STOP
    + app.WORKERS_STOP
    + 2 * app.JOBS_STOP
    + hooks.STOPPING * sum(domain.stop is not None for domain in app.DOMAINS)
    + app.HTTP_STOP
    + 3 * app.DATABASE_STOP
)
"""Seconds that a stop takes when every part of it hangs."""


def instructions(word: str) -> list[str]:
    """What stands behind this word in the Dockerfile."""
    joined = DOCKERFILE.replace("\\\n", " ")
    return [line.partition(" ")[2].strip() for line in joined.splitlines() if line.startswith(f"{word} ")]


def image_environment() -> dict[str, str]:
    pairs = [pair for line in instructions("ENV") for pair in shlex.split(line)]
    return dict(pair.split("=", 1) for pair in pairs)


def known_variables() -> set[str]:
    """Every environment variable that Nightcrew reads."""
    models = {domain.name: cron.options_of(domain) for domain in app.DOMAINS}
    options = {item["env"] for item in Settings(models, data_dir=Path("/nonexistent"), env={}).describe()}
    sources = (ROOT / "src").rglob("*.py")
    return options | {
        name for file in sources for name in re.findall(r'"(NIGHTCREW_[A-Z_]+)"', file.read_text("utf-8"))
    }


@pytest.mark.parametrize(
    "name",
    [
        "Dockerfile",
        "compose.yaml",
        "README.md",
        "contrib/nightcrew.service",
        "contrib/library.conf",
        "contrib/entrypoint",
    ],
)
def test_every_variable_that_is_named_is_one_that_is_read(name: str) -> None:
    named = set(re.findall(r"\bNIGHTCREW_[A-Z_]+\b", (ROOT / name).read_text("utf-8")))
    assert named
    assert named <= known_variables()


# -- the image ---------------------------------------------------------------------------------------------------------


def test_the_image_listens_where_it_says_and_writes_where_a_volume_is() -> None:
    environment = image_environment()
    default = str(app.Config(Path()).port)
    assert instructions("EXPOSE") == [default] == [environment["NIGHTCREW_PORT"]]
    volumes = tuple(yaml.safe_load(instructions("VOLUME")[0]))
    assert environment["NIGHTCREW_DATA_DIR"] in volumes
    for library in ("NIGHTCREW_RECORDINGS_LIBRARY", "NIGHTCREW_MUSIC_LIBRARY"):
        assert environment[library].startswith("/media/")
    assert {"PUID", "PGID", "UMASK", "TZ"} <= environment.keys()
    assert {mount.rpartition(":")[2] for mount in SERVER["volumes"]} == set(volumes)
    assert {mount.rpartition(":")[2] for mount in WORKER["volumes"]} == set(volumes)
    assert SERVER["ports"] == [f"{default}:{default}"]


def test_what_the_image_copies_is_there_and_not_ignored() -> None:
    ignore = (ROOT / ".dockerignore").read_text("utf-8").split("\n")
    let_in = [line[1:] for line in ignore if line.startswith("!")]
    copied = [source for line in instructions("COPY") for source in line.split()[:-1]]
    assert copied
    for source in copied:
        assert (ROOT / source).exists(), source
        assert any(fnmatch.fnmatch(source, one) for one in let_in), source
    assert sorted(let_in) == sorted(copied)


def test_the_image_has_the_systems_ffmpeg_alone_and_what_its_scripts_call() -> None:
    assert "ffmpeg" in instructions("RUN")[0].split()
    assert "imageio" not in (ROOT / "requirements" / "runtime.txt").read_text("utf-8")
    for script in ("entrypoint", "healthcheck"):
        assert os.access(ROOT / "contrib" / script, os.X_OK)
    assert yaml.safe_load(instructions("ENTRYPOINT")[0]) == ["entrypoint"]
    assert "healthcheck" in instructions("HEALTHCHECK")[0]


# -- compose -----------------------------------------------------------------------------------------------------------


def seconds(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([sm])", text).groups()  # type: ignore[union-attr]
    return int(number) * {"s": 1, "m": 60}[unit]


@pytest.mark.parametrize("service", [SERVER, WORKER], ids=["server", "worker"])
def test_a_service_may_end_in_its_own_time_and_has_nothing_to_write_to_but_its_volumes(service: dict[str, Any]) -> None:
    assert seconds(service["stop_grace_period"]) >= ALL_STOPPED
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]
    assert image_environment()["NIGHTCREW_ALIVE_FILE"].startswith("/tmp/")
    assert {"PUID", "PGID", "UMASK", "TZ"} <= service["environment"].keys()


def test_postgres_and_a_worker_come_with_a_profile_and_the_server_does_without() -> None:
    assert "profiles" not in SERVER
    assert SERVER["depends_on"]["postgres"]["required"] is False
    assert WORKER["profiles"] == COMPOSE["services"]["postgres"]["profiles"] == ["postgres"]
    assert WORKER["command"] == ["worker"]
    assert "NIGHTCREW_PASSWORD" not in WORKER["environment"]


# -- the entrypoint ----------------------------------------------------------------------------------------------------

STUB = '#!/bin/sh\necho "$(id -u):$(id -g) $(umask) $HOME $*"\n'


@pytest.fixture
def rooms() -> Iterator[Path]:
    """A folder that everybody may enter, with a program `nightcrew` that says who runs it and how."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "bin").mkdir()
        stub(folder, "nightcrew", STUB)
        yield folder


def stub(folder: Path, name: str, text: str) -> None:
    (folder / "bin" / name).write_text(text)
    (folder / "bin" / name).chmod(0o755)


def enter(folder: Path, *command: str, before: tuple[str, ...] = (), **more: str) -> tuple[str, str]:
    """What the entrypoint's program says, and what the entrypoint says itself."""
    environment = {
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "NIGHTCREW_DATA_DIR": str(folder / "config"),
        "NIGHTCREW_RECORDINGS_LIBRARY": str(folder / "media" / "recordings"),
        "NIGHTCREW_MUSIC_LIBRARY": str(folder / "media" / "my music"),
        **more,
    }
    script = folder / "entrypoint"
    shutil.copyfile(ROOT / "contrib" / "entrypoint", script)
    done = subprocess.run(
        [*before, "sh", script, *command], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip(), done.stderr.strip()


def owner(path: Path) -> tuple[int, int]:
    return path.stat().st_uid, path.stat().st_gid


as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root becomes somebody else")


@as_root
def test_it_runs_as_puid_and_pgid_who_own_what_it_makes(rooms: Path) -> None:
    said, told = enter(rooms, "serve", "--no-worker", PUID="4711", PGID="4712", UMASK="027")
    assert (said, told) == (f"4711:4712 0027 {rooms / 'config'} serve --no-worker", "")
    for made in ("config", "media/recordings", "media/my music"):
        assert owner(rooms / made) == (4711, 4712), made
    assert owner(rooms / "media") == (0, 0), "what was not asked for keeps its owner"


@as_root
def test_another_puid_takes_over_the_configuration_and_no_library(rooms: Path) -> None:
    enter(rooms, PUID="4711", PGID="4712")
    (rooms / "config" / "nightcrew.db").touch()
    said, told = enter(rooms, PUID="4800", PGID="4800")
    assert said.startswith("4800:4800 ")
    assert owner(rooms / "config" / "nightcrew.db") == (4800, 4800)
    assert owner(rooms / "media" / "recordings") == (4711, 4712)
    assert f"4800:4800 cannot write {rooms / 'media' / 'recordings'}" in told


@as_root
def test_under_user_it_stays_who_it_is(rooms: Path) -> None:
    nobody = ("setpriv", "--reuid", "4900", "--regid", "4900", "--clear-groups")
    for made in ("config", "media"):
        (rooms / made).mkdir()
        os.chown(rooms / made, 4900, 4900)
    said, told = enter(rooms, "worker", before=nobody, PUID="4711", PGID="4712")
    assert (said, told) == (f"4900:4900 0022 {rooms / 'config'} worker", "")
    assert owner(rooms / "media" / "recordings") == (4900, 4900)


def test_without_root_it_runs_as_it_is_and_tells_what_cannot_be_written(rooms: Path) -> None:
    """Whoever runs this test: the programs that ask and change owners are played."""
    stub(rooms, "id", '#!/bin/sh\n[ "$1" = -u ] && echo 1234 || echo 1235\n')
    for forbidden in ("chown", "setpriv"):
        stub(rooms, forbidden, "#!/bin/sh\nexit 99\n")
    (rooms / "media").write_text("no folder")
    said, told = enter(rooms, "serve")
    assert said == f"1234:1235 0022 {rooms / 'config'} serve"
    assert f"1234:1235 cannot write {rooms / 'media' / 'recordings'}" in told


def test_as_root_it_asks_setpriv_to_become_somebody(rooms: Path) -> None:
    stub(rooms, "id", "#!/bin/sh\necho 0\n")
    stub(rooms, "chown", f'#!/bin/sh\necho "$*" >> {rooms}/given\n')
    stub(rooms, "setpriv", f'#!/bin/sh\necho "$*" >> {rooms}/became\n')
    enter(rooms, "serve", PUID="4711", PGID="4712")
    became = (rooms / "became").read_text().splitlines()
    assert became[-1] == "--reuid 4711 --regid 4712 --clear-groups nightcrew serve"
    assert f"4711:4712 {rooms / 'media' / 'my music'}" in (rooms / "given").read_text().splitlines()


# -- the health check --------------------------------------------------------------------------------------------------


def healthy(alive: Path) -> tuple[bool, str]:
    environment = {"PATH": os.environ["PATH"], "NIGHTCREW_ALIVE_FILE": str(alive)}
    script = ROOT / "contrib" / "healthcheck"
    done = subprocess.run([script], env=environment, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode == 0, (done.stdout + done.stderr).strip()


@pytest.fixture
def page() -> Iterator[HTTPServer]:
    """Answers /health with the status that it is given."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(self.server.status if self.path == "/health" else 404)  # type: ignore[attr-defined]
            self.end_headers()
            self.wfile.write(b'{"status": "as it is"}')

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_server_is_well_while_it_says_so(page: HTTPServer, tmp_path: Path) -> None:
    (tmp_path / "alive").write_text(f"http://127.0.0.1:{page.server_port}")
    for page.status, well in ((200, True), (503, False)):  # type: ignore[attr-defined]
        assert healthy(tmp_path / "alive") == (well, '{"status": "as it is"}')


def test_a_server_whose_page_does_not_answer_is_not_well(tmp_path: Path) -> None:
    (tmp_path / "alive").write_text(f"http://127.0.0.1:{free_port()}")
    well, said = healthy(tmp_path / "alive")
    assert not well
    assert said.startswith("no answer: ")


def test_a_worker_is_well_while_it_gives_signs_of_life(tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    assert healthy(alive) == (False, "no sign of life for a minute")
    alive.touch()
    assert healthy(alive) == (True, "works, without a page")
    os.utime(alive, (time.time() - 120,) * 2)
    assert healthy(alive) == (False, "no sign of life for a minute")


def test_a_server_that_hangs_is_not_well_though_its_port_is_open(page: HTTPServer, tmp_path: Path) -> None:
    page.status = 200  # type: ignore[attr-defined]
    (tmp_path / "alive").write_text(f"http://127.0.0.1:{page.server_port}")
    os.utime(tmp_path / "alive", (time.time() - 120,) * 2)
    assert healthy(tmp_path / "alive")[0] is False
