"""Transmission, by its RPC (3.0 to 4.1)."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from nightcrew.kernel.connections.line import Line
from nightcrew.kernel.connections.question import Question
from nightcrew.kernel.declare import Allowance, ConnectionKind, Signed
from nightcrew.kernel.errors import GiveUp, NeedsUser, Retry
from nightcrew.kernel.fields import Secret, ask
from nightcrew.kernel.http import Reply
from nightcrew.movies.clients import transmission_rpc as rpc
from nightcrew.movies.clients.base import LARGE, TAG, ClientKind, ClientLogin, Rejected, space_in_words
from nightcrew.movies.clients.remote import MAX_PATH, RemoteFile, RemoteState, RemoteTorrent, count, text

ReadT = TypeVar("ReadT")

LABELS_FROM = 17
"""The version of the RPC from which on labels go along when something is added: Transmission 4.0."""
_GOOD = frozenset({200, 409, 421})


class TransmissionLogin(ClientLogin):
    """What a person enters."""

    category: str = ask(
        "films",
        label="Label",
        help="What downloads of Nightcrew are labelled with.",
        pattern=r"^[^\\/,]{1,60}$",
    )
    user: str = ask("", label="User name", help="Empty where it asks for none.", max_length=200)
    password: Secret = ask("", label="Password", max_length=500)
    path: str = ask(
        "transmission/rpc", label="Path of its RPC", help="rpc-url of its settings, and rpc behind it.", max_length=200
    )
    folder: str = ask(
        "", label="Download folder in Transmission", help="Such as /downloads/films. Empty: its own.", max_length=500
    )


class Transmission:
    """One Transmission: its session, and how it wants to be asked."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self._session = ""
        self._newer = False
        """Whether it speaks JSON-RPC."""
        self._version: tuple[int, str] | None = None
        """The version of its RPC, and the session in which that was said."""

    @property
    def _login(self) -> TransmissionLogin:
        login = self.line.settings
        if not isinstance(login, TransmissionLogin):
            raise TypeError(f"{self.line.name} is no Transmission")
        return login

    @property
    def folder(self) -> str:
        """Where a person wants it to save; empty: where it does by itself."""
        return self._login.folder

    @property
    def category(self) -> str:
        """The label that its connection names: it has no categories."""
        return self._login.category

    # -- what is handed over -------------------------------------------------------------------------------------------

    async def add(
        self, source: bytes | str, *, swarm: str, category: str, tags: tuple[str, ...], held: bool = False
    ) -> None:
        """As `Client.add`. The category is one more label. Raises `NeedsUser` when it refuses for a reason that lies in its settings.

        Up to 3.0 labels come after the torrent. What was added before a crash and has none is told from what a person has added by
        this: nothing has happened to it.
        """
        labels = list(dict.fromkeys(one for one in (category, *tags) if one))
        known = (await self.look([swarm])).get(swarm)
        slowly = held and isinstance(source, str)
        if known is not None:
            fresh = known.state is RemoteState.PAUSED and not known.got
            if not fresh or (known.tags and TAG not in known.tags):
                return
        else:
            arguments: dict[str, Any] = {"paused": held}
            if isinstance(source, str):
                arguments["filename"] = source
            else:
                arguments["metainfo"] = base64.b64encode(source).decode()
            if self._login.folder:
                arguments["download_dir"] = self._login.folder
            if await self.version() >= LABELS_FROM:
                arguments["labels"] = labels
            try:
                await self._call("torrent_add", arguments)
            except GiveUp as exc:
                if exc.status != rpc.OK:
                    raise
                raise (Rejected if rpc.is_of_torrent(str(exc)) else NeedsUser)(str(exc)) from exc
        changes: dict[str, Any] = {"ids": [swarm], "labels": labels}
        if slowly:
            changes |= {"download_limit": rpc.HELD_KBPS, "download_limited": True}
        await self._call("torrent_set", changes)
        if slowly or not held:
            await self._call("torrent_start", {"ids": [swarm]})

    async def look(self, hashes: Collection[str]) -> dict[str, RemoteTorrent]:
        """As `Client.look`."""
        rows = {text(row, "hash_string").lower(): row for row in await self._rows(hashes, rpc.FIELDS)}
        return {one: rpc.remote_of(rows[one.lower()], one) for one in hashes if one.lower() in rows}

    async def files(self, swarm: str) -> list[RemoteFile]:
        """As `Client.files`."""
        rows = await self._rows([swarm], ("hash_string", "metadata_percent_complete", "files", "file_stats"))
        return await asyncio.to_thread(rpc.files_of, rows[0]) if rows else []

    async def metainfo(self, swarm: str) -> bytes | None:  # noqa: ARG002 - it gives none away
        """As `Client.metainfo`: it only says where it has the file."""
        return None

    async def pause(self, swarm: str) -> None:
        """As `Client.pause`."""
        await self._call("torrent_stop", {"ids": [swarm]})

    async def resume(self, swarm: str) -> None:
        """As `Client.resume`."""
        for row in await self._rows([swarm], ("hash_string", "download_limit", "download_limited")):
            if row.get("download_limited") is True and count(row, "download_limit") == rpc.HELD_KBPS:
                await self._call("torrent_set", {"ids": [swarm], "download_limited": False})
        await self._call("torrent_start", {"ids": [swarm]})

    async def remove(self, swarm: str, *, files: bool) -> None:
        """As `Client.remove`."""
        await self._call("torrent_remove", {"ids": [swarm], "delete_local_data": files})

    async def free_space(self) -> int | None:
        """As `Client.free_space`."""
        folder = self._login.folder or text(await self.about(), "download_dir", MAX_PATH)
        found = await self._call("free_space", {"path": folder})
        size = found.get("size_bytes")
        return size if isinstance(size, int) and size >= 0 else None  # -1: it does not know the folder

    # -- what it is ----------------------------------------------------------------------------------------------------

    async def about(self) -> dict[str, Any]:
        """Its settings."""
        return await self._call("session_get", {})

    async def version(self) -> int:
        """The version of its RPC; asked for once in a session."""
        if self._version is None or self._version[1] != self._session:
            self._version = count(await self.about(), "rpc_version"), self._session
        return self._version[0]

    # -- on the way ----------------------------------------------------------------------------------------------------

    async def _rows(self, hashes: Collection[str], fields: Collection[str]) -> list[dict[str, Any]]:
        if not hashes:
            return []

        arguments = {"ids": list(hashes), "fields": list(fields)}
        return await self._read("torrent_get", arguments, rpc.torrents_of)

    async def _call(self, method: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        return await self._read(method, arguments, dict)

    async def _read(self, method: str, arguments: Mapping[str, Any], how: Callable[[dict[str, Any]], ReadT]) -> ReadT:
        """Ask once, and again where it hands out another session: by that it makes sure that no page of another site asks it."""
        for _ in range(2):
            question = self._question(method, arguments)
            answer = await self.line.read(question, self._reader(how), good=_GOOD, limits=LARGE)
            if answer is not None:
                return answer[0]
        raise Retry(f"{self.line.name} hands out one session after another")

    def _question(self, method: str, arguments: Mapping[str, Any]) -> Question:
        headers = {"X-Transmission-Session-Id": self._session} if self._session else {}
        body = rpc.body(method, arguments, newer=self._newer)
        return Question(self._login.path, "POST", headers=headers, json=body, safe=True)

    def _reader(self, how: Callable[[dict[str, Any]], ReadT]) -> Callable[[Reply], Awaitable[tuple[ReadT] | None]]:
        """None: it hands out a session."""

        async def read(reply: Reply) -> tuple[ReadT] | None:
            if reply.status == 421:
                raise NeedsUser(
                    "Transmission does not know this host name: add it to rpc-host-whitelist, or use its IP address"
                )
            if reply.status == 409:
                self._begin(reply.headers)
                return None
            return (how(rpc.answer(await reply.json())),)

        return read

    def _begin(self, headers: Mapping[str, str]) -> None:
        """Take the session that it hands out. Raises `Retry` where there is none."""
        session = headers.get("X-Transmission-Session-Id", "")
        if not session or len(session) > 200:
            raise Retry(f"{self.line.name} answers HTTP 409 without a session")
        major = headers.get("X-Transmission-Rpc-Version", "").partition(".")[0]
        self._newer = major.isascii() and major.isdigit() and int(major[:6]) >= rpc.JSON_RPC_FROM
        self._session = session


async def try_out(line: Line) -> list[str]:
    """What the button Test says."""
    client = Transmission(line)
    about = await client.about()
    folder = text(about, "download_dir", MAX_PATH)
    return [
        f"Transmission {text(about, 'version')} lets Nightcrew in (RPC {count(about, 'rpc_version')}).",
        f"It saves in {client.folder or folder}.",
        *space_in_words(await client.free_space()),
        f"It has labels in place of categories: downloads are labelled {client.category}.",
    ]


def _sign(login: BaseModel) -> Signed:
    if not isinstance(login, TransmissionLogin) or not login.user:
        return Signed()
    pair = base64.b64encode(f"{login.user}:{login.password}".encode()).decode()
    return Signed({"Authorization": f"Basic {pair}"})


KIND = ConnectionKind(
    "transmission",
    "Transmission",
    TransmissionLogin,
    try_out,
    help="Downloads what was chosen. Remote access has to be switched on.",
    address="http://127.0.0.1:9091",
    allowance=Allowance(per_second=10.0, at_once=4, longest_pause=300.0),
    sign=_sign,
)
CLIENT = ClientKind(KIND, Transmission)
