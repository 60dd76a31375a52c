"""Programmes back to back, each with time before and after: two files, both with the overlap.

Reported in public for programs of this kind; each test is named for the situation.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from counted import LONG, Counted
from counter import Film
from darkroom import accounted, finish, finished, more, seconds
from nightcrew.kernel.clock import utcnow
from stingy import Stingy, channel_of, stingy
from support import Node, until


@pytest.fixture
async def provider(film: Film) -> AsyncIterator[Stingy]:
    async with Counted(film, window=8, keeps=LONG) as source, stingy(source) as made:
        yield made


def window(begin: int, end: int) -> str:
    """From so many minutes before or after now to so many."""
    now = datetime.now()
    return "-".join(f"{now + timedelta(minutes=minutes):%H:%M}" for minutes in (begin, end))


async def watch(node: Node, channel: int, *windows: str, **more: Any) -> dict[str, Any]:
    body = {"channel": channel, "name": "Evening", "windows": [f"daily {one}" for one in windows], **more}
    return dict(await node.post("/api/v1/watches", body))


async def all_of_it(node: Node, count: int) -> list[dict[str, Any]]:
    """The recordings, oldest first, once there are so many."""

    async def found() -> list[dict[str, Any]]:
        return list((await node.get("/api/v1/recordings"))["items"])

    async def enough() -> bool:
        return len(await found()) == count

    await until(enough, 30)
    return (await found())[::-1]


async def test_two_windows_that_overlap_by_their_time_before_are_two_whole_films_of_one_connection(
    node: Node, provider: Stingy, tmp_path: Path
) -> None:
    channel = await channel_of(node, tmp_path, provider.url("/live.ts"))
    await watch(node, channel, window(-3, 2), window(2, 4), start_early=5, end_late=1)
    first, second = await all_of_it(node, 2)
    ends = [datetime.fromisoformat(row["stop_at"]) for row in (first, second)]
    assert ends[1] - ends[0] == timedelta(minutes=2)
    assert timedelta(minutes=1) < ends[0] - utcnow() <= timedelta(minutes=3)
    await seconds(node, first["id"], 5)
    await seconds(node, second["id"], 5)
    films = [await finish(node, first["id"])]
    await more(node, second["id"], 5)
    films.append(await finish(node, second["id"]))
    assert len({film["file"] for film in films}) == 2
    one, two = [await accounted(node, film) for film in films]
    assert one.whole and two.whole
    assert two.first < one.last < two.last, "both have the overlap"
    assert (provider.gets("/live.ts"), provider.refused) == (1, 0)


async def test_a_recording_that_follows_another_goes_on_over_its_connection(
    node: Node, provider: Stingy, tmp_path: Path
) -> None:
    """They touch as windows without time before and after do: the second one has begun when the first one ends."""
    channel = await channel_of(node, tmp_path, provider.url("/live.ts"))
    first = await node.post("/api/v1/recordings", {"channel": channel, "name": "One", "seconds": 12})
    await seconds(node, first["id"], 5)
    second = await node.post("/api/v1/recordings", {"channel": channel, "name": "Two"})
    one = await accounted(node, await finished(node, first["id"]))
    await more(node, second["id"], 4)
    two = await accounted(node, await finish(node, second["id"]))
    assert one.whole and two.whole
    assert two.first <= one.last
    assert (provider.gets("/live.ts"), provider.refused) == (1, 0)


async def test_the_time_before_and_after_is_changed_and_given_back_to_the_setting(
    node: Node, provider: Stingy, tmp_path: Path
) -> None:
    channel = await channel_of(node, tmp_path, provider.url("/live.ts"))
    made = await watch(node, channel, "03:00-03:01", end_late=7)
    path = f"/api/v1/watches/{made['id']}"
    assert (made["start_early"], made["end_late"]) == (None, 7)
    changed = await node.patch(path, {"start_early": 0})
    assert (changed["start_early"], changed["end_late"]) == (0, 7)
    changed = await node.patch(path, {"end_late": None})
    assert (changed["start_early"], changed["end_late"]) == (0, None)
    for wrong in (-1, 241, "soon"):
        assert (await node.http.patch(path, json={"end_late": wrong})).status_code == 422
        assert (await node.http.patch("/api/v1/settings", json={"recordings.end_late": wrong})).status_code == 422
