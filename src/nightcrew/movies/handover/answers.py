"""Hand-overs to download clients as scripts see them."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field

from nightcrew.movies.handover.fetching import FetchPlan
from nightcrew.web.answers import Answer, Bytes, Seconds
from nightcrew.web.answers import Moment as At

StateName = Literal["chosen", "sent", "metadata", "checking", "downloading", "stalled", "done", "failed", "replaced"]
RemovalName = Literal["none", "entry", "all"]
CauseName = Literal["refused", "rejected", "no_metadata", "stalled", "gone", "error"]


class HandoverRow(Answer):
    """A source of a film at a download client. `client`: the number of its connection. `path`: the folder as the client sees it."""

    id: int
    movie_id: int
    source_id: int
    client: Annotated[int, Field(validation_alias="connection_id")]
    title: str
    state: StateName
    cause: CauseName | None
    reason: str
    progress: Annotated[float, Field(description="The part of what is wanted that is there, from 0 to 1.")]
    got: Bytes
    size: Bytes | None
    seeds: int
    eta_s: Seconds | None
    path: str
    begun_at: At
    ended_at: At | None
    next_look_at: Annotated[At | None, Field(validation_alias="due_at")]


class GiveUpAnswer(Answer):
    """What giving a hand-over up would do. `removed` null: the client cannot be asked now, and `why` not.

    `shared`: films that have the same torrent, for which everything stays.
    """

    title: str
    removed: RemovalName | None
    got: Bytes
    shared: list[str]
    why: str


class AllowedAnswer(Answer):
    """Titles that were blocked for a film, and are not any more."""

    allowed: list[str]


class PlannedFetchRow(Answer):
    """A film that would be handed over by itself. `at`: when; null while it is switched off, or no client is connected."""

    movie_id: int
    movie: str
    source_id: int
    title: str
    size: Bytes | None
    at: At | None


class FetchPlanAnswer(Answer):
    """What would be handed over by itself, the first one first. `client`: its name; null when none is connected."""

    on: bool
    client: str | None
    items: list[PlannedFetchRow]

    @classmethod
    def made(cls, plan: FetchPlan) -> Self:
        """A plan as scripts see it."""
        timed = plan.on and plan.client is not None
        rows = [
            PlannedFetchRow.model_validate(
                {
                    "movie_id": one.film.id,
                    "movie": one.film.shown,
                    "source_id": one.source.id,
                    "title": one.source.title,
                    "size": one.source.size,
                    "at": one.at if timed else None,
                }
            )
            for one in plan.planned
        ]
        return cls(on=plan.on, client=plan.client.name if plan.client else None, items=rows)


class BlockedRow(Answer):
    """What is not handed over again for a film, by a fingerprint of it."""

    fingerprint: str
    title: str
    reason: str
    blocked_at: At
