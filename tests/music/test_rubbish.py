"""A slskd that answers rubbish: no track pays for it, and what was under way goes on once it answers again."""

from __future__ import annotations

from typing import Any

import pytest

from nightcrew.music.models import DownloadState, WantedState
from nightcrew.music.store import downloads
from support import until

GREENSLEEVES = ("Harbour Ensemble", "Greensleeves", 14.0)
RUBBISH = ["html", "truncated-json", "garbage", "wrong-type", "empty", "half", "500", "404", "redirect-loop"]


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
