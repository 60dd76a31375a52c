"""What the demo's TMDB knows, with its switches: titles come, go and change, lists come half, and who asks too often is refused."""

import zlib
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from . import cinema
from .cinema import DemoMovie, DemoShow

TOKEN = "demo-read-access-token-of-nobody"
API_KEY = "demo0key0of0nobody"
WINDOW = 1.0
"""Seconds in which no more may be asked than the rate."""
PAGE, CHANGES_PAGE, MOST_PAGES = 20, 100, 500
MADE_UP = 10_000
"""The number of the first film that nobody made."""


@dataclass
class TmdbWorld:
    """`extra`: films that nobody made, besides the real ones. `rate`: questions a second that are answered.

    `told`: seconds that a refusal names, None: it names none. `half`: pages of lists come with half of their rows.
    `keep`: the part of each list that there still is. `delay`: seconds before an answer.
    """

    rate: float = 40.0
    told: int | None = 1
    extra: int = 0
    half: bool = False
    keep: float = 1.0
    delay: float = 0.0
    gone: set[int] = field(default_factory=set)
    broken: set[int] = field(default_factory=set)
    """Titles about which every question ends with HTTP 500."""
    values: dict[int, dict[str, Any]] = field(default_factory=dict)
    """What was changed of a title, by its number."""
    changes: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    """Numbers of what was changed, by medium and day."""
    refused: int = 0
    answered: int = 0
    asked: dict[str, int] = field(default_factory=dict)
    """How often each path was asked for."""
    seasons: dict[int, tuple[int, ...]] = field(default_factory=dict)
    """Shows whose seasons are not those they had at first."""
    _times: deque[float] = field(default_factory=deque)

    def admits(self, now: float) -> bool:
        """Whether one more may be asked now, in seconds of any clock."""
        while self._times and self._times[0] <= now - WINDOW:
            self._times.popleft()
        if len(self._times) >= self.rate * WINDOW:
            self.refused += 1
            return False
        self._times.append(now)
        self.answered += 1
        return True

    def change(self, medium: str, number: int, on: date | None = None, **values: Any) -> None:
        """Something about a title has changed, on that day, or today."""
        day = (on or datetime.now(UTC).date()).isoformat()
        self.changes.setdefault((medium, day), []).append(number)
        self.values.setdefault(number, {}).update(values)

    def remove(self, medium: str, number: int) -> None:
        """A title is there no longer, which counts as a change."""
        self.gone.add(number)
        self.change(medium, number)

    def changed(self, medium: str, first: date, last: date) -> list[int]:
        """What was changed on these days, each once."""
        days = ((first + timedelta(days=one)).isoformat() for one in range((last - first).days + 1))
        return list(dict.fromkeys(number for day in days for number in self.changes.get((medium, day), ())))

    def film(self, number: int) -> DemoMovie | None:
        """A film that there is."""
        if number in self.gone:
            return None
        if MADE_UP <= number < MADE_UP + self.extra:
            return cinema.made_up(number)
        return next((one for one in cinema.films() if one.id == number), None)

    def show(self, number: int) -> DemoShow | None:
        """A show that there is."""
        return next((one for one in cinema.shows() if one.id == number and number not in self.gone), None)

    def ranked(self, medium: str, name: str) -> list[int]:
        """A list: the same titles in another order for each name, or those of a genre."""
        titles: list[DemoMovie | DemoShow] = list(cinema.films() if medium == "movie" else cinema.shows())
        numbers = [one.id for one in sorted(titles, key=lambda one: zlib.crc32(f"{name}{one.id}".encode()))]
        if medium == "movie":
            numbers += range(MADE_UP, MADE_UP + self.extra)
        there = [one for one in numbers if one not in self.gone]
        return there[: round(len(there) * self.keep)]


def row_of(world: TmdbWorld, one: DemoMovie | DemoShow) -> dict[str, Any]:
    """A title as lists have it."""
    seed = zlib.crc32(one.title.encode())
    film = isinstance(one, DemoMovie)
    names = ("title", "original_title", "release_date") if film else ("name", "original_name", "first_air_date")
    row = {
        "adult": False,
        "backdrop_path": f"/backdrop-{one.id}.png",
        "genre_ids": list(one.genres),
        "id": one.id,
        "original_language": one.language,
        names[0]: one.title,
        names[1]: one.original_title,
        names[2]: one.released if isinstance(one, DemoMovie) else one.first,
        "overview": one.overview,
        "popularity": round(5 + seed % 9_000 / 100, 3),
        "poster_path": f"/poster-{one.id}.png",
        "vote_average": round(5.5 + seed % 40 / 10, 1),
        "vote_count": 40 + seed % 4_000,
    }
    return row | ({"video": False} if film else {"origin_country": ["US"]}) | world.values.get(one.id, {})


def film_of(world: TmdbWorld, one: DemoMovie) -> dict[str, Any]:
    """A film, with its translations and pictures."""
    row = row_of(world, one)
    kinds = row.pop("genre_ids")
    other = {"iso_3166_1": "DE", "iso_639_1": "de", "name": "Deutsch", "english_name": "German"}
    return (
        row
        | {
            "genres": [{"id": key, "name": cinema.GENRES[key]} for key in kinds],
            "imdb_id": one.imdb_id or None,
            "runtime": one.minutes,
            "status": "Released",
            "tagline": "",
            "budget": 0,
            "revenue": 0,
            "homepage": "",
            "translations": {
                "translations": [{**other, "data": {"title": one.original_title, "overview": "", "runtime": 0}}]
            },
            "images": {
                "backdrops": [],
                "logos": [],
                "posters": [{"file_path": row.get("poster_path"), "vote_count": 3}],
            },
        }
        | world.values.get(one.id, {})
    )


def show_of(world: TmdbWorld, one: DemoShow, parts: list[str], today: date) -> dict[str, Any]:
    """A show, with the parts that were asked for. A season that it has not is left out."""
    row = row_of(world, one)
    kinds = row.pop("genre_ids")
    counts = world.seasons.get(one.id, one.seasons)
    seasons = {number: season_of(one, number, count, today) for number, count in enumerate(counts, 1)}
    coming = [
        episode
        for season in seasons.values()
        for episode in season["episodes"]
        if episode["air_date"] > today.isoformat()
    ]
    answer = row | {
        "genres": [{"id": key, "name": cinema.SHOW_GENRES[key]} for key in kinds],
        "status": one.status,
        "in_production": one.status == "Returning Series",
        "number_of_seasons": len(counts),
        "number_of_episodes": sum(counts),
        "last_air_date": seasons[len(counts)]["episodes"][-1]["air_date"],
        "next_episode_to_air": coming[0] if coming and one.status == "Returning Series" else None,
        "seasons": [
            {key: season[key] for key in ("air_date", "id", "name", "overview", "poster_path", "season_number")}
            | {"episode_count": len(season["episodes"])}
            for season in seasons.values()
        ],
    }
    for part in parts:
        number = int(part.removeprefix("season/")) if part.removeprefix("season/").isdecimal() else -1
        if number in seasons:
            answer[part] = seasons[number]
    if "external_ids" in parts:
        answer["external_ids"] = {"imdb_id": f"tt8{one.id:06}", "tvdb_id": None}
    if "translations" in parts:
        answer["translations"] = {"translations": [{"iso_639_1": "de", "data": {"name": one.original_title}}]}
    return answer | world.values.get(one.id, {})


def season_of(one: DemoShow, number: int, count: int, today: date) -> dict[str, Any]:
    """A season, weekly. The last one of a show that goes on is on the air now: half of its episodes are to come."""
    last = number == len(one.seasons)
    running = last and one.status == "Returning Series"
    first = (
        today - timedelta(days=7 * (count // 2))
        if running
        else date.fromisoformat(one.first) + timedelta(days=365 * (number - 1))
    )
    episodes = [
        {
            "air_date": (first + timedelta(days=7 * place)).isoformat(),
            "episode_number": place + 1,
            "episode_type": "standard",
            "id": one.id * 10_000 + number * 100 + place,
            "name": f"Chapter {place + 1}",
            "overview": cinema.plot(f"{one.title} {number} {place}"),
            "runtime": 25,
            "season_number": number,
            "show_id": one.id,
            "still_path": f"/still-{one.id}-{number}-{place + 1}.png",
            "vote_average": 7.1,
            "vote_count": 4,
            "crew": [],
            "guest_stars": [],
        }
        for place in range(count)
    ]
    return {
        "_id": f"{one.id:08x}{number:016x}",
        "air_date": episodes[0]["air_date"] if episodes else None,
        "episodes": episodes,
        "name": f"Season {number}",
        "overview": "",
        "id": one.id * 100 + number,
        "poster_path": f"/poster-{one.id}-{number}.png",
        "season_number": number,
    }
