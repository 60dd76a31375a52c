"""Torznab: what Jackett and Prowlarr speak, and some indexers by themselves. Each connection is one indexer."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import cast
from weakref import WeakKeyDictionary

from pydantic import BaseModel

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.connections.line import Line
from nightcrew.kernel.connections.question import Question
from nightcrew.kernel.declare import Allowance, Budget, ConnectionKind
from nightcrew.kernel.errors import GiveUp, Misread
from nightcrew.kernel.fields import Secret, ask
from nightcrew.kernel.http import Limits, Reply
from nightcrew.kernel.http_answers import retry_after
from nightcrew.kernel.redaction import redact
from nightcrew.movies.indexers import torznab_errors, torznab_items, torznab_queries, torznab_xml, values
from nightcrew.movies.indexers.base import Found, IndexerKind, Offers, Wanted
from nightcrew.movies.indexers.links import fetch
from nightcrew.movies.indexers.torznab_queries import PLAIN, Query
from nightcrew.movies.indexers.torznab_xml import Caps, Said, TorznabListing
from nightcrew.movies.settings import way

NAME = "torznab"
DAY = 86_400.0
"""Seconds for which it is remembered what a server can do, and that a budget counts."""
ANSWERED = frozenset(range(200, 300)) | frozenset(range(400, 600))
"""Statuses whose body is read: an error of the server's own may come with any of them."""
SMALL = Limits(max_bytes=torznab_xml.MAX_BYTES, seconds=90.0)
_MEANINGS = {"imdbid": "IMDb id", "tmdbid": "TMDB id", "q": "title", "year": "year"}
_caps: WeakKeyDictionary[Line, tuple[float, Caps]] = WeakKeyDictionary()
"""What each server can do, with the time (monotonic seconds) until which that is believed."""


class TorznabLogin(BaseModel):
    """What a person enters."""

    api_key: Secret = ask("", label="API key", help="Shown in the settings of Jackett or Prowlarr.", max_length=200)
    categories: str = ask(
        "2000",
        label="Categories",
        help="Numbers of the categories that are searched, with commas between them. 2000 are all films.",
        pattern=r"^\s*\d{1,6}(\s*,\s*\d{1,6}){0,29}\s*$",
        max_length=250,
    )
    min_seeds: int = ask(0, label="Fewest seeds", help="Releases that claim fewer are left out.", ge=0, le=10_000)
    requests_per_day: int = ask(
        0, label="Searches a day", help="What your account there may ask in 24 hours. 0: no limit.", ge=0, le=100_000
    )


class Unsupported(GiveUp):
    """The server does not take this kind of question."""

    def __init__(self, message: str, *, always: bool) -> None:
        super().__init__(message)
        self.always = always
        """Whatever is searched for."""


async def search(line: Line, wanted: Wanted) -> Offers:
    """Releases that may be of a film, as `base.Search`."""
    caps = await caps_of(line)
    try:
        return await _climb(line, wanted, caps)
    except Unsupported as exc:
        if caps.movie is None:
            raise
        caps = replace(caps, movie=None)
        if exc.always:  # it declares what it does not have
            _caps[line] = (_now() + DAY, caps)
        return await _climb(line, wanted, caps)


async def caps_of(line: Line, *, fresh: bool = False) -> Caps:
    """What the server can do. One that does not say so can be asked with words."""
    until, caps = _caps.get(line, (0.0, PLAIN))
    if fresh or until <= _now():
        answer, _ = await _ask(line, {"t": "caps"})
        if isinstance(answer, TorznabListing):
            raise Misread(f"{line.name} answers a list of releases where it should say what it can do")
        caps = answer if isinstance(answer, Caps) else PLAIN
        _caps[line] = (_now() + DAY, caps)
    return caps


async def try_out(line: Line) -> list[str]:
    """What the button Test says. Servers say what they can do without a key, so a search is tried as well."""
    caps = await caps_of(line, fresh=True)
    options = _login(line)
    answer, _ = await _ask(line, torznab_queries.trial(caps, options.categories))
    if isinstance(answer, Caps):
        raise Misread(f"{line.name} does not answer a search with a list of releases")
    title = values.line_of(caps.title, 100)
    films = torznab_queries.movie_categories(caps)
    by = [word for name, word in _MEANINGS.items() if name in (caps.movie or ())]
    return [
        f"{title or 'The indexer'} answers, and takes the API key.",
        f"It searches films by {', '.join(by)}."
        if by
        else "It has no search for films; it is asked with title and year.",
        f"It has {len(caps.categories)} categories, {films} of them for films.",
    ]


# -- asking ------------------------------------------------------------------------------------------------------------


async def _climb(line: Line, wanted: Wanted, caps: Caps) -> Offers:
    """Raises `Unsupported`."""
    options = _login(line)
    found: list[Found] = []
    for query in torznab_queries.ladder(wanted, caps, options.categories):
        answer, reply = await _ask(line, query)
        if isinstance(answer, Said):
            if answer.code == torznab_errors.NOTHING:
                continue
            always = torznab_errors.is_unknown_function(answer)
            raise Unsupported(f"{line.name} does not take the question: {answer.description}", always=always)
        if isinstance(answer, Caps):
            raise Misread(f"{line.name} does not answer a search with a list of releases")
        found += torznab_items.found_of(answer, reply.url, _answered_at(reply), (options.api_key,))
        if offers := Offers(found, options.min_seeds):
            return offers
    return Offers(found, options.min_seeds)


async def _ask(line: Line, query: Query) -> tuple[Caps | TorznabListing | Said, Reply]:
    """An answer. `Said` is one that a kind of query is not known, or that there is nothing; other errors are raised."""

    async def read(reply: Reply) -> tuple[Caps | TorznabListing | Said, Reply]:
        try:
            answer = await asyncio.to_thread(torznab_xml.read, reply.body)
        except Misread as exc:
            if reply.status < 300:
                raise Misread(f"cannot read {line.name}: {exc}") from exc
            raise _error(line, reply, None) from exc
        said = None
        if isinstance(answer, Said):
            answer = said = Said(answer.code, redact(values.line_of(answer.description), (options.api_key,)))
        if said is None and reply.status < 300:
            return answer, reply
        if said is not None and (
            torznab_errors.is_unsupported(reply.status, said) or said.code == torznab_errors.NOTHING
        ):
            return said, reply
        raise _error(line, reply, said)

    options = _login(line)
    params = {**query, "apikey": options.api_key} if options.api_key else query
    path = "" if line.address.rstrip("/").endswith("/api") else "api"
    budget = Budget(options.requests_per_day, DAY) if options.requests_per_day else None
    return await line.read(Question(path, params=params, budget=budget), read, good=ANSWERED, limits=SMALL)


def _error(line: Line, reply: Reply, said: Said | None) -> Exception:
    now = utcnow().astimezone()
    after = retry_after(reply.headers.get("retry-after"), now)
    return torznab_errors.error_of(line.name, reply.status, said, after, now)


def _answered_at(reply: Reply) -> datetime:
    """The server's own time, where it says it: its clock may be wrong."""
    return values.moment_of(reply.headers.get("date")) or utcnow()


def _login(line: Line) -> TorznabLogin:
    return cast("TorznabLogin", line.settings)


def _now() -> float:
    return asyncio.get_running_loop().time()


KIND = ConnectionKind(
    NAME,
    "Torznab indexer",
    TorznabLogin,
    try_out,
    help=(
        "Searches for releases. Jackett: the address is what “Copy Torznab Feed” gives for one indexer. Prowlarr: its own address with the "
        "indexer's number, such as http://192.168.1.5:9696/1. An indexer that speaks Torznab by itself is entered with its own address."
    ),
    allowance=Allowance(per_second=1.0, at_once=2),
    way=way,
)
INDEXER = IndexerKind(KIND, search, fetch)
