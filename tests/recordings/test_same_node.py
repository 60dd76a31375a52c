"""Recordings of one stream on several machines: they go to the one that has its connection already."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nightcrew import app
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.runtime import Runtime
from nightcrew.recordings.models import RecordingState
from nightcrew.recordings.store import owners, recordings, states

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


async def asked(runtime: Runtime, name: str, *, node: str = "", now: datetime, **more: Any) -> int:
    values = {"name": name, "shown": "channel One", "sealed": "x", "node": node, "root": "/r", "title": ""}
    row = {**values, "category": "", "favourite": False, "priority": 0, "watch_id": None, "channel_id": 7, **more}
    return (await recordings.add(runtime.store, row, now=now, moment=now)).id


async def node_of(runtime: Runtime, number: int) -> str:
    return (await recordings.get(runtime.store, number)).node


@pytest.mark.parametrize("same", [{}, {"channel_id": None}, {"shown": "renamed"}])
async def test_a_stream_that_another_node_records_is_left_to_it_for_a_while(
    tmp_path: Path, database: str | None, same: dict[str, Any]
) -> None:
    async with app.node(app.Config(data_dir=tmp_path, database_url=database)) as (runtime, _):
        now = utcnow()
        first = await asked(runtime, "First", node="a", now=now)
        second = await asked(runtime, "Second", now=now, **same)
        other = await asked(runtime, "Other", now=now, channel_id=8, shown="channel Two")
        await owners.claim(runtime.store, "b", root="/b")
        assert (await node_of(runtime, second), await node_of(runtime, other)) == ("", "b")
        await owners.claim(runtime.store, "a", root="/r")
        assert await node_of(runtime, second) == "a"
        third = await asked(runtime, "Third", now=now - owners.LEFT_TO - timedelta(seconds=1))
        await owners.claim(runtime.store, "b", root="/b")
        assert await node_of(runtime, third) == "b", "that one does not take it"
        for number in (first, second, third):
            await states.change_state(runtime.store, number, RecordingState.FINISHING, "", now=LONG_AGO)
        fourth = await asked(runtime, "Fourth", now=now)
        await owners.claim(runtime.store, "b", root="/b")
        assert await node_of(runtime, fourth) == "b", "nobody records it any more"
