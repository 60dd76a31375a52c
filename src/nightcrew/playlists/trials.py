"""The kinds of connections that sources have, and what the button Test says of one."""

from __future__ import annotations

from nightcrew.kernel.connections.owned import number_of
from nightcrew.kernel.declare import Allowance, OwnedKind
from nightcrew.kernel.errors import NotFound
from nightcrew.kernel.http import Limits
from nightcrew.kernel.runtime import Runtime
from nightcrew.playlists.providers import KINDS, Adapters
from nightcrew.playlists.providers.base import Fetch
from nightcrew.playlists.services import kind_name, owner_of
from nightcrew.playlists.store import sources

LONGEST_PAUSE = 600.0
"""Seconds: a provider that is back is asked again about as soon as its lists would be refreshed."""


async def test(runtime: Runtime, owner: str) -> list[str]:
    """Whether a source's provider answers as it should. Raises as a refresh would."""
    source = await sources.get(runtime.store, runtime.vault, number_of(owner))
    adapters = runtime.part(Adapters)
    is_guide = owner == owner_of(source.id, "guide")
    asked = adapters.guide_of(source) if is_guide else adapters.of(source)
    if asked is None:
        raise NotFound(f"{source.name} no longer has a guide")
    feeds = [feed for feed in await sources.feeds(runtime.store, source_id=source.id) if feed.kind == "channels"]
    fetch = Fetch(runtime.http, runtime.data_dir / "tmp", Limits(), max_entries=0)
    if feeds:
        fetch = Fetch(fetch.http, fetch.folder, fetch.limits, 0, lang=feeds[0].lang, region=feeds[0].region)
    return await asked.try_out(fetch)


OWNED = tuple(
    OwnedKind(kind_name(name), kind.title, "/sources#source-{}", test, Allowance(longest_pause=LONGEST_PAUSE))
    for name, kind in KINDS.items()
)
