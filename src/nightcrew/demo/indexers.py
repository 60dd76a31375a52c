"""Service `torznab`: an indexer with the habits of real ones, each of which can be switched on and off (`indexing.py`)."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from . import film_lists, torznab
from .film_lists import PAGE
from .indexing import DemoError, Indexers
from .releases import DemoRelease, ShelfFilm
from .scene import Scene

API_KEY = "demo-indexer-key-7c41"
NO_KEY = DemoError(401, 100, "Invalid API Key")


def connections(url: str) -> list[dict[str, Any]]:
    """The indexers of the world at `url`, as the product's API takes connections. Of the three mirrors one is in order."""
    return [
        {
            "kind": "torznab",
            "name": "Demo indexer",
            "address": f"{url}/torznab",
            "settings": {"api_key": API_KEY},
        },
        {
            "kind": "list_movies",
            "name": "Demo list of films",
            "address": f"{url}/list_movies/page",
            "mirrors": [f"{url}/list_movies/dead", f"{url}/list_movies/well"],
            "settings": {},
        },
    ]


def routes(scene: Scene) -> list[BaseRoute]:
    server = TorznabServer(scene)
    return [
        Route("/torznab/api", server.api),
        Route("/torznab/dl", server.download),
        *film_lists.routes(scene),
    ]


class TorznabServer:
    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._switches = scene.indexers

    async def api(self, request: Request) -> Response:
        switches, asked = self._switches, dict(request.query_params)
        key = asked.pop("apikey", "")
        switches.asked.append(asked)
        if switches.html:
            return HTMLResponse(PAGE)
        if error := switches.next_error() or _wrong(switches, asked, key):
            return _error(error)
        if asked["t"] == "caps":
            return _xml(torznab.caps(switches.movie_params))
        found = await asyncio.to_thread(_found, switches, asked)
        return _xml(torznab.listing([_offer(self._scene, one, key) for one in found], self._scene.clock()))

    async def download(self, request: Request) -> Response:
        if request.query_params.get("apikey") != API_KEY:
            return _error(NO_KEY)
        if error := self._switches.next_error():
            return _error(error)
        try:
            *film, number = json.loads(base64.urlsafe_b64decode(request.query_params.get("link", "")))
            release = (await asyncio.to_thread(self._switches.shelf.of, ShelfFilm(*film)))[number]
        except (ValueError, TypeError, IndexError, AttributeError):
            return _error(DemoError(400, 201, "Incorrect parameter (link)"))
        return await self._behind(request, release)

    async def _behind(self, request: Request, release: DemoRelease) -> Response:
        link, trackers = self._switches.link_of(release), self._switches.trackers
        if link == "hop" and "again" not in request.query_params:
            return Response(status_code=307, headers={"Location": f"{request.url}&again=1"})
        if link in {"301", "302", "hop"}:
            magnet = await asyncio.to_thread(release.magnet, trackers)
            return Response(status_code=301 if link == "301" else 302, headers={"Location": magnet})
        if link == "html":
            return HTMLResponse(PAGE)
        if link == "gone":
            return _error(DemoError(410, 410, "Release not available"))
        return Response(await asyncio.to_thread(release.torrent, trackers), media_type="application/x-bittorrent")


def _wrong(switches: Indexers, asked: dict[str, str], key: str) -> DemoError | None:
    """What is wrong with a query. What the server can do is told to everybody."""
    what = asked.get("t", "")
    if what == "caps":
        return None
    if key != API_KEY:
        return NO_KEY
    if what not in {"search", "movie"}:
        return DemoError(400, 202, f"No such function ({what})")
    if what == "movie" and (switches.movie_params is None or switches.refuses):
        return switches.refuses or DemoError(400, 203, "Function not available")
    return None


def _found(switches: Indexers, asked: dict[str, str]) -> list[DemoRelease]:
    """What a search finds: by id alone where one was given, and nothing for an id that is not known."""
    shelf = switches.shelf
    if asked.get("imdbid") or asked.get("tmdbid"):
        film = shelf.films.get(f"tt{asked.get('imdbid', '').removeprefix('tt')}")
        found = list(shelf.of(film)) if film else []
    elif text := asked.get("q", "").strip():
        found = list(shelf.find(*_title_and_year(text, asked.get("year", ""))))
    else:
        found = [one for film in list(shelf.films.values())[:3] for one in shelf.of(film)[:1]]
    if switches.only_others:
        found = [one for one in found if one.flaw in {"other_film", "remake"}]
    limit = asked.get("limit", "")
    return found[: int(limit) if limit.isdecimal() else 100]


def _title_and_year(text: str, year: str) -> tuple[str, int]:
    title, _, last = text.rpartition(" ")
    if not year and title and len(last) == 4 and last.isdecimal():
        text, year = title, last
    return text, int(year) if year.isdecimal() else 2000


def _offer(scene: Scene, release: DemoRelease, key: str) -> torznab.TorznabOffer:
    switches = scene.indexers
    told = not switches.untold
    link = switches.link_of(release)
    origin = _origin(switches.shelf.origins[release.hash], release.number)
    url = f"{'' if link == 'relative' else scene.url}/torznab/dl?apikey={key}&link={origin}&file={quote(release.name)}"
    moment = {"real": float(release.published), "now": scene.clock(), "same": scene.clock() - 900}[switches.dates]
    seeds, leechers = (1, 1) if switches.placeholders else (release.seeds, release.leechers)
    return torznab.TorznabOffer(
        name=release.name,
        guid=f"{scene.url}/details/{quote(release.name)}",
        link="" if link == "empty" else url,
        published=moment,
        size=release.size if told else 0,
        info_hash=release.hash if told or link == "empty" else "",
        imdb=release.imdb if told else "",
        year=release.year if told else 0,
        seeds=seeds,
        peers=seeds + leechers,
    )


def _origin(asked: ShelfFilm, number: int) -> str:
    """Which release of which film a link means, also after a restart of the world."""
    parts = [asked.title, asked.year, asked.imdb, asked.minutes, number]
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


def _xml(body: str) -> Response:
    return Response(body, media_type="application/rss+xml")


def _error(error: DemoError) -> Response:
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    body = torznab.error(error.code, error.description)
    return Response(body, error.status, headers, media_type="application/rss+xml")
