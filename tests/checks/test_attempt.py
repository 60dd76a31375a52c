"""One attempt: whatever the source does is an outcome, and says whether it was the stream, its connections, or our network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from nightcrew.checks.attempt import Attempt, attempt, lasts_of, not_media
from nightcrew.checks.conclusion import Outcome
from nightcrew.checks.crew import Crew
from nightcrew.checks.plan import Result
from nightcrew.checks.settings import CheckSettings
from nightcrew.kernel.slots import GRACE, Priority
from nightcrew.playlists import accounts
from nightcrew.playlists.exports import Media, Profile, channels
from nightcrew.prober.wire import ProbeReport, ProbeTask
from studio import Source, add
from support import Node, until


@pytest.fixture
async def source() -> AsyncIterator[Source]:
    """One whose streams never play, so that no pictures are needed."""
    made = Source(segments=())
    await made.come()
    yield made
    made.go()


async def tried(node: Node, stream: int, **options: Any) -> Outcome:
    """What an attempt with the first profile comes to."""
    channel, found = await channels.with_stream(node.runtime.store, stream)
    wanted = Attempt(channel, found, await profile(node), ProbeTask())
    return await attempt(node.runtime, node.runtime.part(Crew).probers, wanted, CheckSettings(**options))


async def profile(node: Node) -> Profile:
    return (await accounts.profiles_of(node.runtime, 1))[0]


async def test_what_a_source_answers_is_an_outcome(node: Node, source: Source) -> None:
    kinds = {
        "404": (Result.FAILED, "HTTP 404"),
        "403": (Result.FAILED, "HTTP 403"),
        "429": (Result.FULL, "429"),
        "458": (Result.FULL, "458"),
        "509": (Result.FULL, "509"),
        "503": (Result.FAILED, "503"),
        "later": (Result.FULL, "503"),
        "page": (Result.FAILED, "web page"),
    }
    source.modes = {f"/login/k{kind}.ts": kind for kind in kinds}
    await add(node, source, *(f"K{kind}" for kind in kinds), max_streams=1)
    for stream, (kind, (result, word)) in enumerate(kinds.items(), start=1):
        outcome = await tried(node, stream)
        assert outcome.result is result, (kind, outcome)
        assert word in outcome.reason, (kind, outcome)
        assert (outcome.report, outcome.network) == (None, False), "the source was reached"
        assert (outcome.first_byte is not None) == (kind == "page"), kind
        assert await node.runtime.slots.holders() == [], "its connection is given back"
    source.go()
    outcome = await tried(node, 1)
    assert (outcome.result, outcome.network) == (Result.FAILED, True), "nothing was reached at all"


async def test_an_attempt_uses_a_connection_that_is_free_and_leaves_it_to_who_needs_it_more(
    node: Node, source: Source
) -> None:
    source.modes["/login/news.ts"] = "hang"
    await add(node, source, "News", max_streams=1)
    way = await profile(node)
    viewer = way.claim("somebody", "viewer", Priority.USE)
    async with node.runtime.slots.lease(viewer):
        asked = len(source.asked)
        assert await tried(node, 1) == Outcome(Result.FULL, "all its connections are in use")
        assert len(source.asked) == asked, "who has no connection does not connect"
    trying = asyncio.create_task(tried(node, 1))
    await until(lambda: source.open["login"])
    async with node.runtime.slots.lease(viewer, patience=GRACE) as lease:
        assert lease is not None
        assert source.open["login"] == 0, "it has hung up"
        outcome = await trying
    assert outcome == Outcome(Result.INTERRUPTED, "somebody with a higher priority needs the connection")


@pytest.mark.parametrize(
    ("first", "words"),
    [
        (b"", "it sends nothing"),
        (b"<!DOCTYPE html><p>", "it answered with a web page"),
        (b"\xef\xbb\xbf\r\n <HTML>", "it answered with a web page"),
        (b"<script>", "it answered with a web page"),
        (b'{"error": 1}', "it answered with a message instead of a stream"),
        (b"[]", "it answered with a message instead of a stream"),
        (b"<?xml version='1.0'?>", "it answered with a message instead of a stream"),
        (b"\x89PNG\r\n", "it answered with a picture instead of a stream"),
        (b"\xff\xd8\xff\xe0", "it answered with a picture instead of a stream"),
        (b"GIF89a", "it answered with a picture instead of a stream"),
        (b"RIFF....WEBP", "it answered with a picture instead of a stream"),
        (b"forbidden", "what it sends is not a stream"),
        (bytes(200) + b"<html>", "what it sends is not a stream"),
    ],
)
def test_what_comes_instead_of_a_stream_is_told_in_words(first: bytes, words: str) -> None:
    assert not_media(first) == words


@pytest.mark.parametrize(
    ("length", "lasts"),
    [(None, None), (15_000_000, 120.0), (2**31 - 1, None), (2**63 - 1, None), (999_999_999, None), (0, 0.0)],
)
def test_a_length_that_was_made_up_is_none(length: int | None, lasts: float | None) -> None:
    """Some servers send one with a stream that has no end, since some clients want one."""

    async def nothing() -> AsyncIterator[bytes]:
        yield b""

    assert lasts_of(Media(nothing(), 8.0, length=length), ProbeReport(kbps=1000.0)) == lasts
