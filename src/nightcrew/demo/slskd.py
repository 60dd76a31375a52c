"""Service `slskd`: the REST API v0 of the program of that name, with its habits, in front of an invented network."""

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from .replies import read_object, whole_number
from .scene import Scene
from .songs import DemoPeer, SharedFile
from .soulseek import COMPLETE, STORED, DemoTransfer, Soulseek, moment

OFF_LINE = "The server connection must be connected and logged in"
API_KEY = "demo-slskd-key"
ACCEPTING = 0.05
"""Seconds that slskd takes to accept a search, in which it takes no other."""


def routes(scene: Scene) -> list[BaseRoute]:
    return SlskdServer(scene.soulseek).routes("/slskd/api/v0")


class SlskdServer:
    def __init__(self, network: Soulseek) -> None:
        self._network = network
        self._accepting = asyncio.Lock()

    def routes(self, begin: str) -> list[BaseRoute]:
        batches: list[tuple[str, Any, str]] = [
            ("/transfers/downloads/batches", self._enqueue_batch, "POST"),
            ("/transfers/downloads/batches/{number}", self._show_batch, "GET"),
        ]
        places: list[tuple[str, Any, str]] = [
            ("/application/version", self._version, "GET"),
            ("/server", self._server, "GET"),
            ("/searches", self._begin_search, "POST"),
            ("/searches/{number}", self._show_search, "GET"),
            ("/searches/{number}/responses", self._responses, "GET"),
            *(batches if self._network.version >= "0.26" else []),
            ("/transfers/downloads/{peer}", self._enqueue, "POST"),
            ("/transfers/downloads", self._downloads, "GET"),
            ("/transfers/downloads/{peer}/{number}", self._cancel, "DELETE"),
            ("/transfers/downloads/{peer}/{number}/position", self._position, "GET"),
            ("/events", self._events, "GET"),
        ]
        return [Route(f"{begin}{path}", _guarded(handler), methods=[method]) for path, handler, method in places]

    async def _version(self, _request: Request) -> Response:
        return JSONResponse(self._network.version)

    async def _server(self, _request: Request) -> Response:
        state = "Connected, LoggedIn" if self._network.connected else "Disconnected"
        return JSONResponse(
            {"state": state, "isConnected": self._network.connected, "isLoggedIn": self._network.connected}
        )

    async def _begin_search(self, request: Request) -> Response:
        body = await read_object(request)
        text, number = body.get("searchText"), body.get("id")
        if not isinstance(text, str) or not text.strip() or not isinstance(number, str):
            return PlainTextResponse("SearchText may not be null or empty", 400)
        if not self._network.connected:
            return PlainTextResponse(OFF_LINE, 409)
        if self._accepting.locked() or self._network.busy:
            return PlainTextResponse("Only one concurrent operation is permitted", 429)
        async with self._accepting:
            self._network.search(number, text)
            await asyncio.sleep(ACCEPTING)
        return JSONResponse(_search(self._network, number))

    async def _show_search(self, request: Request) -> Response:
        number = request.path_params["number"]
        return (
            JSONResponse(_search(self._network, number))
            if number in self._network.searches
            else Response(status_code=404)
        )

    async def _responses(self, request: Request) -> Response:
        search = self._network.searches.get(request.path_params["number"])
        if search is None:
            return Response(status_code=404)
        if self._network.clock() - search.began < STORED * self._network.delay:
            return JSONResponse([])  # they are stored a moment after it is complete
        return JSONResponse(
            [await _response(self._network, peer, files) for peer, files in self._network.answers(search)]
        )

    async def _enqueue_batch(self, request: Request) -> Response:
        body = await read_object(request)
        if self._network.busy:
            return PlainTextResponse("Too many concurrent enqueues", 429)
        number, files = str(body.get("id")), body.get("files")
        if number in self._network.batches:
            return PlainTextResponse(f"A batch with id {number} already exists", 409)
        if not self._network.connected:
            return PlainTextResponse(OFF_LINE, 500)
        peer = self._network.peer(str(body.get("username")))
        if peer is None or not peer.online:
            return PlainTextResponse("User is offline", 404)
        self._network.batches[number] = []
        failures, made = [], []
        for one in files if isinstance(files, list) else []:
            file = self._network.shared(peer, str(one.get("filename")))
            if file is None or peer.refuses:
                failures.append({"filename": one.get("filename"), "message": "File not shared."})
                continue
            made.append(self._network.enqueue(peer, file, int(one.get("size") or 0), number))
        self._network.batches[number] = [one.id for one in made]
        self._network.save()
        status = 201 if not failures else 207 if made else 200
        batch = {"id": number, "searchId": body.get("searchId"), "transfers": [_transfer(one) for one in made]}
        return JSONResponse({"batch": batch, "failures": failures}, status)

    async def _show_batch(self, request: Request) -> Response:
        number = request.path_params["number"]
        if number not in self._network.batches:
            return Response(status_code=404)
        mine = [_transfer(one) for one in self._network.transfers if one.batch == number]
        return JSONResponse({"id": number, "transfers": mine})

    async def _enqueue(self, request: Request) -> Response:
        if not self._network.connected:
            return PlainTextResponse(OFF_LINE, 500)
        peer = self._network.peer(request.path_params["peer"])
        if peer is None or not peer.online:
            return PlainTextResponse("User appears to be offline", 500)
        for one in await request.json():
            file = self._network.shared(peer, str(one.get("filename")))
            if file is None or peer.refuses:
                return PlainTextResponse("File not shared.", 403)
            self._network.enqueue(peer, file, int(one.get("size") or 0), None)
        return Response(status_code=201)

    async def _downloads(self, _request: Request) -> Response:
        await self._network.advance()
        return JSONResponse(_nested(self._network))

    async def _cancel(self, request: Request) -> Response:
        for one in self._network.transfers:
            if one.id == request.path_params["number"] and one.peer == request.path_params["peer"]:
                if one.ended is None:
                    one.state, one.ended = "Completed, Cancelled", self._network.clock()
                    self._network.save()
                return Response(status_code=204)
        return Response(status_code=404)

    async def _position(self, request: Request) -> Response:
        await self._network.advance()
        for one in self._network.transfers:
            if one.id == request.path_params["number"] and one.peer == request.path_params["peer"]:
                place = self._network.ask_place(one)
                return PlainTextResponse("It is not queued", 500) if place is None else JSONResponse(place)
        return Response(status_code=404)

    async def _events(self, request: Request) -> Response:
        offset, limit = whole_number(request, "offset", 0, 1 << 31), whole_number(request, "limit", 100, 1000)
        await self._network.advance()
        return JSONResponse(self._network.events[offset : offset + limit])


def _guarded(handler: Any) -> Any:
    async def endpoint(request: Request) -> Response:
        if request.headers.get("x-api-key") != API_KEY:
            return Response(status_code=401)
        answer: Response = await handler(request)
        return answer

    return endpoint


def _search(network: Soulseek, number: str) -> dict[str, object]:
    search = network.searches[number]
    age = (network.clock() - search.began) / network.delay
    found = list(network.answers(search)) if age >= COMPLETE else []
    said: dict[str, object] = {
        "id": number,
        "searchText": search.text,
        "isComplete": age >= COMPLETE,
        "state": "Completed, TimedOut" if age >= COMPLETE else "InProgress",
        "responseCount": len(found),
        "fileCount": sum(len(files) for _, files in found),
        "startedAt": moment(search.began),
    }
    if age >= STORED:
        said["endedAt"] = moment(search.began + STORED * network.delay)
    return said


async def _response(network: Soulseek, peer: DemoPeer, files: list[SharedFile]) -> dict[str, object]:
    open_ = [await _file(network, one) for one in files if not one.locked]
    locked = [await _file(network, one) for one in files if one.locked]
    return {
        "username": peer.name,
        "hasFreeUploadSlot": peer.free_slot,
        "queueLength": peer.queue * 10,
        "uploadSpeed": peer.speed,
        "fileCount": len(open_),
        "files": open_,
        "lockedFileCount": len(locked),
        "lockedFiles": locked,
        "token": 1,
    }


async def _file(network: Soulseek, file: SharedFile) -> dict[str, object]:
    said: dict[str, object] = {
        "filename": file.path,
        "size": await network.size_of(file),
        "code": 1,
        "extension": "",
        "isLocked": file.locked,
        "length": file.song.seconds,
    }
    if network.untold:
        return {key: value for key, value in said.items() if key != "length"}
    return said | ({"bitRate": file.bitrate} if file.bitrate else {"bitDepth": 16, "sampleRate": 44100})


def _transfer(one: DemoTransfer) -> dict[str, object]:
    """As slskd writes it: what is null is left out."""
    said = {
        "id": one.id,
        "batchId": one.batch,
        "username": one.peer,
        "direction": "Download",
        "filename": one.path,
        "size": one.size,
        "startOffset": 0,
        "state": one.state,
        "requestedAt": moment(one.requested),
        "bytesTransferred": one.bytes,
        "placeInQueue": one.place,
        "averageSpeed": float(one.speed),
        "endedAt": None if one.ended is None else moment(one.ended),
        "exception": one.problem or None,
        "bytesRemaining": one.size - one.bytes,
        "percentComplete": 100 * one.bytes / max(1, one.size),
    }
    return {key: value for key, value in said.items() if value is not None}


def _nested(network: Soulseek) -> list[dict[str, object]]:
    users: dict[str, dict[str, list[dict[str, object]]]] = {}
    for one in network.transfers:
        folder = one.path.rpartition("\\")[0]
        users.setdefault(one.peer, {}).setdefault(folder, []).append(_transfer(one))
    return [
        {
            "username": peer,
            "directories": [
                {"directory": folder, "fileCount": len(files), "files": files} for folder, files in folders.items()
            ],
        }
        for peer, folders in users.items()
    ]
