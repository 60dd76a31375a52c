"""Watches of channels, by the clock: when they are looked at, and that each window is recorded once and ends with its time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nightcrew.kernel.errors import NotFound
from nightcrew.kernel.runtime import Runtime
from nightcrew.recordings import actions, domain, watching
from nightcrew.recordings.models import Recording, RecordingState, Watch
from nightcrew.recordings.store import recordings, states, watches
from nightcrew.recordings.stream_ref import StreamRef
from support import at_rest

EVENING = "wed 20:00-21:00"


def at(clock: str, days: int = 0) -> datetime:
    """A time of that Wednesday, or of a day after it, by this machine's clock."""
    hours, minutes = map(int, clock.split(":"))
    return (datetime(2026, 3, 4, hours, minutes) + timedelta(days=days)).astimezone()


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[Runtime]:
    async with at_rest(tmp_path, domain.DOMAIN) as made:
        yield made


async def watched(runtime: Runtime, *windows: str, **known: Any) -> Watch:
    values = {
        "name": "Evening",
        "enabled": True,
        "shown": "channel News",
        "windows": list(windows),
        "favourite": False,
        "priority": 0,
        "keep_count": None,
        "sealed": StreamRef(channel_id=7).sealed(runtime),
        "channel_id": 7,
        **known,
    }
    return await watches.add(runtime.store, values, now=at("12:00"))


async def look(runtime: Runtime, watch: Watch, now: datetime) -> Watch:
    """Look at it as it is stored; returns it as it is stored then."""
    running = await recordings.running_of(runtime.store, [watch.id])
    await watching.look(runtime, await watches.get(runtime.store, watch.id), running.get(watch.id, []), now)
    return await watches.get(runtime.store, watch.id)


async def recorded(runtime: Runtime) -> list[Recording]:
    return await recordings.of_states(runtime.store, set(RecordingState))


async def end(runtime: Runtime, row: Recording, now: datetime) -> None:
    await states.change_state(runtime.store, row.id, RecordingState.FINISHING, "over", now=now, ended_at=now)


# -- by its windows ----------------------------------------------------------------------------------------------------


async def test_a_window_is_recorded_from_its_first_moment_to_its_end(runtime: Runtime) -> None:
    watch = await watched(runtime, EVENING, favourite=True, priority=3)
    await look(runtime, watch, at("19:59"))
    assert await recorded(runtime) == []
    await look(runtime, watch, at("20:00"))
    (row,) = await recorded(runtime)
    assert (row.watch_id, row.channel_id, row.name, row.shown) == (watch.id, 7, "Evening", "channel News")
    assert (row.favourite, row.priority, row.state) == (True, 3, RecordingState.WAITING)
    assert row.stop_at == at("21:00")


async def test_a_window_that_is_over_is_not_begun(runtime: Runtime) -> None:
    await look(runtime, await watched(runtime, EVENING), at("21:00"))
    assert await recorded(runtime) == []


async def test_a_window_is_recorded_once_however_its_recording_ends_and_the_next_one_again(runtime: Runtime) -> None:
    watch = await watched(runtime, EVENING)
    await look(runtime, watch, at("20:10"))
    await look(runtime, watch, at("20:11"))
    (row,) = await recorded(runtime)
    await end(runtime, row, at("20:20"))
    await look(runtime, watch, at("20:30"))
    assert len(await recorded(runtime)) == 1
    await look(runtime, watch, at("20:10", days=7))
    assert [one.stop_at for one in await recorded(runtime)] == [at("21:00"), at("21:00", days=7)]


async def test_two_windows_that_are_open_side_by_side_are_two_recordings_with_their_own_ends(runtime: Runtime) -> None:
    watch = await watched(runtime, EVENING, "daily 20:30-23:00")
    await look(runtime, watch, at("20:10"))
    await look(runtime, watch, at("20:45"))
    await look(runtime, watch, at("20:50"))
    assert [row.stop_at for row in await recorded(runtime)] == [at("21:00"), at("23:00")]
    first, second = await recorded(runtime)
    await end(runtime, second, at("20:51"))
    await look(runtime, watch, at("20:52"))
    await end(runtime, first, at("20:53"))
    await look(runtime, watch, at("20:54"))
    assert len(await recorded(runtime)) == 2, "each once, however it ended"
    assert len({row.stem for row in await recorded(runtime)}) == 2


async def test_the_time_before_and_after_is_that_of_the_watch_else_of_the_settings(runtime: Runtime) -> None:
    await runtime.settings.change(runtime.store, {"recordings.start_early": 5, "recordings.end_late": 10}, actor="test")
    usual = await watched(runtime, EVENING)
    own = await watched(runtime, EVENING, name="Own", start_early=0, end_late=30)
    for watch in (usual, own):
        await look(runtime, watch, at("19:54"))
    assert await recorded(runtime) == []
    for watch in (usual, own):
        await look(runtime, watch, at("19:56"))
    assert [(row.name, row.stop_at) for row in await recorded(runtime)] == [("Evening", at("21:10"))]
    for watch in (usual, own):
        await look(runtime, watch, at("20:00"))
    assert [(row.name, row.stop_at) for row in await recorded(runtime)] == [
        ("Evening", at("21:10")),
        ("Own", at("21:30")),
    ]


async def test_what_goes_on_ends_later_when_its_watch_is_given_more_time(runtime: Runtime) -> None:
    watch = await watched(runtime, EVENING)
    await look(runtime, watch, at("20:10"))
    await actions.change_watch(runtime, watch.id, {"end_late": 45}, actor="me")
    await look(runtime, watch, at("20:59"))
    assert [row.stop_at for row in await recorded(runtime)] == [at("21:45")]


async def test_a_window_that_follows_another_begins_before_that_one_ends(runtime: Runtime) -> None:
    """So that it reads on over the same connection."""
    watch = await watched(runtime, EVENING, "wed 21:00-22:00")
    watch = await look(runtime, watch, at("20:59"))
    assert watch.next_look_at == at("21:00") - watching.LEAD
    await look(runtime, watch, watch.next_look_at)
    assert [row.stop_at for row in await recorded(runtime)] == [at("21:00"), at("22:00")]


async def test_a_window_whose_recording_was_begun_by_an_earlier_version_is_not_begun_again(runtime: Runtime) -> None:
    watch = await watched(runtime, EVENING, ended_window=at("20:00").isoformat(timespec="minutes"))
    await look(runtime, watch, at("20:10"))
    assert await recorded(runtime) == []
    await look(runtime, watch, at("20:10", days=7))
    assert len(await recorded(runtime)) == 1


async def test_one_that_is_turned_off_meanwhile_begins_nothing(runtime: Runtime) -> None:
    await look(runtime, await watched(runtime, EVENING, enabled=False), at("20:10"))
    assert await recorded(runtime) == []


# -- always ------------------------------------------------------------------------------------------------------------


async def test_without_windows_a_channel_is_recorded_without_an_end_until_a_person_stops_it(runtime: Runtime) -> None:
    watch = await watched(runtime)
    await look(runtime, watch, at("03:00"))
    (row,) = await recorded(runtime)
    assert row.stop_at is None
    await look(runtime, watch, at("03:05"))
    assert len(await recorded(runtime)) == 1
    await actions.stop(runtime, row.id, actor="me")
    await end(runtime, row, at("03:10"))
    await look(runtime, watch, at("03:15"))
    assert len(await recorded(runtime)) == 1, "who stopped it does not want it back at the next look"


async def test_a_recording_that_ended_by_itself_is_begun_again(runtime: Runtime) -> None:
    watch = await watched(runtime)
    await look(runtime, watch, at("03:00"))
    (row,) = await recorded(runtime)
    await end(runtime, row, at("03:10"))
    await look(runtime, watch, at("03:15"))
    assert len(await recorded(runtime)) == 2


async def test_the_recording_of_another_watch_is_not_its_own(runtime: Runtime) -> None:
    other = await watched(runtime, name="Other")
    await look(runtime, other, at("03:00"))
    watch = await watched(runtime)
    assert await recordings.running_of(runtime.store, [watch.id]) == {}
    await look(runtime, watch, at("03:00"))
    assert {row.watch_id for row in await recorded(runtime)} == {other.id, watch.id}


# -- when it is looked at ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "following"),
    [
        ("12:00", at("12:10")),
        ("19:55", at("20:00") - watching.LEAD),
        ("20:00", at("20:10")),
        ("20:55", at("21:05")),
    ],
)
async def test_the_next_look_is_after_the_interval_and_no_later_than_the_next_window_opens(
    runtime: Runtime, now: str, following: datetime
) -> None:
    await runtime.settings.change(runtime.store, {"recordings.look_every": 600}, actor="test")
    watch = await look(runtime, await watched(runtime, EVENING), at(now))
    assert watch.next_look_at == following


async def test_of_two_who_look_at_the_same_time_one_begins_it(runtime: Runtime) -> None:
    watch = await watched(runtime)
    await asyncio.gather(watching.look_at_due(runtime), watching.look_at_due(runtime))
    assert [row.watch_id for row in await recorded(runtime)] == [watch.id]
    assert await watches.claim(runtime.store, datetime.now().astimezone(), 10) == [], "it was looked at"


async def test_those_that_are_due_are_looked_at_and_one_that_cannot_be_keeps_no_other(runtime: Runtime) -> None:
    broken = await watched(runtime, name="Broken", sealed="of another key")
    good = await watched(runtime)
    off, later = await watched(runtime, name="Off", enabled=False), await watched(runtime, name="Later")
    await watches.change(runtime.store, later.id, next_look_at=datetime.now().astimezone() + timedelta(hours=1))
    await watching.look_at_due(runtime)
    assert [row.watch_id for row in await recorded(runtime)] == [good.id]
    assert (await watches.get(runtime.store, broken.id)).next_look_at > broken.next_look_at, "it is not tried for ever"
    assert (await watches.get(runtime.store, off.id)).next_look_at == off.next_look_at


async def test_what_was_recorded_stays_when_its_watch_is_removed(runtime: Runtime) -> None:
    watch = await watched(runtime)
    await look(runtime, watch, at("03:00"))
    await actions.remove_watch(runtime, watch.id, actor="me")
    assert [row.watch_id for row in await recorded(runtime)] == [None]
    with pytest.raises(NotFound):
        await watches.get(runtime.store, watch.id)
