"""What TMDB answers, read into rows of ours. Pure.

An answer that is something else as a whole raises `Misread`: nothing may be concluded from it. In one that is of the right kind, what is
not is left out. What an answer does not say is empty, zero or None, and whoever stores it keeps what was known before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from nightcrew.kernel.errors import GiveUp, Misread
from nightcrew.movies.catalogue.models import Medium
from nightcrew.movies.columns import MAX_TITLE
from nightcrew.movies.tmdb.reading import (
    MAX_TEXT,
    day,
    identity,
    image,
    imdb,
    inner,
    language,
    number,
    objects,
    real,
    text,
)

MOST_PAGES = 500
"""TMDB gives no page behind this one."""
MOST_ROWS = 1_000
"""Rows of one page that are looked at. TMDB has 20, and 100 of changes."""
MOST_TITLES = 40
MOST_GENRES = 40
MAX_RUNTIME = 6_000
"""Minutes."""


class OddTitle(GiveUp):
    """An answer about one title that says nothing of it. The service is all right, and what is known of the title stays."""


@dataclass(frozen=True, slots=True)
class TitleFacts:
    """What lists and details say alike. None: it is not said. `on`: when a film came out, or a show began."""

    tmdb_id: int
    title: str
    original_title: str = ""
    language: str = ""
    overview: str = ""
    on: str = ""
    poster: str = ""
    backdrop: str = ""
    popularity: float | None = None
    vote_average: float | None = None
    vote_count: int | None = None
    genre_ids: tuple[int, ...] = ()
    genres: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ListPage:
    """A page of a list. `pages`: how many there are."""

    number: int
    pages: int
    rows: tuple[TitleFacts, ...]


@dataclass(frozen=True, slots=True)
class FilmDetails:
    """A film. `titles`: further ones, such as translations."""

    facts: TitleFacts
    imdb_id: str = ""
    titles: tuple[str, ...] = ()
    runtime_min: int | None = None
    status: str = ""


@dataclass(frozen=True, slots=True)
class ChangesPage:
    """Ids of what was changed. `pages`: how many pages there are."""

    number: int
    pages: int
    ids: frozenset[int]


@dataclass(frozen=True, slots=True)
class ImagePlace:
    """Where pictures are, and the sizes in which they can be had."""

    base: str
    sizes: frozenset[str]


def list_page(answer: Any, medium: Medium) -> ListPage:
    """A page of a list or of a search. Raises `Misread`, also for a page that has rows of which none can be read."""
    page = _page(answer)
    rows = list(objects(answer["results"], MOST_ROWS))
    read = tuple(one for row in rows if (one := facts_of(row, medium)) is not None)
    if rows and not read:
        raise Misread("a page of TMDB's list has nothing that can be read")
    pages = min(number(answer.get("total_pages")) or 0, MOST_PAGES)
    return ListPage(page, pages, read)


def changes_page(answer: Any) -> ChangesPage:
    """A page of changes. Raises `Misread`."""
    page = _page(answer)
    ids = frozenset(
        one for row in objects(answer["results"], MOST_ROWS) if (one := identity(row.get("id"))) is not None
    )
    if answer["results"] and not ids:
        raise Misread("a page of TMDB's changes has nothing that can be read")
    return ChangesPage(page, number(answer.get("total_pages")) or 0, ids)


def genre_names(answer: Any) -> dict[int, str]:
    """Genres by their ids. Raises `Misread`."""
    if not isinstance(answer, dict) or not isinstance(answer.get("genres"), list):
        raise Misread("TMDB's answer is no list of genres")
    found = ((identity(one.get("id")), text(one.get("name"), 60)) for one in objects(answer["genres"], 200))
    return {key: name for key, name in found if key and name}


def image_place(answer: Any) -> ImagePlace:
    """From `/configuration`. Raises `Misread`."""
    images = inner(answer, "images")
    base = next(
        (
            one
            for name in ("secure_base_url", "base_url")
            if isinstance(one := images.get(name), str) and one.startswith(("https://", "http://")) and len(one) < 300
        ),
        "",
    )
    if not base or not base.isprintable():
        raise Misread("TMDB's configuration does not say where its pictures are")
    kinds = ("poster_sizes", "backdrop_sizes", "still_sizes")
    named = (images.get(kind) for kind in kinds)
    sizes = [size for one in named if isinstance(one, list) for size in one]
    return ImagePlace(base, frozenset(size for size in sizes[:100] if isinstance(size, str) and size.isalnum()))


def film_details(answer: Any, tmdb_id: int) -> FilmDetails:
    """A film, with what was appended. Raises `Misread`, and `OddTitle` for one without its number or any title."""
    facts = details_facts(answer, Medium.MOVIE, tmdb_id)
    runtime = number(answer.get("runtime"), MAX_RUNTIME)
    return FilmDetails(
        facts=facts,
        imdb_id=imdb(answer.get("imdb_id")),
        titles=titles_of(answer, "title", facts),
        runtime_min=runtime or None,
        status=text(answer.get("status"), 40),
    )


def facts_of(row: Mapping[str, Any], medium: Medium) -> TitleFacts | None:
    """What a row of a list, or a whole answer, says of a title; None without a number or any title."""
    key = identity(row.get("id"))
    film = medium is Medium.MOVIE
    original = text(row.get("original_title" if film else "original_name"), MAX_TITLE)
    title = text(row.get("title" if film else "name"), MAX_TITLE) or original
    if key is None or not title:
        return None
    genres = row.get("genre_ids")
    return TitleFacts(
        tmdb_id=key,
        title=title,
        original_title=original,
        language=language(row.get("original_language")),
        overview=text(row.get("overview"), MAX_TEXT),
        on=day(row.get("release_date" if film else "first_air_date")),
        poster=image(row.get("poster_path")),
        backdrop=image(row.get("backdrop_path")),
        popularity=real(row.get("popularity"), 1e9),
        vote_average=real(row.get("vote_average"), 10),
        vote_count=number(row.get("vote_count")),
        genre_ids=tuple(one for one in genres[:MOST_GENRES] if identity(one)) if isinstance(genres, list) else (),
    )


def _page(answer: Any) -> int:
    """Which page it is. Raises `Misread`."""
    if not isinstance(answer, dict) or not isinstance(answer.get("results"), list):
        raise Misread("TMDB's answer is no page of a list")
    page = identity(answer.get("page"))
    if page is None:
        raise Misread("TMDB's answer does not say which page it is")
    return page


def details_facts(answer: Any, medium: Medium, tmdb_id: int) -> TitleFacts:
    """What an answer about one title says of it. Raises `Misread`, and `OddTitle` for another number or none of the title."""
    if not isinstance(answer, dict) or "id" not in answer:
        raise Misread("TMDB's answer is no title")
    facts = facts_of(answer, medium)
    if facts is None or facts.tmdb_id != tmdb_id:
        raise OddTitle(f"TMDB's answer for {medium.value} {tmdb_id} has another number, or no title")
    named = tuple(name for one in objects(answer.get("genres"), MOST_GENRES) if (name := text(one.get("name"), 60)))
    return replace(
        facts,
        genres=named,
        poster=facts.poster or _best(answer, "posters"),
        backdrop=facts.backdrop or _best(answer, "backdrops"),
    )


def _best(answer: Any, kind: str) -> str:
    """The picture with the most votes, where the title itself names none."""
    found = [
        (number(one.get("vote_count")) or 0, path)
        for one in objects(inner(answer, "images").get(kind), MOST_ROWS)
        if (path := image(one.get("file_path")))
    ]
    return max(found)[1] if found else ""


def titles_of(answer: Any, name: str, facts: TitleFacts) -> tuple[str, ...]:
    """Further titles, each once, without those that the title has already."""
    rows = objects(inner(answer, "translations").get("translations"), MOST_ROWS)
    found = dict.fromkeys(text(inner(one, "data").get(name), MAX_TITLE) for one in rows)
    return tuple(one for one in found if one and one not in {facts.title, facts.original_title})[:MOST_TITLES]
