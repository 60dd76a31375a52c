"""What becomes of a feed when a refresh is over: when it is fetched next, and what people are told."""

from __future__ import annotations

import random
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from nightcrew.kernel import recovery
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.connections.calls import Paused
from nightcrew.kernel.errors import NeedsUser, NightcrewError, Retry
from nightcrew.kernel.routes import RouteDown
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.words import counted
from nightcrew.playlists import rules
from nightcrew.playlists.models import Feed, Source
from nightcrew.playlists.providers.base import Unchanged
from nightcrew.playlists.rules import ListChange
from nightcrew.playlists.settings import PlaylistSettings
from nightcrew.playlists.standing import interval_of
from nightcrew.playlists.store import refreshes, sources


async def failed(runtime: Runtime, feed: Feed, run_id: str, exc: NightcrewError) -> None:
    """A run failed, or could not be begun now."""
    now = utcnow()
    if isinstance(exc, Paused | RouteDown):
        again = now + timedelta(seconds=exc.after or recovery.parked()) if isinstance(exc, RouteDown) else None
        await refreshes.put_off(runtime.store, feed.id, run_id, now=now, due_at=again, reason=str(exc))
        runtime.bus.publish("sources")
        return
    after = exc.after if isinstance(exc, Retry) else None
    pause = rules.next_attempt(feed.failures + 1, interval_of(feed, runtime.settings.of(PlaylistSettings)), after)
    failures = await refreshes.fail(
        runtime.store,
        feed.id,
        run_id,
        now=now,
        due_at=now + timedelta(seconds=pause * random.uniform(0.9, 1.1)),
        reason=str(exc),
        kind=type(exc).__name__,
        needs_user=isinstance(exc, NeedsUser),
    )
    if failures == 1 or feed.error != str(exc)[:500]:
        kept = "The last good list is served" if feed.refreshed_at else "It has no channels yet"
        level = "error" if feed.kind == "channels" else "warning"
        await tell(runtime, feed, "playlist.failed", f": {exc}. {kept}", level=level)
    runtime.bus.publish("sources")


async def unchanged(runtime: Runtime, feed: Feed, run_id: str, answer: Unchanged) -> dict[str, Any]:
    """The provider's list is the stored one; returns what the step has come to."""
    now = utcnow()
    known = {name: value for name, value in asdict(answer.validators).items() if value}
    await refreshes.unchanged(runtime.store, feed.id, run_id, now=now, due_at=next_due(runtime, feed, now), **known)
    await _recovered(runtime, feed)
    return {"outcome": "unchanged"}


async def succeeded(runtime: Runtime, feed: Feed, change: ListChange, renamed: list[list[str]]) -> None:
    """A list was applied. `renamed`: old and new names of channels that were recognised."""
    await _recovered(runtime, feed)
    if change.new or change.gone or feed.refreshed_at is None:
        await tell(runtime, feed, "playlist.refreshed", f": {describe(change)}", **asdict(change))
    if renamed and feed.refreshed_at is not None:
        names = ", ".join(f"{old} → {new}" if old != new else f"{new} (another group)" for old, new in renamed)
        said = f": recognised under another name or group, with what you changed of them: {names}"
        await tell(runtime, feed, "playlist.recognised", said)


async def _recovered(runtime: Runtime, feed: Feed) -> None:
    if feed.failures:
        said = f" works again after {counted(feed.failures, 'failure')}"
        await tell(runtime, feed, "playlist.recovered", said)


async def tell(runtime: Runtime, feed: Feed, kind: str, said: str, **more: Any) -> None:
    """Record what happened to a feed; `said` follows its name."""
    name = await name_of(runtime, feed)
    await runtime.activity.record(kind, name + said, subject=name, **more)


def describe(change: ListChange) -> str:
    """A change in words: "60 channels new, 3 changed, 1 gone"."""
    counts = ((change.new, "new"), (change.changed, "changed"), (change.gone, "gone"))
    (first, word), *others = [one for one in counts if one[0]] or [(0, "")]
    if not first:
        return "no change"
    return ", ".join([f"{counted(first, 'channel')} {word}", *(f"{number} {word}" for number, word in others)])


async def name_of(runtime: Runtime, feed: Feed) -> str:
    """What people call a feed."""
    source: Source = await sources.get(runtime.store, runtime.vault, feed.source_id)
    return f"{source.name} ({feed.region})" if feed.region else f"{source.name} (guide)"


def next_due(runtime: Runtime, feed: Feed, now: datetime) -> datetime:
    """When it is fetched again if nothing goes wrong."""
    return now + timedelta(seconds=interval_of(feed, runtime.settings.of(PlaylistSettings)))
