"""A recording of which nothing came says why, and not only that its time was over.

Reported in public for programs of this kind; each test is named for the situation.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from counted import LONG, Counted
from counter import Film
from darkroom import A_MOMENT as NOW
from darkroom import a_recording as row
from darkroom import in_state, record, wait_for
from nightcrew.kernel.slots import Claim, Limit, Priority
from nightcrew.recorder.wire import PROTECTED, ReadingStatus
from nightcrew.recordings import rules
from nightcrew.recordings.models import RecordingState
from nightcrew.recordings.store import recordings, states
from support import Node

UP = 10_000.0


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        ("the stream is offline (HTTP 404)", "the stream was offline (HTTP 404)"),
        ("HTTP 403", "the server refused it (HTTP 403)"),
        ("HTTP 503", "the server answered HTTP 503"),
        ("all connections to What is on are in use", "all connections to What is on were in use"),
        ("its segments cannot be read: it is not media", "its segments could not be read: it is not media"),
        ("the server cannot be reached", "the server could not be reached"),
        ("the server did not respond in time", "the server did not respond in time"),
        ("it sends a web page instead of a stream", "it sent a web page instead of a stream"),
        ("the disk is full", "the disk was full"),
        ("its folder cannot be used: Permission denied", "its folder could not be used: Permission denied"),
        ("its playlist: HTTP 500", "its playlist: HTTP 500"),
        (rules.OPENING, ""),
        (rules.NO_RECORDER, ""),
        ("", ""),
    ],
)
def test_what_was_in_the_way_is_told_as_it_was(trouble: str, told: str) -> None:
    assert rules.past(trouble) == told


def decided(known: dict[str, Any], state: str = "offline", reason: str = "the stream is offline (HTTP 404)") -> str:
    standing = ReadingStatus(state, UP - 60, reason, 2.0, 0.0)  # type: ignore[arg-type]
    look = rules.Look(standing, held=True, segments=0, over=None, offline_for=60.0, up=UP)
    found = rules.decide(row(**{"state": RecordingState.WAITING, **known}), look, NOW, grace=120, patience=3600)
    assert found.state is RecordingState.FINISHING
    return found.reason


def test_each_end_without_anything_says_what_was_in_the_way() -> None:
    late = {"created_at": NOW - timedelta(hours=2)}
    assert decided({"stop_at": NOW}) == "the stream was offline (HTTP 404) until its time was over"
    assert decided({"stop_at": NOW}, "full", "") == "the disk was full until its time was over"
    assert decided({"stop_at": NOW}, "starting", "") == f"{rules.NOTHING} until its time was over"
    assert decided({"stop_asked": True}) == "the stream was offline (HTTP 404) until it was stopped manually"
    assert decided({"stop_asked": True}, "starting", "") == "it was stopped manually"
    assert decided(late, "waiting", "HTTP 403") == (
        "its stream did not start within 60 minutes: the server refused it (HTTP 403)"
    )
    assert decided(late, "starting", "") == "its stream did not start within 60 minutes"


def test_what_has_begun_ends_for_its_end_alone() -> None:
    standing = ReadingStatus("offline", UP - 60, "the stream is offline (HTTP 404)", 2.0, 0.0)
    look = rules.Look(standing, held=True, segments=9, over=None, offline_for=60.0, up=UP)
    known = row(state=RecordingState.RETRYING, stop_at=NOW)
    assert rules.decide(known, look, NOW, grace=120, patience=3600).reason == "its end time was reached"


def test_a_protected_programme_is_no_stream_that_was_offline() -> None:
    standing = ReadingStatus("offline", UP - 600, PROTECTED, 2.0, 0.0)
    look = rules.Look(standing, held=True, segments=9, over=None, offline_for=600.0, up=UP)
    assert rules.decide(row(), look, NOW, grace=120, patience=3600).reason == PROTECTED


# -- from end to end ---------------------------------------------------------------------------------------------------


@pytest.fixture
async def source(film: Film) -> AsyncIterator[Counted]:
    """A live source."""
    async with Counted(film, window=8, keeps=LONG) as made:
        yield made


async def failed(node: Node, url: str, **more: Any) -> str:
    """Why a recording of a few seconds has failed."""
    asked = await record(node, url, seconds=6, **more)
    return str((await in_state(node, asked["id"], "failed", limit=40))["reason"])


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (404, "the stream was offline (HTTP 404)"),
        (403, "the server answered HTTP 403: all connections of its account may be in use"),
        (503, "the server answered HTTP 503"),
    ],
)
async def test_a_stream_that_was_not_there_until_the_end_says_so(
    node: Node, source: Counted, status: int, told: str
) -> None:
    source.answer = status
    assert await failed(node, source.url) == f"nothing was recorded: {told} until its time was over"


async def test_a_server_that_is_away_is_told(node: Node) -> None:
    reason = await failed(node, "http://127.0.0.1:9/live.m3u8")
    assert reason == "nothing was recorded: the server could not be reached until its time was over"


async def test_what_is_no_stream_is_told(node: Node, source: Counted) -> None:
    source._playlist = lambda: b"<html>no</html>"  # type: ignore[method-assign]
    reason = await failed(node, source.url.replace("live.m3u8", "live.m3u8?a"))
    assert reason.startswith("nothing was recorded: ")
    assert reason.endswith(" until its time was over")
    assert rules.NOTHING not in reason


async def test_an_account_without_a_free_connection_is_told(node: Node, source: Counted, tmp_path: Path) -> None:
    path = tmp_path / "list.m3u"
    path.write_text(f'#EXTM3U\n#EXTINF:-1 tvg-id="one.example",One\n{source.url}\n')
    await node.add(kind="m3u", name="List", url=str(path), region="DE", max_streams=1)
    (channel,) = (await node.get("/api/v1/channels"))["items"]
    (account,) = (await node.get("/api/v1/accounts"))["items"]
    claim = Claim((Limit(account["id"], 1),), "somebody", "viewer", Priority.USE)
    async with node.runtime.slots.lease(claim):
        asked = await node.post("/api/v1/recordings", {"channel": channel["id"], "seconds": 14})
        reason = (await in_state(node, asked["id"], "failed", limit=60))["reason"]
    assert reason == "nothing was recorded: all connections to List were in use until its time was over"


async def test_a_finished_playlist_whose_segments_are_gone_is_told(node: Node, source: Counted) -> None:
    source.lost = set(range(200))
    source.end()
    asked = await record(node, source.url)
    reason = (await in_state(node, asked["id"], "failed", limit=60))["reason"]
    assert reason.endswith("the playlist has ended, and its segments could not be read: HTTP 404")


async def test_what_it_waited_for_later_is_no_reason(node: Node, source: Counted) -> None:
    """Its library was away for a moment, or it was asked to be processed again: what is told is why nothing came."""
    source.answer = 404
    asked = await record(node, source.url, seconds=4)
    first = await in_state(node, asked["id"], "failed", limit=40)
    await node.post(f"/api/v1/recordings/{asked['id']}/retry")
    await wait_for(node, asked["id"], lambda now: len(now["moves"]) == len(first["moves"]) + 2)
    assert (await recordings.get(node.runtime.store, asked["id"])).reason == first["reason"]
    moved = await states.moves(node.runtime.store, asked["id"])
    assert [one.to_state for one in moved][-2:] == ["finishing", "failed"]
