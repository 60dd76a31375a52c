"""What a source would give before it is added or changed: which of its channels a choice takes, and which it leaves out."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from nightcrew.kernel.errors import Invalid, Retry
from nightcrew.kernel.http import Limits
from nightcrew.kernel.runtime import Runtime
from nightcrew.playlists.models import MAX_NAME
from nightcrew.playlists.picking import Picks
from nightcrew.playlists.providers import KINDS
from nightcrew.playlists.providers.base import Fetch, SourceConfig, Unchanged
from nightcrew.playlists.rules import ListEntry, groups_of
from nightcrew.playlists.settings import PlaylistSettings

LONGEST = 60.0
"""Seconds for the whole list."""
GROUPS, NAMES = 200, 20
"""Groups that are shown, and names of channels."""
MOST_GROUPS = 20_000


@dataclass(slots=True)
class ImportPreview:
    """What a choice makes of a list."""

    entries: int = 0
    taken: int = 0
    groups: Counter[str] = field(default_factory=Counter)
    taken_of: Counter[str] = field(default_factory=Counter)
    names: list[str] = field(default_factory=list)
    """Some that are taken."""
    left_out: list[str] = field(default_factory=list)

    def count(self, entries: Iterable[ListEntry], picks: Picks) -> None:
        """More of the list."""
        for entry in entries:
            keeps = picks.keeps(entry)
            self.entries += 1
            self.taken += keeps
            for name in groups_of(entry.group[:MAX_NAME]):
                if name in self.groups or len(self.groups) < MOST_GROUPS:
                    self.groups[name] += 1
                    self.taken_of[name] += keeps
            some = self.names if keeps else self.left_out
            if len(some) < NAMES:
                some.append(entry.name[:MAX_NAME])

    @property
    def shown_groups(self) -> list[dict[str, Any]]:
        """The largest groups, with how many channels each has and how many of them are taken."""
        return [
            {"group": name, "channels": most, "taken": self.taken_of[name]}
            for name, most in self.groups.most_common(GROUPS)
        ]


async def preview(runtime: Runtime, kind: str, config: SourceConfig) -> ImportPreview:
    """Fetch a list and count; nothing is stored. Raises `Invalid` for a kind without channels, and as a refresh would."""
    opened = KINDS[kind].open
    if opened is None:
        raise Invalid("kind: a guide has no channels to choose from", field="kind")
    options = runtime.settings.of(PlaylistSettings)
    lang, region = next(iter(getattr(config, "locales", None) or options.LOCALES), ("", config.region))
    limits = Limits(max_bytes=options.max_playlist_mb << 20, seconds=LONGEST)
    fetch = Fetch(runtime.http, runtime.data_dir / "tmp", limits, options.max_channels, lang=lang, region=region)
    picks, found = Picks.of(config.model_dump()), ImportPreview()
    try:
        async with asyncio.timeout(LONGEST), opened(config).listing(fetch) as listing:
            if isinstance(listing, Unchanged):  # nobody said what is known
                raise Retry("the source says that nothing has changed, though it was not asked")
            async for batch in listing.batches:
                await asyncio.to_thread(found.count, batch, picks)
    except TimeoutError as exc:
        raise Retry(f"the list did not come within {LONGEST:g} s") from exc
    return found
