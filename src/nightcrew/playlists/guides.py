"""Refreshing a programme guide: read in a process, written in batches as a new generation, then switched over."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from nightcrew.guidereader.wire import GuideChannel
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import GiveUp, Retry
from nightcrew.kernel.run import Run
from nightcrew.kernel.words import counted
from nightcrew.playlists import archives, rules
from nightcrew.playlists.archives import Archived
from nightcrew.playlists.formats import charsets
from nightcrew.playlists.guide_matching import Spellings
from nightcrew.playlists.models import Feed, Source
from nightcrew.playlists.providers import Adapters
from nightcrew.playlists.providers.base import Fetch, Unchanged
from nightcrew.playlists.readers import Batch, Readers
from nightcrew.playlists.settings import PlaylistSettings
from nightcrew.playlists.store import guides, refreshes

MAX_CHANNELS = 500_000
MAX_PROGRAMMES = 3_000_000
MAX_UNNAMED = 100_000
"""Channels that are known by their programmes alone."""
PAST = timedelta(hours=6)
"""How long a programme that is over is kept."""


async def fetch_guide(run: Run, source: Source, feed: Feed, fetch: Fetch, *, due_at: datetime) -> dict[str, Any]:
    """Fetch one guide. The served one stays until the new one is whole, and when the new one has lost too much."""
    runtime = run.runtime
    reader = runtime.part(Adapters).guide_of(source)
    if reader is None:
        raise GiveUp(f"{source.name} no longer has a guide")
    options = runtime.settings.of(PlaylistSettings)
    now = utcnow()
    horizon = now + timedelta(days=options.guide_days)
    async with reader.open(fetch) as document:
        if isinstance(document, Unchanged):
            await refreshes.unchanged(runtime.store, feed.id, run.id, now=now, due_at=due_at)
            return {"outcome": "unchanged", "feed": "guide"}
        file, answer = document
        generation = await guides.begin(runtime.store, feed.id)
        later = timedelta(hours=float(source.config.get("guide_shift") or 0)) if source.kind == "guide" else timedelta()
        charset = str(source.config.get("charset") or "") if source.kind == "guide" else ""
        charset = charset or await asyncio.to_thread(charsets.of_guide, file)
        readers = runtime.part(Readers)
        archived = await archives.archived(runtime)
        past = max(PAST, archived.back)
        async with readers.reading(file, after=now - past - later, before=horizon - later, charset=charset) as batches:
            kept = _kept(batches, Spellings(MAX_CHANNELS), archived, later, now - PAST)
            written = await _write(run, feed.id, generation, kept, (now, horizon))
    known = await guides.upcoming(runtime.store, feed.id, now, horizon)
    _guard(written.ahead, known, options.shrink_guard)
    if archived.back:
        await guides.carry_over(runtime.store, feed.id, generation, now - archived.back, sorted(archived.here))
    flaws = written.flaws
    content = {**asdict(answer.validators), "content_hash": answer.sha256}
    content["notes"] = json.dumps({"flaws": flaws}) if flaws else None
    counts = {"channels": written.channels, "programmes": written.programmes}
    left_out = written.left_out
    await guides.switch(runtime.store, feed.id, run.id, generation, now=now, due_at=due_at, content=content, **counts)
    if flaws and flaws != feed.notes.get("flaws"):
        name = f"{source.name} (guide)"
        await runtime.activity.record("playlist.guide_flaws", f"{name}: {flaws}", subject=name, level="warning")
    return {"outcome": "applied", "feed": "guide", **counts, **({"left_out": left_out} if left_out else {})}


async def _kept(
    batches: AsyncIterator[Batch], spellings: Spellings, archived: Archived, later: timedelta, since: datetime
) -> AsyncIterator[Batch]:
    """The same, with one spelling of each channel's id, all programmes so much later, and what is over only where there is an archive."""
    async for batch in batches:
        yield await asyncio.to_thread(_kept_of, batch, spellings, archived, later, since)


def _spelled(batch: Batch, spellings: Spellings) -> Batch:
    channels, programmes = list(batch.channels), list(batch.programmes)
    for at, channel in enumerate(channels):
        own = spellings.of_channel(channel.guide_id)
        if own != channel.guide_id:
            channels[at] = replace(channel, guide_id=own)
    for at, one in enumerate(programmes):
        own = spellings.of_programme(one.guide_id)
        if own != one.guide_id:
            programmes[at] = replace(one, guide_id=own)
    return replace(batch, channels=channels, programmes=programmes)


def _kept_of(batch: Batch, spellings: Spellings, archived: Archived, later: timedelta, since: datetime) -> Batch:
    batch = _spelled(batch, spellings)
    if archived.back:
        archived.meet(batch.channels)
        archived.meet_ids({one.guide_id for one in batch.programmes})
    found = batch.programmes
    if later:
        found = [replace(one, start=one.start + later, stop=one.stop + later) for one in found]
    return replace(batch, programmes=[one for one in found if one.stop > since or one.guide_id in archived.here])


@dataclass(slots=True)
class _Written:
    """What was written of a guide: how many channels and programmes, programmes ahead, and places that could not be read."""

    channels: int = 0
    programmes: int = 0
    ahead: int = 0
    left_out: int = 0
    zones: tuple[str, ...] = ()

    @property
    def flaws(self) -> str:
        """What could not be read as it was meant, for a person; empty for a guide without a flaw."""
        said = []
        if self.left_out:
            are = "is" if self.left_out == 1 else "are"
            said.append(f"{counted(self.left_out, 'place')} could not be read and {are} left out.")
        if self.zones:
            said.append(
                f"Times in zones that nobody knows ({', '.join(self.zones)}) are read as UTC."
                " If programmes are at the wrong time, set an offset for this guide."
            )
        return " ".join(said)


async def _write(
    run: Run, feed_id: int, generation: int, batches: AsyncIterator[Batch], ahead: tuple[datetime, datetime]
) -> _Written:
    """Write all; `ahead` is from now to the horizon."""
    written, unnamed, (now, horizon) = _Written(), set[str](), ahead
    async for batch in batches:
        if len(unnamed) < MAX_UNNAMED:
            unnamed |= {one.guide_id for one in batch.programmes}
        await guides.add(run.runtime.store, feed_id, generation, batch.channels, batch.programmes)
        written.channels += len(batch.channels)
        written.programmes += len(batch.programmes)
        written.ahead += sum(one.stop > now and one.start < horizon for one in batch.programmes)
        written.left_out += batch.left_out
        written.zones += batch.zones
        for count, most, what in (
            (written.channels, MAX_CHANNELS, "channels"),
            (written.programmes, MAX_PROGRAMMES, "programmes"),
        ):
            if count > most:
                raise GiveUp(f"the guide has more than {most} {what}")
        more = f", {counted(written.left_out, 'place')} left out that cannot be read" if written.left_out else ""
        await run.progress(written.programmes, None, f"{counted(written.programmes, 'programme')} read{more}")
    without = [GuideChannel(one, one, "") for one in sorted(unnamed)]
    for start in range(0, len(without), 1_000):  # those that an element names have theirs
        await guides.add(run.runtime.store, feed_id, generation, without[start : start + 1_000], [])
    return written


def _guard(programmes: int, known: int, percent: int) -> None:
    """Raise `Retry` when a new guide has lost too many of the programmes that are `known` ahead."""
    lost = rules.ListChange(stored=known, gone=max(0, known - programmes))
    reason = rules.held_back(lost, percent)
    if reason is not None or not programmes:
        raise Retry(
            f"the new guide has {programmes} programmes and the present one {known}, so the present one is kept"
        )
