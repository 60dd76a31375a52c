"""What slskd is asked. Raises as `Line.ask`, besides what stands at each question."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

from nightcrew.kernel.connections.line import Line
from nightcrew.kernel.connections.question import Question
from nightcrew.kernel.declare import Budget
from nightcrew.kernel.errors import GiveUp, Retry
from nightcrew.kernel.http import Limits, Reply
from nightcrew.music.slskd import shapes
from nightcrew.music.slskd.shapes import FoundFile, Transfer

ReadT = TypeVar("ReadT")

SEARCHES = Budget(34, 225.0)
"""The network bans for half an hour who searches more often than 34 times in 220 s. The rest is for the time on the way."""
SEARCH_SECONDS = 15
"""How long peers may take to answer a search."""
BATCHES_FROM = (0, 26)
"""The version from which on files are enqueued in batches with an id of ours."""
SMALL = Limits(max_bytes=1 << 20, seconds=20.0)
HISTORY = Limits(max_bytes=512 << 20, seconds=120.0)
"""All downloads that slskd has ever had stand in one answer."""
LARGE = Limits(max_bytes=64 << 20, seconds=60.0)
EVENT_PAGE, EVENT_PAGES = 100, 200
"""Events that are asked for at once, and how far back they are read at most."""
_TAKEN = frozenset({200, 201, 207})
_ANY = frozenset({200, 201, 204, 207, 400, 404, 409, 429, 500})


class SlskdBusy(Retry):
    """It takes no more of these now. Nothing was done."""


class SlskdOffline(Retry):
    """It has no connection to the network."""


class BadQuery(GiveUp):
    """It does not take the text of a search."""


class PeerRefused(GiveUp):
    """The peer is offline, or does not let the file go."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A download that slskd has taken. `remote_id` None: it has said nothing of it yet."""

    batch_id: str
    remote_id: str | None


class Slskd:
    """One slskd, for as long as this node asks it: its version is asked for once."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self._version: tuple[int, ...] | None = None

    async def version(self) -> tuple[int, ...]:
        """Its version."""
        if self._version is None:
            self._version = await self.line.read(Question("api/v0/application/version"), _read_version, limits=SMALL)
        return self._version

    async def server(self) -> dict[str, Any]:
        """How it stands with the network."""
        return await self.line.read(Question("api/v0/server"), _as(shapes.server_of), limits=SMALL)

    async def online(self) -> bool:
        """Whether it is on the network. While it is not, no error says anything of a peer."""
        server = await self.server()
        return bool(server.get("isConnected") and server.get("isLoggedIn"))

    # -- searching -----------------------------------------------------------------------------------------------------

    async def search(self, search_id: str, text: str) -> None:
        """Begin a search under an id of ours. Raises `SlskdBusy`, `SlskdOffline`, `BadQuery`, and `Paused` by the budget."""
        body = {"id": search_id, "searchText": text, "searchTimeout": SEARCH_SECONDS * 1000}
        question = Question("api/v0/searches", "POST", json=body, budget=SEARCHES)
        reply = await self.line.read(question, _begun, good=_ANY, limits=SMALL)
        if reply.status == 429:
            raise SlskdBusy("slskd is taking another search", after=3.0)
        if reply.status == 409:
            raise SlskdOffline("slskd is not connected to the network", after=60.0)
        if reply.status == 400:
            raise BadQuery(f"slskd does not take the query {text!r}")
        if reply.status >= 300:
            raise Retry(f"slskd answers a search with HTTP {reply.status}")

    async def searched(self, search_id: str) -> bool | None:
        """Whether a search has ended and its answers are stored; None when it knows no such search."""

        async def read(reply: Reply) -> bool | None:
            return None if reply.status == 404 else shapes.ended(await reply.json())

        question = Question(f"api/v0/searches/{search_id}")
        return await self.line.read(question, read, good=frozenset({200, 404}), limits=SMALL)

    async def found(self, search_id: str) -> list[FoundFile]:
        """The files that a search has found."""
        question = Question(f"api/v0/searches/{search_id}/responses")
        return await self.line.read(question, _as(shapes.files_of), limits=LARGE)

    # -- downloading ---------------------------------------------------------------------------------------------------

    async def enqueue(self, batch_id: str, peer: str, path: str, size: int, search_id: str | None) -> Sent:
        """Have a file fetched. With the same `batch_id` it is fetched once, however often that is asked for.

        Before 0.26 there are no batches: the caller looks for the transfer first. Raises `PeerRefused`, `SlskdBusy`. An older one
        that is off the network says the same as for a peer that is offline: the caller asks `online`.
        """
        if await self.version() >= BATCHES_FROM:
            return await self._enqueue_batch(batch_id, peer, path, size, search_id)
        question = Question(
            f"api/v0/transfers/downloads/{quote(peer, safe='')}", "POST", json=[{"filename": path, "size": size}]
        )
        reply = await self.line.ask(question, good=_ANY | {403}, limits=SMALL)
        if reply.status == 429:
            raise SlskdBusy("slskd takes no more downloads now", after=10.0)
        if reply.status in {403, 404, 500}:  # an offline peer is 500 here
            raise PeerRefused(_said(reply.text()) or "the peer is offline")
        if reply.status >= 300:
            raise Retry(f"slskd answers a download with HTTP {reply.status}")
        return Sent(batch_id, None)

    async def _enqueue_batch(self, batch_id: str, peer: str, path: str, size: int, search_id: str | None) -> Sent:
        body: dict[str, Any] = {"id": batch_id, "username": peer, "files": [{"filename": path, "size": size}]}
        if search_id:
            body["searchId"] = search_id
        question = Question("api/v0/transfers/downloads/batches", "POST", json=body)

        async def read(reply: Reply) -> tuple[Reply, tuple[list[Transfer], dict[str, str]]]:
            said = reply.status in _TAKEN and reply.body
            return reply, shapes.batch_of(await reply.json()) if said else ([], {})

        reply, (transfers, failed) = await self.line.read(question, read, good=_ANY, limits=SMALL)
        if reply.status == 429:
            raise SlskdBusy("slskd takes no more downloads now", after=10.0)
        if reply.status == 404:
            raise PeerRefused("the peer is offline")
        if reply.status == 409:
            known = await self.line.ask(
                Question(f"api/v0/transfers/downloads/batches/{batch_id}"), good=frozenset({200, 404}), limits=SMALL
            )
            transfers = shapes.batch_of(await known.json())[0] if known.status == 200 else []
            mine = next((one.id for one in transfers if one.path == path), None)
            return Sent(batch_id if mine else str(uuid.uuid4()), mine)
        if reply.status not in _TAKEN:
            raise Retry(f"slskd answers a download with HTTP {reply.status}: {_said(reply.text())}")
        if path in failed:
            raise PeerRefused(failed[path])
        return Sent(batch_id, next((one.id for one in transfers if one.path == path), None))

    async def transfers(self, peers: Collection[str]) -> list[Transfer]:
        """The downloads from these peers that it knows, also those that a person has removed from its list."""
        question = Question("api/v0/transfers/downloads", params={"includeRemoved": "true"})
        return await self.line.read(question, _as(partial(shapes.transfers_of, peers=peers)), limits=HISTORY)

    async def cancel(self, peer: str, remote_id: str) -> None:
        """Have it end a download, if it still knows it."""
        place = f"api/v0/transfers/downloads/{quote(peer, safe='')}/{quote(remote_id, safe='')}"
        await self.line.ask(Question(place, "DELETE"), good=frozenset({200, 204, 404}), limits=SMALL)

    async def place(self, peer: str, remote_id: str) -> int | None:
        """Our place in the queue of a peer, which slskd asks for it; None when it is not told."""
        place = f"api/v0/transfers/downloads/{quote(peer, safe='')}/{quote(remote_id, safe='')}/position"

        async def read(reply: Reply) -> int | None:
            return shapes.place_of(await reply.json()) if reply.status == 200 else None

        return await self.line.read(Question(place), read, good=frozenset({200, 404, 500}), limits=SMALL)

    async def local_path_of(
        self, remote_id: str, peer: str, path: str, *, since: datetime, but: Collection[str] = ()
    ) -> str | None:
        """Where it has put a file, by its own events, the newest first; None when none since then says so.

        A transfer that was enqueued anew has another id: peer and path tell it as well. `but`: transfers of an earlier download.
        """
        for page in range(EVENT_PAGES):
            params = {"offset": str(page * EVENT_PAGE), "limit": str(EVENT_PAGE)}
            question = Question("api/v0/events", params=params)
            events = await self.line.read(question, _as(shapes.events_of), limits=LARGE)
            for number, who, remote, local in events.completed:
                if number == remote_id or (who == peer and remote == path and number not in but):
                    return local
            if events.count < EVENT_PAGE or (events.last is not None and events.last < since):
                return None
        return None


def _as(how: Callable[[Any], ReadT]) -> Callable[[Reply], Awaitable[ReadT]]:
    """Read an answer as JSON, and that by `how` in a thread, as it may be long."""

    async def read(reply: Reply) -> ReadT:
        return await asyncio.to_thread(how, await reply.json())

    return read


async def _read_version(reply: Reply) -> tuple[int, ...]:
    return shapes.version_of(reply.text())


async def _begun(reply: Reply) -> Reply:
    """The answer to a search that was sent. Where it says what was begun, that has to be a search."""
    if reply.status in _TAKEN and reply.body:
        shapes.ended(await reply.json())
    return reply


def _said(text: str) -> str:
    return " ".join(text.strip().strip('"').split())[:200]
