"""A disk that becomes short: who is told, what is deleted, who pauses for whom, and when that is over.

The files are real; only how large the disk below them is, is the test's to say.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path, PurePath
from types import SimpleNamespace
from typing import Any

import pytest

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.runtime import Runtime
from nightcrew.recordings import disk, domain, standing
from nightcrew.recordings.disk import Disk
from nightcrew.recordings.keeper import Keeper
from nightcrew.recordings.models import Recording, RecordingState
from nightcrew.recordings.place import library
from nightcrew.recordings.rules import WIDE
from nightcrew.recordings.store import recordings, states
from support import at_rest

GB = 1_000_000_000
RATE = 1_000_000
"""Bytes a second of every recording here."""
RUNNING = 60 * 60 * RATE
"""Bytes that the settings reserve for each of them: an hour."""


@dataclass
class Volume:
    """A disk on which nothing lies but what is below `root`. `size` bytes; what a file says that it has is what it takes."""

    root: Path
    size: int = 1000 * GB

    def usage(self, path: PurePath) -> SimpleNamespace:
        assert Path(path).is_relative_to(self.root), "another disk was looked at"
        used = sum(one.stat().st_size for one in self.root.rglob("*") if one.is_file())
        return SimpleNamespace(total=self.size, used=used, free=self.size - used)

    def leave(self, free: float) -> None:
        """Make it so large that so many bytes are free."""
        self.size += round(free) - self.usage(self.root).free


@dataclass
class House:
    """A node, its library, the disk below."""

    runtime: Runtime
    volume: Volume

    async def look(self) -> Disk:
        await disk.look(self.runtime)
        return self.runtime.part(Disk)

    async def set(self, **options: Any) -> None:
        values = {f"recordings.{name}": value for name, value in options.items()}
        await self.runtime.settings.change(self.runtime.store, values, actor="test")

    async def add(self, name: str = "ada", **known: Any) -> Recording:
        """A recording as it stands in the database; a finished one has a file of its size."""
        now = utcnow()
        values = {
            "name": name,
            "title": "",
            "category": "",
            "sealed": "",
            "shown": "",
            "favourite": False,
            "priority": 0,
            "node": self.runtime.node,
            "root": str(library(self.runtime)),
            **known,
        }
        row = await recordings.add(self.runtime.store, values, now=now, moment=now)
        if row.file:
            Path(row.path).parent.mkdir(parents=True, exist_ok=True)
            with Path(row.path).open("wb") as file:
                file.truncate(row.file_bytes)
        return row

    async def running(self, name: str = "ada", **known: Any) -> Recording:
        """One that records, at `RATE`."""
        return await self.add(
            name, **{"state": RecordingState.RECORDING.value, "bytes": 60 * RATE, "seconds": 60.0, **known}
        )

    async def done(self, days: float, size: int, **known: Any) -> Recording:
        """One that ended so long ago."""
        ended = utcnow() - timedelta(days=days)
        return await self.add(state=RecordingState.DONE.value, ended_at=ended, file=True, file_bytes=size, **known)

    async def told(self) -> list[str]:
        """What the feed says of the disk, oldest first."""
        return [one.message for one in await self.runtime.activity.page(kind="disk.short")][::-1]

    @property
    def paused(self) -> set[int]:
        """Who pauses for others."""
        return self.runtime.part(Keeper).spared


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    async with at_rest(tmp_path, domain.DOMAIN) as runtime:
        volume = Volume(library(runtime))
        monkeypatch.setattr("shutil.disk_usage", volume.usage)
        yield House(runtime, volume)


# -- what is needed ----------------------------------------------------------------------------------------------------


async def test_the_disk_is_short_when_less_is_free_than_is_going_to_be_recorded(house: House) -> None:
    await house.running("ada")
    await house.running("bob")
    await house.running("cyd", stop_at=utcnow() - timedelta(minutes=1))
    needed = GB + 2 * RUNNING
    house.volume.leave(needed)
    seen = await house.look()
    assert (seen.free, seen.total, seen.reserve, seen.short) == (needed, house.volume.size, needed, False)
    house.volume.leave(needed - 1)
    assert (await house.look()).short


async def test_only_what_this_machine_records_now_is_reserved_for(house: House) -> None:
    await house.running(node="another")
    await house.running(state=RecordingState.FINISHING.value)
    await house.running(bytes=0, seconds=0.0)
    await house.done(1, GB)
    assert (await house.look()).reserve == GB, "what is to stay free besides"


# -- who is told -------------------------------------------------------------------------------------------------------


async def test_before_the_first_look_nothing_is_known_and_nothing_is_told(house: House) -> None:
    house.volume.leave(0)
    assert (await standing.overview(house.runtime))["disk"] == {"free": 0, "total": 0, "reserve": 0, "short": False}
    assert await standing.needs(house.runtime) == []
    await house.look()
    assert len(await house.told()) == 1
    (need,) = await standing.needs(house.runtime)
    assert need.message == "The recordings disk is low on space: 0 B free, 1.0 GB needed"


async def test_people_are_told_each_time_that_the_disk_becomes_short_and_only_then(house: House) -> None:
    await house.look()
    assert await house.told() == []
    house.volume.leave(0.7 * GB)
    await house.look()
    await house.look()
    assert await house.told() == ["The recordings disk is low on space: 700 MB free, 1.0 GB needed"]
    (entry,) = await house.runtime.activity.page(kind="disk.short")
    assert entry.level == "warning"
    house.volume.leave(2 * GB)
    assert not (await house.look()).short
    house.volume.leave(0)
    await house.look()
    assert len(await house.told()) == 2


# -- what goes ---------------------------------------------------------------------------------------------------------


async def deleted(house: House, *rows: Recording) -> list[bool]:
    return [(await recordings.get(house.runtime.store, row.id)).deleted_at is not None for row in rows]


async def test_a_short_disk_applies_the_policies_at_once_and_one_with_space_leaves_them_to_the_night(
    house: House,
) -> None:
    old, new = await house.done(2, 5 * GB), await house.done(1, 5 * GB)
    await house.set(keep_count=1)
    house.volume.leave(GB)
    await house.look()
    assert await deleted(house, old, new) == [False, False]
    house.volume.leave(GB - 1)
    await house.look()
    assert await deleted(house, old, new) == [True, False]
    assert not Path(old.path).exists()
    (told,) = await house.runtime.activity.page(kind="recording.deleted")
    assert told.actor == "disk"


async def test_without_leave_nothing_goes_that_the_policies_keep(house: House) -> None:
    row = await house.done(2, 5 * GB)
    house.volume.leave(0)
    await house.look()
    assert await deleted(house, row) == [False]


async def test_with_leave_the_oldest_go_until_there_is_enough_and_no_more(house: House) -> None:
    await house.set(delete_when_short=True, reserve_size=4 * GB)
    dear = await house.done(9, 3 * GB, favourite=True)
    rows = [await house.done(days, 2 * GB) for days in (8, 7, 6)]
    house.volume.leave(4 * GB)
    await house.look()
    assert await deleted(house, *rows) == [False, False, False], "as much is free as is needed"
    house.volume.leave(GB / 2)
    await house.look()
    assert await deleted(house, dear, *rows) == [False, True, True, False]
    assert not (await house.look()).short


async def test_what_the_policies_let_go_is_counted_before_more_is_deleted(house: House) -> None:
    await house.set(delete_when_short=True, keep_days=7)
    old, new = await house.done(8, 2 * GB), await house.done(6, 2 * GB)
    house.volume.leave(0)
    await house.look()
    assert await deleted(house, old, new) == [True, False]


# -- who pauses for whom -----------------------------------------------------------------------------------------------


async def test_the_least_wanted_pauses_for_the_others_one_at_a_time_and_never_the_last(house: House) -> None:
    first, low, later = [await house.running(name, priority=wish) for name, wish in (("a", 5), ("b", 1), ("c", 5))]
    house.volume.leave(GB - 1)
    for expected in ({low.id}, {low.id, later.id}, {low.id, later.id}):
        await house.look()
        assert house.paused == expected
    assert first.id not in house.paused


async def test_nobody_pauses_while_there_is_the_space_that_is_kept_in_any_case(house: House) -> None:
    await house.running("a")
    await house.running("b")
    house.volume.leave(GB)
    assert (await house.look()).short, "an hour of two does not fit"
    assert house.paused == set()


async def test_nobody_pauses_when_what_was_deleted_is_enough(house: House) -> None:
    await house.set(delete_when_short=True)
    await house.running("a")
    await house.running("b")
    await house.done(8, 20 * GB)
    house.volume.leave(0)
    await house.look()
    assert house.paused == set()


async def test_one_that_has_no_stream_at_the_moment_is_no_use_pausing(house: House) -> None:
    await house.running("a", state=RecordingState.RETRYING.value)
    await house.running("b", state=RecordingState.RETRYING.value)
    house.volume.leave(0)
    await house.look()
    assert house.paused == set()


async def test_a_paused_one_goes_on_when_there_is_a_fifth_more_than_is_needed(house: House) -> None:
    await house.running("a", priority=1)
    low = await house.running("b")
    house.volume.leave(0)
    needed = (await house.look()).reserve
    assert house.paused == {low.id}
    for free in (needed, needed * 1.2):
        house.volume.leave(free)
        assert not (await house.look()).short
        assert house.paused == {low.id}, "it would stop again at once"
    house.volume.leave(needed * 1.2 + 1)
    await house.look()
    assert house.paused == set()


async def test_who_pauses_goes_on_when_nobody_is_left_for_whom(house: House) -> None:
    best = await house.running("a", priority=3)
    rows = [await house.running(name, priority=wish) for name, wish in (("b", 1), ("c", 2))]
    house.volume.leave(0)
    for _ in range(2):
        await house.look()
    assert house.paused == {row.id for row in rows}
    await states.change_state(house.runtime.store, best.id, RecordingState.FINISHING, "", now=utcnow())
    await house.look()
    assert house.paused == {rows[0].id}, "of the two that are left the one that is wanted more goes on"
    await states.change_state(house.runtime.store, rows[0].id, RecordingState.FINISHING, "", now=utcnow())
    await house.look()
    assert house.paused == set()


@pytest.mark.parametrize("known", [{"favourite": True}, {}])
async def test_of_equals_a_favourite_goes_on_and_else_the_one_that_was_begun_first(
    house: House, known: dict[str, Any]
) -> None:
    other = await house.running("a", created_at=utcnow() - timedelta(minutes=5 if known else 15))
    wanted = await house.running("b", created_at=utcnow() - timedelta(minutes=5 if known else 20), **known)
    house.paused.update({other.id, wanted.id})
    house.volume.leave(0)
    await house.look()
    assert house.paused == {other.id}


# -- a file that has no room -------------------------------------------------------------------------------------------


async def test_a_file_is_made_only_where_it_fits_beside_its_parts_and_what_is_reserved(house: House) -> None:
    row = await house.add(state=RecordingState.FINISHING.value, bytes=8 * GB)
    await house.running()
    reserve = (await house.look()).reserve
    needed = round(8 * GB * WIDE) + reserve
    house.volume.leave(needed)
    assert await disk.too_short_to_finish(house.runtime, row) is None
    house.volume.leave(needed - 1)
    assert await disk.too_short_to_finish(house.runtime, row) == (
        "its file needs 14.6 GB of free space, but only 14.6 GB is left; it will be made once there is enough"
    )


async def test_the_disk_that_counts_is_that_of_the_recordings_own_library(house: House, tmp_path: Path) -> None:
    house.volume.root = tmp_path / "former library"
    house.volume.root.mkdir()
    house.volume.leave(0)
    row = await house.add(state=RecordingState.FINISHING.value, bytes=GB, root=str(house.volume.root))
    assert await disk.too_short_to_finish(house.runtime, row) is not None
