"""What the commands about hand-overs use of the API's answers. A test holds the fields to what the API says of itself."""

from __future__ import annotations

from typing import TypedDict


class HandoverJson(TypedDict):
    """A source at a download client."""

    id: int
    title: str
    state: str
    reason: str
    progress: float
    seeds: int


class GiveUpJson(TypedDict):
    """What giving one up would do."""

    title: str
    removed: str | None
    got: int
    shared: list[str]
    why: str


class BlockedJson(TypedDict):
    """What is not handed over again."""

    title: str
    reason: str
    blocked_at: str


class AllowedJson(TypedDict):
    """What may be handed over again."""

    allowed: list[str]


class PlannedFetchJson(TypedDict):
    """A film that would be handed over by itself."""

    movie_id: int
    movie: str
    title: str
    size: int | None
    at: str | None


class FetchPlanJson(TypedDict):
    """What would be handed over by itself."""

    on: bool
    client: str | None
    items: list[PlannedFetchJson]
