"""The watches' cycle."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nightcrew import app
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.runtime import Runtime
from nightcrew.recordings import watching
from nightcrew.recordings.models import RecordingState
from nightcrew.recordings.store import recordings, states, watches
from nightcrew.recordings.stream_ref import StreamRef
from support import counting

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


async def watch(runtime: Runtime, name: str) -> int:
    """A watch whose window will open in the far future."""
    sealed = StreamRef("https://example.test/live").sealed(runtime)
    values = {"name": name, "shown": "x", "sealed": sealed, "enabled": True, "favourite": False, "priority": 0}
    return (await watches.add(runtime.store, {**values, "windows": ["2099-12-31 20:00-21:00"]}, now=LONG_AGO)).id


async def recording(runtime: Runtime, name: str, watch_id: int | None) -> int:
    values = {"name": name, "shown": "x", "sealed": "x", "node": "n", "root": "/r", "title": ""}
    row = {**values, "category": "", "favourite": False, "priority": 0, "watch_id": watch_id}
    return (await recordings.add(runtime.store, row, now=LONG_AGO, moment=LONG_AGO)).id


async def test_what_goes_on_is_asked_for_once_however_many_watches_are_due(
    tmp_path: Path, database: str | None
) -> None:
    async with app.node(app.Config(data_dir=tmp_path, database_url=database)) as (runtime, _):
        for number in range(8):
            await watch(runtime, f"W{number}")
        said: list[str] = []
        with counting(runtime.store, said):
            await watching.look_at_due(runtime)
        assert not await watches.claim(runtime.store, utcnow(), 20)
        assert len([one for one in said if "FROM recording " in one]) == 1, said
        said.clear()
        with counting(runtime.store, said):
            await watching.look_at_due(runtime)
        assert not [one for one in said if "FROM recording " in one], "nothing is due"


async def test_each_watch_is_looked_at_with_its_own_recording(
    tmp_path: Path, database: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[int, list[int]] = {}

    async def look(_runtime: Runtime, watch: Any, running: Any, _now: datetime) -> None:
        seen[watch.id] = [row.id for row in running]

    monkeypatch.setattr(watching, "look", look)
    async with app.node(app.Config(data_dir=tmp_path, database_url=database)) as (runtime, _):
        ids = [await watch(runtime, f"W{number}") for number in range(4)]
        over = await recording(runtime, "W0", ids[0])
        await states.change_state(runtime.store, over, RecordingState.FINISHING, "", now=LONG_AGO)
        going = [await recording(runtime, "W1", ids[1]), await recording(runtime, "W2", ids[2])]
        await recording(runtime, "By hand", None)
        await watching.look_at_due(runtime)
    assert seen == {ids[0]: [], ids[1]: [going[0]], ids[2]: [going[1]], ids[3]: []}
