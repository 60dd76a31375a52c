"""Movies, shows and lists as scripts see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from nightcrew.movies.catalogue.models import EpisodeEntry, MediaList, MovieEntry, SeasonEntry, ShowEntry
from nightcrew.web.answers import Answer
from nightcrew.web.answers import Moment as At

Day = Annotated[str, Field(description="YYYY-MM-DD; empty where nobody knows it.")]
Picture = Annotated[
    str, Field(description="A path of this server, with {size} for w185, w342, w780 and so on; empty: none.")
]
MediumName = Literal["movie", "show"]
OrderName = Literal["popular", "rated", "newest", "title", "added", "rank"]
ListName = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
Params = Annotated[dict[str, str], Field(max_length=30)]


def picture(path: str) -> str:
    """Where this server has a picture that TMDB names so."""
    return f"/movies/images/{{size}}{path}" if path else ""


class TitleRow(Answer):
    """What movies and shows have in common."""

    id: int
    tmdb_id: int
    imdb_id: str
    title: str
    original_title: str
    language: str
    overview: str
    genres: list[str]
    poster: Picture
    backdrop: Picture
    popularity: float
    vote_average: float
    vote_count: int
    status: str
    gone: bool = Field(description="TMDB has it no longer.")
    added_at: At
    synced_at: At | None = Field(description="When all of its details were read.")


def _common(row: MovieEntry | ShowEntry) -> dict[str, Any]:
    return {"genres": list(row.genres), "poster": picture(row.poster), "backdrop": picture(row.backdrop)}


class MovieRow(TitleRow):
    """A movie. `wanted`: sources of it are searched for."""

    released_on: Day
    runtime_min: int | None
    wanted: bool

    @classmethod
    def made(cls, row: MovieEntry) -> Self:
        """From its row."""
        return cls.of(row, **_common(row))


class ShowRow(TitleRow):
    """A show. `due_at`: when its seasons are read next; `reason`: why that did not work the last time."""

    first_on: Day
    last_on: Day
    season_count: int
    episode_count: int
    due_at: At | None
    reason: str

    @classmethod
    def made(cls, row: ShowEntry) -> Self:
        """From its row."""
        return cls.of(row, **_common(row))


class ListedAt(Answer):
    """A list that has a title."""

    id: int
    name: str
    rank: int


class MovieDetail(MovieRow):
    """A movie with its further titles, and the lists that have it."""

    titles: list[str]
    lists: list[ListedAt]


class EpisodeRow(Answer):
    """An episode."""

    number: int
    name: str
    overview: str
    air_on: Day
    runtime_min: int | None
    still: Picture

    @classmethod
    def made(cls, row: EpisodeEntry) -> Self:
        """From its row."""
        return cls.of(row, still=picture(row.still))


class SeasonRow(Answer):
    """A season. `complete`: all of its episodes are known and were on the air."""

    number: int
    name: str
    air_on: Day
    episode_count: int
    complete: bool
    poster: Picture
    episodes: list[EpisodeRow]

    @classmethod
    def made(cls, row: SeasonEntry, episodes: Sequence[EpisodeEntry]) -> Self:
        """With its episodes."""
        return cls.of(row, poster=picture(row.poster), episodes=[EpisodeRow.made(one) for one in episodes])


class ShowDetail(ShowRow):
    """A show with its seasons, specials last, and the lists that have it."""

    titles: list[str]
    seasons: list[SeasonRow]
    lists: list[ListedAt]


class ListRow(Answer):
    """A list. `size`: titles as of the last good reading; `reason`: why the last one was not taken.

    `held_times`: how often in a row it came back much smaller, so that it was not taken.
    """

    id: int
    name: str
    medium: MediumName
    path: str
    params: dict[str, str]
    pages: int
    wanted: bool
    enabled: bool
    size: int
    held_times: int
    due_at: At | None
    refreshed_at: At | None
    failures: int
    reason: str


class NewMediaList(BaseModel):
    """A list of TMDB's, or with `discover/movie` and `discover/tv` a query. `wanted`: sources of its movies are searched for."""

    model_config = ConfigDict(extra="forbid")

    name: ListName
    medium: MediumName
    path: Annotated[str, Field(max_length=100)]
    params: Params = Field(default_factory=dict)
    pages: Annotated[int, Field(ge=1, le=50)] = 5
    wanted: bool = False


class MediaListChange(BaseModel):
    """What is to be different. What is left out stays."""

    model_config = ConfigDict(extra="forbid")

    name: ListName | None = None
    path: Annotated[str, Field(max_length=100)] | None = None
    params: Params | None = None
    pages: Annotated[int, Field(ge=1, le=50)] | None = None
    wanted: bool | None = None
    enabled: bool | None = None

    def given(self) -> Mapping[str, Any]:
        """What was said."""
        return {name: value for name, value in self.model_dump(exclude_unset=True).items() if value is not None}


class ListRemoval(Answer):
    """What the removal of a list does: its titles stay, and so many movies are searched for no longer."""

    name: str
    titles: int
    unwanted: int
    removed: bool


def listed(found: Sequence[tuple[MediaList, int]]) -> list[ListedAt]:
    """The lists that have a title."""
    return [ListedAt(id=one.id, name=one.name, rank=rank) for one, rank in found]
