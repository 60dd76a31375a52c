"""qBittorrent, by its Web API v2 (4.1 to 5.2)."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from nightcrew.kernel.connections.line import Line
from nightcrew.kernel.connections.question import Question
from nightcrew.kernel.declare import Allowance, ConnectionKind, Signed
from nightcrew.kernel.errors import Misread
from nightcrew.kernel.http import Reply
from nightcrew.kernel.http_requests import Attached
from nightcrew.movies.clients.base import LARGE, ClientKind, Rejected, space_in_words
from nightcrew.movies.clients.qbittorrent_session import DONE, QBittorrentLogin, QBittorrentSession, plain
from nightcrew.movies.clients.qbittorrent_shapes import Torrents, files_of, version_of
from nightcrew.movies.clients.remote import MAX_PATH, RemoteFile, RemoteTorrent, text

STOPPED_FROM = (2, 11)
"""The version of the API from which on it says `stop` for `pause`: qBittorrent 5.0."""
CONDITIONS_FROM = (2, 8, 15)
"""From here on it stops by itself when a magnet's description is there: qBittorrent 4.5."""
SLOW = 10_240
"""Bytes a second for a magnet at an older one: its description comes, and next to nothing of its content before it is paused."""


class QBittorrent:
    """One qBittorrent: its session, its version, and what it has said of its torrents."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self._session = QBittorrentSession(line)
        self._torrents = Torrents()
        self._version: tuple[tuple[int, ...], int] | None = None
        """And in which session it was asked for: between two of them it may have been changed."""
        self._syncing = asyncio.Lock()

    @property
    def category(self) -> str:
        """The category that its connection names."""
        return self._session.login.category

    # -- what is handed over -------------------------------------------------------------------------------------------

    async def add(
        self, source: bytes | str, *, swarm: str, category: str, tags: tuple[str, ...], held: bool = False
    ) -> None:
        """As `Client.add`."""
        if await self.look([swarm]):
            return
        version = await self.version()
        if category:
            form = {"category": category, "savePath": ""}
            await self._post("createCategory", form, good=DONE | {409})  # 409: it is there
        form = {"category": category, "tags": ",".join(tags)}
        stopped = held and not isinstance(source, str)
        form["stopped" if version >= STOPPED_FROM else "paused"] = "true" if stopped else "false"
        if held and isinstance(source, str):
            form |= {"stopCondition": "MetadataReceived"} if version >= CONDITIONS_FROM else {"dlLimit": str(SLOW)}
        if isinstance(source, str):
            question = Question(_path("add"), "POST", form={**form, "urls": source}, safe=True)
        else:
            file = Attached(f"{swarm}.torrent", source, "application/x-bittorrent")
            question = Question(_path("add"), "POST", form=form, files={"torrents": file}, safe=True)
        said = await self._session.read(question, _added, good=DONE | {409, 415})
        if said and not await self.look([swarm]):  # what it has already, it refuses in the same words
            raise Rejected(said)

    async def look(self, hashes: Collection[str]) -> dict[str, RemoteTorrent]:
        """As `Client.look`: it tells what has changed since the last look."""
        async with self._syncing:
            if hashes:
                await self._sync()
            return self._torrents.remotes(hashes)

    async def files(self, swarm: str) -> list[RemoteFile]:
        """As `Client.files`."""
        if (key := await self._id(swarm)) is None:
            return []
        question = Question(_path("files"), params={"hash": key})
        return await self._session.read(question, _files, good=frozenset({200, 404, 409}), limits=LARGE)

    async def metainfo(self, swarm: str) -> bytes | None:
        """As `Client.metainfo`; from 4.5 on."""
        if (key := await self._id(swarm)) is None:
            return None
        question = Question(_path("export"), params={"hash": key})
        reply = await self._session.ask(question, good=frozenset({200, 404, 409}), limits=LARGE)
        return reply.body if reply.status == 200 and reply.body.startswith(b"d") else None

    async def pause(self, swarm: str) -> None:
        """As `Client.pause`."""
        await self._turn(swarm, "stop", "pause")

    async def resume(self, swarm: str) -> None:
        """As `Client.resume`."""
        if await self.version() < CONDITIONS_FROM and (key := await self._id(swarm)) is not None:
            await self._post("setDownloadLimit", {"hashes": key, "limit": "0"})
        await self._turn(swarm, "start", "resume")

    async def remove(self, swarm: str, *, files: bool) -> None:
        """As `Client.remove`."""
        if (key := await self._id(swarm)) is not None:
            await self._post("delete", {"hashes": key, "deleteFiles": "true" if files else "false"})

    async def free_space(self) -> int | None:
        """As `Client.free_space`."""
        async with self._syncing:
            await self._sync()
            return self._torrents.free

    # -- what it is ----------------------------------------------------------------------------------------------------

    async def version(self) -> tuple[int, ...]:
        """The version of its API; asked for once in a session."""
        if self._version is None or self._version[1] != self._session.logins:
            found = await self._session.read(Question("api/v2/app/webapiVersion"), _version)
            self._version = found, self._session.logins
        return self._version[0]

    async def program(self) -> str:
        """What it calls itself, such as v4.5.2."""
        reply = await self._session.ask(Question("api/v2/app/version"))
        return " ".join(reply.text().split())[:40]

    async def save_path(self) -> str:
        """Where it saves by default."""
        reply = await self._session.ask(Question("api/v2/app/defaultSavePath"))
        return " ".join(reply.text().split())[:MAX_PATH]

    async def category_path(self, name: str) -> str | None:
        """Where a category is saved, empty for the default; None when there is no such category."""
        found = await self._session.read(Question("api/v2/torrents/categories"), Reply.json)
        row = found.get(name) if isinstance(found, dict) else None
        return text(row, "savePath", MAX_PATH) if isinstance(row, dict) else None

    # -- on the way ----------------------------------------------------------------------------------------------------

    async def _sync(self) -> None:
        logins = self._session.logins
        question = Question("api/v2/sync/maindata", params={"rid": str(self._torrents.rid)})
        answer = await self._session.read(question, Reply.json, limits=LARGE)
        if self._session.logins != logins:  # another session counts anew: this is everything
            self._torrents = Torrents()
            if not (isinstance(answer, dict) and answer.get("full_update") is True):
                question = replace(question, params={"rid": "0"})
                answer = await self._session.read(question, Reply.json, limits=LARGE)
        await asyncio.to_thread(self._torrents.take, answer)

    async def _id(self, swarm: str) -> str | None:
        """The client's own name for a torrent, None when it does not have it."""
        found = await self.look([swarm])
        return found[swarm].id if swarm in found else None

    async def _turn(self, swarm: str, newer: str, older: str) -> None:
        if (key := await self._id(swarm)) is not None:
            await self._post(newer if await self.version() >= STOPPED_FROM else older, {"hashes": key})

    async def _post(self, name: str, form: dict[str, str], *, good: frozenset[int] = DONE) -> Reply:
        return await self._session.ask(Question(_path(name), "POST", form=form, safe=True), good=good)


def _path(name: str) -> str:
    return f"api/v2/torrents/{name}"


async def _version(reply: Reply) -> tuple[int, ...]:
    return version_of(reply.text())


async def _files(reply: Reply) -> list[RemoteFile]:
    return await asyncio.to_thread(files_of, await reply.json()) if reply.status == 200 else []


async def _added(reply: Reply) -> str:
    """Why it does not take a torrent; empty when it does. 5.2 counts in JSON, older ones say "Ok." or "Fails."."""
    said = (await plain(reply)).text().strip()
    if reply.status == 415:
        return "qBittorrent says that this is no valid torrent file"
    if reply.status == 409 or said == "Fails.":
        return "qBittorrent does not take this torrent"
    if not said.startswith("{"):
        if said not in {"Ok.", ""}:
            raise Misread(f"cannot read {reply.shown}: it does not say whether it takes the torrent")
        return ""
    counts: Any = await reply.json()
    if isinstance(counts, dict) and (counts.get("success_count") or counts.get("pending_count")):
        return ""
    return "qBittorrent does not take this torrent"


async def try_out(line: Line) -> list[str]:
    """What the button Test says."""
    client = QBittorrent(line)
    api = ".".join(map(str, await client.version()))
    name = client.category
    place = await client.category_path(name)
    known = f"It has the category {name}" + (f", saved in {place}." if place else ".")
    return [
        f"qBittorrent {await client.program()} lets Nightcrew in (Web API {api}).",
        f"It saves in {await client.save_path()}.",
        *space_in_words(await client.free_space()),
        known if place is not None else f"The category {name} is made with the first download.",
    ]


def _sign(login: BaseModel) -> Signed:
    key = getattr(login, "api_key", "")
    return Signed({"Authorization": f"Bearer {key}"}) if key else Signed()


KIND = ConnectionKind(
    "qbittorrent",
    "qBittorrent",
    QBittorrentLogin,
    try_out,
    help="Downloads what was chosen. Its Web UI has to be switched on.",
    address="http://127.0.0.1:8080",
    allowance=Allowance(per_second=10.0, at_once=4, longest_pause=300.0),
    sign=_sign,
)
CLIENT = ClientKind(KIND, QBittorrent)
