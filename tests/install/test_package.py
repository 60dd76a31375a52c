"""Nightcrew as people install it: from the archive of its sources to a wheel, and from that to a program that serves."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import pytest

from nightcrew import __version__
from support import free_port, patient, pauses

pytestmark = pytest.mark.short

ROOT = Path(__file__).parents[2]
UV = ROOT / ".tools" / "bin" / "uv"
NEEDED = (
    "Makefile",
    "Dockerfile",
    ".dockerignore",
    "compose.yaml",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "README.md",
    "LICENSE",
)
FOLDERS = ("contrib", "requirements", ".ci", "src", "tests", "bench", "docs")


def uv(*arguments: object, cwd: Path = ROOT, **environment: str) -> str:
    """What uv prints. Nothing is fetched: whatever it takes was put into its cache when this environment was made."""
    if not UV.exists():
        pytest.skip("uv is not in .tools (make test puts it there)")
    environment = {**os.environ, "UV_OFFLINE": "1", "UV_PYTHON_DOWNLOADS": "never", **environment}
    done = subprocess.run(
        [UV, *map(str, arguments)], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the archive of the sources, and the wheel that was built from that."""
    folder = tmp_path_factory.mktemp("built")
    uv("build", "--quiet", "--sdist", "--out-dir", folder)
    (archive,) = folder.glob("*.tar.gz")
    uv("build", "--quiet", "--wheel", "--out-dir", folder, archive)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def tool(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, installed by `uv tool install`."""
    folder = tmp_path_factory.mktemp("tool")
    places = {"UV_TOOL_DIR": str(folder), "UV_TOOL_BIN_DIR": str(folder / "bin")}
    uv("tool", "install", "--quiet", "--python", sys.executable, "-c", "requirements/runtime.txt", wheel, **places)
    return folder / "bin" / "nightcrew"


def says(program: Path, *arguments: str) -> str:
    """What it prints outside of this repository, with nothing of this environment at hand."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(program.parent)}
    done = subprocess.run(
        [program, *arguments], cwd=program.parent, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_archive_has_all_that_the_readme_speaks_of(built: Path) -> None:
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    assert names >= set(NEEDED)
    for folder in FOLDERS:
        here = {str(path.relative_to(ROOT)) for path in (ROOT / folder).iterdir() if path.is_file()}
        assert here <= names, folder
        assert any(name.startswith(f"{folder}/") for name in names), folder


def test_the_wheel_has_what_is_no_code(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        names = set(opened.namelist())
    source = ROOT / "src"
    for file in (source / "nightcrew").rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts:
            assert str(file.relative_to(source)) in names


def test_in_an_environment_of_its_own_it_says_its_version_and_its_commands(wheel: Path, tmp_path: Path) -> None:
    uv("venv", "--quiet", "--python", sys.executable, tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    uv("pip", "install", "--quiet", "--python", python, "-c", "requirements/runtime.txt", wheel)
    program = python.with_name("nightcrew")
    assert says(program, "--version") == f"nightcrew {__version__}\n"
    assert "serve" in says(program, "--help")


def test_as_a_tool_it_serves(tool: Path, tmp_path: Path) -> None:
    assert says(tool, "--version") == f"nightcrew {__version__}\n"
    port = free_port()
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    with (tmp_path / "log").open("w") as log:
        command = [tool, "serve", "--port", str(port)]
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=log)
    try:
        page = answer(f"http://127.0.0.1:{port}/", process, tmp_path / "log")
        assert "Nightcrew" in page
        assert (tmp_path / ".local" / "share" / "nightcrew" / "nightcrew.db").exists()
    finally:
        process.terminate()
        assert process.wait(patient(60)) == 0, (tmp_path / "log").read_text()
    assert "Traceback" not in (tmp_path / "log").read_text()


def answer(url: str, process: subprocess.Popen[bytes], log: Path) -> str:
    """A page, as soon as somebody answers."""
    until = time.monotonic() + patient(60)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for pause in pauses():
        assert process.poll() is None, log.read_text()
        try:
            return str(opener.open(url, timeout=10).read().decode())
        except urllib.error.URLError:
            assert time.monotonic() < until, log.read_text()
        time.sleep(pause)
    raise AssertionError("it never answered")


def test_the_readme_installs_in_the_ways_that_are_tried_here() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    for way in (
        "pipx install .",
        "uv tool install .",
        "python3 -m venv",
        "docker compose up -d",
        "systemctl enable --now nightcrew",
    ):
        assert way in readme, way
    assert "\npip install ." not in readme, "Debian and others refuse it"
