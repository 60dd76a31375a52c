"""Services that answer `list_movies.json`, mostly at several addresses that are alike (mirrors)."""

from __future__ import annotations

from typing import Any, cast

from pydantic import BaseModel

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.connections.line import Line
from nightcrew.kernel.connections.question import Question
from nightcrew.kernel.declare import Allowance, ConnectionKind
from nightcrew.kernel.errors import Misread, Retry
from nightcrew.kernel.fields import ask
from nightcrew.kernel.http import Limits, Reply
from nightcrew.kernel.http_answers import retry_after
from nightcrew.movies.indexers import list_json, torznab_queries
from nightcrew.movies.indexers.base import Found, IndexerKind, Offers, Wanted
from nightcrew.movies.indexers.links import fetch
from nightcrew.movies.settings import way

NAME = "list_movies"
PAGE = "list_movies.json"
SMALL = Limits(max_bytes=4 << 20, seconds=30.0)
ANSWERED = frozenset(range(200, 300)) | frozenset(range(400, 600))


class ListMoviesSettings(BaseModel):
    """What a person enters besides the addresses."""

    min_seeds: int = ask(0, label="Fewest seeds", help="Releases that claim fewer are left out.", ge=0, le=10_000)


async def search(line: Line, wanted: Wanted) -> Offers:
    """Releases of a film, as `base.Search`."""
    settings = cast("ListMoviesSettings", line.settings)
    term = wanted.imdb_id or torznab_queries.words(wanted.title)
    if not term:
        return Offers((), settings.min_seeds)

    async def read(reply: Reply) -> list[Found]:
        return list_json.found_of(await _answer(line, reply), reply.url, wanted)

    found = await line.read(_question(line, {"query_term": term, "limit": "50"}), read, good=ANSWERED, limits=SMALL)
    return Offers(found, settings.min_seeds)


async def try_out(line: Line) -> list[str]:
    """What the button Test says."""

    async def read(reply: Reply) -> int:
        return len(list_json.movies_of(await _answer(line, reply)))

    count = await line.read(_question(line, {"limit": "20"}), read, good=ANSWERED, limits=SMALL)
    return [f"It answers with a list of {count} films." if count else "It answers, with an empty list of films."]


async def _answer(line: Line, reply: Reply) -> Any:
    """Raises `Misread` for whatever another mirror may do better, and `Retry` for a limit."""
    if reply.status == 429:
        after = retry_after(reply.headers.get("retry-after"), utcnow())
        limited = Retry(f"{line.name} takes no more requests now (HTTP 429)", after=after)
        limited.status = 429
        raise limited
    if reply.status >= 300:
        raise Misread(f"{line.name} answers HTTP {reply.status} where a list of films is expected")
    return await reply.json()


def _question(line: Line, params: dict[str, str]) -> Question:
    path = "" if line.address.rstrip("/").endswith(PAGE) else PAGE
    return Question(path, params=params)


KIND = ConnectionKind(
    NAME,
    "List of films (list_movies.json)",
    ListMoviesSettings,
    try_out,
    help=(
        "Searches for releases by IMDb id. The address is what stands before list_movies.json; further addresses that answer alike are "
        "asked when it fails."
    ),
    allowance=Allowance(per_second=1.0, at_once=2),
    way=way,
    mirrors=True,
)
INDEXER = IndexerKind(KIND, search, fetch)
