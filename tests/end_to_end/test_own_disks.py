"""Two servers on one PostgreSQL, each with a disk of its own: a recording is finished where its parts are."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from counted import Counted
from counter import Film
from darkroom import OVER, record, serving, wait_for_all


@pytest.mark.slow
async def test_recordings_are_finished_by_the_machine_that_has_their_parts(
    film: Film, tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTCREW_SECRET_KEY", "kUq1Gkqk2cUqGv0e8bN1v7ZlD3VJtq3k0cW0xT1q1nA=")
    monkeypatch.setenv("NIGHTCREW_DATABASE_URL", postgres)
    async with (
        Counted(film, window=10) as source,
        serving(tmp_path / "one") as one,
        serving(tmp_path / "two") as two,
    ):
        ids = [(await record(one, f"{source.url}?key={n}", name=f"Film {n}"))["id"] for n in range(8)]
        await wait_for_all(two, ids, lambda row: row["seconds"] >= 10)
        await asyncio.gather(*(one.post(f"/api/v1/recordings/{number}/stop") for number in ids))
        done = await wait_for_all(two, ids, lambda row: row["state"] in OVER, 120)
        assert [(row["state"], row["reason"]) for row in done] == [("done", None)] * 8
        for row in done:
            assert Path(row["file"]).is_file()
