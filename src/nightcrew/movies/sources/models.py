"""Tables of films' sources, how a source may stand, and the frozen rows that leave the stores."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import sqlalchemy as sa

from nightcrew.kernel.due import urgency
from nightcrew.kernel.errors import Conflict
from nightcrew.kernel.rows import Json, Word, column, table_of, text
from nightcrew.kernel.store import Id
from nightcrew.movies.columns import MAX_REASON, MAX_TITLE, index_of


class SourceState(StrEnum):
    """How a source of a film stands."""

    FOUND = "found"
    """An indexer offers it. What it says of it is a claim."""
    UNREAD = "unread"
    """There is a magnet link alone, so that nobody has looked at its files yet."""
    VERIFIED = "verified"
    """Its files were read, and they may be the film."""
    REFUSED = "refused"
    """Its files, or its name, are not those of the film."""
    MARKED = "marked"
    """Nobody offered or seeded it when it was looked at last."""
    GONE = "gone"
    """That was so several times."""


SOURCE_MOVES: dict[SourceState, frozenset[SourceState]] = {
    SourceState.FOUND: frozenset(
        {SourceState.UNREAD, SourceState.VERIFIED, SourceState.REFUSED, SourceState.MARKED, SourceState.GONE}
    ),
    SourceState.UNREAD: frozenset(
        {SourceState.FOUND, SourceState.VERIFIED, SourceState.REFUSED, SourceState.MARKED, SourceState.GONE}
    ),
    SourceState.VERIFIED: frozenset({SourceState.REFUSED, SourceState.MARKED}),
    SourceState.REFUSED: frozenset(
        {SourceState.FOUND}
    ),  # a person says that it is the film, or another name of it does
    SourceState.MARKED: frozenset(
        {SourceState.FOUND, SourceState.VERIFIED, SourceState.UNREAD, SourceState.REFUSED, SourceState.GONE}
    ),
    SourceState.GONE: frozenset({SourceState.FOUND}),
}
"""The moves that there are."""
USABLE = frozenset({SourceState.VERIFIED, SourceState.UNREAD})
"""States of a source that may be a film's best."""


def check_source_move(now: SourceState, to: SourceState) -> None:
    """Raises `Conflict` for a move that there is not."""
    if to is not now and to not in SOURCE_MOVES[now]:
        raise Conflict(f"a source cannot go from {now.value} to {to.value}")


@dataclass(frozen=True, slots=True)
class MovieSearch:
    """A film at one indexer: when it is asked next, and what came of it. So an indexer's limits hold up no other."""

    id: Annotated[int, column(Id, primary_key=True)]
    movie_id: Annotated[int, column(Id, index=True)]
    connection_id: Annotated[int, column(Id)]
    priority: int  # 1 since a person asks
    due_at: datetime | None
    holder: Annotated[str | None, text(100)]
    until: datetime | None
    asked_at: datetime | None
    answered_at: datetime | None
    in_vain: int  # answers in a row without anything new
    failures: int  # in a row
    reason: Annotated[str, text(MAX_REASON)]


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """A torrent that indexers offer for a film. `fingerprint`: its swarm's hash, else the indexer and its id there.

    `connection_id`: an indexer that offers it, from which its torrent file is to be had.
    """

    id: Annotated[int, column(Id, primary_key=True)]
    movie_id: Annotated[int, column(Id, index=True)]
    connection_id: Annotated[int, column(Id, index=True)]
    fingerprint: Annotated[str, text(200)]
    title: Annotated[str, text(MAX_TITLE)]
    swarm: Annotated[str, text(40, index=True)]  # the hash that trackers know, or empty
    hash_v2: Annotated[str, text(64)]
    size: Annotated[int | None, column(sa.BigInteger)]  # bytes: as claimed, then as its files say
    claimed_seeds: int | None
    claimed_leechers: int | None
    published_at: datetime | None
    found_at: datetime
    seen_at: datetime  # when an indexer offered it last
    state: Annotated[SourceState, column(Word(SourceState, 20), index=True)]
    reason: Annotated[str, text(MAX_REASON)]
    final: bool  # a person's word: no check changes it
    private: bool
    files: Annotated[list[list[Any]], column(Json)]  # [path, bytes], the first hundred
    file_count: int
    release: Annotated[dict[str, Any], column(Json)]  # what its name says
    score: float
    parts: Annotated[list[list[Any]], column(Json)]  # [name, points, words]
    unfit: Annotated[str, text(MAX_REASON)]  # why the quality profile does not take it
    seeds: int | None  # by the best of its trackers; None: no tracker knows it
    leechers: int | None
    completed: int | None
    counted_at: datetime | None
    file_due_at: Annotated[datetime | None, column(index=True)]
    file_holder: Annotated[str | None, text(100)]
    file_until: datetime | None
    file_failures: int
    stats_due_at: Annotated[datetime | None, column(index=True)]
    stats_holder: Annotated[str | None, text(100)]
    stats_until: datetime | None
    stats_wait_h: float  # hours between the last two looks
    resync_due_at: Annotated[datetime | None, column(index=True)]
    resync_holder: Annotated[str | None, text(100)]
    resync_until: datetime | None
    missed: int  # looks in a row at which nobody offered or seeded it


@dataclass(frozen=True, slots=True)
class SourceOffer:
    """That an indexer offers a source. `reach` is sealed: where its torrent is, which may hold a login."""

    source_id: Annotated[int, column(Id, primary_key=True)]
    connection_id: Annotated[int, column(Id, primary_key=True)]
    guid: Annotated[str, text(500)]
    reach: str
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """How many seeded and fetched a source at a time."""

    source_id: Annotated[int, column(Id, primary_key=True)]
    at: Annotated[datetime, column(primary_key=True)]
    seeds: int
    leechers: int


@dataclass(frozen=True, slots=True)
class TrackerEntry:
    """A tracker, and what was learnt of it. `address` is sealed, since it may hold a passkey; `host` is shown."""

    id: Annotated[int, column(Id, primary_key=True)]
    key: Annotated[str, text(64, unique=True)]  # a keyed hash of its address
    host: Annotated[str, text(300)]
    address: str
    memory: Annotated[dict[str, Any], column(Json)]
    asked_at: datetime | None
    free_at: datetime | None  # it is not asked before
    failures: int
    reason: Annotated[str, text(MAX_REASON)]


@dataclass(frozen=True, slots=True)
class SwarmCount:
    """What one tracker says of one swarm. All counts are None until it has answered."""

    swarm: Annotated[str, text(40, primary_key=True)]
    tracker_id: Annotated[int, column(Id, primary_key=True, index=True)]
    seeds: int | None
    leechers: int | None
    completed: int | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class TaskSample:
    """What a task did in the time until `at`, and what waited for it then, over all nodes."""

    at: Annotated[datetime, column(primary_key=True)]
    task: Annotated[str, text(40, primary_key=True)]
    node: Annotated[str, text(100, primary_key=True)]
    done: int
    failed: int
    backlog: int


search = table_of("movie_search", MovieSearch, sa.UniqueConstraint("movie_id", "connection_id"))
source = table_of("movie_source", SourceEntry, sa.UniqueConstraint("movie_id", "fingerprint"))
offer = table_of("movie_source_offer", SourceOffer)
health = table_of("movie_source_health", SourceHealth)
tracker = table_of("movie_tracker", TrackerEntry)
swarm_count = table_of("movie_swarm", SwarmCount)
sample = table_of("movie_task_sample", TaskSample)

SEARCH_ORDER = (urgency(-search.c.priority, search.c.due_at),)
"""Whom a person asks for comes first, then who has waited longest."""
FILE_ORDER = (source.c.file_failures != sa.literal_column("0"), source.c.score.desc(), source.c.file_due_at)
"""The best source comes first; those that could not be read go behind the others."""

sa.Index("ix_movie_search_turn", search.c.connection_id, search.c.due_at)
sa.Index("ix_movie_search_queue", search.c.connection_id, *SEARCH_ORDER, search.c.id)
index_of("ix_movie_search_held", search.c.until)
index_of("ix_movie_source_files", source.c.file_due_at, source.c.connection_id, source.c.file_due_at)
index_of("ix_movie_source_queue", source.c.file_due_at, source.c.connection_id, *FILE_ORDER, source.c.id)
index_of("ix_movie_source_reading", source.c.file_until)
index_of("ix_movie_source_counting", source.c.stats_until)
index_of("ix_movie_source_resyncing", source.c.resync_until)
