"""Notifications end to end in one process: real targets on loopback, on both databases where rows matter."""

from __future__ import annotations

import asyncio
import functools
import json
import sys
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from nightcrew.kernel import upkeep
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.declare import Freshness, Need, NoticeKind
from nightcrew.kernel.notify import notices_store, post, rules, targets_store, ways
from nightcrew.kernel.notify.models import notice, notify_target
from nightcrew.kernel.notify.post import Post
from nightcrew.kernel.runtime import Runtime
from support import Node, domain, running, until

from .conftest import RawServer, Seen

TARGETS = "/api/v1/notifications/targets"
SECRET = "T0pS3cretT0ken"


class Lab:
    """What the test domain says of itself."""

    def __init__(self) -> None:
        self.fresh = True
        self.waiting: list[Need] = []

    async def freshness(self, _runtime: Runtime) -> list[Freshness]:
        return [Freshness("lab", "Playlist DE", 1.0 if self.fresh else 99.0, 10.0, fresh=self.fresh)]

    async def needs(self, _runtime: Runtime) -> list[Need]:
        return self.waiting


@pytest.fixture
def lab() -> Lab:
    return Lab()


def parts(lab: Lab) -> dict[str, Any]:
    declared = domain(
        freshness=lab.freshness,
        needs=lab.needs,
        notices=(
            NoticeKind("lab.failed", "failed", "A recording failed", "recordings failed"),
            NoticeKind("lab.done", "finished", "A recording is finished", "recordings are finished"),
        ),
    )
    return {"domains": (upkeep.DOMAIN, declared)}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds become tenths."""
    monkeypatch.setattr(notices_store, "COLLECT", 0.0)
    monkeypatch.setattr(notices_store, "PACE", 0.0)
    monkeypatch.setattr(rules, "PAUSES", (0.05,))


@pytest.fixture
async def told(tmp_path: Path, lab: Lab) -> AsyncIterator[Node]:
    async with running(tmp_path / "data", **parts(lab)) as node:
        await by_hand(node)
        yield node


@pytest.fixture
async def told_anywhere(tmp_path: Path, lab: Lab, database: str | None) -> AsyncIterator[Node]:
    async with running(tmp_path / "data", database_url=database, **parts(lab)) as node:
        await by_hand(node)
        yield node


async def by_hand(node: Node) -> None:
    """Nothing is sent before a test sends it."""
    await node.post("/api/v1/workers/kernel.notify/pause")


async def webhook(node: Node, server: RawServer, path: str = "/hook", **more: Any) -> dict[str, Any]:
    if path not in server.routes:
        server.answers(path, b"")
    body = {"kind": "webhook", "name": f"Hook {path}", "address": server.url(path), **more}
    return dict(await node.post(TARGETS, body))


async def send(node: Node) -> None:
    """Send all that is due, and wait for that."""
    office = node.runtime.part(Post)
    await office.look()
    await until(lambda: not office._busy)


def got(server: RawServer, path: str = "/hook") -> list[dict[str, Any]]:
    return [json.loads(seen.body) for seen in server.requests if seen.path == path]


def kinds(server: RawServer) -> list[str]:
    return [message["kind"] for message in got(server)]


async def history(node: Node) -> list[dict[str, Any]]:
    return list((await node.get("/api/v1/notifications"))["items"])


# -- what is told ------------------------------------------------------------------------------------------------------


async def test_each_kind_arrives_once(told_anywhere: Node, lab: Lab, server: RawServer) -> None:
    node = told_anywhere
    await webhook(node, server)
    health, activity = node.runtime.health, node.runtime.activity
    await health.look()
    lab.fresh = False
    await health.look()
    await send(node)
    lab.fresh = True
    await health.look()
    await send(node)
    lab.waiting = [Need("error", "The list wants a password", "/sources#source-1")]
    await node.runtime.part(Post).compare_needs()
    await activity.record("lab.failed", "Concert: no file could be made", level="error", subject="7")
    await activity.record("lab.done", "Film: recording is finished", subject="8")
    await activity.record("lab.started", "Nobody wants to know this")
    await send(node)
    await send(node)
    messages = {message["kind"]: message for message in got(server)}
    assert sorted(kinds(server)) == ["lab.done", "lab.failed", "need.new", "promise.broken", "promise.kept"]
    assert messages["promise.broken"]["message"] == "Playlist DE is 99 s old (promised: 10 s)"
    assert messages["need.new"]["url"] == f"{node.runtime.base_url()}/sources#source-1"
    failed = messages["lab.failed"]
    assert failed["title"] == "A recording failed"
    assert failed["message"] == "Concert: no file could be made"
    assert (failed["level"], failed["subject"], failed["count"]) == ("error", "7", 1)
    assert failed["node"] == node.runtime.node
    assert datetime.fromisoformat(failed["at"]) > utcnow() - timedelta(minutes=1)
    assert {row["state"] for row in await history(node)} == {"sent"}
    metrics = (await node.http.get("/metrics")).text
    assert 'nightcrew_notifications_total{outcome="sent",target_kind="webhook"} 5.0' in metrics


async def test_a_target_gets_what_it_wants_and_no_more(told: Node, server: RawServer) -> None:
    await webhook(told, server, wants=["failed", "finished"], level="warning")
    await told.runtime.activity.record("lab.failed", "A: a little", level="warning")
    await told.runtime.activity.record("lab.done", "B: is finished")
    await told.runtime.activity.record("worker.failed", "w: broke", level="error")
    await send(told)
    await send(told)
    assert sorted(kinds(server)) == ["lab.failed", "worker.failed"]


async def test_apprise_takes_messages_too(told: Node, server: RawServer) -> None:
    server.answers(f"/{SECRET}", b"")
    address = f"json://127.0.0.1:{server.port}/{SECRET}"
    await told.post(TARGETS, {"kind": "apprise", "name": "Apprise", "address": address})
    await told.runtime.activity.record("lab.failed", "Concert: no file could be made", level="error")
    await send(told)
    (seen,) = server.requests
    body = json.loads(seen.body)
    assert (body["title"], body["message"]) == ("A recording failed", "Concert: no file could be made")
    assert body["type"] == "failure"


async def test_what_an_entry_leads_to_is_stored_with_it_or_not_at_all(told: Node, server: RawServer) -> None:
    await webhook(told, server)

    async def breaks(*_: object) -> None:
        raise RuntimeError("the plug is pulled")

    told.runtime.activity.also(breaks)
    with pytest.raises(RuntimeError):
        await told.runtime.activity.record("lab.failed", "A: it broke", level="error")
    assert await told.runtime.activity.page(kind="lab.failed") == []
    assert await history(told) == []


# -- not too often -----------------------------------------------------------------------------------------------------


async def test_the_same_is_told_once_and_then_counted(told_anywhere: Node, server: RawServer) -> None:
    node = told_anywhere
    await webhook(node, server)
    for _ in range(5):
        await node.runtime.activity.record("lab.failed", "A: it broke", level="error", subject="1")
        await send(node)
    assert [message["message"] for message in got(server)] == ["A: it broke"]
    waiting = next(row for row in await history(node) if row["state"] == "waiting")
    assert waiting["count"] == 4
    window = node.runtime.settings.of(upkeep.KernelSettings).notify_repeat
    left = datetime.fromisoformat(waiting["due_at"]) - utcnow()
    assert timedelta(seconds=window - 60) < left <= timedelta(seconds=window)
    await _make_due(node)
    await send(node)
    assert got(server)[1]["message"].startswith("A: it broke (4 times since ")
    assert got(server)[1]["count"] == 4


async def test_without_a_window_everything_is_told(told: Node, server: RawServer) -> None:
    await told.patch("/api/v1/settings", {"notify_repeat": 0})
    await webhook(told, server)
    for _ in range(3):
        await told.runtime.activity.record("lab.failed", "A: it broke", level="error")
        await send(told)
    assert len(got(server)) == 3


async def test_a_flood_is_one_message(told: Node, server: RawServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices_store, "COLLECT", 60.0)
    monkeypatch.setattr(notices_store, "PACE", 60.0)
    await webhook(told, server)
    for number in range(100):
        await told.runtime.activity.record("lab.failed", f"Show {number}: nothing was recorded", level="error")
    await _make_due(told)
    await send(told)
    (message,) = got(server)
    assert message["title"] == "100 recordings failed"
    assert message["message"] == "Show 0, Show 1, Show 2 and 97 more"
    assert message["count"] == 100
    await told.runtime.activity.record("lab.failed", "Show 100: nothing was recorded", level="error")
    (row,) = [row for row in await history(told) if row["state"] == "waiting"]
    assert datetime.fromisoformat(row["due_at"]) > utcnow() + timedelta(seconds=50), "the next one a minute later"


async def test_a_need_is_told_again_only_after_it_went_away(
    told: Node, lab: Lab, server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.waiting = [Need("warning", "The disk has 3 GB free", "/recordings")]
    await told.runtime.part(Post).compare_needs()
    await webhook(told, server)
    await told.patch("/api/v1/settings", {"notify_repeat": 0})
    office = told.runtime.part(Post)
    await office.compare_needs()
    lab.waiting = [Need("warning", "The disk has 2 GB free", "/recordings")]
    await office.compare_needs()
    await send(told)
    assert [message["message"] for message in got(server)] == ["The disk has 3 GB free"]
    lab.waiting = []
    await office.compare_needs()
    monkeypatch.setattr(post, "GONE", -1.0)
    await office.compare_needs()
    lab.waiting = [Need("warning", "The disk has 1 GB free", "/recordings")]
    await office.compare_needs()
    await send(told)
    assert got(server)[-1]["message"] == "The disk has 1 GB free"


async def test_two_nodes_tell_of_a_need_once(told: Node, lab: Lab, server: RawServer) -> None:
    await webhook(told, server)
    lab.waiting = [Need("error", "The list wants a password", "/sources")]
    await asyncio.gather(*(told.runtime.part(Post).compare_needs() for _ in range(3)))
    assert len(await told.runtime.activity.page(kind="need.new")) == 1


# -- quiet hours -------------------------------------------------------------------------------------------------------


def _around(now: datetime, hours: int) -> str:
    return f"{(now + timedelta(hours=hours)).astimezone():%H:%M}"


async def test_quiet_hours_keep_everything_for_one_summary(told_anywhere: Node, server: RawServer) -> None:
    node, now = told_anywhere, utcnow()
    hours = {"quiet_from": _around(now, -1), "quiet_to": _around(now, 2)}
    target = await webhook(node, server, **hours)
    assert (target["quiet_from"], target["quiet_to"]) == (hours["quiet_from"], hours["quiet_to"])
    for name in "ABCDE":
        await node.runtime.activity.record("lab.failed", f"{name}: nothing was recorded", level="error")
    await node.runtime.activity.record("lab.done", "Film: is finished")
    await send(node)
    await send(node)
    assert got(server) == []
    rows = await history(node)
    assert len(rows) == 6
    assert {row["state"] for row in rows} == {"waiting"}
    end = datetime.fromisoformat(rows[0]["due_at"]).astimezone()
    assert f"{end:%H:%M}" == hours["quiet_to"]
    await node.patch(f"{TARGETS}/{target['id']}", {"quiet_from": "", "quiet_to": ""})
    await send(node)
    (message,) = got(server)
    assert message["title"] == "6 messages from the quiet hours"
    assert message["message"] == "5 recordings failed: A, B, C and 2 more\nFilm: is finished"


async def test_errors_pass_in_quiet_hours_where_the_target_says_so(told: Node, server: RawServer) -> None:
    now = utcnow()
    await webhook(told, server, quiet_from=_around(now, -1), quiet_to=_around(now, 2), loud=True)
    await told.runtime.activity.record("lab.failed", "A: it broke", level="error")
    await told.runtime.activity.record("lab.done", "Film: is finished")
    await send(told)
    await send(told)
    assert kinds(server) == ["lab.failed"]
    assert [row["kind"] for row in await history(told) if row["state"] == "waiting"] == ["lab.done"]


# -- targets that fail -------------------------------------------------------------------------------------------------


async def test_a_dead_target_is_a_need_and_recovers(
    told_anywhere: Node, server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(post, "TROUBLED", 0.0)
    node = told_anywhere
    server.answers("/hook", b"", status="500 Internal Server Error")
    target = await webhook(node, server, name="Telephone")
    other = await webhook(node, server, "/other", name="Other")
    await node.runtime.activity.record("lab.failed", "A: it broke", level="error")
    await send(node)
    row = await _target(node, target["id"])
    assert (row["state"], row["waiting"]) == ("failing", 1)
    assert "HTTP 500" in row["error"]
    needs = (await node.get("/api/v1/needs"))["items"]
    (need,) = [item for item in needs if "Telephone" in item["message"]]
    assert need["message"].startswith("Telephone has not taken a message for ")
    assert need["page"] == f"/settings/notifications#target-{target['id']}"
    await node.runtime.part(Post).compare_needs()
    await send(node)
    others = [message["kind"] for message in got(server, "/other")]
    assert others == ["lab.failed", "need.new"], "the other one is told of it"
    assert [one["kind"] for one in await history(node) if one["target"] == target["id"]] == ["lab.failed"]
    assert other["id"] != target["id"]
    await node.runtime.activity.record("lab.failed", "B: it broke", level="error")
    server.answers("/hook", b"", status="204 No Content", length=None)
    await _make_due(node)
    await until(lambda: _delivered(node, target["id"]))
    row = await _target(node, target["id"])
    assert (row["state"], row["waiting"], row["error"]) == ("works", 0, None)
    texts = "\n".join(message["message"] for message in got(server))
    assert "A: it broke" in texts
    assert "B: it broke" in texts
    needs = (await node.get("/api/v1/needs"))["items"]
    assert not [item for item in needs if "Telephone" in item["message"]]


async def test_a_target_that_hangs_holds_up_no_other(
    told: Node, server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ways, "LIMIT", 3.0)
    held = asyncio.Event()

    async def hang(_seen: Seen, _writer: asyncio.StreamWriter) -> None:
        await held.wait()

    server.routes["/slow"] = hang
    slow = await webhook(told, server, "/slow")
    await webhook(told, server)
    await told.runtime.activity.record("lab.failed", "A: it broke", level="error")
    await told.runtime.part(Post).look()
    await until(lambda: got(server))
    await told.runtime.activity.record("lab.done", "B: is finished")
    await told.runtime.part(Post).look()
    await until(lambda: len(got(server)) == 2)
    assert slow["id"] in told.runtime.part(Post)._busy, "it still hangs"
    await until(lambda: not told.runtime.part(Post)._busy)
    held.set()
    assert "it did not answer within 3 s" in (await _target(told, slow["id"]))["error"]


async def test_what_nobody_takes_for_a_day_is_given_up_and_said(told: Node, server: RawServer) -> None:
    server.answers("/hook", b"", status="404 Not Found")
    target = await webhook(told, server, name="Telephone")
    await told.runtime.activity.record("lab.failed", "A: it broke", level="error")
    await send(told)
    async with told.runtime.store.write() as connection:
        await connection.execute(sa.update(notice).values(tried_at=utcnow() - timedelta(days=2)))
    await _make_due(told)
    await send(told)
    (row,) = await history(told)
    assert (row["state"], row["attempts"]) == ("failed", 2)
    (entry,) = await told.runtime.activity.page(kind="notify.given_up")
    assert entry.message.startswith("Telephone has not taken 1 message for a day, so it is given up: ")
    metrics = (await told.http.get("/metrics")).text
    assert 'outcome="given_up",target_kind="webhook"} 1.0' in metrics
    assert (await _target(told, target["id"]))["waiting"] == 0


async def test_a_message_that_is_always_refused_holds_up_no_other(told: Node, server: RawServer) -> None:
    taken: list[str] = []

    async def script(seen: Seen, writer: asyncio.StreamWriter) -> None:
        message = json.loads(seen.body)
        refused = message["kind"] == "lab.done"
        taken.extend([message["message"]] * (not refused))
        writer.write(f"HTTP/1.1 {400 if refused else 200} x\r\nContent-Length: 0\r\n\r\n".encode())

    server.routes["/hook"] = script
    await webhook(told, server)
    await told.runtime.activity.record("lab.done", "Poison: is finished")
    await send(told)
    for number in range(3):
        await told.runtime.activity.record("lab.failed", f"{number}: it broke", level="error")
        count = number + 1
        await until(functools.partial(_sent_after_looking, told, taken, count))
    assert taken == ["0: it broke", "1: it broke", "2: it broke"]


async def _sent_after_looking(node: Node, taken: list[str], count: int) -> bool:
    await send(node)
    return len(taken) == count


async def test_what_is_sent_by_a_node_that_dies_is_sent_again_by_another(
    told_anywhere: Node, server: RawServer
) -> None:
    """The lease of a node that was killed while it sent ends by itself."""
    node = told_anywhere
    target = await webhook(node, server)
    await node.runtime.activity.record("lab.failed", "A: it broke", level="error")
    claimed = await notices_store.claim(node.runtime.store, target["id"], lease=60)
    assert claimed is not None
    assert await notices_store.claim(node.runtime.store, target["id"], lease=60) is None, "it is sent by one at a time"
    await send(node)
    assert got(server) == []
    async with node.runtime.store.write() as connection:  # as if its time were over
        await connection.execute(sa.update(notify_target).values(busy_until=utcnow() - timedelta(seconds=1)))
    await send(node)
    assert [message["message"] for message in got(server)] == ["A: it broke"]


async def test_many_nodes_send_each_message_once(told_anywhere: Node, server: RawServer) -> None:
    """The post offices of two nodes share nothing but the database."""
    node = told_anywhere
    offices = [node.runtime.part(Post), Post(node.runtime)]
    await webhook(node, server)
    server.answers("/beat", b"")
    await node.post(TARGETS, {"kind": "heartbeat", "name": "Beat", "address": server.url("/beat")})
    for number in range(8):
        await node.runtime.activity.record("lab.failed", f"{number}: it broke", level="error")
        await asyncio.gather(*(office.look() for office in offices))
        await until(lambda: not any(office._busy for office in offices))
    await send(node)
    texts = sorted(line for message in got(server) for line in message["message"].splitlines())
    assert texts == [f"{number}: it broke" for number in range(8)]
    assert len([seen for seen in server.requests if seen.path == "/beat"]) == 1, "one of them calls it"


# -- the dead man's switch ---------------------------------------------------------------------------------------------


async def test_a_heartbeat_stops_when_a_promise_breaks(told_anywhere: Node, lab: Lab, server: RawServer) -> None:
    node = told_anywhere
    server.answers("/beat", b"OK")
    await node.post(TARGETS, {"kind": "heartbeat", "name": "Beat", "address": server.url("/beat")})
    await node.runtime.health.look()
    await send(node)
    beats = len(server.requests)
    assert beats == 1
    assert server.requests[0].method == "GET"
    await send(node)
    assert len(server.requests) == beats, "once in its interval"
    lab.fresh = False
    await node.runtime.health.look()
    await _beat_now(node)
    await send(node)
    assert len(server.requests) == beats, "not while a promise is broken"
    async with node.runtime.store.read() as connection:
        next_at = (await connection.execute(sa.select(notify_target.c.next_at))).scalar_one()
    assert next_at > utcnow() + timedelta(seconds=20), "nor by another node, which may not see it"
    lab.fresh = True
    await node.runtime.health.look()
    await _beat_now(node)
    await send(node)
    assert len(server.requests) == beats + 1
    assert await history(node) == []


async def test_a_heartbeat_that_cannot_be_called_is_a_need(
    told: Node, server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers("/beat", b"", status="503 Service Unavailable")
    await told.post(TARGETS, {"kind": "heartbeat", "name": "Beat", "address": server.url("/beat")})
    await send(told)
    assert "Beat" not in json.dumps((await told.get("/api/v1/needs"))["items"])
    monkeypatch.setattr(post, "TROUBLED", 0.0)
    assert "Beat could not be called for" in json.dumps((await told.get("/api/v1/needs"))["items"])
    server.answers("/beat", b"")
    await _beat_now(told)
    await send(told)
    assert "Beat" not in json.dumps((await told.get("/api/v1/needs"))["items"])


# -- secrets -----------------------------------------------------------------------------------------------------------


async def test_an_address_is_seen_nowhere(
    tmp_path: Path, lab: Lab, server: RawServer, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(post, "TROUBLED", 0.0)
    server.answers(f"/{SECRET}", b"", status="403 Forbidden")
    path = f"127.0.0.1:{server.port}/{SECRET}"
    addresses = {
        "webhook": f"http://name:{SECRET}@{path}?key={SECRET}",
        "heartbeat": f"http://{path}?beat={SECRET}",
        "apprise": f"json://name:{SECRET}@{path}",
    }
    seen = ""
    async with running(tmp_path / "data", **parts(lab)) as node:
        for kind, address in addresses.items():
            made = await node.http.post(TARGETS, json={"kind": kind, "name": kind, "address": address})
            seen += made.text
            target = made.json()["id"]
            answer = await node.post(f"{TARGETS}/{target}/test")
            assert answer["ok"] is False
            seen += answer["message"]
            seen += (await node.http.post(f"/settings/notifications/{target}/test")).text
            seen += (await node.http.get(f"/settings/notifications/{target}/edit")).text
        await node.runtime.activity.record("lab.failed", "A: it broke", level="error")
        await send(node)
        for where in (
            TARGETS,
            "/api/v1/notifications",
            "/api/v1/activity",
            "/api/v1/needs",
            "/settings/notifications",
            "/settings",
            "/activity",
            "/",
            "/metrics",
            "/health",
        ):
            seen += (await node.http.get(where)).text
        assert "HTTP 403" in seen
        assert f"http://127.0.0.1:{server.port}/•••" in seen
    captured = capfd.readouterr()
    assert "a message was not taken" in captured.out + captured.err
    assert SECRET not in seen + captured.out + captured.err
    raw = b"".join(file.read_bytes() for file in (tmp_path / "data").glob("nightcrew.db*"))
    assert SECRET.encode() not in raw, "it is sealed at rest"
    assert any(SECRET in request.path for request in server.requests), "and yet it was used"


async def test_what_leads_over_no_network_is_refused(told: Node) -> None:
    for address in ("file:///etc/passwd", "dbus://", "syslog://", "gnome://", "nonsense", "zzz://x"):
        answer = await told.http.post(TARGETS, json={"kind": "apprise", "name": "A", "address": address})
        assert answer.status_code == 422, address
        assert answer.json()["field"] == "address"


async def test_apprise_reads_no_file(told: Node, server: RawServer, tmp_path: Path) -> None:
    """Some of its services take the name of a template from the address."""
    (tmp_path / "template.json").write_text(json.dumps({"text": SECRET}))
    script = (
        "import sys, pathlib; from nightcrew.messenger import __main__ as m; m.service_of('json://127.0.0.1');"
        "pathlib.Path(sys.argv[1]).read_text()"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(tmp_path / "template.json"), stderr=asyncio.subprocess.PIPE
    )
    _, words = await process.communicate()
    assert process.returncode == 1
    assert b"PermissionError: a message's address may name no file" in words


# -- by hand -----------------------------------------------------------------------------------------------------------


async def test_a_target_is_added_changed_tested_and_removed(told_anywhere: Node, server: RawServer) -> None:
    node = told_anywhere
    target = await webhook(node, server, name=" Telephone ")
    assert (target["name"], target["state"]) == ("Telephone", "new")
    assert target["wants"] == ["broken", "recovered", "needs", "failed", "finished"]
    answer = await node.post(f"{TARGETS}/{target['id']}/test")
    assert answer == {"ok": True, "message": "Telephone accepted the test"}
    assert got(server)[0]["title"] == "Nightcrew: a test"
    same = await node.http.post(TARGETS, json={"kind": "webhook", "name": "telephone", "address": server.url("/x")})
    assert same.status_code == 409
    changed = await node.patch(f"{TARGETS}/{target['id']}", {"level": "error", "wants": ["broken"], "name": "Mine"})
    assert (changed["level"], changed["wants"], changed["name"]) == ("error", ["broken"], "Mine")
    changed = await node.patch(f"{TARGETS}/{target['id']}", {"quiet_from": "22:30", "quiet_to": "07:00"})
    changed = await node.patch(f"{TARGETS}/{target['id']}", {"loud": True})
    assert (changed["quiet_from"], changed["quiet_to"], changed["loud"]) == ("22:30", "07:00", True)
    await node.runtime.activity.record("promise.broken", "A is old", level="error", subject="A")
    off = await node.patch(f"{TARGETS}/{target['id']}", {"enabled": False})
    assert (off["state"], off["waiting"]) == ("off", 0)
    assert [row["state"] for row in await history(node)] == ["dropped"]
    assert (await node.http.delete(f"{TARGETS}/{target['id']}")).status_code == 204
    assert await history(node) == []
    assert (await node.http.post(f"{TARGETS}/{target['id']}/test")).status_code == 404
    told = [entry.kind for entry in await node.runtime.activity.page(kind="notify.")]
    assert told[::-1][:2] == ["notify.added", "notify.tested"]
    assert told[0] == "notify.removed"


WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({"address": "ftp://127.0.0.1/x"}, "address"),
    ({"address": "http://127.0.0.1/a b"}, "address"),
    ({"name": "  "}, "name"),
    ({"kind": "pigeon"}, "kind"),
    ({"wants": ["everything"]}, "wants"),
    ({"quiet_from": "22:30"}, "quiet_to"),
    ({"quiet_from": "25:00", "quiet_to": "07:00"}, "quiet_from"),
    ({"quiet_from": "07:00", "quiet_to": "07:00"}, "quiet_to"),
    ({"more": 1}, "more"),
)


async def test_what_is_wrong_is_said_by_field(told: Node) -> None:
    for wrong, field in WRONG:
        body = {"kind": "webhook", "name": "A", "address": "http://127.0.0.1/x", **wrong}
        answer = await told.http.post(TARGETS, json=body)
        assert answer.status_code == 422, wrong
        assert answer.json()["field"].startswith(field), wrong
    assert (await told.get(TARGETS))["items"] == []


async def test_old_notices_are_forgotten_with_the_activity(told: Node, server: RawServer) -> None:
    await webhook(told, server)
    for name in "AB":
        await told.runtime.activity.record("lab.failed", f"{name}: it broke", level="error")
        await send(told)
    async with told.runtime.store.write() as connection:
        old = sa.update(notice).where(notice.c.message == "A: it broke")
        await connection.execute(old.values(last_at=utcnow() - timedelta(days=91)))
    await told.runtime.schedule.run_now("kernel.nightly")
    await until(lambda: _only(told, "B: it broke"))


async def test_the_page_adds_edits_tests_and_removes(told: Node, server: RawServer) -> None:
    page = (await told.http.get("/settings/notifications")).text
    assert "No targets yet." in page
    assert "/settings/notifications" in (await told.http.get("/settings")).text
    form = {"kind": "webhook", "name": "", "address": server.url("/hook"), "level": "info", "wants.failed": "on"}
    part = {"HX-Request": "true"}
    refused = await told.http.post("/settings/notifications", data=form, headers=part)
    assert refused.status_code == 422
    assert 'id="new-name-error">This field is required.<' in refused.text
    wrong = await told.http.post(
        "/settings/notifications", data=form | {"name": "Hook", "address": "ftp://x"}, headers=part
    )
    assert 'id="new-address-error">It is not an http or https address.<' in wrong.text
    server.answers("/hook", b"")
    added = await told.http.post("/settings/notifications", data=form | {"name": "Hook"}, headers=part)
    assert added.status_code == 200
    assert "Hook will be notified from now on" in added.headers["hx-trigger"]
    (target,) = (await told.get(TARGETS))["items"]
    assert target["wants"] == ["failed"]
    here = f"/settings/notifications/{target['id']}"
    tested = await told.http.post(f"{here}/test", headers=part)
    assert "Hook accepted the test. Check whether it has arrived." in tested.text
    edit = await told.http.get(f"{here}/edit", headers=part)
    assert "/hook" not in edit.text, "the address is not shown again"
    saved = await told.http.post(f"{here}/edit", data={"name": "Hook 2", "level": "error", "loud": "on"}, headers=part)
    assert saved.status_code == 200, saved.text
    (target,) = (await told.get(TARGETS))["items"]
    assert (target["name"], target["level"], target["wants"], target["state"]) == ("Hook 2", "error", [], "works")
    assert (await told.http.post(f"{here}/enabled", data={}, headers=part)).status_code == 204
    assert "Remove Hook 2?" in (await told.http.get(f"{here}/remove", headers=part)).text
    assert (await told.http.post(f"{here}/remove", headers=part)).status_code == 204
    assert (await told.get(TARGETS))["items"] == []


# -- helpers -----------------------------------------------------------------------------------------------------------


async def _target(node: Node, target_id: int) -> dict[str, Any]:
    return next(row for row in (await node.get(TARGETS))["items"] if row["id"] == target_id)


async def _make_due(node: Node) -> None:
    """As if the time had come."""
    async with node.runtime.store.write() as connection:
        past = utcnow() - timedelta(seconds=1)
        await connection.execute(sa.update(notice).where(notice.c.state == "waiting").values(due_at=past))
        await connection.execute(sa.update(notify_target).values(next_at=None))


async def _beat_now(node: Node) -> None:
    async with node.runtime.store.write() as connection:
        await connection.execute(sa.update(notify_target).values(next_at=None))


async def _delivered(node: Node, target_id: int) -> bool:
    await send(node)
    return (await targets_store.get(node.runtime.store, target_id)).waiting == 0


async def _only(node: Node, message: str) -> bool:
    return [row["message"] for row in await history(node)] == [message]
