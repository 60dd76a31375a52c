"""What the commands of the catalogue use of the API's answers. A test holds the fields to what the API says of itself."""

from __future__ import annotations

from typing import TypedDict


class MovieJson(TypedDict):
    """A movie."""

    id: int
    title: str
    released_on: str
    runtime_min: int | None
    genres: list[str]
    vote_average: float
    wanted: bool
    imdb_id: str


class MovieDetailJson(MovieJson):
    """A movie with more of it."""

    overview: str
    original_title: str
    status: str
    titles: list[str]
    synced_at: str | None


class ShowJson(TypedDict):
    """A show."""

    id: int
    title: str
    first_on: str
    last_on: str
    status: str
    season_count: int
    episode_count: int
    reason: str


class EpisodeJson(TypedDict):
    """An episode."""

    number: int
    name: str
    air_on: str


class SeasonJson(TypedDict):
    """A season."""

    number: int
    name: str
    air_on: str
    episode_count: int
    complete: bool
    episodes: list[EpisodeJson]


class ShowDetailJson(ShowJson):
    """A show with its seasons."""

    overview: str
    seasons: list[SeasonJson]


class MediaListJson(TypedDict):
    """A list."""

    id: int
    name: str
    medium: str
    path: str
    size: int
    wanted: bool
    enabled: bool
    refreshed_at: str | None
    due_at: str | None
    reason: str


class ListRemovalJson(TypedDict):
    """What the removal of a list does."""

    name: str
    titles: int
    unwanted: int
    removed: bool
