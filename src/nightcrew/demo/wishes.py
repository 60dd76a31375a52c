"""Services `spotify` and `listenbrainz`: what somebody has saved and put into playlists, with paging and limits."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from .musiclib import Wishes, identity
from .replies import whole_number
from .scene import Scene
from .songs import DemoSong

BEARER = "demo-access-token"
LISTENER, LISTENER_TOKEN = "demo listener", "demo-listenbrainz-token"
PLAYLIST = "0b7a4f3e-58a5-4a55-8b5e-0d5d0f6c7a11"


def routes(scene: Scene) -> list[BaseRoute]:
    return [*_spotify(scene.wishes), *_listenbrainz(scene.wishes), _statistics(scene.wishes)]


def _spotify(wishes: Wishes) -> list[BaseRoute]:
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
        Route("/spotify/v1/me", _guarded(wishes, me)),
        Route("/spotify/v1/me/tracks", _guarded(wishes, saved)),
        Route("/spotify/v1/me/playlists", _guarded(wishes, playlists)),
        Route("/spotify/v1/playlists/{number}/items", _guarded(wishes, items)),
        Route("/spotify/v1/playlists/{number}/tracks", _guarded(wishes, items)),
    ]


def _guarded(wishes: Wishes, handler: Any) -> Any:
    async def endpoint(request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {BEARER}":
            return JSONResponse({"error": {"status": 401, "message": "Invalid access token"}}, 401)
        if wishes.limited:
            wishes.limited -= 1
            return JSONResponse({"error": {"status": 429}}, 429, {"Retry-After": str(wishes.wait)})
        answer: Response = await handler(request)
        return answer

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


def _listenbrainz(wishes: Wishes) -> list[BaseRoute]:
    async def validate(request: Request) -> Response:
        valid = request.headers.get("authorization") == f"Token {LISTENER_TOKEN}"
        return JSONResponse({"code": 200, "valid": valid, "user_name": LISTENER if valid else None})

    async def playlists(request: Request) -> Response:
        if wishes.limited:
            wishes.limited -= 1
            return JSONResponse({"code": 429}, 429, {"X-RateLimit-Reset-In": str(wishes.wait)})
        if request.path_params["user"] != LISTENER:
            return JSONResponse({"code": 404, "error": "Cannot find user"}, 404)
        one = {"identifier": f"https://listenbrainz.example/playlist/{PLAYLIST}", "title": "Sea songs"}
        offset = whole_number(request, "offset", 0, 1 << 31)
        return JSONResponse({"playlists": [{"playlist": one}] if not offset else [], "playlist_count": 1})

    async def playlist(_request: Request) -> Response:
        tracks = [
            {
                "title": one.shown,
                "creator": one.artist,
                "album": one.album,
                "identifier": [f"https://musicbrainz.example/recording/{identity(one)}"],
                "duration": one.seconds * 1000,
            }
            for one in wishes.listed
        ]
        return JSONResponse({"playlist": {"title": "Sea songs", "track": tracks}})

    return [
        Route("/listenbrainz/1/validate-token", validate),
        Route("/listenbrainz/1/user/{user}/playlists", playlists),
        Route(f"/listenbrainz/1/playlist/{PLAYLIST}", playlist),
    ]


def _statistics(wishes: Wishes) -> BaseRoute:
    async def plays(request: Request) -> Response:
        """Of nobody but the listener; 204 while nothing was counted."""
        if request.path_params["user"] != LISTENER:
            return JSONResponse({"code": 404, "error": "Cannot find user"}, 404)
        if not wishes.plays:
            return Response(status_code=204)
        offset, count = whole_number(request, "offset", 0, 1 << 31), whole_number(request, "count", 25, 100)
        rows = [
            {
                "track_name": one.shown,
                "artist_name": one.artist,
                "release_name": one.album,
                "recording_mbid": identity(one) if number % 2 else None,
                "listen_count": played,
            }
            for number, (one, played) in enumerate(wishes.plays)
        ]
        page = rows[offset : offset + count]
        said = {"recordings": page, "count": len(page), "offset": offset, "total_recording_count": len(rows)}
        return JSONResponse({"payload": {"range": "month", "user_id": LISTENER, **said}})

    return Route("/listenbrainz/1/stats/user/{user}/recordings", plays)
