"""Checks of streams whose source takes a route: they go through it, wait for it, and bury nothing because of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from beyond import ZONE, Beyond, watched
from nightcrew.checks.crew import Crew
from nightcrew.checks.store import queue
from nightcrew.kernel import recovery
from studio import Source, add, check, ended, results, streams
from support import Node, until


@pytest.fixture
def leaks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    return watched(monkeypatch)


@pytest.fixture
def route(node: Node, leaks: list[str], monkeypatch: pytest.MonkeyPatch) -> Beyond:
    made = Beyond()
    node.runtime.http.routes.put(made)
    monkeypatch.setattr(recovery, "PARKED", 0.5)
    return made


class Far(Source):
    """The same source, at addresses that only the route leads to."""

    @property
    def url(self) -> str:
        return f"http://source.{ZONE}:{self.port}"


@pytest.fixture
def far(source: Source) -> Source:
    source.__class__ = Far
    return source


async def test_a_check_goes_through_the_route(node: Node, far: Source, route: Beyond, leaks: list[str]) -> None:
    await add(node, far, "C0", route="vpn")
    await check(node, all=True)
    assert (await streams(node))["C0"]["verdict"] == "ok"
    assert (set(route.asked), leaks) == ({"source." + ZONE}, [])


async def test_a_check_waits_while_the_route_is_down(node: Node, far: Source, route: Beyond, leaks: list[str]) -> None:
    await add(node, far, "C0", route="vpn")
    route.turn(up=False)
    run = await node.post("/api/v1/checks", {"all": True})
    refused = route.refused
    await until(lambda: route.refused > refused, 10)
    assert (await node.get(f"/api/v1/checks/runs/{run['id']}"))["state"] == "running"
    assert (await results(node, 1), far.asked, leaks) == ([], ["/S.m3u"], [])
    route.turn(up=True)
    node.runtime.wakes.ring(queue.CHECKS.topic)
    assert (await ended(node, run["id"]))["state"] == "done"
    assert (await streams(node))["C0"]["verdict"] == "ok"


async def test_a_stream_is_not_dead_because_its_route_has_just_died(node: Node, far: Source, route: Beyond) -> None:
    """It fails while the route still counts as up; only the look after that finds out."""
    await add(node, far, "C0", route="vpn")
    far.modes["/login/c0.ts"] = "404"
    route.on_look = lambda: route.turn(up=False)
    run = await node.post("/api/v1/checks", {"all": True})
    await until(lambda: route.looks == 1, 20)
    await until(lambda: not node.runtime.part(Crew).running, 10)
    assert await results(node, 1) == []
    assert (await streams(node))["C0"]["verdict"] is None
    far.modes.clear()
    route.on_look = lambda: None
    route.turn(up=True)
    assert (await ended(node, run["id"]))["state"] == "done"
    assert (await streams(node))["C0"]["verdict"] == "ok"


async def test_a_stream_is_not_dead_when_its_route_changes_under_it(node: Node, far: Source, route: Beyond) -> None:
    await node.patch("/api/v1/settings", {"checks.probe_limit": 5})
    await add(node, far, "C0", route="vpn")
    far.modes["/login/c0.ts"] = "hang"
    run = await node.post("/api/v1/checks", {"all": True})
    await until(lambda: far.open["login"], 10)
    route.turn(up=False)
    far.go()
    await until(lambda: not node.runtime.part(Crew).running, 20)
    assert await results(node, 1) == []
    await far.come()
    far.modes.clear()
    route.turn(up=True)
    assert (await ended(node, run["id"]))["state"] == "done"
    assert (await streams(node))["C0"]["verdict"] == "ok"


async def test_what_is_dead_behind_a_route_that_is_up_is_dead(node: Node, far: Source, route: Beyond) -> None:
    await add(node, far, "C0", route="vpn")
    far.modes["/login/c0.ts"] = "404"
    await check(node, all=True)
    assert (await streams(node))["C0"]["verdict"] == "failed"
    assert route.looks, "it was looked whether it is the route"


async def test_others_are_checked_while_one_source_waits(node: Node, far: Source, route: Beyond) -> None:
    await add(node, far, "C0", route="vpn")
    far.__class__ = Source
    await add(node, far, "C1", name="Near")
    route.turn(up=False)
    await node.post("/api/v1/checks", {"all": True})

    async def verdicts() -> dict[str, Any]:
        return {name: one["verdict"] for name, one in (await streams(node)).items()}

    async with asyncio.timeout(30):
        while (await verdicts())["C1"] != "ok":
            await asyncio.sleep(0.2)
    assert (await verdicts())["C0"] is None
