"""A slskd that answers rubbish: no track pays for it, and what was under way goes on once it answers again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from nightcrew.kernel.errors import NightcrewError
from nightcrew.music import clients
from nightcrew.music.models import DownloadState, WantedState
from nightcrew.music.slskd.client import Slskd
from nightcrew.music.store import downloads
from shop import RUBBISH
from support import until

GREENSLEEVES = ("Harbour Ensemble", "Greensleeves", 14.0)


async def well_again(shop: Any) -> None:
    """The service answers as it should, and a person presses "Test", so that nobody waits for a cool-down to end."""
    shop.world.faults.clear()

    async def works() -> bool:
        number = shop.connection["id"]
        tested = await shop.node.http.post(f"/api/v1/connections/{number}/test")
        return tested.status_code == 200 and (await shop.node.get(f"/api/v1/connections/{number}"))["state"] == "ok"

    await until(works)


@pytest.mark.parametrize("fault", RUBBISH)
async def test_rubbish_in_place_of_a_search_costs_no_track_its_attempts(shop: Any, fault: str) -> None:
    shop.world.faults.set("slskd", fault)
    number = await shop.want(*GREENSLEEVES)

    async def told() -> bool:
        return bool((await shop.entry(number)).reason)

    await until(told)
    entry = await shop.entry(number)
    assert (entry.failures, entry.cause) == (0, None), entry.reason
    await well_again(shop)
    await shop.node.http.post(f"/api/v1/music/wanted/{number}/search")  # refused while it is being searched for
    await shop.stands(number, WantedState.OWNED)


@pytest.mark.parametrize("fault", RUBBISH)
async def test_rubbish_while_a_file_is_fetched_starts_nothing_twice(shop: Any, fault: str) -> None:
    shop.network.stuck = True
    number = await shop.want(*GREENSLEEVES)
    await until(lambda: len(shop.network.transfers) == 1)
    await shop.stands(number, WantedState.DOWNLOADING)
    shop.world.faults.set("slskd", fault)

    async def told() -> bool:
        (row,) = await downloads.of_wanted(shop.store, number)
        return bool(row.error)

    await until(told)
    shop.network.stuck = False
    await well_again(shop)
    await shop.stands(number, WantedState.OWNED)
    (row,) = await downloads.of_wanted(shop.store, number)
    assert row.state is DownloadState.COMPLETED
    assert len(shop.network.transfers) == 1


A_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
ASKED: dict[str, Callable[[Slskd], Awaitable[object]]] = {
    "version": Slskd.version,
    "server": Slskd.server,
    "search": lambda slskd: slskd.search("0b7e9c1e-2a51-4f0e-9a50-0d1df2a0a001", "Nobody Nothing"),
    "searched": lambda slskd: slskd.searched("0b7e9c1e-2a51-4f0e-9a50-0d1df2a0a001"),
    "found": lambda slskd: slskd.found("0b7e9c1e-2a51-4f0e-9a50-0d1df2a0a001"),
    "transfers": lambda slskd: slskd.transfers(["somebody"]),
    "enqueue": lambda slskd: slskd.enqueue("0b7e9c1e-2a51-4f0e-9a50-0d1df2a0a002", "somebody", "x.mp3", 1, None),
    "local_path_of": lambda slskd: slskd.local_path_of("1", "somebody", "x.mp3", since=A_MOMENT),
}


@pytest.mark.parametrize("fault", ["html", "truncated-json", "wrong-type", "garbage"])
@pytest.mark.parametrize("question", ASKED)
async def test_rubbish_is_no_answer_to_any_question(shop: Any, question: str, fault: str) -> None:
    found = await clients.slskd(shop.node.runtime)
    assert found is not None
    _, slskd = found
    if question == "enqueue":
        await slskd.version()
    shop.world.faults.set("slskd", fault)
    with pytest.raises(NightcrewError):
        await ASKED[question](slskd)
