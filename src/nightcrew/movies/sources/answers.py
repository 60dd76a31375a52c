"""Sources of films, searches, tasks and quality profiles as scripts see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Self

from pydantic import Field

from nightcrew.movies.sources.models import MovieSearch, SourceEntry, TaskSample
from nightcrew.web.answers import Answer, Bytes
from nightcrew.web.answers import Moment as At

SourceStateName = Literal["found", "unread", "verified", "refused", "marked", "gone"]


class RankPartAnswer(Answer):
    """A part of a score: what it is for, its points, and why."""

    name: str
    points: float
    words: str


class FileAnswer(Answer):
    """A file of a torrent."""

    path: str
    size: Bytes


class MovieSourceRow(Answer):
    """A source of a film. `seeds` and `leechers`: as trackers counted them, null while none knows it; until then there are claims.

    `unfit`: why the quality profile does not take it. `file_due_at`, `stats_due_at`, `resync_due_at`: when its torrent file is read,
    its seeds are counted, and it is looked at again.
    """

    id: int
    title: str
    indexer: str
    state: SourceStateName
    reason: str
    best: bool
    hash: Annotated[str, Field(validation_alias="swarm")]
    hash_v2: str
    size: Bytes | None
    private: bool
    score: float
    parts: list[RankPartAnswer]
    unfit: str
    files: list[FileAnswer]
    file_count: int
    seeds: int | None
    leechers: int | None
    completed: int | None
    counted_at: At | None
    claimed_seeds: int | None
    claimed_leechers: int | None
    published_at: At | None
    found_at: At
    seen_at: At
    file_due_at: At | None
    stats_due_at: At | None
    resync_due_at: At | None

    @classmethod
    def made(cls, row: SourceEntry, *, best_id: int | None, names: Mapping[int, str]) -> Self:
        """With what its indexer is called."""
        return cls.of(
            row,
            best=row.id == best_id,
            indexer=names.get(row.connection_id, ""),
            parts=[RankPartAnswer(name=one[0], points=one[1], words=one[2]) for one in row.parts],
            files=[FileAnswer(path=one[0], size=one[1]) for one in row.files],
        )


class SearchRow(Answer):
    """A film at one indexer: when it is asked next, and what came of it last."""

    indexer: str
    due_at: At | None
    asked_at: At | None
    answered_at: At | None
    in_vain: int
    failures: int
    reason: str

    @classmethod
    def made(cls, row: MovieSearch, names: Mapping[int, str]) -> Self:
        """With what its indexer is called."""
        return cls.of(row, indexer=names.get(row.connection_id, ""))


class SourcesAnswer(Answer):
    """The sources of a film, the best first, and how it stands at each indexer."""

    movie: str
    wanted: bool
    sources: list[MovieSourceRow]
    searches: list[SearchRow]


class SearchedAnswer(Answer):
    """What is done for a film."""

    movie: str
    wanted: bool


class SampleRow(Answer):
    """What a task did in the minute until `at` at one node, and what waited for it then."""

    at: At
    node: str
    done: int
    failed: int
    backlog: int


class TaskRow(Answer):
    """A task: what waits for it now, and what it did of late."""

    task: str
    title: str
    backlog: int
    samples: list[SampleRow]

    @classmethod
    def made(cls, task: str, title: str, backlog: int, rows: Sequence[TaskSample]) -> Self:
        """With its samples."""
        return cls(task=task, title=title, backlog=backlog, samples=[SampleRow.of(one) for one in rows])
