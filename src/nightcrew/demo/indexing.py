"""What can be switched at the indexers of a world."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from .releases import DemoRelease, ReleaseShelf

Link = Literal["torrent", "302", "301", "hop", "empty", "html", "relative", "gone"]
"""What a release's link does: a file; a redirect to a magnet, at once or after another hop; none; a page; a file at a
relative link; 410."""
USUAL: tuple[Link, ...] = ("torrent", "302", "torrent", "empty")


@dataclass
class DemoError:
    """An error with its XML body. `retry_after` in seconds, None: not said."""

    status: int
    code: int
    description: str
    retry_after: int | None = None


@dataclass
class Indexers:
    """Switches of all indexers of a world."""

    shelf: ReleaseShelf = field(default_factory=ReleaseShelf)
    trackers: tuple[str, ...] = ()
    """Addresses that stand in torrents and magnets."""
    movie_params: str | None = "q,imdbid,tmdbid,year"
    """What the movie search takes, as declared; None: there is none."""
    refuses: DemoError | None = None
    """What movie searches are answered, whatever is declared."""
    errors: list[DemoError] = field(default_factory=list)
    """What the next requests are answered, one each."""
    error: DemoError | None = None
    """What all requests are answered."""
    html: bool = False
    """A page for people instead, with status 200."""
    untold: bool = False
    """Sizes, hashes, magnets, ids and dates are left out."""
    placeholders: bool = False
    """Each release has one seed, as the indexer knows none."""
    dates: Literal["real", "now", "same"] = "real"
    links: tuple[Link, ...] = USUAL
    """By the number of the release, over and over."""
    only_others: bool = False
    """Other films are all that is found."""
    asked: deque[dict[str, str]] = field(default_factory=lambda: deque(maxlen=1_000))
    """The last queries that came, without the key."""

    def link_of(self, release: DemoRelease) -> Link:
        return self.links[release.number % len(self.links)]

    def next_error(self) -> DemoError | None:
        """What the request at hand is answered instead."""
        return self.errors.pop(0) if self.errors else self.error
