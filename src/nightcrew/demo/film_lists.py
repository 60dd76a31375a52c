"""Service `list_movies`: films with their torrents as JSON, at three addresses. One is in order, one answers a page, one 502."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from .releases import DemoRelease, ShelfFilm
from .scene import Scene

PAGE = "<!DOCTYPE html><html><head><title>Checking your browser</title></head><body><p>One moment</p></body></html>"
WELL = "/list_movies/well"


def routes(scene: Scene) -> list[BaseRoute]:
    switches = scene.indexers

    async def movies(request: Request) -> Response:
        term = request.query_params.get("query_term", "")
        films = [film for film in switches.shelf.films.values() if not term or term in (film.imdb, film.title)]
        return JSONResponse(await asyncio.to_thread(_movies, scene, films[:20]))

    async def file(request: Request) -> Response:
        release = switches.shelf.by_hash.get(request.path_params["hash"].lower())
        if release is None:
            return PlainTextResponse("Not Found", 404)
        body = await asyncio.to_thread(release.torrent, switches.trackers)
        return Response(body, media_type="application/x-bittorrent")

    async def page(_request: Request) -> Response:
        return HTMLResponse(PAGE)

    async def dead(_request: Request) -> Response:
        return PlainTextResponse("Bad Gateway", 502)

    return [
        Route(f"{WELL}/list_movies.json", movies),
        Route(f"{WELL}/torrent/{{hash}}", file),
        Route("/list_movies/page/list_movies.json", page),
        Route("/list_movies/dead/list_movies.json", dead),
    ]


def _movies(scene: Scene, films: list[ShelfFilm]) -> dict[str, Any]:
    shelf = scene.indexers.shelf
    data: dict[str, Any] = {"movie_count": len(films), "limit": 20, "page_number": 1}
    if films:
        data["movies"] = [_movie(film, shelf.of(film), f"{scene.url}{WELL}") for film in films]
    return {"status": "ok", "status_message": "Query was successful", "data": data, "@meta": {"api_version": 2}}


def _movie(film: ShelfFilm, releases: tuple[DemoRelease, ...], begin: str) -> dict[str, Any]:
    types = {"BluRay": "bluray", "WEB-DL": "web", "WEBRip": "web"}
    return {
        "id": int(film.imdb[2:]),
        "imdb_code": film.imdb,
        "title": film.title,
        "title_english": film.title,
        "title_long": f"{film.title} ({film.year})",
        "year": film.year,
        "runtime": film.minutes,
        "language": "en",
        "torrents": [
            {
                "url": f"{begin}/torrent/{one.hash.upper()}",
                "hash": one.hash.upper(),
                "quality": one.quality,
                "type": types[one.source],
                "is_repack": "0",
                "video_codec": one.codec,
                "bit_depth": "8",
                "audio_channels": "2.0",
                "seeds": one.seeds,
                "peers": one.leechers,
                "size": f"{one.size / 1e9:.2f} GB",
                "size_bytes": one.size,
                "date_uploaded": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(one.published)),
                "date_uploaded_unix": one.published,
            }
            for one in releases
            if not one.flaw
        ],
    }
