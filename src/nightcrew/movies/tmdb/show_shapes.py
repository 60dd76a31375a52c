"""What TMDB answers about a show: its seasons, and the episodes of those that were asked for. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from nightcrew.movies.catalogue.models import Medium
from nightcrew.movies.columns import MAX_TITLE
from nightcrew.movies.tmdb.reading import MAX_TEXT, day, image, imdb, inner, number, objects, real, text
from nightcrew.movies.tmdb.shapes import MAX_RUNTIME, TitleFacts, details_facts, titles_of

APPENDED = "season/"
"""How the names of parts begin that hold a season."""
MOST_SEASONS = 400
MOST_EPISODES = 2_000
MOST_PARTS = 1_000


@dataclass(frozen=True, slots=True)
class Episode:
    """An episode."""

    number: int
    name: str = ""
    overview: str = ""
    air_on: str = ""
    runtime_min: int | None = None
    still: str = ""
    vote_average: float | None = None


@dataclass(frozen=True, slots=True)
class Season:
    """A season. `episodes` None: they were not asked for. `count`: how many there are, as its show says."""

    number: int
    name: str = ""
    overview: str = ""
    poster: str = ""
    air_on: str = ""
    count: int = 0
    episodes: tuple[Episode, ...] | None = None


@dataclass(frozen=True, slots=True)
class ShowDetails:
    """A show with all of its seasons. `next_on`: when the next episode is on the air."""

    facts: TitleFacts
    imdb_id: str = ""
    titles: tuple[str, ...] = ()
    last_on: str = ""
    next_on: str = ""
    status: str = ""
    season_count: int | None = None
    episode_count: int | None = None
    seasons: tuple[Season, ...] = ()


def show_details(answer: Any, tmdb_id: int) -> ShowDetails:
    """A show, with the seasons that were appended. Raises as `shapes.film_details`."""
    facts = details_facts(answer, Medium.SHOW, tmdb_id)
    return ShowDetails(
        facts=facts,
        imdb_id=imdb(inner(answer, "external_ids").get("imdb_id")),
        titles=titles_of(answer, "name", facts),
        last_on=day(answer.get("last_air_date")),
        next_on=day(inner(answer, "next_episode_to_air").get("air_date")),
        status=text(answer.get("status"), 40),
        season_count=number(answer.get("number_of_seasons"), 10_000),
        episode_count=number(answer.get("number_of_episodes"), 1_000_000),
        seasons=tuple(_seasons(answer)),
    )


def season_of(answer: Any, place: int) -> Season | None:
    """A season with its episodes, as it stands alone or appended to its show; None for anything else."""
    if not isinstance(answer, dict) or not isinstance(answer.get("episodes"), list):
        return None
    if number(answer.get("season_number")) not in {None, place}:
        return None
    found: dict[int, Episode] = {}
    for one in objects(answer["episodes"], MOST_EPISODES):
        if (episode := _episode(one)) is not None:
            found.setdefault(episode.number, episode)
    if answer["episodes"] and not found:
        return None
    return replace(_season(answer, place), episodes=tuple(found[key] for key in sorted(found)))


def _seasons(answer: Mapping[str, Any]) -> Iterator[Season]:
    """All seasons that a show names, with their episodes where those were appended."""
    known: dict[int, Season] = {}
    for one in objects(answer.get("seasons"), MOST_SEASONS):
        place = number(one.get("season_number"), 100_000)
        if place is not None:
            known.setdefault(place, _season(one, place))
    for key in list(answer)[:MOST_PARTS]:
        asked = _place(key)
        found = None if asked is None else season_of(answer[key], asked)
        if found is None or found.episodes is None:
            continue
        listed = known.get(found.number, found)
        known[found.number] = replace(
            listed,
            name=listed.name or found.name,
            overview=listed.overview or found.overview,
            poster=listed.poster or found.poster,
            air_on=listed.air_on or found.air_on,
            count=listed.count,
            episodes=found.episodes,
        )
    yield from (known[place] for place in sorted(known))


def _place(key: str) -> int | None:
    """Which season an appended part is: `season/3`."""
    digits = key.removeprefix(APPENDED)
    known = digits != key and digits.isascii() and digits.isdecimal() and len(digits) < 6
    return int(digits) if known else None


def _season(one: Mapping[str, Any], place: int) -> Season:
    return Season(
        number=place,
        name=text(one.get("name"), MAX_TITLE),
        overview=text(one.get("overview"), MAX_TEXT),
        poster=image(one.get("poster_path")),
        air_on=day(one.get("air_date")),
        count=number(one.get("episode_count"), 100_000) or 0,
    )


def _episode(one: Mapping[str, Any]) -> Episode | None:
    place = number(one.get("episode_number"), 100_000)
    if place is None:
        return None
    return Episode(
        number=place,
        name=text(one.get("name"), MAX_TITLE),
        overview=text(one.get("overview"), MAX_TEXT),
        air_on=day(one.get("air_date")),
        runtime_min=number(one.get("runtime"), MAX_RUNTIME) or None,
        still=image(one.get("still_path")),
        vote_average=real(one.get("vote_average"), 10),
    )
