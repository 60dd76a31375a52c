"""Service `tmdb`: a catalogue of films and shows in the shape of TMDB's API, version 3, with its limits and its errors."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from math import ceil
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from . import cinema
from .posters import poster
from .scene import Scene
from .tmdb_world import API_KEY, CHANGES_PAGE, MOST_PAGES, PAGE, TOKEN, TmdbWorld, film_of, row_of, show_of

Handler = Callable[[Request], Awaitable[Response]]
MOST_PARTS = 20
MOST_DAYS = 14
SIZES = {"w92": 92, "w154": 154, "w185": 185, "w300": 300, "w342": 342, "w500": 500, "w780": 780, "w1280": 1280}
_CODES = {
    "key": (401, 7, "Invalid API key: You must be granted a valid key."),
    "missing": (404, 34, "The resource you requested could not be found."),
    "many": (429, 25, "Your request count (41) is over the allowed limit of 40."),
    "parts": (400, 27, "Too many append to response objects: The maximum number of remote calls is 20."),
    "page": (400, 22, "Invalid page: Pages start at 1 and max at 500. They are expected to be an integer."),
    "dates": (400, 20, "Invalid date range: Should be a range no longer than 14 days."),
    "broken": (500, 11, "Internal error: Something went wrong, contact TMDb."),
}


def routes(scene: Scene) -> list[BaseRoute]:
    world, answers = scene.tmdb, _Answers(scene)
    lists = {
        "movie": ("popular", "top_rated", "now_playing", "upcoming"),
        "tv": ("popular", "top_rated", "on_the_air", "airing_today"),
    }
    found: list[tuple[str, Handler]] = [
        ("/configuration", answers.configuration),
        ("/genre/{medium}/list", answers.genres),
        *(("/{medium}/" + name, answers.listed) for name in sorted({one for names in lists.values() for one in names})),
        ("/trending/{medium}/{window}", answers.listed),
        ("/discover/{medium}", answers.listed),
        ("/{medium}/changes", answers.changes),
        ("/{medium}/{number:int}", answers.title),
    ]
    return [
        *(Route(f"/tmdb/3{path}", _guarded(world, handler)) for path, handler in found),
        Route("/tmdb/t/p/{size}/{name}", answers.picture),
    ]


class _Answers:
    """What is answered to whoever may ask."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.world = scene.tmdb

    async def configuration(self, _request: Request) -> Response:
        base = f"{self.scene.url}/tmdb/t/p/"
        images = {"base_url": base, "secure_base_url": base} | {
            f"{kind}_sizes": [*SIZES, "original"] for kind in ("poster", "backdrop", "still", "logo", "profile")
        }
        return JSONResponse({"change_keys": ["title"], "images": images})

    async def genres(self, request: Request) -> Response:
        known = cinema.GENRES if request.path_params["medium"] == "movie" else cinema.SHOW_GENRES
        return JSONResponse({"genres": [{"id": key, "name": name} for key, name in known.items()]})

    async def listed(self, request: Request) -> Response:
        medium, name = request.path_params["medium"], request.url.path.rpartition("/3/")[2]
        numbers = self.world.ranked(medium, name)
        if genre := request.query_params.get("with_genres", ""):
            numbers = [one for one in numbers if genre in {str(key) for key in _title(self.world, medium, one).genres}]
        return _page(self.world, medium, numbers, request)

    async def changes(self, request: Request) -> Response:
        try:
            first, last = (date.fromisoformat(request.query_params[name]) for name in ("start_date", "end_date"))
        except (KeyError, ValueError):
            last = datetime.now(UTC).date()
            first = last - timedelta(days=1)
        if not 0 <= (last - first).days <= MOST_DAYS:
            return _error("dates")
        numbers = self.world.changed(request.path_params["medium"], first, last)
        page = _number(request)
        if page is None:
            return _error("page")
        rows = [{"id": one, "adult": False} for one in numbers[CHANGES_PAGE * (page - 1) : CHANGES_PAGE * page]]
        pages = min(max(1, ceil(len(numbers) / CHANGES_PAGE)), MOST_PAGES)
        return JSONResponse({"results": rows, "page": page, "total_pages": pages, "total_results": len(numbers)})

    async def title(self, request: Request) -> Response:
        medium, number = request.path_params["medium"], request.path_params["number"]
        parts = [part for part in request.query_params.get("append_to_response", "").split(",") if part]
        if len(parts) > MOST_PARTS:
            return _error("parts")
        if number in self.world.broken:
            return _error("broken")
        if medium == "movie":
            film = self.world.film(number)
            return _error("missing") if film is None else JSONResponse(film_of(self.world, film))
        show = self.world.show(number)
        return (
            _error("missing")
            if show is None
            else JSONResponse(show_of(self.world, show, parts, datetime.now(UTC).date()))
        )

    async def picture(self, request: Request) -> Response:
        name = request.path_params["name"]
        width = SIZES.get(request.path_params["size"], 500)
        high = name.startswith("poster-")
        body = await asyncio.to_thread(
            poster, name.partition(".")[0], width, width * 3 // 2 if high else width * 9 // 16
        )
        return Response(body, media_type="image/png", headers={"Cache-Control": "public, max-age=31536000"})


def _guarded(world: TmdbWorld, handler: Handler) -> Handler:
    """For who has a key, and does not ask too often."""

    async def endpoint(request: Request) -> Response:
        path = request.url.path.rpartition("/3/")[2]
        world.asked[path] = world.asked.get(path, 0) + 1
        if not world.admits(time.monotonic()):
            told = {} if world.told is None else {"Retry-After": str(world.told)}
            return _error("many", told)
        if world.delay:
            await asyncio.sleep(world.delay)
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if bearer != TOKEN and request.query_params.get("api_key") != API_KEY:
            return _error("key")
        if request.path_params.get("medium", "movie") not in {"movie", "tv"}:
            return _error("missing")
        return await handler(request)

    return endpoint


def _page(world: TmdbWorld, medium: str, numbers: list[int], request: Request) -> Response:
    page = _number(request)
    if page is None:
        return _error("page")
    rows = [row_of(world, _title(world, medium, one)) for one in numbers[PAGE * (page - 1) : PAGE * page]]
    if world.half:
        rows = rows[: len(rows) // 2]
    pages = min(ceil(len(numbers) / PAGE), MOST_PAGES)
    return JSONResponse({"page": page, "results": rows, "total_pages": pages, "total_results": len(numbers)})


def _title(world: TmdbWorld, medium: str, number: int) -> Any:
    return world.film(number) if medium == "movie" else world.show(number)


def _number(request: Request) -> int | None:
    text = request.query_params.get("page", "1")
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 5 else 0
    return number if 1 <= number <= MOST_PAGES else None


def _error(kind: str, headers: dict[str, str] | None = None) -> Response:
    status, code, said = _CODES[kind]
    return JSONResponse({"success": False, "status_code": code, "status_message": said}, status, headers)
