"""What the commands about sources use of the API's answers. A test holds the fields to what the API says of itself."""

from __future__ import annotations

from typing import TypedDict


class RankPartJson(TypedDict):
    """A part of a score."""

    points: float
    words: str


class MovieSourceJson(TypedDict):
    """A source of a film."""

    id: int
    title: str
    indexer: str
    state: str
    reason: str
    best: bool
    size: int | None
    score: float
    parts: list[RankPartJson]
    seeds: int | None
    claimed_seeds: int | None


class SearchJson(TypedDict):
    """A film at one indexer."""

    indexer: str
    due_at: str | None
    answered_at: str | None
    reason: str


class SourcesJson(TypedDict):
    """The sources of a film."""

    movie: str
    wanted: bool
    sources: list[MovieSourceJson]
    searches: list[SearchJson]


class SearchedJson(TypedDict):
    """What is done for a film."""

    movie: str
    wanted: bool


class SampleJson(TypedDict):
    """What a task did in a minute."""

    done: int
    failed: int


class TaskJson(TypedDict):
    """A task."""

    task: str
    title: str
    backlog: int
    samples: list[SampleJson]


class IndexerJson(TypedDict):
    """An indexer: a connection."""

    id: int
    kind: str
    name: str
    url: str
    state: str
    reason: str
    retry_at: str | None


class IndexerTestedJson(TypedDict):
    """What a test says."""

    ok: bool
    message: str
    facts: list[str]
