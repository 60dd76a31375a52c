"""What people, scripts and timetables ask of checks: over the API, on the page, at night, after a refresh. Nothing is checked here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from nightcrew.checks import actions, standing, workers
from nightcrew.checks.crew import Crew
from nightcrew.checks.models import CheckedStream, Verdict
from nightcrew.checks.store import queue, runs
from nightcrew.checks.store.queue import Scope
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import Conflict, NotFound
from nightcrew.kernel.jobs import Ended
from support import Node, running

ENTRY = '#EXTINF:-1 tvg-id="c{n}" group-title="{group}",Channel {n}\nhttp://192.0.2.1/{n}.ts\n'


@pytest.fixture
async def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Node]:
    """A node with four streams, numbered from 1: two in the group News, two in Sport. Its crew checks nothing."""

    async def idle(_crew: Crew) -> None:
        pass

    monkeypatch.setattr(Crew, "fill", idle)
    monkeypatch.setattr(Crew, "look", idle)
    groups = ("News", "News", "Sport", "Sport")
    entries = [ENTRY.format(n=n, group=group) for n, group in enumerate(groups, 1)]
    (tmp_path / "list.m3u").write_text("#EXTM3U\n" + "".join(entries))
    async with running(tmp_path / "data") as started:
        await started.patch("/api/v1/settings", {"checks.check_new": False})
        await started.add(kind="m3u", name="List", url=str(tmp_path / "list.m3u"), region="DE")
        yield started


async def said(node: Node, kind: str) -> list[str]:
    """What the activity feed tells of a kind, newest first."""
    return [item["message"] for item in (await node.get("/api/v1/activity", params={"kind": kind}))["items"]]


@pytest.mark.parametrize(
    ("wanted", "total", "title"),
    [
        ({"all": True}, 4, "All streams"),
        ({"stream": 2}, 1, "Channel 2 from List"),
        ({"channel": 3}, 1, "Channel Channel 3"),
        ({"group": "News"}, 2, "Group News"),
        ({"region": "de"}, 4, "Region DE"),
        ({"source": 1}, 4, "Source List"),
        ({"source": "list"}, 4, "Source List"),
    ],
)
async def test_a_run_has_the_streams_that_were_asked_for(
    node: Node, wanted: dict[str, Any], total: int, title: str
) -> None:
    run = await node.post("/api/v1/checks", wanted)
    assert (run["total"], run["title"], run["state"], run["done"]) == (total, title, "running", 0)
    assert (await said(node, "check.started"))[0].startswith(f"{title}: {total} stream")
    assert len((await node.get("/api/v1/checks/streams", params={"show": "waiting"}))["items"]) == total


NOT_THERE: list[tuple[dict[str, Any], int]] = [
    ({}, 422),
    ({"all": True, "stream": 1}, 422),
    ({"stream": 99}, 404),
    ({"channel": 99}, 404),
    ({"group": "None of that name"}, 404),
    ({"region": "XX"}, 404),
    ({"source": "nobody"}, 404),
    ({"source": 99}, 404),
    ({"stream": 2**63}, 422),
    ({"stream": "one"}, 422),
]


async def test_what_is_not_there_cannot_be_checked(node: Node, subtests: pytest.Subtests) -> None:
    for wanted, status in NOT_THERE:
        with subtests.test(str(wanted)):
            answer = await node.http.post("/api/v1/checks", json=wanted)
            assert answer.status_code == status
            assert answer.json()["detail"]
    assert (await node.get("/api/v1/checks/runs"))["items"] == []


async def test_a_run_is_paused_resumed_and_cancelled_and_each_is_told(node: Node) -> None:
    run = (await node.post("/api/v1/checks", {"all": True}))["id"]
    for action, state, words in (
        ("pause", "paused", "was paused"),
        ("resume", "running", "was resumed"),
        ("cancel", "cancelled", "was cancelled"),
    ):
        assert (await node.post(f"/api/v1/checks/runs/{run}/{action}"))["state"] == state
        assert (await node.get(f"/api/v1/checks/runs/{run}"))["state"] == state
        assert (await said(node, f"check.{state}"))[0] == f"All streams {words}"
    for action in ("pause", "resume", "cancel"):
        refused = await node.http.post(f"/api/v1/checks/runs/{run}/{action}")
        assert refused.status_code == 409, "it is over"
    assert not await queue.CHECKS.any(node.runtime.store)
    assert (await node.http.post("/api/v1/checks/runs/99/pause")).status_code == 404
    assert (await node.http.post(f"/api/v1/checks/runs/{run}/explode")).status_code == 422


async def test_a_paused_run_is_not_due(node: Node) -> None:
    run = (await node.post("/api/v1/checks", {"group": "News"}))["id"]
    await node.post(f"/api/v1/checks/runs/{run}/pause")
    now = utcnow()
    assert await queue.claim(node.runtime.store, node="n", source_id=1, limit=9, now=now, parked=False) == []
    await node.post(f"/api/v1/checks/runs/{run}/resume")
    found = await queue.claim(node.runtime.store, node="n", source_id=1, limit=9, now=utcnow(), parked=False)
    assert sorted(due.stream_id for due in found) == [1, 2]


async def test_the_page_starts_and_moves_runs_as_the_api_does(node: Node) -> None:
    started = await node.http.post("/checks/start", data={})
    assert (started.status_code, started.headers["location"]) == (303, "/checks")
    one = await node.http.post("/checks/start", data={"stream": "2"})
    assert one.headers["location"] == "/checks/streams/2"
    (newest, first) = (await node.get("/api/v1/checks/runs"))["items"]
    assert (newest["total"], first["total"]) == (1, 4)
    moved = await node.http.post(f"/checks/runs/{first['id']}", data={"to": "cancel"}, headers={"HX-Request": "true"})
    assert moved.status_code == 204 and "cancelled" in moved.headers["hx-trigger"]
    for path, form in (
        ("/checks/start", {"stream": "x"}),
        ("/checks/start", {"stream": "9" * 30}),
        (f"/checks/runs/{first['id']}", {"to": "explode"}),
        (f"/checks/runs/{first['id']}", {}),
    ):
        assert (await node.http.post(path, data=form)).status_code == 422, (path, form)


async def test_the_page_shows_runs_streams_and_one_streams_history(node: Node) -> None:
    await node.post("/api/v1/checks", {"source": 1})
    whole = (await node.http.get("/checks")).text
    for part in ("Source List", "Channel 1", "Channel 4"):
        assert part in whole
    assert "Source List" in (await node.http.get("/fragments/checks/runs")).text
    found = (await node.http.get("/fragments/checks/streams", params={"q": "channel 3"})).text
    assert "Channel 3" in found and "Channel 1" not in found
    assert "Channel 2" in (await node.http.get("/checks/streams/2")).text
    assert (await node.http.get("/checks/streams/99")).status_code == 404
    assert (await node.http.get("/checks", params={"show": "odd"})).status_code == 422


async def test_lists_have_pages(node: Node) -> None:
    for number in range(1, 5):
        await node.post("/api/v1/checks", {"stream": number})
    seen, cursor = list[int](), None
    while True:
        page = await node.get("/api/v1/checks/runs", params={"limit": 3} | ({"cursor": cursor} if cursor else {}))
        seen += [run["id"] for run in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == sorted(seen, reverse=True) and len(set(seen)) == 4
    first = await node.get("/api/v1/checks/streams", params={"limit": 3})
    rest = await node.get("/api/v1/checks/streams", params={"limit": 3, "cursor": first["next"]})
    assert [one["stream"] for one in first["items"] + rest["items"]] == [1, 2, 3, 4]
    assert rest["next"] is None
    assert (await node.get("/api/v1/checks"))["items"] == []
    assert (await node.http.get("/api/v1/checks", params={"cursor": "x"})).status_code == 422


# -- by themselves -----------------------------------------------------------------------------------------------------


async def test_the_nightly_run_has_all_streams_unless_it_is_switched_off(node: Node) -> None:
    assert await actions.nightly(node.runtime) == 4
    await node.patch("/api/v1/settings", {"checks.nightly": False})
    assert await actions.nightly(node.runtime) == 0
    (run,) = await runs.page(node.runtime.store, limit=9)
    assert (run.title, run.asked_by) == ("All streams, nightly", "schedule")


@pytest.mark.parametrize(("check_new", "expected"), [(True, 4), (False, 0)])
async def test_new_streams_are_checked_after_a_refresh_if_that_is_wanted(
    node: Node, check_new: bool, expected: int
) -> None:
    await node.patch("/api/v1/settings", {"checks.check_new": check_new})
    assert await actions.check_new(node.runtime, "New streams") == expected
    assert await actions.check_new(node.runtime, "New streams") == 0, "they are due already, or not wanted"


@pytest.mark.parametrize(
    ("job", "error", "result", "asked"),
    [
        ("playlists.refresh", None, {"outcome": "applied"}, True),
        ("playlists.refresh", None, {"outcome": "applied", "feed": "guide"}, False),
        ("playlists.refresh", "it answers HTTP 500", None, False),
        ("recordings.finish", None, {}, False),
    ],
)
async def test_only_a_list_that_was_refreshed_has_new_streams(
    node: Node, job: str, error: str | None, result: Any, asked: bool
) -> None:
    await node.patch("/api/v1/settings", {"checks.check_new": True})
    await workers._after_job(node.runtime, Ended(job, "Refresh of List", 1.0, error, result))
    titles = [run.title for run in await runs.page(node.runtime.store, limit=9)]
    assert titles == (["New streams, after Refresh of List"] if asked else [])


async def test_an_empty_scope_starts_nothing(node: Node) -> None:
    assert await actions.start(node.runtime, Scope(group="Nobody"), "t", actor="me", priority=queue.NEW) is None
    with pytest.raises(NotFound, match="there are no streams to check"):
        await actions.start_by_hand(node.runtime, Scope(group="Nobody"), "Group Nobody", actor="me", full=False)
    with pytest.raises(NotFound):
        await actions.move(node.runtime, 99, "pause", actor="me")


async def test_a_run_that_is_over_cannot_be_moved(node: Node) -> None:
    run = await actions.start_by_hand(node.runtime, Scope(stream_id=1), "One", actor="me", full=True)
    await actions.move(node.runtime, run.id, "cancel", actor="me")
    with pytest.raises(Conflict):
        await actions.move(node.runtime, run.id, "resume", actor="me")


# -- how they stand ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "state"),
    [
        ({"running": True, "dead_since": utcnow()}, "checking"),
        ({"dead_since": utcnow(), "verdict": Verdict.FAILED}, "dead"),
        ({"good_at": utcnow(), "verdict": Verdict.OK}, "works"),
        ({"good_at": utcnow(), "verdict": Verdict.INTERRUPTED}, "unsteady"),
        ({"verdict": Verdict.INTERRUPTED}, "interrupted"),
        ({}, "unchecked"),
    ],
)
def test_how_a_stream_stands(known: dict[str, Any], state: str) -> None:
    values: dict[str, Any] = dict.fromkeys(CheckedStream.__dataclass_fields__)
    one = CheckedStream(**{**values, "running": False, **known})
    assert standing.stream_state(one) == state
    assert f"stream.{state}" in standing.STATES or state in {"dead", "works"}


async def test_the_first_page_and_the_metrics_have_the_same_figures(node: Node) -> None:
    await node.post("/api/v1/checks", {"group": "Sport"})
    overview = await standing.overview(node.runtime)
    (metric,) = await standing.metrics(node.runtime)
    assert overview["streams"] == metric.values
    assert metric.values["due"] == 2
    assert [run.title for run in overview["runs"]] == ["Group Sport"]
    text = (await node.http.get("/metrics")).text
    assert 'nightcrew_checks_streams{state="due"} 2' in text


async def test_a_network_that_is_down_needs_a_person(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await standing.needs(node.runtime) == []
    monkeypatch.setattr(Crew, "network_down", True)
    (need,) = await standing.needs(node.runtime)
    assert (need.level, need.href) == ("warning", "/checks")
