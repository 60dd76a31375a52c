"""Service `spotify`: what somebody has saved and put into playlists, for who was granted access, with paging and limits."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from . import grants
from .musiclib import Wishes, identity
from .replies import whole_number
from .scene import Scene
from .songs import DemoSong

Handler = Callable[[Request], Awaitable[Response]]


def routes(scene: Scene) -> list[BaseRoute]:
    wishes = scene.wishes

    def now() -> float:
        return scene.clock()

    async def me(_request: Request) -> Response:
        return JSONResponse({"id": "demo", "display_name": "Demo listener"})

    async def saved(request: Request) -> Response:
        return _page(
            request,
            wishes,
            [{"added_at": "2026-01-01T00:00:00Z", "track": _spotify_track(one)} for one in wishes.saved],
        )

    async def playlists(request: Request) -> Response:
        own = {"id": "own1", "name": "Evening", "collaborative": False, "owner": {"id": "demo"}}
        others = {"id": "others2", "name": "Somebody else's", "collaborative": False, "owner": {"id": "other"}}
        return _page(request, wishes, [own, others])

    async def items(request: Request) -> Response:
        if request.path_params["number"] != "own1":
            return JSONResponse({"error": {"status": 403, "message": "Forbidden"}}, 403)
        old = request.url.path.endswith("/tracks")
        if old is not wishes.old_app:
            return JSONResponse({"error": {"status": 404, "message": "Not found"}}, 404)
        wrapper = "track" if old else "item"
        rows: list[dict[str, object]] = [{wrapper: _spotify_track(one)} for one in wishes.listed]
        rows += [{wrapper: {"type": "episode", "name": "A talk", "id": "e"}}, {wrapper: None}]
        rows.append({wrapper: {"is_local": True, "name": "A file", "artists": [{"name": "Me"}]}})
        return _page(request, wishes, rows)

    return [
        *grants.routes(scene.grants, now, "/spotify"),
        Route("/spotify/v1/me", _guarded(scene, me)),
        Route("/spotify/v1/me/tracks", _guarded(scene, saved)),
        Route("/spotify/v1/me/playlists", _guarded(scene, playlists)),
        Route("/spotify/v1/playlists/{number}/items", _guarded(scene, items)),
        Route("/spotify/v1/playlists/{number}/tracks", _guarded(scene, items)),
    ]


def _guarded(scene: Scene, handler: Handler) -> Handler:
    wishes = scene.wishes

    async def endpoint(request: Request) -> Response:
        if not scene.grants.admits(request.headers.get("authorization", "").removeprefix("Bearer "), scene.clock()):
            return JSONResponse({"error": {"status": 401, "message": "The access token expired"}}, 401)
        if wishes.used_up:
            said = {"status": 429, "message": "Too many requests", "reason": "QUOTA_EXCEEDED"}
            return JSONResponse({"error": said}, 429)
        if wishes.limited:
            wishes.limited -= 1
            return JSONResponse({"error": {"status": 429}}, 429, {"Retry-After": str(wishes.wait)})
        return await handler(request)

    return endpoint


def _page(request: Request, wishes: Wishes, rows: list[Any]) -> Response:
    offset, limit = whole_number(request, "offset", 0, 1 << 31), whole_number(request, "limit", 20, 50)
    page = rows[offset : offset + min(limit, wishes.page)]
    end = offset + len(page)
    return JSONResponse(
        {"items": page, "total": len(rows), "offset": offset, "next": "more" if end < len(rows) else None}
    )


def _spotify_track(one: DemoSong) -> dict[str, object]:
    said: dict[str, object] = {
        "type": "track",
        "id": identity(one)[:22],
        "name": one.shown,
        "artists": [{"name": one.artist}],
        "album": {"name": one.album},
        "duration_ms": one.seconds * 1000,
        "track_number": one.number,
        "is_local": False,
        "external_ids": {"isrc": f"QZDEM26{one.seconds:05}"},
    }
    return said | ({"popularity": 55} if one.number == 1 else {})
