"""Tables of hand-overs to download clients, and of what is not handed over again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import sqlalchemy as sa

from nightcrew.kernel.rows import Word, column, table_of, text
from nightcrew.kernel.store import Id
from nightcrew.movies.columns import MAX_REASON, MAX_TITLE
from nightcrew.movies.handover.rules import Cause, HandoverState, HandoverWatch


@dataclass(frozen=True, slots=True)
class HandoverEntry:
    """A source of a film at a download client. A film has one at a time that has not ended."""

    id: Annotated[int, column(Id, primary_key=True)]
    movie_id: Annotated[int, column(Id, index=True)]
    source_id: Annotated[int, column(Id)]
    connection_id: Annotated[int, column(Id)]
    swarm: Annotated[str, text(40, index=True)]
    title: Annotated[str, text(MAX_TITLE)]
    size: Annotated[int | None, column(sa.BigInteger)]  # bytes, as the source says
    state: Annotated[HandoverState, column(Word(HandoverState, 20))]
    cause: Annotated[Cause | None, column(Word(Cause, 20))]
    reason: Annotated[str, text(MAX_REASON)]
    waited: float  # seconds without progress
    missed: float  # seconds in which the client did not have it
    got: Annotated[int, column(sa.BigInteger)]  # bytes that have come
    progress: float
    seeds: int
    eta_s: float | None
    path: Annotated[str, text(1000)]  # the folder that the client saves it in, as it says
    begun_at: datetime
    looked_at: datetime
    ended_at: datetime | None
    due_at: Annotated[datetime | None, column(index=True)]
    holder: Annotated[str | None, text(100)]
    until: datetime | None
    failures: int  # looks in a row in which the client could not be asked

    @property
    def watch(self) -> HandoverWatch:
        """What the rules go by."""
        return HandoverWatch(self.state, self.looked_at, self.waited, self.missed, self.got, self.cause, self.reason)


@dataclass(frozen=True, slots=True)
class BlockedSource:
    """What is not handed over again for a film, by one of its fingerprints. For another film it may be right."""

    movie_id: Annotated[int, column(Id, primary_key=True)]
    fingerprint: Annotated[str, text(300, primary_key=True)]
    title: Annotated[str, text(MAX_TITLE)]
    reason: Annotated[str, text(MAX_REASON)]
    blocked_at: datetime


handover = table_of("movie_handover", HandoverEntry, sa.UniqueConstraint("movie_id", "swarm"))
sa.Index(
    "ix_movie_handover_open",
    handover.c.movie_id,
    unique=True,
    sqlite_where=handover.c.ended_at.is_(None),
    postgresql_where=handover.c.ended_at.is_(None),
)
blocked = table_of("movie_blocked", BlockedSource)
