"""Catch-up through Nightcrew: which channels have an archive, and what of it a player asks for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from nightcrew.guidereader.wire import Programme
from nightcrew.kernel.errors import GiveUp
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.words import counted
from nightcrew.playlists.formats import xmltv
from nightcrew.playlists.formats.catchup import Archive, Span, archive_of, days_said
from nightcrew.playlists.models import Channel, Stream
from nightcrew.playlists.rules import is_playable
from nightcrew.playlists.store import channels, guides

LONGEST = timedelta(hours=4)
"""How much is asked for when nobody says how long the programme is."""
SHORTEST = timedelta(minutes=1)
LIVE = timedelta(seconds=30)
"""Who asks for something that began less than this ago gets what is live."""
LEEWAY = timedelta(hours=2)
"""How far beyond its days an archive is asked: a programme may begin before them."""


def archive(stream: Stream) -> Archive | None:
    """How a stream's archive is asked; None when it has none that could be asked through us."""
    if stream.expires or not stream.usable:
        return None
    return archive_of(stream.url, stream.attributes)


def days_of(channel: Channel) -> int:
    """Days that can be caught up, 0 for none: those of the first stream that has an archive."""
    return next((max(1, round(found.days)) for one in channel.streams if (found := archive(one)) is not None), 0)


async def longest(node: Runtime) -> timedelta:
    """How far back the archives of all channels go: that long their guides are kept."""
    texts = await channels.said_of_archives(node.store)
    return timedelta(
        days=await asyncio.to_thread(lambda: max((days_said(json.loads(one)) for one in texts), default=0.0))
    )


def at(channel: Channel, span: Span) -> Channel:
    """The same channel as it was: its streams are those with an archive, at the addresses that play the span.

    Raises `GiveUp` when none has it.
    """
    found = [(one, known) for one in channel.streams if (known := archive(one)) is not None]
    if not found:
        raise GiveUp(f"channel {channel.name!r} has no archive")
    deep = [(one, known) for one, known in found if span.start >= span.now - timedelta(days=known.days) - LEEWAY]
    if not deep:
        raise GiveUp(f"the archive of channel {channel.name!r} goes back {counted(days_of(channel), 'day')}")
    streams = [replace(one, url=known.address(span)) for one, known in deep]
    return replace(channel, streams=tuple(one for one in streams if is_playable(one.url)))


async def span_of(node: Runtime, channel: Channel, asked: Mapping[str, str], now: datetime) -> Span | None:
    """What a player asks for with `utc` and perhaps `utcend`, `end` or `duration`, all in seconds; None for what is live.

    Where it says no end, that of the programme in the guide counts.
    """
    start = _moment(asked.get("utc") or asked.get("start") or "")
    if start is None or start > now - LIVE:
        return None
    said = _moment(asked.get("utcend") or asked.get("end") or "")
    duration = asked.get("duration", "")
    if said is None and duration.isascii() and duration.isdecimal() and len(duration) < 7:
        said = start + timedelta(seconds=int(duration))
    return await span_from(node, channel, start, said, now)


async def span_from(node: Runtime, channel: Channel, start: datetime, stop: datetime | None, now: datetime) -> Span:
    """What is asked for from one moment to another, with what the guide says of it."""
    view = guides.view_of(channel, start)
    found = await guides.schedule(node.store, view, limit=1) if view is not None else []
    programme = found[0] if found and found[0].start <= start + SHORTEST else None
    if stop is None:
        stop = programme.stop if programme is not None else min(now, start + LONGEST)
    return Span(start, max(stop, start + SHORTEST), now, _catchup_id(programme))


def _catchup_id(programme: Programme | None) -> str:
    return xmltv.attribute(programme, "catchup-id") if programme is not None else ""


def _moment(text: str) -> datetime | None:
    """Seconds since 1970."""
    text = text.partition(".")[0]
    return datetime.fromtimestamp(int(text), UTC) if text.isascii() and text.isdecimal() and len(text) < 11 else None
