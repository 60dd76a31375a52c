"""Whether what failed may have failed by its route: it is looked at anew before anything else is blamed."""

from __future__ import annotations

import asyncio

import pytest

from beyond import Beyond
from nightcrew.kernel.routes import RouteDown, Routes, gate
from nightcrew.kernel.routes.gate import RouteGate
from nightcrew.kernel.routes.states import RouteSeen, RouteSight

GOOD = RouteSight(RouteSeen.GOOD)
FAR, NEAR = "http://a.example.net/", "http://192.168.1.2/"


async def begun(one: RouteGate) -> asyncio.Task[None]:
    waiting = asyncio.create_task(one.looked_at())
    await asyncio.sleep(0)
    return waiting


async def test_a_look_that_went_on_already_is_not_enough() -> None:
    one = RouteGate("vpn")
    waiting = await begun(one)
    one.note(GOOD)  # it began before
    await asyncio.sleep(0)
    assert not waiting.done()
    one.doubted.clear()  # another one begins
    one.note(GOOD)
    await waiting


async def test_where_nobody_looks_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "LOOKED", 0.01)
    with pytest.raises(RouteDown, match="nobody looks"):
        await RouteGate("vpn").looked_at()


async def test_a_route_that_is_as_it_was_is_no_reason() -> None:
    one = Beyond()
    await Routes(one).check_kept("vpn", FAR, one.generation)
    assert one.looks == 1


async def test_a_route_that_has_changed_is_the_reason() -> None:
    one = Beyond()
    before = one.generation
    one.on_look = lambda: one.turn(up=True)
    with pytest.raises(RouteDown, match="changed meanwhile"):
        await Routes(one).check_kept("vpn", FAR, before)
    one.turn(up=False)
    with pytest.raises(RouteDown, match="is down"):
        await Routes(one).check_kept("vpn", FAR, one.generation)
    assert one.looks == 1, "one that is known to be down is not looked at"


async def test_what_lies_in_this_network_takes_no_route() -> None:
    one = Beyond()
    one.turn(up=False)
    routes = Routes(one)
    await routes.check_kept("vpn", NEAR, 0)
    assert (routes.takes("vpn", NEAR), routes.takes("vpn", FAR), routes.takes("vpn", "http://[")) == (False, True, True)
    assert not Routes().takes("direct", FAR)
