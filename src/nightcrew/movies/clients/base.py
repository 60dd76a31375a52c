"""What a download client is for Nightcrew: it takes a torrent or a magnet and is followed; the content is its own affair.

Each adapter is one class with the methods of `Client`. All of them raise as `Line.ask`, besides what stands at each, and doing
any of them twice is the same as once. A torrent is named by its swarm's hash (40 hex digits, as trackers know it).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import BaseModel

from nightcrew.kernel.connections.line import Line
from nightcrew.kernel.declare import ConnectionKind
from nightcrew.kernel.errors import GiveUp
from nightcrew.kernel.fields import ask
from nightcrew.kernel.http import Limits
from nightcrew.kernel.words import size as in_bytes
from nightcrew.movies.clients.remote import RemoteFile, RemoteTorrent

TAG = "nightcrew"
"""What is on all that was handed over. Nothing without it is ever removed."""
SMALL = Limits(max_bytes=4 << 20, seconds=20.0)
LARGE = Limits(max_bytes=64 << 20, seconds=60.0)


class Rejected(GiveUp):
    """The client does not take a torrent."""


class ClientLogin(BaseModel):
    """What a person enters for any client."""

    category: str = ask(
        "films",
        label="Category",
        help="Downloads of Nightcrew are put into it. It is made when it is not there.",
        pattern=r"^[^\\/,]{1,60}$",
    )


class Client(Protocol):
    """One download client, for as long as this node asks it: it keeps its session and its version."""

    line: Line

    @property
    def category(self) -> str:
        """The category that its connection names."""
        ...

    async def add(
        self, source: bytes | str, *, swarm: str, category: str, tags: tuple[str, ...], held: bool = False
    ) -> None:
        """Have it take a .torrent file or a magnet, unless it has it.

        `held`: no content is fetched before `resume`. A magnet asks its peers for the description all the same; a client that cannot
        stop there by itself is slowed down to almost nothing, so that whoever follows it pauses it once `metadata` is there.
        Raises `Rejected` when the client does not take it.
        """
        ...

    async def look(self, hashes: Collection[str]) -> dict[str, RemoteTorrent]:
        """How these stand, by the hash that was asked for. What the client does not have is left out."""
        ...

    async def files(self, swarm: str) -> list[RemoteFile]:
        """Its files; none while the description of a magnet is not there."""
        ...

    async def metainfo(self, swarm: str) -> bytes | None:
        """The .torrent file as the client has it; None where it gives none away."""
        ...

    async def pause(self, swarm: str) -> None:
        """Stop it."""
        ...

    async def resume(self, swarm: str) -> None:
        """Let it go on, also when it was held."""
        ...

    async def remove(self, swarm: str, *, files: bool) -> None:
        """Take it off the client, with its data or without."""
        ...

    async def free_space(self) -> int | None:
        """Bytes that are free where it saves; None when it does not say."""
        ...


@dataclass(frozen=True, slots=True)
class ClientKind:
    """A kind of client: how people enter it, and what asks it."""

    kind: ConnectionKind
    client: Callable[[Line], Client]


@dataclass(slots=True)
class KnownClients:
    """One client for each connection, kept with its session."""

    _known: dict[int, Client] = field(default_factory=dict)

    def of(self, number: int, line: Line, kind: ClientKind) -> Client:
        """The client of a connection. One that a person has changed is another one."""
        known = self._known.get(number)
        if known is None or known.line is not line:
            known = self._known[number] = kind.client(line)
        return known


def space_in_words(free: int | None) -> list[str]:
    """What a test says of free space."""
    return [] if free is None else [f"{in_bytes(free)} are free there."]
