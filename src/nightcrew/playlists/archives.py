"""Catch-up through Nightcrew: which channels have an archive, and what of it a player asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from nightcrew.guidereader.wire import GuideChannel, Programme
from nightcrew.kernel.errors import GiveUp
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.words import counted
from nightcrew.playlists.formats import xmltv
from nightcrew.playlists.formats.catchup import Archive, Span, archive_of, days_said
from nightcrew.playlists.guide_matching import MAX_NAMES, id_key, name_keys, wanted_keys, without_feed
from nightcrew.playlists.models import Channel, Stream
from nightcrew.playlists.rules import is_playable
from nightcrew.playlists.store import channels, guides

LONGEST = timedelta(hours=4)
"""How much is asked for when a player says no end: it plays on until it is stopped."""
BEFORE = timedelta(minutes=10)
"""How long before a programme players begin (pvr.iptvsimple: 5 minutes)."""
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


def past_of(channel: Channel) -> timedelta:
    """How far back its guide goes: also for an archive that players ask by themselves, at the provider's own address."""
    return timedelta(days=max((days_said(one.attributes) for one in channel.streams if one.usable), default=0.0))


@dataclass(slots=True)
class Archived:
    """Which channels of a guide have an archive, and how far back the longest goes: their past is kept."""

    back: timedelta = timedelta()
    _keys: set[int] = field(default_factory=set)
    """Of ids and of names by which their guide may be found; hashes, as there may be many."""
    here: set[str] = field(default_factory=set)
    """Those of the guide that is read, as far as it has been."""

    def know(self, found: Iterable[Channel]) -> None:
        """Channels with the streams of which there is an archive perhaps."""
        for one in found:
            past = past_of(one)
            if past:
                self.back = max(self.back, past)
                self._keys |= {hash(key.key) for key in wanted_keys(one)}
                if one.guide_id:
                    self._keys |= {hash(key := id_key(one.guide_id)), hash(without_feed(key))}

    def meet(self, found: Iterable[GuideChannel]) -> None:
        """Channels of the guide, which come before their programmes."""
        for one in found:
            keys = (key.key for key in name_keys(xmltv.display_names(one)[:MAX_NAMES]))
            if any(hash(key) in self._keys for key in (id_key(one.guide_id), *keys)):
                self.here.add(one.guide_id)

    def meet_ids(self, found: Iterable[str]) -> None:
        """Ids that programmes name: a guide need not name its channels first."""
        self.here.update(one for one in found if hash(id_key(one)) in self._keys)


async def archived(node: Runtime) -> Archived:
    """What is known of archives now."""
    found = Archived()
    async for page in channels.with_archives(node.store):
        await asyncio.to_thread(found.know, page)
    return found


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

    Where it says no end, it gets some hours, or all of a programme that is longer.
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
    found = await guides.schedule(node.store, view, limit=5) if view is not None else []
    programme = next((one for one in reversed(found) if one.start <= start + BEFORE), None)
    if stop is None:
        stop = max(min(now, start + LONGEST), programme.stop if programme is not None else start)
    return Span(start, max(stop, start + SHORTEST), now, _catchup_id(programme))


def _catchup_id(programme: Programme | None) -> str:
    return xmltv.attribute(programme, "catchup-id") if programme is not None else ""


def _moment(text: str) -> datetime | None:
    """Seconds since 1970."""
    text = text.partition(".")[0]
    return datetime.fromtimestamp(int(text), UTC) if text.isascii() and text.isdecimal() and len(text) < 11 else None
