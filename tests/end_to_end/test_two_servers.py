"""Two servers on one PostgreSQL: each timetable once, and a dead server's jobs go on at the other."""

from __future__ import annotations

import collections
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import sqlalchemy as sa

import programs
from support import UP, free_port


class Tally:
    """Servers made by tally_server.py on one database."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder = folder
        self.database = database
        self.file = folder / "tally"
        self.file.touch()
        self.processes: dict[str, tuple[programs.AnyProgram, int]] = {}

    def start(self, name: str, **env: str) -> None:
        port = free_port()
        script = Path(__file__).with_name("tally_server.py")
        key = "kUq1Gkqk2cUqGv0e8bN1v7ZlD3VJtq3k0cW0xT1q1nA="
        log = self.folder / f"{name}.log"
        process = programs.start(
            script, self.folder / name, port, self.database, self.file, log=log, NIGHTCREW_SECRET_KEY=key, **env
        )
        self.processes[name] = (process, port)
        until = time.monotonic() + UP
        while time.monotonic() < until:
            assert process.poll() is None, (self.folder / f"{name}.log").read_text()
            try:
                if self.get(name, "/health").status_code == 200:
                    return
            except httpx2.TransportError:
                time.sleep(0.05)
        raise AssertionError(f"{name} did not start")

    def get(self, name: str, path: str) -> httpx2.Response:
        return httpx2.get(f"http://127.0.0.1:{self.processes[name][1]}{path}", timeout=10, trust_env=False)

    def kill(self, name: str) -> None:
        self.processes[name][0].kill()
        self.processes[name][0].wait()

    def lines(self) -> list[str]:
        return self.file.read_text().splitlines()


@pytest.fixture
def tally(tmp_path: Path, postgres: str) -> Iterator[Tally]:
    made = Tally(tmp_path, postgres)
    yield made
    for process, _port in made.processes.values():
        process.kill()
        process.wait()


@pytest.mark.slow
def test_each_occurrence_of_a_timetable_runs_once_over_two_servers(tally: Tally) -> None:
    tally.start("one")
    tally.start("two")
    time.sleep(12)
    found = [line.split() for line in tally.lines() if line.startswith("tally.second@")]
    occurrences = collections.Counter(run for run, _node in found)
    assert len(occurrences) >= 8
    assert set(occurrences.values()) == {1}, "an occurrence ran twice"
    moments = sorted(run.split("@")[1] for run in occurrences)
    assert moments == sorted(set(moments))
    workers = {w["name"]: w for w in tally.get("two", "/api/v1/workers").json()["items"]}
    assert workers["tally.second"]["fresh"]
    nodes = tally.get("one", "/api/v1/nodes").json()["items"]
    assert len(nodes) == 2


@pytest.mark.slow
def test_a_dead_servers_job_goes_on_at_the_other_from_its_last_step(tally: Tally) -> None:
    tally.start("one", START_SLOW="1", NAP="600")
    for _ in range(200):
        if any(line.startswith("second") for line in tally.lines()):
            break
        time.sleep(0.05)
    tally.kill("one")
    engine = sa.create_engine(sa.make_url(tally.database).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:  # as if it had been silent for long
        connection.execute(sa.text("UPDATE node SET seen_at = seen_at - interval '10 minutes'"))
    engine.dispose()
    tally.start("two", NAP="0")
    state = ""
    for _ in range(1200):
        answer = tally.get("two", "/api/v1/jobs/slow-one")
        state = answer.json().get("state", "")
        if state == "done":
            break
        time.sleep(0.05)
    assert state == "done", answer.text
    lines = tally.lines()
    assert sum(line == "first slow-one" for line in lines) == 1, "a finished step was done again"
    assert sum(line.startswith("second ") for line in lines) == 2
    for _ in range(600):  # it is told when everything was taken over, and the job may be done by then
        messages = [entry["message"] for entry in tally.get("two", "/api/v1/activity").json()["items"]]
        if any("is silent" in message for message in messages):
            break
        time.sleep(0.05)
    else:
        pytest.fail(f"nobody was told that a server is silent: {messages}")
