"""Refreshing a programme guide: read in a process, written in batches as a new generation, then switched over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from nightcrew.guidereader.wire import GuideChannel
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import GiveUp, Retry
from nightcrew.kernel.run import Run
from nightcrew.kernel.words import counted
from nightcrew.playlists import archives, rules
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
        readers = runtime.part(Readers)
        archived = await archives.longest(runtime)
        past = max(PAST, archived)
        async with readers.reading(file, after=now - past - later, before=horizon - later, charset=charset) as found:
            batches = _moved(found, later)
            channels, programmes, left_out = await _write(run, feed.id, generation, batches)
    known = await guides.upcoming(runtime.store, feed.id, now, horizon)
    _guard(programmes, known, options.shrink_guard)
    if archived:
        await guides.carry_over(runtime.store, feed.id, generation, now - archived)
    content = {**asdict(answer.validators), "content_hash": answer.sha256}
    counts = {"channels": channels, "programmes": programmes}
    await guides.switch(runtime.store, feed.id, run.id, generation, now=now, due_at=due_at, content=content, **counts)
    return {"outcome": "applied", "feed": "guide", **counts, **({"left_out": left_out} if left_out else {})}


async def _moved(batches: AsyncIterator[Batch], later: timedelta) -> AsyncIterator[Batch]:
    """The same with all programmes so much later."""
    async for batch in batches:
        if later:
            moved = [replace(one, start=one.start + later, stop=one.stop + later) for one in batch.programmes]
            batch = replace(batch, programmes=moved)  # noqa: PLW2901
        yield batch


async def _write(run: Run, feed_id: int, generation: int, batches: AsyncIterator[Batch]) -> tuple[int, int, int]:
    """Returns how many channels and programmes were written, and how many places could not be read."""
    channels = programmes = left_out = 0
    unnamed = set[str]()
    async for batch in batches:
        if len(unnamed) < MAX_UNNAMED:
            unnamed |= {one.guide_id for one in batch.programmes}
        await guides.add(run.runtime.store, feed_id, generation, batch.channels, batch.programmes)
        channels, programmes = channels + len(batch.channels), programmes + len(batch.programmes)
        left_out += batch.left_out
        for count, most, what in ((channels, MAX_CHANNELS, "channels"), (programmes, MAX_PROGRAMMES, "programmes")):
            if count > most:
                raise GiveUp(f"the guide has more than {most} {what}")
        more = f", {counted(left_out, 'place')} left out that cannot be read" if left_out else ""
        await run.progress(programmes, None, f"{counted(programmes, 'programme')} read{more}")
    without = [GuideChannel(one, one, "") for one in sorted(unnamed)]
    for start in range(0, len(without), 1_000):  # those that an element names have theirs
        await guides.add(run.runtime.store, feed_id, generation, without[start : start + 1_000], [])
    return channels, programmes, left_out


def _guard(programmes: int, known: int, percent: int) -> None:
    """Raise `Retry` when a new guide has lost too many of the programmes that are `known` ahead."""
    lost = rules.ListChange(stored=known, gone=max(0, known - programmes))
    reason = rules.held_back(lost, percent)
    if reason is not None or not programmes:
        raise Retry(
            f"the new guide has {programmes} programmes and the present one {known}, so the present one is kept"
        )
