"""Services `jellyfin`, `plex` and `subsonic`: media servers with the same library, each with its own paging and its own words."""

import hashlib
import zlib
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from .musiclib import MusicLibrary, identity
from .replies import whole_number
from .scene import Scene
from .songs import DemoSong

JELLYFIN_KEY, PLEX_TOKEN = "demo-jellyfin-key", "demo-plex-token"
SUBSONIC_USER, SUBSONIC_PASSWORD = "demo", "demo-password"
MOST = 300
"""Tracks of one page, however many are asked for: servers have limits of their own."""


def routes(scene: Scene) -> list[BaseRoute]:
    library = scene.library
    return [*_jellyfin(library), *_plex(library), *_subsonic(library)]


def _cut(library: MusicLibrary, start: int, size: int) -> list[DemoSong]:
    page = library.songs[start : start + min(size, MOST)]
    return page[: len(page) - library.missing] if library.missing else page


def _albums(library: MusicLibrary) -> int:
    return len({(one.artist, one.album) for one in library.songs})


def _artists(library: MusicLibrary) -> int:
    return len({one.artist for one in library.songs})


def _looked(library: MusicLibrary, *folders: str) -> Response:
    """Look at folders, if the login may have that done."""
    if library.read_only:
        return Response(status_code=403)
    library.looked_at += folders
    return Response(status_code=204)


# -- Jellyfin ----------------------------------------------------------------------------------------------------------


def _jellyfin(library: MusicLibrary) -> list[BaseRoute]:
    async def info(_request: Request) -> Response:
        return JSONResponse({"ServerName": "Demo Jellyfin", "Version": "10.11.2"})

    async def counts(_request: Request) -> Response:
        said = {"SongCount": len(library.songs), "AlbumCount": _albums(library), "ArtistCount": _artists(library)}
        return JSONResponse(said)

    async def items(request: Request) -> Response:
        start, size = whole_number(request, "StartIndex", 0, 1 << 31), whole_number(request, "Limit", 100, 1 << 31)
        page = [
            {
                "Id": identity(one).replace("-", ""),
                "Name": one.shown,
                "Artists": [one.artist],
                "AlbumArtist": one.artist,
                "Album": one.album,
                "RunTimeTicks": one.seconds * 10_000_000,
                "ProviderIds": {"MusicBrainzRecording": identity(one)},
                "Type": "Audio",
            }
            for one in _cut(library, start, size)
        ]
        return JSONResponse({"Items": page, "TotalRecordCount": len(library.songs), "StartIndex": start})

    async def updated(request: Request) -> Response:
        return _looked(library, *[str(one["Path"]) for one in (await request.json())["Updates"]])

    async def refresh(_request: Request) -> Response:
        return _looked(library, "")

    def guarded(handler: Any) -> Any:
        async def endpoint(request: Request) -> Response:
            if request.headers.get("authorization") != f'MediaBrowser Token="{JELLYFIN_KEY}"':
                return PlainTextResponse("", 401)
            answer: Response = await handler(request)
            return answer

        return endpoint

    return [
        Route("/jellyfin/System/Info", guarded(info)),
        Route("/jellyfin/Items/Counts", guarded(counts)),
        Route("/jellyfin/Items", guarded(items)),
        Route("/jellyfin/Library/Media/Updated", guarded(updated), methods=["POST"]),
        Route("/jellyfin/Library/Refresh", guarded(refresh), methods=["POST"]),
    ]


# -- Plex --------------------------------------------------------------------------------------------------------------


def _plex(library: MusicLibrary) -> list[BaseRoute]:
    async def sections(_request: Request) -> Response:
        found = [{"key": "1", "type": "movie", "title": "Films"}, {"key": "5", "type": "artist", "title": "Music"}]
        return JSONResponse({"MediaContainer": {"size": 2, "Directory": found}})

    async def every(request: Request) -> Response:
        kind = request.query_params.get("type")
        total = {"8": _artists(library), "9": _albums(library), "10": len(library.songs)}.get(str(kind), 0)
        start = whole_number(request, "X-Plex-Container-Start", 0, 1 << 31)
        size = whole_number(request, "X-Plex-Container-Size", 50, 1 << 31)
        page = [_plex_track(one) for one in _cut(library, start, size)] if kind == "10" and size else []
        return JSONResponse(
            {"MediaContainer": {"size": len(page), "totalSize": total, "offset": start, "Metadata": page}}
        )

    async def refresh(request: Request) -> Response:
        return _looked(library, request.query_params.get("path", ""))

    def guarded(handler: Any) -> Any:
        async def endpoint(request: Request) -> Response:
            if request.headers.get("x-plex-token") != PLEX_TOKEN:
                return PlainTextResponse("<html><body><h1>401 Unauthorized</h1></body></html>", 401)
            if request.headers.get("accept") != "application/json":
                return PlainTextResponse("<MediaContainer/>", media_type="application/xml")
            answer: Response = await handler(request)
            return answer

        return endpoint

    return [
        Route("/plex/library/sections", guarded(sections)),
        Route("/plex/library/sections/5/all", guarded(every)),
        Route("/plex/library/sections/5/refresh", guarded(refresh)),
    ]


def _plex_track(one: DemoSong) -> dict[str, object]:
    return {
        "ratingKey": str(zlib.crc32(identity(one).encode())),
        "type": "track",
        "title": one.shown,
        "grandparentTitle": "Various Artists" if one.number == 1 else one.artist,
        **({"originalTitle": one.artist} if one.number == 1 else {}),
        "parentTitle": one.album,
        "duration": one.seconds * 1000,
        "Guid": [{"id": f"mbid://{identity(one)}"}],
    }


# -- Subsonic ----------------------------------------------------------------------------------------------------------


def _subsonic(library: MusicLibrary) -> list[BaseRoute]:
    async def call(request: Request) -> Response:
        query, method = request.query_params, request.path_params["method"].removesuffix(".view")
        token = hashlib.md5(f"{SUBSONIC_PASSWORD}{query.get('s', '')}".encode(), usedforsecurity=False).hexdigest()
        if (query.get("u"), query.get("t")) != (SUBSONIC_USER, token):
            return _subsonic_answer({"error": {"code": 40, "message": "Wrong username or password."}}, "failed")
        if method == "search3":
            start, size = (
                whole_number(request, "songOffset", 0, 1 << 31),
                whole_number(request, "songCount", 20, 1 << 31),
            )
            songs = [_subsonic_song(one) for one in _cut(library, start, size)]
            return _subsonic_answer({"searchResult3": {"song": songs} if songs else {}})
        if method == "getScanStatus":
            going = library.scanning is not None
            count = library.scanning if going else len(library.songs) + library.of_others
            return _subsonic_answer({"scanStatus": {"scanning": going, "count": count}})
        if method == "startScan" and library.read_only:
            return _subsonic_answer({"error": {"code": 50, "message": "Not authorized."}}, "failed")
        if method == "startScan":
            library.looked_at.append("")
            return _subsonic_answer({"scanStatus": {"scanning": True, "count": 0}})
        if method == "ping":
            return _subsonic_answer({})
        return _subsonic_answer({"error": {"code": 0, "message": "not found"}}, "failed")

    return [Route("/subsonic/rest/{method}", call)]


def _subsonic_answer(inner: dict[str, object], status: str = "ok") -> Response:
    said = {"status": status, "version": "1.16.1", "type": "demo", "serverVersion": "1.0", "openSubsonic": True}
    return JSONResponse({"subsonic-response": {**said, **inner}})


def _subsonic_song(one: DemoSong) -> dict[str, object]:
    return {
        "id": identity(one),
        "isDir": False,
        "title": one.shown,
        "artist": one.artist,
        "album": one.album,
        "duration": one.seconds,
        "musicBrainzId": identity(one),
    }
