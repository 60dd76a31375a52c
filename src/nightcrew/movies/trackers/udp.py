"""A UDP tracker behind one socket (BEP 15): connection ids, transactions, and what is sent again."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence

from nightcrew.kernel.routes import Datagrams, Route
from nightcrew.movies.trackers import wire
from nightcrew.movies.trackers.survey import Declined, Silent
from nightcrew.movies.trackers.wire import Action

ID_LIFE = 60.0
"""Seconds for which a connection id may be used after it came (BEP 15), on the socket that it came to."""
SPARE = 5.0
"""Seconds less, since a packet travels."""
FIRST_WAIT = 15.0
"""Seconds after which a packet is sent again at first; each further time twice as long (BEP 15)."""
TRIES = 3
"""Packets that are sent for one question. BEP 15 has nine, which take two hours; whoever asks has other trackers."""


class Peer:
    """One address of a tracker, asked through one socket, which no other question shares."""

    def __init__(self, shown: str, *, first_wait: float = FIRST_WAIT, tries: int = TRIES) -> None:
        self._shown, self._first_wait, self._tries = shown, first_wait, tries
        self._socket: Datagrams | None = None
        self._waiting: dict[int, tuple[Action, asyncio.Future[bytes | None]]] = {}
        self._connection = 0
        self._came: float | None = None
        self._connecting = asyncio.Lock()
        self._loop = asyncio.get_running_loop()

    async def open(self, route: Route, address: str, port: int) -> None:
        """Get a first connection id. Raises `Silent`, `Declined`, and what the route raises."""
        self._socket = await route.datagrams(address, port, self._received)
        await self._connect()

    async def close(self) -> None:
        """Close the socket; what is still asked for gets no answer."""
        if self._socket is not None:
            await self._socket.close()

    async def ask(self, hashes: Sequence[str], briefly: bool) -> bytes | None:
        """Ask for hashes in one packet. Raises `Silent` and `Declined`.

        An error, and silence, may be due to a connection id that the tracker has forgotten: a new one is fetched once.
        """
        transaction, renewed = self._transaction(), False
        try:
            for attempt in range(1 if briefly else self._tries):
                if not self._is_connected() or (attempt and not renewed):
                    renewed = True
                    await self._connect_anew(self._connection)
                packet = await self._said(transaction, hashes, attempt)
                if packet is not None and packet[3] == Action.ERROR and not renewed:
                    renewed = True
                    await self._connect_anew(self._connection)
                    packet = await self._said(transaction, hashes, attempt)
                if packet is not None:
                    return self._read(packet)
        finally:
            self._waiting.pop(transaction, None)
        raise Silent(f"{self._shown} does not answer")

    def _read(self, packet: bytes) -> bytes | None:
        if packet[3] == Action.ERROR:
            raise Declined(f"{self._shown} answers: {wire.error_words(packet) or 'an error without words'}")
        return wire.body_of(packet)

    async def _said(self, transaction: int, hashes: Sequence[str], attempt: int) -> bytes | None:
        request = wire.scrape_request(self._connection, transaction, hashes)
        return await self._exchange(transaction, request, attempt)

    def _is_connected(self) -> bool:
        return self._came is not None and self._loop.time() - self._came < ID_LIFE - SPARE

    async def _connect_anew(self, old: int) -> None:
        """A new connection id, unless another question has fetched one meanwhile."""
        async with self._connecting:
            if self._connection == old or not self._is_connected():
                await self._connect()

    async def _connect(self) -> None:
        transaction = self._transaction()
        request = wire.connect_request(transaction)
        try:
            for attempt in range(self._tries):
                packet = await self._exchange(transaction, request, attempt, Action.CONNECT)
                if packet is None:
                    continue
                if packet[3] == Action.ERROR:
                    self._read(packet)
                self._connection, self._came = wire.connection_id(packet) or 0, self._loop.time()
                return
        finally:
            self._waiting.pop(transaction, None)
        raise Silent(f"{self._shown} does not answer")

    def _transaction(self) -> int:
        """One that nobody guesses, and that no other question has."""
        while (found := secrets.randbits(32)) in self._waiting:
            pass
        return found

    async def _exchange(
        self, transaction: int, request: bytes, attempt: int, action: Action = Action.SCRAPE
    ) -> bytes | None:
        """Send once, and wait for an answer to this or an earlier sending; None when none comes in time."""
        future: asyncio.Future[bytes | None] = self._loop.create_future()
        self._waiting[transaction] = action, future
        timer = self._loop.call_later(self._first_wait * 2**attempt, _too_late, future)
        if self._socket is not None:
            self._socket.send(request)
        try:
            return await future
        finally:
            timer.cancel()

    def _received(self, packet: bytes) -> None:
        """Whatever answers no question of ours, or another one than it says, never was."""
        head = wire.head(packet)
        if head is None or head[1] not in self._waiting:
            return
        action, future = self._waiting[head[1]]
        is_answer = head[0] == action and (action is not Action.CONNECT or wire.connection_id(packet) is not None)
        if not future.done() and (is_answer or head[0] == Action.ERROR):
            future.set_result(packet)


def _too_late(future: asyncio.Future[bytes | None]) -> None:
    if not future.done():
        future.set_result(None)
