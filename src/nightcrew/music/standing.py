"""How music stands: the words for its states, what needs a person, the figures of the first page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nightcrew.kernel.declare import Look, Need
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.words import counted
from nightcrew.music import clients, library
from nightcrew.music.store import downloads, wanted

STATES: Mapping[str, tuple[Look, str]] = {
    "wanted.missing": ("wait", "missing"),
    "wanted.searching": ("run", "searching"),
    "wanted.matching": ("run", "matching"),
    "wanted.review": ("warn", "needs a choice"),
    "wanted.downloading": ("run", "downloading"),
    "wanted.better": ("ok", "in the library, better file wanted"),
    "wanted.owned": ("ok", "in the library"),
    "wanted.ignored": ("off", "ignored"),
    "wanted.unlisted": ("off", "no longer wanted"),
    "download.queued": ("wait", "queued"),
    "download.running": ("run", "running"),
    "download.completed": ("ok", "completed"),
    "download.failed": ("bad", "failed"),
    "download.cancelled": ("off", "cancelled"),
    "download.dead": ("bad", "given up"),
    "service.ok": ("ok", "ok"),
    "service.failed": ("bad", "failed"),
    "service.skipped": ("off", "skipped"),
    "sync.running": ("run", "running"),
    "sync.completed": ("ok", "completed"),
    "sync.partial": ("warn", "partial"),
}


async def needs(runtime: Runtime) -> list[Need]:
    """Files to choose, files that cannot be imported, many tracks that are gone at once, and a slskd that is missing."""
    counts = await wanted.counts(runtime.store)
    found: list[Need] = []
    if review := counts.get("review", 0):
        said = f"{counted(review, 'track')} {'waits' if review == 1 else 'wait'} for you to choose a file"
        found.append(Need("warning", said, "/music?show=review", key="music.review"))
    for row in await downloads.unfinished(runtime.store):
        if row.error:
            name = row.path.replace("\\", "/").rpartition("/")[2]
            found.append(
                Need("warning", f"{name} waits to be imported: {row.error}", "/music", key=f"music.import.{row.id}")
            )
    if lost := await library.held(runtime):
        said = (
            f"No library has {counted(lost, 'track')} any more. Is a disk not mounted, or a media server not connected? They are not "
            f"fetched again; if they really are gone: nightcrew music accept {library.GONE}"
        )
        found.append(Need("warning", said, "/music", key="music.gone"))
    if counts.get("missing", 0) and await clients.slskd(runtime) is None:
        said = f"{counted(counts['missing'], 'track')} cannot be searched for: no slskd is connected"
        found.append(Need("info", said, "/connections", key="music.slskd"))
    return found


async def overview(runtime: Runtime) -> dict[str, Any]:
    """Figures of the first page."""
    counts = await wanted.counts(runtime.store)
    active = await downloads.counts(runtime.store)
    return {
        "wanted": sum(number for state, number in counts.items() if state not in {"owned", "ignored", "unlisted"}),
        "owned": counts.get("owned", 0),
        "downloading": active.running + active.queued,
    }
