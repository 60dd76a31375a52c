"""Checks from end to end: real streams, real probers, a real database, the HTTP API."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nightcrew.checks import actions
from nightcrew.checks.crew import Crew
from nightcrew.checks.outage import OUTAGE
from nightcrew.checks.settings import CheckSettings
from nightcrew.checks.store import queue, runs
from nightcrew.checks.store.queue import Scope
from nightcrew.demo.workbench import GOOD, KINDS
from nightcrew.demo.world import World
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.slots import Priority
from nightcrew.playlists import accounts
from nightcrew.playlists.exports import Player
from studio import QUICK, Source, add, check, ended, results, streams
from support import Node, locked_out, running, until

SHIFTED = timedelta(seconds=10)


class Clock:
    """The crew's clock, which a test turns forward. Whoever sleeps by the real one is woken then."""

    def __init__(self, node: Node) -> None:
        self._shift = timedelta(0)
        self._wakes = node.runtime.wakes
        node.runtime.part(Crew).now = self

    def __call__(self) -> datetime:
        return utcnow() + self._shift

    @property
    def shift(self) -> timedelta:
        return self._shift

    @shift.setter
    def shift(self, shift: timedelta) -> None:
        self._shift = shift
        self._wakes.ring(queue.CHECKS.topic)


async def test_a_check_that_parks_in_a_paused_run_is_not_due(node: Node, source: Source) -> None:
    await add(node, source, "C0", max_streams=1)
    run = await node.post("/api/v1/checks", {"all": True})
    await until(lambda: source.open["login"])
    await node.post(f"/api/v1/checks/runs/{run['id']}/pause")
    store, name = node.runtime.store, node.runtime.node
    await queue.park(store, node=name, stream_id=1, plan=None, until=utcnow(), waiting=False)
    assert not await queue.CHECKS.any(store, now=utcnow() + timedelta(days=1))


async def test_other_weights_change_the_scores_that_are_stored(node: Node, source: Source) -> None:
    await add(node, source, "C0")
    await check(node, all=True)
    before = (await streams(node))["C0"]["score"]
    await node.patch("/api/v1/settings", {"checks.weight_resolution": 0.0, "checks.weight_codec": 0.45})

    async def worth() -> tuple[float, float]:
        channel = (await node.get("/api/v1/channels"))["items"][0]
        return (await streams(node))["C0"]["score"], channel["streams"][0]["score"]

    for _ in range(60):
        if (await worth())[0] != before:
            break
        await asyncio.sleep(0.2)
    checked, listed = await worth()
    assert checked == listed > before


# -- verdicts ----------------------------------------------------------------------------------------------------------


async def test_every_stream_of_the_workbench_gets_its_right_verdict(studio: World, node: Node) -> None:
    await node.patch("/api/v1/settings", {"checks.concurrency": 30})
    for body in studio.workbench():
        await node.add(**body)
    run = await check(node, source="Workbench")
    found = await streams(node, source=1)
    verdicts = {kind: found[name]["verdict"] for kind, name in KINDS.items()}
    assert verdicts == {kind: "ok" if kind in GOOD else "failed" for kind in KINDS}
    assert (run["ok"], run["failed"], run["total"]) == (len(GOOD), len(KINDS) - len(GOOD), len(KINDS))
    words = {
        "still": "did not move",
        "night": "black",
        "mute": "silent",
        "slow": "too slow",
        "cut": "broke off",
        "stalled": "no data came",
        "hanging": "no data came within",
        "empty": "sends nothing",
        "garbage": "not a stream",
        "page": "web page",
        "forbidden": "403",
        "missing": "404",
        "error": "500",
        "standstill": "is stuck",
    }
    assert {kind for kind, word in words.items() if word not in (found[KINDS[kind]]["reason"] or "")} == set()
    wide = found["Good wide picture"]
    assert (wide["width"], wide["height"], wide["fps"], wide["video_codec"]) == (1280, 720, 50.0, "h264")
    assert 2_000 < wide["bitrate_kbps"] < 3_500
    assert 0.5 < wide["score"] < 0.7
    still = await node.http.get(wide["still"])
    assert still.headers["content-type"] == "image/jpeg"
    assert still.content.startswith(b"\xff\xd8\xff")


async def test_a_result_has_the_shape_that_scripts_rely_on(node: Node, source: Source) -> None:
    await add(node, source, "News")
    await check(node, all=True)
    (one,) = await results(node, (await streams(node))["News"]["stream"])
    promised = "stream url verdict reason score width height fps video_codec audio_codec bitrate_kbps used_profile"
    promised += " failover_attempts failover_phase elapsed_s at phase2_elapsed all_profiles_failed trace"
    assert set(promised.split()) <= set(one)
    assert (one["verdict"], one["used_profile"], one["failover_attempts"], one["failover_phase"]) == (
        "ok",
        "Default",
        1,
        1,
    )
    assert one["trace"][0].startswith(f"Stream {one['stream']}: phase 1, profile Default: ok [")
    assert sum(part["weight"] for part in one["score_parts"]) == pytest.approx(1.0)


async def test_a_channels_streams_are_ordered_and_players_get_the_best_one(studio: World, node: Node) -> None:
    for body in studio.workbench():
        await node.add(**body)
    (channel,) = (await node.get("/api/v1/channels?q=Frozen"))["items"]
    assert [one["account"] for one in channel["streams"]] == ["Workbench", "Workbench spare"]
    assert "/workbench/still.ts" in (await node.http.get("/playlist/LAB.m3u")).text
    run = await check(node, channel=channel["id"])
    assert (run["ok"], run["failed"]) == (1, 1)
    ordered = (await node.get(f"/api/v1/channels/{channel['id']}"))["streams"]
    assert [(one["account"], one["dead"]) for one in ordered] == [("Workbench spare", False), ("Workbench", True)]
    assert ordered[0]["score"] > 0.5
    assert "/workbench/still.ts" not in (await node.http.get("/playlist/LAB.m3u")).text


async def test_dead_streams_are_hidden_on_request_and_come_back_when_they_work_again(
    node: Node, source: Source
) -> None:
    await add(node, source, "News", "Sport")
    source.modes["/login/sport.ts"] = "404"
    await check(node, all=True)
    assert "Sport" in (await node.http.get("/playlist/DE.m3u")).text, "tried last, not hidden"
    await node.patch("/api/v1/settings", {"playlists.hide_dead": True})
    text = (await node.http.get("/playlist/DE.m3u")).text
    assert "News" in text and "Sport" not in text
    assert [item["GuideName"] for item in await node.get("/lineup.json")] == ["News"]
    dead = (await streams(node, show="dead"))["Sport"]
    assert dead["reason"] == "it answers HTTP 404" and dead["dead_since"]
    assert 3000 < (datetime.fromisoformat(dead["due_at"]) - utcnow()).total_seconds() <= 3600
    source.modes.clear()
    clock = Clock(node)
    clock.shift = timedelta(seconds=3700)
    await until(lambda: _is(node, "Sport", "verdict", "ok"))
    assert "Sport" in (await node.http.get("/playlist/DE.m3u")).text
    assert (await streams(node))["Sport"]["dead_since"] is None


async def _is(node: Node, channel: str, key: str, value: Any) -> bool:
    return bool((await streams(node))[channel][key] == value)


async def test_a_failed_check_never_overwrites_good_results(node: Node, source: Source) -> None:
    await add(node, source, "News")
    await check(node, all=True)
    good = (await streams(node))["News"]
    source.modes["/login/news.ts"] = "page"
    await check(node, all=True)
    bad = (await streams(node))["News"]
    assert (bad["verdict"], bad["reason"]) == ("failed", "it answered with a web page")
    known = ("score", "width", "height", "fps", "video_codec", "bitrate_kbps", "good_at", "used_profile")
    assert {key: bad[key] for key in known} == {key: good[key] for key in known}
    assert (await node.http.get(good["still"])).status_code == 200


async def test_below_the_users_minimum_is_a_failure_that_says_so(node: Node, source: Source) -> None:
    await add(node, source, "News")
    await node.patch("/api/v1/settings", {"checks.min_height": 720})
    await check(node, all=True)
    news = (await streams(node))["News"]
    assert (news["verdict"], news["height"]) == ("failed", 360)
    assert "the minimum is 720" in news["reason"]


# -- runs --------------------------------------------------------------------------------------------------------------


async def test_scheduled_runs_pass_over_what_was_checked_in_the_last_two_hours(node: Node, source: Source) -> None:
    await add(node, source, "News")
    await check(node, all=True)

    async def nightly() -> bool:
        return await actions.start(node.runtime, Scope(), "night", actor="schedule", priority=0) is not None

    assert not await nightly()
    assert (await check(node, all=True))["total"] == 1, "a person is never told to wait"
    await node.patch("/api/v1/settings", {"checks.immunity": 0})
    assert await nightly()


async def test_new_streams_are_checked_after_a_refresh(node: Node, source: Source) -> None:
    await node.patch("/api/v1/settings", {"checks.check_new": True})
    await add(node, source, "News")
    await until(lambda: _is(node, "News", "verdict", "ok"), 20)
    assert "New streams" in (await node.get("/api/v1/checks/runs"))["items"][0]["title"]
    before = len(source.asked)
    await node.refresh(1)
    await asyncio.sleep(0.5)
    assert len(source.asked) == before + 1, "the list again, and no stream"


async def test_a_run_can_be_paused_and_cancelled(node: Node, source: Source) -> None:
    await add(node, source, *(f"C{number}" for number in range(12)), max_streams=1)
    run = await node.post("/api/v1/checks", {"all": True})
    await until(lambda: source.open["login"])
    paused = await node.post(f"/api/v1/checks/runs/{run['id']}/pause")
    assert paused["state"] == "paused"
    await until(lambda: not node.runtime.part(Crew).running)
    asked = len(source.asked)
    await asyncio.sleep(1.5)
    assert len(source.asked) == asked, "nothing was started"
    assert not await queue.CHECKS.any(node.runtime.store, now=utcnow() + timedelta(days=1)), (
        "nothing is looked for either"
    )
    await node.post(f"/api/v1/checks/runs/{run['id']}/resume")
    await until(lambda: source.open["login"])
    cancelled = await node.post(f"/api/v1/checks/runs/{run['id']}/cancel")
    assert cancelled["state"] == "cancelled"
    await until(lambda: not source.open["login"])
    assert (await node.http.post(f"/api/v1/checks/runs/{run['id']}/pause")).status_code == 409
    assert (await streams(node, show="waiting")) == {}


async def test_a_run_tells_how_far_it_is_and_how_long_it_may_take(node: Node, source: Source) -> None:
    await add(node, source, *(f"C{number}" for number in range(5)), max_streams=2)
    run = await node.post("/api/v1/checks", {"group": "News"})
    assert (run["total"], run["state"]) == (5, "running")

    async def halfway() -> bool:
        now = await node.get(f"/api/v1/checks/runs/{run['id']}")
        return 0 < now["done"] < 5 and now["seconds_left"] > 0

    await until(halfway, 20)
    assert (await ended(node, run["id"]))["ok"] == 5


async def test_checks_of_one_account_start_apart(node: Node, source: Source) -> None:
    await node.patch("/api/v1/settings", {"checks.stagger": 0.5})
    await add(node, source, "A", "B", "C", "D")
    began = asyncio.get_running_loop().time()
    await check(node, all=True)
    assert asyncio.get_running_loop().time() - began >= 1.5, "the fourth starts 1.5 s after the first"


# -- profiles and connections ------------------------------------------------------------------------------------------


async def profile(node: Node, name: str, **more: Any) -> None:
    body = {"name": name, "search": "/login/", "replace": f"/{name.lower()}/", "own_login": True} | more
    await node.post("/api/v1/sources/1/profiles", body)


async def test_accounts_that_checks_were_started_of_long_ago_are_forgotten(node: Node, source: Source) -> None:
    await node.patch("/api/v1/settings", {"checks.stagger": 1})
    crew = node.runtime.part(Crew)
    crew._started["login of a source that was removed"] = -10.0
    await add(node, source, "C0")
    await check(node, all=True)
    assert len(crew._started) == 1
    assert "login of a source that was removed" not in crew._started


async def test_a_stream_that_fails_with_one_profile_works_with_another(node: Node, source: Source) -> None:
    await add(node, source, "News")
    await profile(node, "B", max_streams=2)
    await profile(node, "C", max_streams=2)
    source.modes |= {"/login/news.ts": "403", "/b/news.ts": "page"}
    run = await check(node, all=True)
    assert run["ok"] == 1
    (one,) = await results(node, 1)
    assert (one["used_profile"], one["failover_attempts"], one["failover_phase"]) == ("C", 3, 1)
    assert [line.split("profile ")[1].split(":")[0] for line in one["trace"]] == ["Default", "B", "C"]
    source.asked.clear()
    await check(node, all=True)
    assert source.asked == ["/c/news.ts"], "the profile that works is tried first"


async def test_a_second_attempt_waits_without_a_connection_and_without_a_worker(node: Node, source: Source) -> None:
    await node.patch("/api/v1/settings", {"checks.retries": 1, "checks.retry_delay": 30, "checks.concurrency": 1})
    await add(node, source, "News", "Sport", max_streams=1)
    source.modes["/login/news.ts"] = "404"
    clock = Clock(node)
    run = await node.post("/api/v1/checks", {"all": True})
    await until(lambda: _is(node, "News", "parked", True))
    await until(lambda: _is(node, "Sport", "verdict", "ok"))
    assert (await node.get("/api/v1/accounts"))["items"][0]["in_use"] == 0
    source.modes.clear()
    clock.shift = timedelta(seconds=30)
    assert (await ended(node, run["id"]))["ok"] == 2
    (one,) = await results(node, (await streams(node))["News"]["stream"])
    assert [line.split(": ")[1].split(",")[0] for line in one["trace"]][:1] == ["phase 1"]
    assert one["failover_attempts"] == 2


async def held(node: Node) -> tuple[Any, Any]:
    """Somebody who watches with the only connection of the first source."""
    (way, *_) = await accounts.profiles_of(node.runtime, 1)
    lease = node.runtime.slots.lease(way.claim("somebody", "viewer", Priority.USE, subject="channel:99"))
    assert await lease.__aenter__() is not None
    return lease, way


async def test_a_full_account_parks_the_check_over_a_restart_until_a_connection_is_free(
    tmp_path: Path, source: Source
) -> None:
    folder = tmp_path / "data"
    async with running(folder) as first:
        await first.patch("/api/v1/settings", QUICK)
        await add(first, source, "News", max_streams=1)
        lease, _way = await held(first)
        run = await first.post("/api/v1/checks", {"all": True})
        await until(lambda: _is(first, "News", "parked", True))
        assert first.runtime.part(Crew).running == []
        assert source.asked == ["/S.m3u"], "nothing was connected"
        await lease.__aexit__(None, None, None)
    async with running(folder) as second:
        assert (await streams(second))["News"]["parked"]
        Clock(second).shift = SHIFTED
        assert (await ended(second, run["id"]))["ok"] == 1
        (one,) = await results(second, 1)
        assert (one["failover_phase"], one["used_profile"]) == (2, "Default")
        assert one["phase2_elapsed"] >= 9


@pytest.mark.parametrize("known", [True, False])
async def test_phase_2_that_runs_out_keeps_what_is_known(node: Node, source: Source, known: bool) -> None:
    await node.patch("/api/v1/settings", {"checks.phase2_max_wait": 60, "checks.phase2_poll_interval": 20})
    await add(node, source, "News", max_streams=1)
    if known:
        await check(node, all=True)
    before = (await streams(node))["News"]
    lease, _way = await held(node)
    clock = Clock(node)
    run = await node.post("/api/v1/checks", {"all": True})
    for _ in range(3):
        await until(lambda: _is(node, "News", "parked", True))
        due = (await streams(node))["News"]["due_at"]
        clock.shift = datetime.fromisoformat(due) - utcnow() + timedelta(seconds=1.2)
        await until(lambda due=due: _differs(node, due))
    done = await ended(node, run["id"])
    after = (await streams(node))["News"]
    if known:
        assert done["interrupted"] == 1
        assert (after["verdict"], after["score"], after["dead_since"]) == ("interrupted", before["score"], None)
    else:
        assert done["failed"] == 1
        assert after["verdict"] == "failed" and after["dead_since"]
    row = await _row(node, 1)
    assert (row.checked_at is None) is not known, "it is not marked checked by this run"
    await lease.__aexit__(None, None, None)


async def _differs(node: Node, due: str) -> bool:
    return bool((await streams(node))["News"]["due_at"] != due)


async def _row(node: Node, stream_id: int) -> Any:
    import sqlalchemy as sa

    from nightcrew.checks.models import checked

    async with node.runtime.store.read() as connection:
        return (await connection.execute(sa.select(checked).where(checked.c.stream_id == stream_id))).one()


async def test_only_one_check_waits_for_a_full_account(node: Node, source: Source) -> None:
    await add(node, source, "A", "B", "C", "D", max_streams=1)
    lease, _way = await held(node)
    await node.post("/api/v1/checks", {"all": True})
    await until(lambda: _count_parked(node, 1))
    await asyncio.sleep(2.5)
    assert await _count_parked(node, 1), "the others are not worn out against a wall"
    await lease.__aexit__(None, None, None)


async def _count_parked(node: Node, number: int) -> bool:
    return sum(one["parked"] for one in (await streams(node)).values()) == number


async def test_a_viewer_takes_a_checks_connection_and_the_check_goes_on_later(node: Node, source: Source) -> None:
    await node.patch(
        "/api/v1/settings", {"playlists.stream_mode": "proxy", "checks.sample_seconds": 10, "checks.doubt_seconds": 10}
    )
    await add(node, source, "News", "Sport", max_streams=1)
    await node.patch("/api/v1/settings", {"checks.probe_limit": 30})
    found = await streams(node)
    run = await node.post("/api/v1/checks", {"stream": found["News"]["stream"]})
    await until(lambda: source.open["login"])
    await asyncio.sleep(0.3)
    async with node.http.stream("GET", f"/play/{found['Sport']['channel']}") as answer:
        assert answer.status_code == 200
        assert await anext(answer.aiter_raw(), b"")
        await until(lambda: _is(node, "News", "verdict", "interrupted"))
        assert source.most["login"] == 1
        news = (await streams(node))["News"]
        assert news["dead_since"] is None
        assert (await node.get(f"/api/v1/checks/runs/{run['id']}"))["state"] == "running"
    await node.patch("/api/v1/settings", {"checks.sample_seconds": 1})
    Clock(node).shift = timedelta(seconds=31)
    assert (await ended(node, run["id"]))["ok"] == 1
    assert source.most["login"] == 1


async def test_a_channel_that_is_watched_is_left_alone_by_scheduled_runs(node: Node, source: Source) -> None:
    await add(node, source, "News", "Sport")
    channel = (await streams(node))["News"]["channel"]
    (way, *_) = await accounts.profiles_of(node.runtime, 1)
    async with node.runtime.slots.lease(
        way.claim("somebody", "viewer", Priority.USE, subject=accounts.subject_of(channel))
    ):
        await actions.start(node.runtime, Scope(), "night", actor="schedule", priority=queue.NIGHTLY)
        await until(lambda: _is(node, "Sport", "verdict", "ok"))
        await asyncio.sleep(1.2)
        assert "/login/news.ts" not in source.asked
    await until(lambda: _is(node, "News", "verdict", "ok"))


@pytest.mark.parametrize("answer", ["429", "later"])
async def test_a_source_that_says_too_many_or_later_is_full_and_not_dead(
    node: Node, source: Source, answer: str
) -> None:
    await add(node, source, "News")
    source.modes["/login/news.ts"] = answer
    clock = Clock(node)
    run = await node.post("/api/v1/checks", {"all": True})
    await until(lambda: _is(node, "News", "parked", True))
    source.modes.clear()
    clock.shift = SHIFTED
    assert (await ended(node, run["id"]))["ok"] == 1


async def test_panels_profiles_have_logins_of_their_own(studio: World, node: Node) -> None:
    panel = next(body for body in studio.sources() if body["kind"] == "xtream")
    await node.add(**{**panel, "username": "wrong-user", "password": "wrong-pass"})
    await node.post("/api/v1/sources/1/profiles", {"name": "Mine", "username": "demo", "password": "demo-password"})
    wrong = await node.http.post("/api/v1/sources/1/profiles", json={"name": "Half", "username": "demo"})
    assert wrong.status_code == 422
    shown = (await node.get("/api/v1/sources/1/profiles"))["items"]
    assert [one["name"] for one in shown] == ["Default", "Mine"]
    text = (await node.http.get("/api/v1/sources/1")).text + str(shown) + (await node.http.get("/checks")).text
    assert "demo-password" not in text and "wrong-pass" not in text
    assert (await node.http.request("DELETE", "/api/v1/sources/1/profiles/Mine")).status_code == 200
    assert (await node.http.request("DELETE", "/api/v1/sources/1/profiles/Mine")).status_code == 404


# -- faults ------------------------------------------------------------------------------------------------------------


async def test_when_nothing_can_be_reached_no_stream_is_called_dead(node: Node, source: Source) -> None:
    titles = [f"C{number}" for number in range(OUTAGE + 4)]
    await add(node, source, *titles)
    source.modes["/login/c0.ts"] = "404"
    await check(node, all=True)
    assert set(await streams(node, show="dead")) == {"C0"}
    source.go()
    run = await check(node, all=True)
    assert run["interrupted"] >= 5, "the run ends, whatever it could not find out"
    assert node.runtime.part(Crew).network_down
    assert set(await streams(node, show="dead")) == {"C0"}, "what was dead stays so, and nothing else is"
    assert "network" in str((await node.get("/api/v1/needs"))["items"])
    await source.come()
    Clock(node).shift = timedelta(seconds=601)
    await until(lambda: _all_ok(node, titles[1:]), 20)
    assert not node.runtime.part(Crew).network_down
    orders = [one["place"] for one in await _places(node)]
    assert max(orders[1:]) < 500, "they are back in their places"


async def test_a_source_that_refuses_connections_for_a_moment_kills_no_stream(node: Node, source: Source) -> None:
    defaults = CheckSettings()
    assert (defaults.retries, defaults.retry_delay) == (1, 10), "as nobody has to set it"
    await node.patch("/api/v1/settings", {"checks.retries": 1, "checks.retry_delay": 10})
    await add(node, source, "News", "Sport")
    source.go()
    clock = Clock(node)
    run = await node.post("/api/v1/checks", {"all": True})
    for title in ("News", "Sport"):
        await until(lambda: _is(node, title, "parked", True))  # noqa: B023
    assert await streams(node, show="dead") == {}, "once is not enough"
    await source.come()
    clock.shift = timedelta(seconds=10)
    assert (await ended(node, run["id"]))["ok"] == 2
    for one in (await streams(node)).values():
        (found,) = await results(node, one["stream"])
        assert (one["dead_since"], found["failover_attempts"]) == (None, 2)


async def _all_ok(node: Node, titles: list[str]) -> bool:
    found = await streams(node)
    return all(found[title]["verdict"] == "ok" for title in titles)


async def _places(node: Node) -> list[dict[str, Any]]:
    import sqlalchemy as sa

    from nightcrew.playlists.models import stream

    async with node.runtime.store.read() as connection:
        rows = await connection.execute(sa.select(stream.c.place).order_by(stream.c.id))
        return [dict(row) for row in rows.mappings()]


async def test_one_source_that_hangs_is_no_outage_of_the_network(node: Node, source: Source) -> None:
    await node.patch("/api/v1/settings", {"checks.probe_limit": 5, "checks.concurrency": 20})
    titles = [f"C{number}" for number in range(OUTAGE + 2)]
    source.modes |= {f"/login/{title.lower()}.ts": "hang" for title in titles}
    await add(node, source, *titles)
    run = await check(node, all=True)
    assert (run["failed"], run["interrupted"]) == (len(titles), 0)


async def test_a_defect_of_ours_says_nothing_of_the_stream_and_ends_its_run(
    node: Node, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_args: Any, **_more: Any) -> None:
        raise ZeroDivisionError("ours")

    await add(node, source, "News")
    monkeypatch.setattr("nightcrew.checks.checking.attempt", broken)
    run = await check(node, all=True)
    assert run["interrupted"] == 1
    assert "itself failed" in (await streams(node))["News"]["reason"]


async def test_a_check_that_is_asked_for_while_one_runs_is_done_after_it(node: Node, source: Source) -> None:
    await node.patch("/api/v1/settings", {"checks.sample_seconds": 3})
    await add(node, source, "News")
    first = await node.post("/api/v1/checks", {"stream": 1})
    await until(lambda: source.open["login"])
    second = await node.post("/api/v1/checks", {"stream": 1})
    assert (await ended(node, second["id"]))["ok"] == 1
    assert (await ended(node, first["id"]))["state"] == "done"
    assert len(await results(node, 1)) == 2


async def test_a_scheduled_run_takes_nothing_from_a_persons_paused_run(node: Node, source: Source) -> None:
    await add(node, source, *(f"C{number}" for number in range(3)), max_streams=1)
    run = await node.post("/api/v1/checks", {"all": True})
    await node.post(f"/api/v1/checks/runs/{run['id']}/pause")
    await until(lambda: not node.runtime.part(Crew).running)
    before = await node.get(f"/api/v1/checks/runs/{run['id']}")
    await node.patch("/api/v1/settings", {"checks.immunity": 0})
    await actions.start(node.runtime, Scope(), "night", actor="schedule", priority=queue.NIGHTLY)
    await asyncio.sleep(2)
    now = await node.get(f"/api/v1/checks/runs/{run['id']}")
    assert (now["state"], now["total"] - now["done"]) == ("paused", before["total"] - before["done"])
    await node.post(f"/api/v1/checks/runs/{run['id']}/resume")
    assert (await ended(node, run["id"]))["ok"] == 3


async def test_in_redirect_mode_a_player_is_sent_to_the_profile_that_works(node: Node, source: Source) -> None:
    await node.patch("/api/v1/settings", {"playlists.stream_mode": "redirect"})
    await add(node, source, "News")
    await profile(node, "B")
    source.modes["/login/news.ts"] = "403"
    channel = (await streams(node))["News"]["channel"]
    await check(node, all=True)
    answer = await node.http.get(f"/play/{channel}")
    assert answer.headers["location"].endswith("/b/news.ts")


async def test_a_database_that_is_away_says_nothing_of_the_stream(
    tmp_path: Path, postgres: str, source: Source
) -> None:
    async with running(tmp_path / "data", database_url=postgres) as node:
        await node.patch("/api/v1/settings", {**QUICK, "checks.sample_seconds": 3})
        await add(node, source, "News")
        run = await node.post("/api/v1/checks", {"all": True})
        await until(lambda: source.open["login"])
        with locked_out(postgres):
            await asyncio.sleep(5)
        Clock(node).shift = timedelta(seconds=70)
        assert (await ended(node, run["id"]))["ok"] == 1


async def test_a_source_that_is_removed_meanwhile_ends_its_checks(node: Node, source: Source) -> None:
    await node.patch("/api/v1/settings", {"checks.sample_seconds": 5, "checks.doubt_seconds": 5})
    await add(node, source, "News", "Sport")
    run = await node.post("/api/v1/checks", {"all": True})
    await until(lambda: source.open["login"] == 2)
    await node.http.request("DELETE", "/api/v1/sources/1")
    assert (await ended(node, run["id"]))["total"] == 2
    assert await streams(node) == {}


# -- pages -------------------------------------------------------------------------------------------------------------


async def test_the_pages_show_what_is_known(studio: World, node: Node) -> None:
    for body in studio.workbench():
        await node.add(**body)
    (channel,) = (await node.get("/api/v1/channels?q=Frozen"))["items"]
    await check(node, channel=channel["id"])
    await check(node, channel=channel["id"])
    page = (await node.http.get("/checks")).text
    assert "Channel Frozen card" in page and "did not move" in page and "still.jpg" in page
    assert "Workbench spare" in page
    for stream in channel["streams"]:
        page = (await node.http.get(f"/checks/streams/{stream['id']}")).text
        assert "phase 1, profile Default" in page
    for show in ("all", "ok", "dead", "unchecked", "waiting"):
        assert (await node.http.get(f"/checks?show={show}&q=card")).status_code == 200
    for part in ("runs", "accounts", "streams"):
        assert (await node.http.get(f"/fragments/checks/{part}")).status_code == 200
    assert (await node.http.get("/checks/streams/99999")).status_code == 404
    assert "1 stream works" in (await node.http.get("/")).text
    started = await node.http.post("/checks/start", data={"stream": channel["streams"][0]["id"]})
    assert started.status_code == 303
    assert (await node.http.post("/checks/start", data={"stream": "x"})).status_code == 422
    runs = (await node.get("/api/v1/checks/runs"))["items"]
    assert (await node.http.post(f"/checks/runs/{runs[0]['id']}", data={"to": "cancel"})).status_code == 303


async def test_the_seeds_settings_can_be_imported(node: Node) -> None:
    seed = {
        "profile_failover": {
            "enabled": False,
            "try_full_profiles": False,
            "phase2_max_wait": 300,
            "phase2_poll_interval": 20,
        },
        "stream_analysis": {"retries": 2, "retry_delay": 15, "ffmpeg_duration": 30},
    }
    answer = await node.post("/api/v1/settings/import", seed)
    assert answer["ignored"] == ["stream_analysis.ffmpeg_duration"]
    assert len(answer["imported"]) == 6
    values = {item["key"]: item["value"] for item in (await node.get("/api/v1/settings"))["items"]}
    assert values["checks.phase2_max_wait"] == 300 and values["checks.profile_failover_enabled"] is False
    wrong = await node.http.post("/api/v1/settings/import", json={"profile_failover": {"phase2_max_wait": 10}})
    assert wrong.status_code == 422 and "60" in wrong.json()["detail"]


# -- resolution workers ------------------------------------------------------------------------------------------------


async def test_with_res_undescribed_variants_are_measured_and_the_best_one_is_played(studio: World, node: Node) -> None:
    (whole, _spare) = studio.workbench()
    await node.add(**whole)
    hls = (await streams(node, q="HLS"))["Good HLS"]

    async def played() -> str:
        answer = await node.http.get(f"/play/{hls['channel']}")
        assert answer.status_code == 302
        return str(answer.headers["location"])

    assert (await played()).endswith("/workbench/unnamed/master.m3u8")
    await check(node, stream=hls["stream"])
    assert (await streams(node, q="HLS"))["Good HLS"]["height"] == 180, (
        "the variant with the highest bandwidth is tried"
    )
    await asyncio.sleep(2.5)
    await node.patch("/api/v1/settings", {"playlists.RES": True})
    node.runtime.part(Player)._known.clear()
    assert "/180/" in await played(), "nothing was measured while RES was off"

    async def measured() -> bool:
        node.runtime.part(Player)._known.clear()
        return "/360/" in await played()

    await until(measured, 20)
    await check(node, stream=hls["stream"])
    assert (await streams(node, q="HLS"))["Good HLS"]["height"] == 360
    assert (await node.get("/api/v1/accounts"))["items"][0]["in_use"] == 0


async def test_a_master_that_describes_its_variants_is_not_measured(studio: World, node: Node) -> None:
    await node.patch("/api/v1/settings", {"playlists.RES": True})
    panel = studio.sources()[0]
    await node.add(**panel)
    await ended(node, 1)
    found = await streams(node)
    assert {one["height"] for one in found.values()} == {360}, "RES looks at every stream, also without check_new"
    assert (await _row(node, 1)).measure_at is None


# -- schedules ---------------------------------------------------------------------------------------------------------


async def test_the_nightly_worker_makes_all_streams_due_once(node: Node, source: Source) -> None:
    await add(node, source, "News", "Sport")
    workers = {one["name"]: one for one in (await node.get("/api/v1/workers"))["items"]}
    assert datetime.fromisoformat(workers["checks.nightly"]["next_run"]).astimezone().hour == 3
    await node.post("/api/v1/workers/checks.nightly/run")

    async def both() -> bool:
        return all(one["verdict"] == "ok" for one in (await streams(node)).values())

    await until(both, 20)
    (run,) = (await node.get("/api/v1/checks/runs"))["items"]
    assert (run["title"], run["total"], run["asked_by"]) == ("All streams, nightly", 2, "schedule")
    await node.patch("/api/v1/settings", {"checks.nightly": False, "checks.immunity": 0})
    assert await actions.nightly(node.runtime) == 0


async def test_immunity_ends_with_its_time(node: Node, source: Source) -> None:
    await add(node, source, "News")
    await check(node, all=True)
    known = (await _row(node, 1)).checked_at

    async def due_at(moment: datetime) -> bool:
        scope, store = Scope(), node.runtime.store
        made = await runs.start(
            store, scope, title="t", asked_by="t", priority=10, full=False, immunity=7200, now=moment
        )
        return made is not None

    assert not await due_at(known + timedelta(seconds=7199))
    assert await due_at(known + timedelta(seconds=7200))
