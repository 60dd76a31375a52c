"""Two servers on one PostgreSQL, each with a disk of its own: a recording is finished where its parts are."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa

from counted import LONG, Counted
from counter import Film
from darkroom import OVER, kill, record, serving, wait_for, wait_for_all


@pytest.mark.slow
async def test_recordings_are_finished_by_the_machine_that_has_their_parts(
    film: Film, tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTCREW_SECRET_KEY", "kUq1Gkqk2cUqGv0e8bN1v7ZlD3VJtq3k0cW0xT1q1nA=")
    monkeypatch.setenv("NIGHTCREW_DATABASE_URL", postgres)
    async with (
        Counted(film, window=10, keeps=LONG) as source,
        serving(tmp_path / "one") as one,
        serving(tmp_path / "two") as two,
    ):
        ids = [(await record((one, two)[n % 2], f"{source.url}?film={n}", name=f"Film {n}"))["id"] for n in range(8)]
        await wait_for_all(two, ids, lambda row: row["seconds"] >= 10)
        await asyncio.gather(*(one.post(f"/api/v1/recordings/{number}/stop") for number in ids))
        done = await wait_for_all(two, ids, lambda row: row["state"] in OVER, 120)
        assert [(row["state"], row["reason"]) for row in done] == [("done", None)] * 8
        jobs = (await two.get("/api/v1/jobs", params={"limit": 50}))["items"]
        made = {job["id"].split(":")[1]: job["node"] for job in jobs if job["name"] == "recordings.finish"}
        assert made == {str(row["id"]): row["node"] for row in done}, "each by the machine that recorded it"
        assert len(set(made.values())) == 2
        for row in done:
            assert Path(row["file"]).is_file()


def silent_for_long(postgres: str, node: str) -> None:
    """As if a machine had given no sign of life for ten minutes."""
    engine = sa.create_engine(sa.make_url(postgres).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        for table, column in (("node", "id"), ("worker", "node")):
            statement = sa.text(f"UPDATE {table} SET seen_at = seen_at - interval '10 minutes' WHERE {column} = :node")
            connection.execute(statement, {"node": node})
    engine.dispose()


@pytest.mark.slow
async def test_a_dead_machines_recording_is_told_and_goes_on_at_another(
    film: Film, tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One whose folder the other sees goes on in it; of one that only the dead machine has, the other begins a second file."""
    monkeypatch.setenv("NIGHTCREW_SECRET_KEY", "kUq1Gkqk2cUqGv0e8bN1v7ZlD3VJtq3k0cW0xT1q1nA=")
    monkeypatch.setenv("NIGHTCREW_DATABASE_URL", postgres)
    off = tmp_path / "off"
    async with (
        Counted(film, window=10, keeps=LONG) as source,
        serving(tmp_path / "one", NIGHTCREW_LIBRARY=str(tmp_path / "shared")) as one,
    ):
        shared = (await record(one, f"{source.url}?key=1", name="Shared"))["id"]
        await wait_for(one, shared, lambda row: row["seconds"] >= 5)
        await one.patch("/api/v1/settings", {"recordings.library": str(tmp_path / "one" / "own")})
        own = (await record(one, f"{source.url}?key=2", name="Own"))["id"]
        before = {number: await wait_for(one, number, lambda row: row["seconds"] >= 8) for number in (shared, own)}
        dead = before[own]["node"]
        async with serving(tmp_path / "two") as two:
            one.kill()
            kill(one)
            (tmp_path / "one").rename(off)  # its disk is gone with it
            silent_for_long(postgres, dead)
            ended = await wait_for(two, own, lambda row: row["state"] == "finishing")
            assert dead in ended["reason"]
            items = {row["continues"]: row for row in (await two.get("/api/v1/recordings"))["items"]}
            following = items[own]
            for number in (following["id"], shared):
                row = await wait_for(two, number, lambda row: row["state"] == "recording" and row["node"] != dead)
            assert any(dead in move["reason"] for move in row["moves"]), "it says that it was interrupted, and why"
            told = (await two.get("/api/v1/activity?kind=recording.moved"))["items"]
            assert [f"{dead} is silent" in entry["message"] for entry in told] == [True]
            needs = [need["message"] for need in (await two.get("/api/v1/needs"))["items"]]
            assert any(dead in said and "2 recordings" in said for said in needs)
            await wait_for_all(two, [following["id"], shared], lambda row: row["seconds"] >= 5)
            for number in (following["id"], shared):
                await two.post(f"/api/v1/recordings/{number}/stop")
            done = await wait_for_all(two, [following["id"], shared], lambda row: row["state"] in OVER, 90)
            files = {row["id"]: row["file"] for row in done}
            assert str(tmp_path / "shared") in files[shared]
            assert str(tmp_path / "two") in files[following["id"]], "each machine's library is its own"
            off.rename(tmp_path / "one")
            await one.start()  # it is back, with what it had recorded
            made = await wait_for(two, own, lambda row: row["state"] in OVER, 90)
            assert (made["state"], str(tmp_path / "one") in made["file"]) == ("done", True)
            assert made["seconds"] >= before[own]["seconds"]
