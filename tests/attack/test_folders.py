"""A folder that depends on where the program was started is refused wherever it is entered, with the option's name."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio

from nightcrew import app
from nightcrew.cli import places
from nightcrew.cli.doctor import examine
from nightcrew.kernel.errors import Invalid, NeedsUser
from nightcrew.kernel.settings import Settings
from nightcrew.recordings.settings import RecordingSettings
from support import Node, running
from terminal import run

RELATIVE = [
    "films",
    "./films",
    "../films",
    "~nobody-here/films",
    "films\n",
    "C:\\films",
    "\0/films",
    " /films",
    ".",
    "file:///films",
]
OPTION = "recordings.library"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def node(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Node]:
    async with running(tmp_path_factory.mktemp("node")) as started:
        yield started


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("given", RELATIVE)
async def test_the_api_and_the_page_refuse_it(node: Node, given: str) -> None:
    answer = await node.http.patch("/api/v1/settings", json={OPTION: given})
    assert (answer.status_code, answer.json()["field"]) == (422, OPTION)
    assert OPTION in answer.json()["detail"]
    page = await node.http.post("/settings", data={OPTION: given}, headers={"Origin": node.url})
    assert OPTION in page.text or page.status_code == 422
    assert node.runtime.settings.of(RecordingSettings).library == ""


@pytest.mark.asyncio(loop_scope="module")
async def test_an_absolute_one_and_one_at_home_are_taken(node: Node, tmp_path: Path) -> None:
    for given in (str(tmp_path), "~/films", ""):
        assert (await node.http.patch("/api/v1/settings", json={OPTION: given})).status_code == 200
        assert node.runtime.settings.of(RecordingSettings).library == given


def settings(folder: Path, env: dict[str, str]) -> Settings:
    return Settings({"recordings": RecordingSettings}, data_dir=folder, env=env)


@pytest.mark.parametrize("name", ["NIGHTCREW_RECORDINGS_LIBRARY", "NIGHTCREW_LIBRARY"])
def test_the_environment_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Invalid, match=r"recordings\.library: the folder 'films' is not an absolute path"):
        settings(tmp_path, {name: "films"})


def test_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "nightcrew.toml").write_text('[recordings]\nlibrary = "films"\n')
    with pytest.raises(Invalid, match=r"recordings\.library: the folder 'films' is not an absolute path"):
        settings(tmp_path, {})


def wrong(folder: Path) -> list[str]:
    return [f"{one.what}: {one.detail}" for one in examine(app.Config(data_dir=folder)) if one.needed and not one.ok]


def test_doctor_names_the_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not [line for line in wrong(tmp_path) if line.startswith("settings")]
    monkeypatch.setenv("NIGHTCREW_RECORDINGS_LIBRARY", "films")
    assert any("recordings.library: the folder 'films'" in line for line in wrong(tmp_path))
    found = run("doctor", "--data-dir", tmp_path)
    assert found.code == 1
    assert "recordings.library" in found.out


@pytest.mark.asyncio(loop_scope="module")
async def test_doctor_finds_one_that_an_older_version_stored(node: Node, tmp_path: Path) -> None:
    folder = node.runtime.data_dir
    await node.patch("/api/v1/settings", {OPTION: str(tmp_path)})
    with closing(sqlite3.connect(folder / "nightcrew.db", timeout=20)) as database:
        assert database.execute("UPDATE setting SET value = '\"films\"'").rowcount == 1
        database.commit()
    assert any("recordings.library: the folder 'films'" in line for line in wrong(folder))
    await node.runtime.settings.load(node.runtime.store)
    (said,) = [one for one in (await node.get("/api/v1/needs"))["items"] if "recordings.library" in one["message"]]
    assert (said["level"], said["page"]) == ("error", "/settings")
    await node.patch("/api/v1/settings", {OPTION: None})
    await node.runtime.settings.load(node.runtime.store)
    assert not [one for one in (await node.get("/api/v1/needs"))["items"] if "recordings.library" in one["message"]]


def test_the_data_directory_of_the_environment_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTCREW_DATA_DIR", "data")
    with pytest.raises(NeedsUser, match="NIGHTCREW_DATA_DIR: 'data' is not an absolute path"):
        places.default_data_dir()
    run("doctor").failed("NIGHTCREW_DATA_DIR")
    monkeypatch.setenv("NIGHTCREW_DATA_DIR", str(tmp_path))
    assert places.default_data_dir() == tmp_path
    monkeypatch.delenv("NIGHTCREW_DATA_DIR")
    monkeypatch.setenv("XDG_DATA_HOME", "data")
    assert places.default_data_dir().is_absolute()
