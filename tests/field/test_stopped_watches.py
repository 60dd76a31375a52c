"""A watched stream whose recording a person has stopped says so, and when it will be recorded again.

Reported in public for programs of this kind; each test is named for the situation.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from counted import LONG, Counted
from counter import Film
from darkroom import finish, seconds
from nightcrew.kernel.clock import utcnow
from nightcrew.recordings import actions, windows
from nightcrew.recordings.models import Watch
from nightcrew.recordings.resting import Rest, rest
from nightcrew.recordings.standing import watch_state
from nightcrew.recordings.store import watches
from nightcrew.recordings.store.watches import LIVE
from nightcrew.recordings.stream_ref import unsealed
from support import Node, until
from terminal import run


def at(clock: str, days: int = 0) -> datetime:
    """A time of a Wednesday, or of a day after it, by this machine's clock."""
    hours, minutes = map(int, clock.split(":"))
    return (datetime(2026, 3, 4, hours, minutes) + timedelta(days=days)).astimezone()


def a_watch(*windows: str, **known: Any) -> Watch:
    values: dict[str, Any] = dict.fromkeys(Watch.__dataclass_fields__)
    values |= {"id": 1, "name": "W", "enabled": True, "windows": windows, "next_look_at": at("12:00")}
    return Watch(**values | known)


EVENING = "wed 20:00-21:00"
FIRST, SECOND = "2026-03-04 20:00-21:05", "2026-03-04 20:55-22:00"


def resting(watch: Watch, now: datetime, *stopped: str) -> Rest | None:
    """`stopped`: the windows of that day whose recording was stopped, by when they begin."""
    parsed = [windows.parse(text) for text in watch.windows]
    open_now = windows.open_at(parsed, now)
    keys = {one.key for one in windows.open_at(parsed, now) if f"{one.begin:%H:%M}" in stopped}
    return rest(watch, open_now, windows.following(parsed, now), keys)


@pytest.mark.parametrize(
    ("watch", "now", "stopped", "said"),
    [
        (a_watch(ended_window=LIVE), "20:10", [], "when it has been offline, or is switched on anew"),
        (a_watch(ended_window=LIVE, channel_id=7), "20:10", [], "records again when it is switched on anew"),
        (a_watch(EVENING), "20:10", ["20:00"], "records again in its next window, on 2026-03-11 at 20:00"),
        (a_watch(FIRST), "20:10", ["20:00"], "it has no further window"),
        (a_watch(FIRST, SECOND), "20:57", ["20:00", "20:55"], "it has no further window"),
        (a_watch(FIRST, SECOND), "20:57", ["20:00"], None),
        (a_watch(EVENING), "21:10", ["20:00"], None),
        (a_watch(EVENING), "20:10", [], None),
        (a_watch(), "20:10", [], None),
        (a_watch(ended_window=LIVE, enabled=False), "20:10", [], None),
    ],
    ids=["always", "channel", "window", "once", "two", "second goes on", "over", "not stopped", "never", "off"],
)
def test_it_says_when_it_is_recorded_again(watch: Watch, now: str, stopped: list[str], said: str | None) -> None:
    found = resting(watch, at(now), *stopped)
    if said is None:
        assert found is None
        return
    assert found is not None
    assert found.said.startswith("stopped by hand; ")
    assert found.said.endswith(said)
    assert (found.again_at is None) is ("next window" not in said)
    assert watch_state(watch, rests=True) == "stopped"


async def test_a_channel_that_was_stopped_in_its_window_says_when_the_next_one_is(node: Node) -> None:
    now = utcnow().astimezone()
    begin, end = now - timedelta(minutes=30), now + timedelta(minutes=30)
    window = f"daily {begin:%H:%M}-{end:%H:%M}"
    body = {"url": "http://127.0.0.1:9/a.ts", "kind": "http", "name": "Owl", "windows": [window]}
    watch = await node.post("/api/v1/watches", body)
    known = await watches.get(node.runtime.store, watch["id"])
    key = windows.open_at([windows.parse(window)], now)[0].key
    row = await actions.start(
        node.runtime,
        unsealed(node.runtime, known.sealed),
        name="Owl",
        shown="x",
        actor="test",
        watch=known,
        occurrence=key,
    )
    (told,) = (await node.get("/api/v1/watches"))["items"]
    assert told["rests"] is None
    await actions.stop(node.runtime, row.id, actor="me")
    (told,) = (await node.get("/api/v1/watches"))["items"]
    assert told["rests"].startswith("stopped by hand; records again in its next window, on ")
    assert told["again_at"] is not None


async def test_a_stopped_watch_says_so_on_the_page_in_the_api_and_the_command_line(
    node: Node, film: Film, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTCREW_URL", node.url)
    async with Counted(film, window=8, keeps=LONG) as source:
        watch = await node.post("/api/v1/watches", {"url": source.url, "name": "Owl"})
        assert (watch["rests"], watch["again_at"]) == (None, None)
        await until(lambda: bool(source.fetched), 30)
        (row,) = (await node.get("/api/v1/recordings"))["items"]
        await seconds(node, row["id"], 4)
        await finish(node, row["id"])
        (told,) = (await node.get("/api/v1/watches"))["items"]
        assert told["rests"] == "stopped by hand; records again when it has been offline, or is switched on anew"
        assert told["again_at"] is None
        text = (await node.http.get("/fragments/recordings/watches")).text
        assert "Stopped by hand; records again when it has been offline, or is switched on anew" in text
        listed = await asyncio.to_thread(run, "recordings", "watch", "list")
        assert "stopped by hand; records" in " ".join(listed.out.split()), listed
        again = await node.patch(f"/api/v1/watches/{watch['id']}", {"enabled": True})
        assert again["rests"] is None

        async def second() -> bool:
            return len((await node.get("/api/v1/recordings"))["items"]) == 2

        await until(second, 30)


async def test_after_the_stream_was_offline_it_is_recorded_again(node: Node, film: Film) -> None:
    async with Counted(film, window=8, keeps=LONG) as source:
        watch = await node.post("/api/v1/watches", {"url": source.url, "name": "Owl"})
        await until(lambda: bool(source.fetched), 30)
        (row,) = (await node.get("/api/v1/recordings"))["items"]
        await seconds(node, row["id"], 4)
        await finish(node, row["id"])
        source.offline = True
        await watches.change(node.runtime.store, watch["id"], next_look_at=utcnow())

        async def ready() -> bool:
            (told,) = (await node.get("/api/v1/watches"))["items"]
            return told["rests"] is None

        await until(ready, 30)
        source.offline = False
        await watches.change(node.runtime.store, watch["id"], next_look_at=utcnow())

        async def second() -> bool:
            return len((await node.get("/api/v1/recordings"))["items"]) == 2

        await until(second, 30)
