"""Tables of movies, shows and lists, and the frozen rows that leave the stores.

Dates without a time are texts, `YYYY-MM-DD`, empty where nobody knows them: TMDB has many of those.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import sqlalchemy as sa

from nightcrew.kernel.rows import Json, Word, column, table_of, text
from nightcrew.kernel.store import Id
from nightcrew.movies.columns import MAX_NAME, MAX_REASON, MAX_TITLE, index_of


class Medium(StrEnum):
    """What a list lists."""

    MOVIE = "movie"
    SHOW = "show"


@dataclass(frozen=True, slots=True)
class MovieEntry:
    """A film as TMDB knows it, and when its sources are searched for."""

    id: Annotated[int, column(Id, primary_key=True)]
    tmdb_id: Annotated[int, column(unique=True)]
    imdb_id: Annotated[str, text(20, index=True)]  # "tt0123456", or empty
    title: Annotated[str, text(MAX_TITLE)]
    original_title: Annotated[str, text(MAX_TITLE)]
    titles: Annotated[tuple[str, ...], column(Json)]  # further ones, such as translations
    language: Annotated[str, text(10)]  # in which it was made (ISO 639-1)
    overview: str
    released_on: Annotated[str, text(10)]
    runtime_min: int | None
    genres: Annotated[tuple[str, ...], column(Json)]
    poster: Annotated[str, text(200)]  # as TMDB names it, with its slash
    backdrop: Annotated[str, text(200)]
    popularity: Annotated[float, column(index=True)]
    vote_average: float
    vote_count: int
    status: Annotated[str, text(40)]  # in TMDB's words
    gone: bool  # TMDB has it no longer
    wanted: bool  # its sources are searched for
    added_at: datetime
    changed_at: datetime
    synced_at: datetime | None  # when all that TMDB says was read; until then it is what a list says
    sync_due_at: Annotated[datetime | None, column(index=True)]
    sync_holder: Annotated[str | None, text(100)]
    sync_until: datetime | None
    sync_failures: int
    search_due_at: (
        datetime | None
    )  # from when on its sources are to be searched for, until each indexer has been given that
    best_id: Annotated[int | None, column(Id)]  # the source that is best
    best_at: datetime | None

    @property
    def year(self) -> int | None:
        """When it came out."""
        return int(self.released_on[:4]) if self.released_on else None

    @property
    def shown(self) -> str:
        """What people call it."""
        return f"{self.title} ({self.year})" if self.year else self.title


@dataclass(frozen=True, slots=True)
class ShowEntry:
    """A show as TMDB knows it, and when its seasons are read."""

    id: Annotated[int, column(Id, primary_key=True)]
    tmdb_id: Annotated[int, column(unique=True)]
    imdb_id: Annotated[str, text(20)]
    title: Annotated[str, text(MAX_TITLE)]
    original_title: Annotated[str, text(MAX_TITLE)]
    titles: Annotated[tuple[str, ...], column(Json)]
    language: Annotated[str, text(10)]
    overview: str
    first_on: Annotated[str, text(10)]
    last_on: Annotated[str, text(10)]
    status: Annotated[str, text(40)]
    season_count: int  # as the show itself says, without specials
    episode_count: int
    genres: Annotated[tuple[str, ...], column(Json)]
    poster: Annotated[str, text(200)]
    backdrop: Annotated[str, text(200)]
    popularity: Annotated[float, column(index=True)]
    vote_average: float
    vote_count: int
    gone: bool
    added_at: datetime
    changed_at: datetime
    synced_at: datetime | None
    due_at: Annotated[datetime | None, column(index=True)]  # when its seasons are read next
    holder: Annotated[str | None, text(100)]
    until: datetime | None
    failures: int
    reason: Annotated[str, text(MAX_REASON)]

    @property
    def year(self) -> int | None:
        """When it began."""
        return int(self.first_on[:4]) if self.first_on else None

    @property
    def shown(self) -> str:
        """What people call it."""
        return f"{self.title} ({self.year})" if self.year else self.title


@dataclass(frozen=True, slots=True)
class SeasonEntry:
    """A season. `complete`: all of its episodes are known, and have been on the air."""

    id: Annotated[int, column(Id, primary_key=True)]
    show_id: Annotated[int, column(Id, index=True)]
    number: int  # 0: specials
    name: Annotated[str, text(MAX_TITLE)]
    overview: str
    poster: Annotated[str, text(200)]
    air_on: Annotated[str, text(10)]
    episode_count: int  # as the show says
    complete: bool
    synced_at: datetime | None


@dataclass(frozen=True, slots=True)
class EpisodeEntry:
    """An episode."""

    id: Annotated[int, column(Id, primary_key=True)]
    season_id: Annotated[int, column(Id, index=True)]
    number: int
    name: Annotated[str, text(MAX_TITLE)]
    overview: str
    air_on: Annotated[str, text(10)]
    runtime_min: int | None
    still: Annotated[str, text(200)]
    vote_average: float


@dataclass(frozen=True, slots=True)
class MediaList:
    """A list of TMDB's, or a query of a person's. `wanted`: sources of its films are searched for."""

    id: Annotated[int, column(Id, primary_key=True)]
    name: Annotated[str, text(MAX_NAME, unique=True)]
    medium: Annotated[Medium, column(Word(Medium, 10))]
    path: Annotated[str, text(200)]
    params: Annotated[dict[str, str], column(Json)]
    pages: int  # that are read, 20 titles each
    wanted: bool
    enabled: bool
    size: int  # titles as of the last good reading
    held_times: int  # how often in a row it came back much smaller, so that it was not taken
    due_at: Annotated[datetime | None, column(index=True)]
    holder: Annotated[str | None, text(100)]
    until: datetime | None
    refreshed_at: datetime | None
    failures: int
    reason: Annotated[str, text(MAX_REASON)]


@dataclass(frozen=True, slots=True)
class ListPlace:
    """A title's place in a list, from 1 on."""

    list_id: Annotated[int, column(Id, primary_key=True)]
    tmdb_id: Annotated[int, column(primary_key=True)]
    rank: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Up to which moment the changes of a medium are known, and when they are asked for next."""

    medium: Annotated[Medium, column(Word(Medium, 10), primary_key=True)]
    known_to: datetime
    due_at: Annotated[datetime | None, column(index=True)]
    holder: Annotated[str | None, text(100)]
    until: datetime | None
    failures: int
    reason: Annotated[str, text(MAX_REASON)]


movie = table_of("movie", MovieEntry)
show = table_of("show", ShowEntry)
season = table_of("show_season", SeasonEntry, sa.UniqueConstraint("show_id", "number"))
episode = table_of("show_episode", EpisodeEntry, sa.UniqueConstraint("season_id", "number"))
media_list = table_of("media_list", MediaList)
list_place = table_of("media_list_place", ListPlace)
checkpoint = table_of("movie_checkpoint", Checkpoint)

sa.Index("ix_movie_wanted", movie.c.wanted, movie.c.search_due_at)
index_of("ix_movie_best", movie.c.best_id)
index_of("ix_movie_held", movie.c.sync_until)
