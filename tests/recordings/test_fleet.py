"""Recorder processes: who gets which recording, who is told of a death, and what another server finds again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from nightcrew.kernel.errors import Retry
from nightcrew.recorder.wire import ORDERS, Order, read_orders
from nightcrew.recordings import fleet as module
from nightcrew.recordings import rules
from nightcrew.recordings.fleet import Fleet, RecorderProcess
from support import until

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")


class Watchman:
    """Hears of deaths."""

    def __init__(self) -> None:
        self.deaths: list[tuple[set[int], str]] = []

    async def hear(self, orphans: set[int], how: str) -> None:
        self.deaths.append((orphans, how))


@pytest.fixture
def watchman() -> Watchman:
    return Watchman()


@pytest.fixture
async def fleet(tmp_path: Path, watchman: Watchman) -> AsyncIterator[Fleet]:
    made = Fleet(tmp_path / "recorders", watchman.hear)
    yield made
    await made.close(keep=False)


@pytest.fixture
def order(tmp_path: Path) -> Callable[[int], Order]:
    """For a recording whose connection may not be used, so that nothing is opened."""
    return lambda number: Order(number, str(tmp_path / "parts"), "film", f"http://127.0.0.1:9/{number}", hold_until=0.0)


def holder(fleet: Fleet, number: int) -> RecorderProcess:
    found = fleet.holder(number)
    assert found is not None
    return found


def on_disk(recorder: RecorderProcess) -> dict[int, Order]:
    return read_orders(recorder.folder)


# -- orders ------------------------------------------------------------------------------------------------------------


async def test_a_recorder_takes_as_many_as_it_may_and_then_another_is_started(
    fleet: Fleet, order: Callable[[int], Order]
) -> None:
    for number in (1, 2, 3):
        await fleet.give(order(number), most=2)
    assert holder(fleet, 1) is holder(fleet, 2)
    assert holder(fleet, 3) is not holder(fleet, 1)
    assert len(set(fleet.pids)) == 2
    assert on_disk(holder(fleet, 1)) == {1: order(1), 2: order(2)}
    assert on_disk(holder(fleet, 3)) == {3: order(3)}
    path = holder(fleet, 3).folder / ORDERS / "3.json"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700), "addresses hold logins"
    assert fleet.holder(4) is None


async def test_two_recordings_that_come_at_once_share_the_recorder_that_starts(
    fleet: Fleet, order: Callable[[int], Order]
) -> None:
    await asyncio.gather(*(fleet.give(order(number), most=2) for number in (1, 2, 3)))
    assert sorted(len(one.orders) for one in fleet.recorders.values()) == [1, 2]


async def test_recordings_of_one_source_are_in_one_process_which_alone_can_share_a_connection(
    fleet: Fleet, order: Callable[[int], Order]
) -> None:
    await fleet.give(order(1), most=1)
    await fleet.give(order(2), most=1)
    await fleet.give(replace(order(3), url=order(1).url), most=1)
    await fleet.give(replace(order(4), url=order(1).url, headers={"Cookie": "another"}), most=1)
    assert holder(fleet, 3) is holder(fleet, 1) is not holder(fleet, 2)
    assert holder(fleet, 4) not in (holder(fleet, 1), holder(fleet, 2))
    await fleet.release(1)
    await fleet.give(order(1), most=1)
    assert holder(fleet, 1) is holder(fleet, 3), "also when it comes back"


async def test_a_place_that_becomes_free_is_used_again(fleet: Fleet, order: Callable[[int], Order]) -> None:
    for number in (1, 2):
        await fleet.give(order(number), most=2)
    first = holder(fleet, 1)
    await fleet.release(1)
    assert fleet.holder(1) is None
    assert on_disk(first) == {2: order(2)}
    await fleet.give(order(3), most=2)
    assert holder(fleet, 3) is first
    await fleet.release(77)  # whom nobody holds


async def test_an_order_is_written_anew_only_when_it_is_another(fleet: Fleet, order: Callable[[int], Order]) -> None:
    await fleet.give(order(1), most=2)
    path = holder(fleet, 1).folder / ORDERS / "1.json"
    before = path.stat().st_ino
    await fleet.change(order(1))
    assert path.stat().st_ino == before
    await fleet.change(replace(order(1), stop=True))
    assert on_disk(holder(fleet, 1)) == {1: replace(order(1), stop=True)}
    await fleet.change(order(5))
    assert fleet.holder(5) is None, "it is no order for one that nobody holds"


async def test_an_order_that_cannot_be_written_leaves_things_as_they_were(
    fleet: Fleet, order: Callable[[int], Order]
) -> None:
    await fleet.give(order(1), most=5)
    folder = holder(fleet, 1).folder / ORDERS
    folder.rename(folder.with_name("away"))
    folder.write_text("no folder")
    with pytest.raises(Retry, match="cannot write its order"):
        await fleet.give(order(2), most=5)
    assert fleet.holder(2) is None
    with pytest.raises(Retry, match="cannot write its order"):
        await fleet.change(replace(order(1), stop=True))
    assert holder(fleet, 1).orders == {1: order(1)}


async def test_without_a_folder_no_recorder_can_be_started(
    fleet: Fleet, order: Callable[[int], Order], tmp_path: Path
) -> None:
    (tmp_path / "recorders").write_text("no folder")
    with pytest.raises(Retry, match="cannot start a recorder"):
        await fleet.give(order(1), most=5)
    assert (fleet.holder(1), fleet.pids) == (None, [])


# -- deaths ------------------------------------------------------------------------------------------------------------


async def test_who_loses_its_recorder_is_told_at_once_and_how(
    fleet: Fleet, order: Callable[[int], Order], watchman: Watchman
) -> None:
    for number in (1, 2, 3):
        await fleet.give(order(number), most=2)
    dead, other = holder(fleet, 1), holder(fleet, 3)
    os.kill(dead.process.pid, signal.SIGKILL)
    await until(lambda: watchman.deaths)
    assert watchman.deaths == [({1, 2}, "it was ended by SIGKILL")]
    assert (fleet.holder(1), fleet.pids) == (None, [other.process.pid])
    assert not dead.folder.exists()


async def test_the_death_of_one_that_holds_nothing_concerns_nobody(
    fleet: Fleet, order: Callable[[int], Order], watchman: Watchman
) -> None:
    await fleet.give(order(1), most=2)
    dead = holder(fleet, 1)
    await fleet.release(1)
    os.kill(dead.process.pid, signal.SIGKILL)
    await until(lambda: not dead.folder.exists())
    assert (watchman.deaths, fleet.pids) == ([], [])


async def test_one_that_gives_no_sign_of_life_is_replaced(
    fleet: Fleet, order: Callable[[int], Order], watchman: Watchman, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fleet.give(order(1), most=2)
    recorder = holder(fleet, 1)

    async def beats() -> bool:
        await fleet.look()
        return recorder.pulse is not None

    await until(beats, 30)
    os.kill(recorder.process.pid, signal.SIGSTOP)
    await fleet.look()
    assert fleet.pids == [recorder.process.pid], "it was heard of a moment ago"
    monkeypatch.setattr(rules, "SILENT", 0.5)

    async def dead() -> bool:
        await fleet.look()
        return bool(watchman.deaths)

    await until(dead)
    assert watchman.deaths == [({1}, "it was ended by SIGKILL")]


# -- from one server to the next ---------------------------------------------------------------------------------------


async def test_the_next_server_finds_recorders_with_their_orders_and_clears_away_what_the_dead_left(
    fleet: Fleet, order: Callable[[int], Order], watchman: Watchman, tmp_path: Path
) -> None:
    await fleet.give(order(1), most=1)
    await fleet.give(order(2), most=1)
    going, killed = holder(fleet, 1), holder(fleet, 2)
    await fleet.close(keep=True)
    os.kill(killed.process.pid, signal.SIGKILL)
    psutil.Process(killed.process.pid).wait(10)
    (tmp_path / "recorders" / "torn").mkdir()
    (tmp_path / "recorders" / "torn" / module.IDENTITY).write_text('{"boot"')
    later = Fleet(tmp_path / "recorders", watchman.hear)
    try:
        assert await later.adopt() == 1
        assert later.pids == [going.process.pid]
        assert holder(later, 1).orders == {1: order(1)}
        assert [path.name for path in (tmp_path / "recorders").iterdir()] == [going.folder.name]
        os.kill(going.process.pid, signal.SIGKILL)
        await until(lambda: watchman.deaths)
        assert watchman.deaths[0][0] == {1}, "it is watched as one's own"
    finally:
        await later.close(keep=False)


async def test_a_number_that_belongs_to_another_process_by_now_is_not_taken_for_a_recorder(
    fleet: Fleet, order: Callable[[int], Order], watchman: Watchman, tmp_path: Path
) -> None:
    await fleet.give(order(1), most=1)
    folder = holder(fleet, 1).folder
    await fleet.close(keep=True)
    identity = json.loads((folder / module.IDENTITY).read_text())
    (folder / module.IDENTITY).write_text(json.dumps({**identity, "started": "1"}))
    later = Fleet(tmp_path / "recorders", watchman.hear)
    assert await later.adopt() == 0
    assert psutil.pid_exists(identity["pid"])
    os.kill(identity["pid"], signal.SIGKILL)


async def test_recorders_that_are_not_to_go_on_end_and_leave_nothing(
    fleet: Fleet, order: Callable[[int], Order], watchman: Watchman, tmp_path: Path
) -> None:
    await fleet.give(order(1), most=1)
    pid = fleet.pids[0]
    await fleet.close(keep=False)
    assert not psutil.pid_exists(pid)
    assert list((tmp_path / "recorders").iterdir()) == []
    await asyncio.sleep(0.1)
    assert watchman.deaths == [], "it was meant"
