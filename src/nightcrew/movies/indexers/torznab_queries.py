"""What a Torznab server is asked for a film: a ladder of queries, each asked only after an empty answer. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

from nightcrew.movies.indexers.base import Wanted
from nightcrew.movies.indexers.torznab_items import MOVIES
from nightcrew.movies.indexers.torznab_xml import Caps

Query = Mapping[str, str]
LIMIT = 100
"""Releases that are asked for."""
PLAIN = Caps()
"""A server that can only be asked with words, which all can."""
_WORD = re.compile(r"[^\W_]+")


def ladder(wanted: Wanted, caps: Caps, categories: str) -> list[Query]:
    """By the ids that the server takes, by title and year, and by the original title where it is another one."""
    shared = _shared(caps, categories)
    found: list[dict[str, str]] = []
    takes = caps.movie or frozenset()
    if "imdbid" in takes and wanted.imdb_id:
        found.append({"t": "movie", "imdbid": wanted.imdb_id.removeprefix("tt")})
    elif "tmdbid" in takes and wanted.tmdb_id:
        found.append({"t": "movie", "tmdbid": str(wanted.tmdb_id)})
    for title in dict.fromkeys(terms for one in (wanted.title, wanted.original_title) if (terms := words(one))):
        found.append(_by_words(title, wanted.year, takes))
    return [{**one, **shared} for one in found]


def trial(caps: Caps, categories: str) -> Query:
    """A query that any server with this key can answer: its newest releases."""
    return {"t": "search", "q": "", **_shared(caps, categories)}


def words(title: str) -> str:
    """A title as search engines take it: words alone, without what some read as an operator."""
    plain = unicodedata.normalize("NFKC", title).replace("&", " and ")
    return " ".join(_WORD.findall(re.sub(r"['’`´]", "", plain)))[:200]


def categories_of(text: str) -> list[int]:
    """Numbers as a person enters them."""
    return [int(one) for one in re.findall(r"\d+", text)]


def movie_categories(caps: Caps) -> int:
    """How many of a server's categories are for films."""
    return sum(number in MOVIES for number in caps.categories)


def _by_words(title: str, year: int | None, takes: Iterable[str]) -> dict[str, str]:
    if "q" in takes and "year" in takes and year:
        return {"t": "movie", "q": title, "year": str(year)}
    return {"t": "movie" if "q" in takes else "search", "q": f"{title} {year}" if year else title}


def _shared(caps: Caps, categories: str) -> dict[str, str]:
    """What stands in each query. A server that has no category for films is not asked for one."""
    asked = categories_of(categories)
    offered = {number // 1000 for number in caps.categories}
    cats = [one for one in asked if not offered or one // 1000 in offered]
    limit = min(caps.limit or LIMIT, LIMIT)
    return {"extended": "1", "limit": str(limit), **({"cat": ",".join(map(str, cats))} if cats else {})}
