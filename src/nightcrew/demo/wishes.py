"""Service `listenbrainz`: playlists of somebody, and what was played, with paging and limits."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from .musiclib import Wishes, identity
from .replies import whole_number
from .scene import Scene

LISTENER, LISTENER_TOKEN = "demo listener", "demo-listenbrainz-token"
PLAYLIST = "0b7a4f3e-58a5-4a55-8b5e-0d5d0f6c7a11"


def routes(scene: Scene) -> list[BaseRoute]:
    return [*_listenbrainz(scene.wishes), _statistics(scene.wishes)]


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
