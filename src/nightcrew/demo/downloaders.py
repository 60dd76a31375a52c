"""Service `qbittorrent`: the Web API v2 of the program of that name, as 4.3, 4.6, 5.0 and 5.2 speak it (`downloads.py`)."""

import functools
import json
import secrets
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from .bencoding import decode
from .downloads import DemoDownload, Downloads
from .scene import Scene
from .torrents import hashes_of

COOKIE = "SID"
Handler = Callable[["Request", dict[str, Any]], Awaitable[Response]]


def routes(scene: Scene) -> list[BaseRoute]:
    return QBittorrentServer(scene.downloads).routes("/qbittorrent/api/v2")


class QBittorrentServer:
    def __init__(self, downloads: Downloads) -> None:
        self._has = downloads

    def routes(self, begin: str) -> list[BaseRoute]:
        asked: dict[str, Handler] = {
            "app/version": self._say(lambda: self._has.version),
            "app/webapiVersion": self._say(lambda: self._has.api),
            "app/defaultSavePath": self._say(lambda: "/downloads"),
            "sync/maindata": self._maindata,
            "torrents/files": self._files,
            "torrents/export": self._export,
            "torrents/categories": self._categories,
        }
        done: dict[str, Handler] = {
            "torrents/createCategory": self._create_category,
            "torrents/add": self._add,
            "torrents/filePrio": self._wanted,
            "torrents/delete": self._delete,
            "torrents/setDownloadLimit": self._nothing,
            **{
                f"torrents/{name}": functools.partial(self._turn, name) for name in ("pause", "resume", "stop", "start")
            },
        }
        return [
            Route(f"{begin}/auth/login", self._login, methods=["POST"]),
            *(Route(f"{begin}/{path}", self._guarded(how), methods=["GET", "POST"]) for path, how in asked.items()),
            *(Route(f"{begin}/{path}", self._guarded(how), methods=["POST"]) for path, how in done.items()),
        ]

    # -- who may -------------------------------------------------------------------------------------------------------

    def _guarded(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            key = request.headers.get("authorization", "").removeprefix("Bearer ")
            with_key = self._has.newest and key == self._has.api_key
            if not with_key and request.cookies.get(self._cookie) not in self._has.sessions:
                return PlainTextResponse("Forbidden", 403)
            form = dict(await request.form()) if request.method == "POST" else dict(request.query_params)
            self._has.advance()
            return await handler(request, form)

        return endpoint

    @property
    def _cookie(self) -> str:
        return "QBT_SID_8080" if self._has.newest else COOKIE

    async def _login(self, request: Request) -> Response:
        form = await request.form()
        self._has.logins += 1
        if self._has.banned:
            return PlainTextResponse(
                "Your IP address has been banned after too many failed authentication attempts.", 403
            )
        if (form.get("username"), form.get("password")) != (self._has.user, self._has.password):
            self._has.failures += 1
            return PlainTextResponse("Unauthorized", 401) if self._has.newest else PlainTextResponse("Fails.")
        self._has.failures = 0
        session = secrets.token_urlsafe(24)
        self._has.sessions.add(session)
        answer = Response(status_code=204) if self._has.newest else PlainTextResponse("Ok.")
        answer.set_cookie(self._cookie, session, httponly=True, samesite="strict")
        return answer

    # -- what it says --------------------------------------------------------------------------------------------------

    def _say(self, what: Callable[[], str]) -> Handler:
        async def say(_request: Request, _form: dict[str, Any]) -> Response:
            return PlainTextResponse(what())

        return say

    async def _maindata(self, _request: Request, form: dict[str, Any]) -> Response:
        """With a number that it has given: what has changed since; else everything."""
        rid = int(form.get("rid", "0") or 0)
        changed: dict[str, dict[str, object]] = {}
        for key, one in self._has.rows.items():
            told = _row(self._has, one)
            if told != one.told:
                one.number = next(self._has.numbers)
                one.told = told
            if one.number > rid:
                changed[key] = told
        gone = [key for number, key in self._has.gone if number > rid and key not in self._has.rows]
        now = next(self._has.numbers)
        said: dict[str, object] = {"rid": now, "server_state": {"free_space_on_disk": self._has.free}}
        said |= {"torrents": changed} if changed or rid == 0 else {}
        said |= {"full_update": True} if rid == 0 else ({"torrents_removed": gone} if gone else {})
        return JSONResponse(said)

    async def _files(self, _request: Request, form: dict[str, Any]) -> Response:
        one = self._has.rows.get(form.get("hash", ""))
        if one is None:
            return PlainTextResponse("Not Found", 404)
        return JSONResponse(
            [
                {
                    "index": place,
                    "name": path,
                    "size": size,
                    "progress": one.done,
                    "priority": int(place not in one.unwanted),
                }
                for place, (path, size) in enumerate(one.files)
            ]
        )

    async def _export(self, _request: Request, form: dict[str, Any]) -> Response:
        one = self._has.rows.get(form.get("hash", ""))
        if one is None or self._has.version < "v4.5":
            return PlainTextResponse("Not Found", 404)
        if not one.known:
            return PlainTextResponse("Unable to export torrent file", 409)
        return Response(one.data, media_type="application/x-bittorrent")

    async def _categories(self, _request: Request, _form: dict[str, Any]) -> Response:
        return JSONResponse({name: {"name": name, "savePath": path} for name, path in self._has.categories.items()})

    # -- what it does --------------------------------------------------------------------------------------------------

    def _done(self) -> Response:
        return Response(status_code=204 if self._has.newest else 200)

    async def _nothing(self, _request: Request, _form: dict[str, Any]) -> Response:
        return self._done()

    async def _create_category(self, _request: Request, form: dict[str, Any]) -> Response:
        if form["category"] in self._has.categories:
            return PlainTextResponse("Unable to create category", 409)
        self._has.categories[form["category"]] = form.get("savePath", "")
        return self._done()

    async def _add(self, _request: Request, form: dict[str, Any]) -> Response:
        if form.get("category") and form["category"] not in self._has.categories:
            form["category"] = ""  # it does not make one by the way
        stopped = form.get("stopped" if self._has.newer else "paused") == "true"
        more = {"category": form.get("category", ""), "tags": [one for one in form.get("tags", "").split(",") if one]}
        upload, taken = form.get("torrents"), None
        if isinstance(upload, UploadFile):
            data = await upload.read()
            try:
                name, (v1, v2) = decode(data)[0][b"info"][b"name"].decode(), hashes_of(data)
            except (ValueError, KeyError, IndexError, TypeError):
                text = f"Error: '{upload.filename}' is not a valid torrent file."
                return PlainTextResponse(text, 415)
            taken = self._has.take(data, v1 or "", v2 or "", name, stopped=stopped, **more)
        else:
            query = parse_qs(urlsplit(form.get("urls", "")).query)
            topics = [one.removeprefix("urn:btih:") for one in query.get("xt", []) if one.startswith("urn:btih:")]
            condition = self._has.version >= "v4.5" and form.get("stopCondition") == "MetadataReceived"
            if topics:
                more |= {"known": False, "stops_at_metadata": condition}
                taken = self._has.take(b"", topics[0], "", query.get("dn", topics)[0], stopped=stopped, **more)
        if not self._has.newest:
            return PlainTextResponse("Ok." if taken else "Fails.")
        if taken is None:
            return PlainTextResponse("Conflict", 409)
        said = {"success_count": 1, "pending_count": 0, "failure_count": 0, "added_torrent_ids": [taken.id]}
        return JSONResponse(said)

    async def _wanted(self, _request: Request, form: dict[str, Any]) -> Response:
        one = self._has.rows.get(form["hash"])
        if one is None:
            return PlainTextResponse("Not Found", 404)
        places = {int(place) for place in form["id"].split("|")}
        one.unwanted = one.unwanted | places if form["priority"] == "0" else one.unwanted - places
        return self._done()

    async def _turn(self, name: str, _request: Request, form: dict[str, Any]) -> Response:
        if (name in {"stop", "start"}) != self._has.newer:
            return PlainTextResponse("Not Found", 404)
        for key in form["hashes"].split("|"):
            if (one := self._has.rows.get(key)) is not None:
                one.stopped = name in {"stop", "pause"}
                one.stops_at_metadata = one.stops_at_metadata and one.stopped
        return self._done()

    async def _delete(self, _request: Request, form: dict[str, Any]) -> Response:
        for key in form["hashes"].split("|"):
            self._has.remove(key)
        return self._done()


def _state(has: Downloads, one: DemoDownload) -> str:
    stop = "stopped" if has.newer else "paused"
    if one.failed:
        return "error"
    if one.known and one.done >= 1:
        return f"{stop}UP" if one.stopped else "stalledUP"
    if one.stopped:
        return f"{stop}DL"
    if not one.known:
        return "metaDL"
    return "stalledDL" if one.stalled else "downloading"


def _row(has: Downloads, one: DemoDownload) -> dict[str, object]:
    size = one.size if one.known else -1
    said: dict[str, object] = {
        "name": one.name,
        "state": _state(has, one),
        "progress": round(one.done, 4) if one.known else 0,
        "size": size,
        "total_size": size,
        "completed": int(one.done * one.size),
        "eta": 8640000 if one.stopped or one.stalled else int((1 - one.done) * one.plan.seconds) + 1,
        "num_complete": one.plan.seeds,
        "num_seeds": min(one.plan.seeds, 4),
        "save_path": has.categories.get(one.category) or "/downloads",
        "infohash_v1": one.v1,
        "infohash_v2": one.v2,
        "tags": ", ".join(one.tags),
        "category": one.category,
    }
    return json.loads(json.dumps(said))  # type: ignore[no-any-return]
