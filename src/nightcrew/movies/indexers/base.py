"""What is asked of an indexer, what it answers, and how a kind of indexer is declared."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from nightcrew.kernel.connections.line import Line
from nightcrew.kernel.declare import ConnectionKind
from nightcrew.movies.torrents.magnet import Magnet


@dataclass(frozen=True, slots=True)
class Wanted:
    """A film that sources are wanted of. `imdb_id` is empty or like tt0123456, `tmdb_id` 0 when unknown."""

    imdb_id: str
    tmdb_id: int
    title: str
    original_title: str
    year: int | None


@dataclass(frozen=True, slots=True)
class Found:
    """A release as an indexer claims it, of whatever film. `info_hash`: 40 hex digits in small letters, or empty.

    `link` and `magnet` may carry an API key or a passkey: they are for the outside service that made them and for nobody else.
    """

    guid: str
    """The same for the same release of one indexer; without secrets."""
    title: str
    link: str = field(repr=False)
    """An http(s) address of a .torrent file, or one that redirects to it or to a magnet; empty when there is none."""
    magnet: str = field(repr=False)
    info_hash: str
    size: int | None
    seeds: int | None
    leechers: int | None
    published_at: datetime | None
    imdb_id: str
    year: int | None


class Offers(list[Found]):
    """What an indexer offers. `few`: what it offers besides, with fewer seeds than a person wants: that is there, and is not taken."""

    def __init__(self, found: Iterable[Found], least: int) -> None:
        every = list(found)
        self.few = [one for one in every if one.seeds is not None and one.seeds < least]
        super().__init__(one for one in every if one.seeds is None or one.seeds >= least)


Search = Callable[[Line, Wanted], Awaitable[Offers]]
"""Releases that may be of a film. Raises as `Line.ask`."""
Fetch = Callable[[Line, Found], Awaitable[bytes | Magnet]]
"""The .torrent file of a release, unread, or its magnet. Raises as `Line.ask`, and `GiveUp` when there is neither."""


@dataclass(frozen=True, slots=True)
class IndexerKind:
    """A kind of indexer that people connect."""

    kind: ConnectionKind
    search: Search
    fetch: Fetch
