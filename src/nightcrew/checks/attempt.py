"""One attempt: take a connection, open the stream, have it looked into. What comes of it is an outcome, not an exception."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nightcrew.checks import rules
from nightcrew.checks.capacity import PURPOSE
from nightcrew.checks.conclusion import Outcome
from nightcrew.checks.plan import Result
from nightcrew.checks.probers import Chunks, NoByte, ProberDied, Probers
from nightcrew.checks.settings import CheckSettings
from nightcrew.kernel.errors import NightcrewError, Retry
from nightcrew.kernel.redaction import redact
from nightcrew.kernel.routes import RouteDown
from nightcrew.kernel.slots import LeaseOver, Priority, while_held
from nightcrew.kernel.store import DatabaseAway
from nightcrew.playlists.exports import (
    TOO_MANY,
    Channel,
    Media,
    Patience,
    Player,
    Profile,
    Releases,
    Stream,
    media,
    media_type,
    released,
)
from nightcrew.prober.wire import ProbeReport, ProbeTask

if TYPE_CHECKING:
    from nightcrew.kernel.runtime import Runtime

MARGIN = 1.0
"""Seconds before the end of an attempt at which a prober must have answered."""
GOING_ON = 1.5
"""Seconds after which a continuous stream must still be coming: some send a few seconds at once, and then hang up."""
UNAVAILABLE = 503
"""With Retry-After it means: not now (RFC 9110, 15.6.4)."""
BOUNDLESS = 2**31 - 1
"""Bytes from which on a length may be one that a server made up for a stream without an end, since some clients want one."""
SNIFFED = 564
"""Bytes that are looked at before a prober is asked: three transport stream packets."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is to be tried, and how closely it is looked at. The time for that is what the attempt has left."""

    channel: Channel
    stream: Stream
    profile: Profile
    ask: ProbeTask
    radio: bool = False


async def attempt(runtime: Runtime, probers: Probers, wanted: Attempt, options: CheckSettings) -> Outcome:
    """Try a stream with one profile. Holds a connection for as long as it runs, and hangs up when somebody needs it more."""
    claim = wanted.profile.claim(
        f"check: {wanted.channel.name}", PURPOSE, Priority.CHECK, subject=f"stream:{wanted.stream.id}"
    )
    async with runtime.slots.lease(claim) as lease:
        if lease is None:
            return Outcome(Result.FULL, "all its connections are in use")
        async with released(runtime.part(Releases), lease) as waiting:
            try:
                return await while_held(lease, _look(runtime, probers, wanted, options, waiting))
            except LeaseOver as exc:
                return Outcome(Result.INTERRUPTED, str(exc))
    raise AssertionError("unreachable")


async def _look(
    runtime: Runtime, probers: Probers, wanted: Attempt, options: CheckSettings, waiting: Patience
) -> Outcome:
    """Open the stream and have it looked into. A refusal on account of our own last connection is waited out, and does not count."""
    while True:
        outcome = await _once(runtime, probers, wanted, options, waiting)
        if not await waiting.again(outcome.status):
            return outcome


async def _once(
    runtime: Runtime, probers: Probers, wanted: Attempt, options: CheckSettings, waiting: Patience
) -> Outcome:
    began = time.monotonic()
    secrets: tuple[str, ...] = ()
    first_byte: float | None = None
    try:
        async with asyncio.timeout(options.probe_limit):
            player = runtime.part(Player)
            request = await player.request(wanted.channel, wanted.stream, wanted.profile, pick=False)
            secrets = request.secrets
            rank = await player.ranking(wanted.stream)
            async with media(runtime.http, request, rank) as opened:
                first = await _first(opened.chunks)
                first_byte = time.monotonic() - began
                waiting.opened()
                if media_type(first) is None:
                    return Outcome(Result.FAILED, not_media(first), first_byte=first_byte)
                left = options.probe_limit - MARGIN - first_byte
                async with contextlib.aclosing(_again(first, opened.chunks)) as again:
                    report, reason = await _judge(probers, opened, again, wanted, options, left)
        result = Result.OK if reason is None else Result.FAILED
        return Outcome(result, reason or "", report, first_byte, variants=opened.offer.variants)
    except TimeoutError:
        waited = f"no data came within {options.probe_limit} s"
        said = waited if first_byte is None else f"the attempt took longer than {options.probe_limit} s"
        return Outcome(Result.FAILED, said, first_byte=first_byte)
    except ProberDied as exc:
        return Outcome(Result.FAILED, str(exc), first_byte=first_byte)
    except (DatabaseAway, RouteDown):
        raise  # says nothing of the stream
    except NightcrewError as exc:
        later = exc.status == UNAVAILABLE and isinstance(exc, Retry) and exc.after is not None
        full = exc.status in TOO_MANY or later
        said = redact(str(exc), secrets)
        result = Result.FULL if full else Result.FAILED
        return Outcome(result, said, first_byte=first_byte, network=exc.unreached, status=exc.status)


async def _judge(
    probers: Probers,
    opened: Media,
    again: AsyncIterator[bytes],
    wanted: Attempt,
    options: CheckSettings,
    left: float,
) -> tuple[ProbeReport, str | None]:
    """What a prober says of an open stream, and why that is not good enough, if it is not. `left` seconds there are for it."""
    began = time.monotonic()
    continuous = opened.progress is None and not opened.finite
    known = (
        None if opened.finite else wanted.ask.known
    )  # how long it lasts follows from how much of it there is in a second
    least = GOING_ON if continuous else 0.0
    ask = replace(wanted.ask, least=least, limit=max(left, MARGIN), known=known, suspect=opened.may_loop)
    async with Chunks(again) as chunks:
        report = await probers.probe(ask, chunks, patience=opened.patience)
        name, group, attributes = wanted.channel.name, wanted.channel.group, wanted.stream.attributes
        live = rules.is_live(name, group, wanted.stream.url, attributes)
        lasts = lasts_of(opened, report)
        reason = rules.failure(
            report, options, radio=wanted.radio, live=live, lasts=lasts, repeats=opened.repeats if live else 0.0
        )
        left -= time.monotonic() - began
        if reason is None and opened.progress is not None and not await _advances(opened, chunks, left):
            reason = f"its playlist is stuck: no new segment came for {opened.patience:.0f} s"
        return report, reason


def lasts_of(opened: Media, report: ProbeReport) -> float | None:
    """Seconds of all that there is of a stream that has an end; None for one that goes on."""
    if opened.seconds is not None or opened.length is None:
        return opened.seconds
    if opened.length >= BOUNDLESS or set(str(opened.length)) == {"9"}:
        return None
    return report.seconds if report.ended or not report.kbps else opened.length * 8 / 1000 / report.kbps


async def _advances(opened: Media, chunks: Chunks, left: float) -> bool:
    """Whether a live playlist gets new segments. One that stands still can be played for a few seconds, and then no more.

    When `left` seconds are not enough to tell, it is believed.
    """
    try:
        async with asyncio.timeout(min(opened.patience, max(left, 0.0))):
            while opened.progress is not None and not opened.progress.advanced:
                if await chunks.next(opened.patience) is None:
                    return False
    except (TimeoutError, NoByte):
        return left < opened.patience
    return True


def not_media(first: bytes) -> str:
    """What came instead of a stream, in words."""
    head = first[:200].lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if not first:
        return "it sends nothing"
    if head.startswith((b"<!doctype", b"<html", b"<head", b"<body", b"<script")):
        return "it answered with a web page"
    if head.startswith((b"{", b"[", b"<?xml")):
        return "it answered with a message instead of a stream"
    if head.startswith((b"\x89png", b"\xff\xd8\xff", b"gif8", b"riff")):
        return "it answered with a picture instead of a stream"
    return "what it sends is not a stream"


async def _first(chunks: AsyncIterator[bytes]) -> bytes:
    """Enough bytes to see what they are; fewer when there are no more."""
    found = b""
    async for chunk in chunks:
        found += chunk
        if len(found) >= SNIFFED:
            break
    return found


async def _again(first: bytes, rest: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    yield first
    async for chunk in rest:
        yield chunk
