"""How movies and shows stand: states in words, what needs a person, figures for the first page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nightcrew.kernel.declare import Look, Need
from nightcrew.kernel.errors import NeedsUser
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.words import counted
from nightcrew.movies.catalogue import standing as catalogue_standing
from nightcrew.movies.handover import following as handovers
from nightcrew.movies.handover.rules import HandoverState
from nightcrew.movies.quality import taste
from nightcrew.movies.settings import MovieSettings
from nightcrew.movies.sources import crew
from nightcrew.movies.sources.models import SourceState
from nightcrew.movies.store import totals

STATES: Mapping[str, tuple[Look, str]] = {
    "list.new": ("wait", "not read yet"),
    "list.fresh": ("ok", "as TMDB has it"),
    "list.held": ("warn", "held back"),
    "list.failing": ("bad", "cannot be read"),
    "list.paused": ("off", "paused"),
    "season.open": ("run", "not complete"),
    f"source.{SourceState.FOUND}": ("wait", "not checked yet"),
    f"source.{SourceState.UNREAD}": ("warn", "magnet link only"),
    f"source.{SourceState.VERIFIED}": ("ok", "checked"),
    f"source.{SourceState.REFUSED}": ("bad", "refused"),
    f"source.{SourceState.MARKED}": ("warn", "not offered now"),
    f"source.{SourceState.GONE}": ("off", "gone"),
    f"handover.{HandoverState.CHOSEN}": ("wait", "chosen"),
    f"handover.{HandoverState.SENT}": ("wait", "sent"),
    f"handover.{HandoverState.METADATA}": ("wait", "asking what is in it"),
    f"handover.{HandoverState.CHECKING}": ("run", "checking its files"),
    f"handover.{HandoverState.DOWNLOADING}": ("run", "downloading"),
    f"handover.{HandoverState.STALLED}": ("warn", "stalled"),
    f"handover.{HandoverState.DONE}": ("ok", "there"),
    f"handover.{HandoverState.FAILED}": ("bad", "failed"),
    f"handover.{HandoverState.REPLACED}": ("off", "given up"),
}


async def needs(runtime: Runtime) -> list[Need]:
    """A profile that is not there, and films that nobody can be asked for."""
    found = await catalogue_standing.needs(runtime)
    try:
        await taste.in_use(runtime)
    except NeedsUser as exc:
        found.append(Need("error", str(exc), "/settings", key="movies.profile"))
    figures = await totals.figures(runtime.store)
    if figures["wanted"] and not await crew.indexers(runtime):
        said = f"{counted(figures['wanted'], 'film')} cannot be searched for: no indexer is connected"
        found.append(Need("info", said, "/connections", key="movies.indexers"))
    if runtime.settings.of(MovieSettings).fetch and not await handovers.clients(runtime):
        said = "films are to be fetched by themselves, but no download client is connected"
        found.append(Need("info", said, "/connections", key="movies.clients"))
    return found


async def overview(runtime: Runtime) -> dict[str, Any]:
    """Figures of the first page."""
    return dict(await totals.figures(runtime.store))
