"""A tracker that is scraped over UDP (BEP 15) and HTTP (BEP 48), with the bad habits of real ones as switches."""

import asyncio
import math
import random
import secrets
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import unquote_to_bytes

from .swarms import NOBODY, Numbers, Swarms

PROTOCOL = 0x41727101980
CONNECT, SCRAPE, ERROR = 0, 2, 3
MOST = 74
HASH = 20


class Habit(StrEnum):
    """The order in which numbers are answered over UDP."""

    KEPT = "kept"
    SORTED = "sorted"
    SHUFFLED = "shuffled"
    REVERSED = "reversed"
    SWAPPED = "swapped"
    """Two neighbours change places."""
    PADDED = "padded"
    """What is unknown is left out, and zeros follow."""


@dataclass
class DemoTracker:
    """Its switches. `share`: the part of the answers that have the habit."""

    swarms: Swarms = field(default_factory=Swarms)
    habit: Habit = Habit.KEPT
    share: float = 1.0
    most: int = MOST
    """Hashes that it answers for at once; of more, only the first."""
    drops_unknown: bool = False
    merges: bool = False
    """A hash that is asked for twice is answered once."""
    silent: int = 0
    """Packets that it will not answer; below 0: none at all."""
    id_life: float = 120.0
    """Seconds for which a connection id is good."""
    tells_bad_ids: bool = True
    """Whether an old connection id is met with an error, or with silence."""
    error: str = ""
    """What it answers instead of numbers."""
    pause: int = 0
    """`min_request_interval` over HTTP."""
    page: bool = False
    """A web page with status 200 over HTTP."""
    tells_all: bool = False
    """Over HTTP it answers for all that it knows when more than one hash is asked for."""
    delay: float = 0.0
    clock: Callable[[], float] = time.monotonic
    chance: random.Random = field(default_factory=random.Random)
    ids: dict[int, float] = field(default_factory=dict)
    scrapes: list[int] = field(default_factory=list)
    """How many hashes each question had, whether it was answered or not."""
    connects: int = 0
    udp: str = ""
    """Where it is announced to, while it serves."""

    def forget(self) -> None:
        """All connection ids, as after a restart."""
        self.ids.clear()

    def answered(self, hashes: Sequence[bytes]) -> list[Numbers]:
        """The numbers of an answer over UDP, in its order."""
        asked = list(dict.fromkeys(hashes)) if self.merges else list(hashes)
        asked = asked[: self.most]
        has_habit = self.share >= 1 or self.chance.random() < self.share
        found = [self.swarms.of(one) for one in self._ordered(asked, has_habit=has_habit)]
        if self.drops_unknown or (has_habit and self.habit is Habit.PADDED):
            found = [one for one in found if one is not None]
        if self.habit is Habit.PADDED:
            found += [None] * (len(asked) - len(found))
        return [one or NOBODY for one in found]

    def _ordered(self, asked: list[bytes], *, has_habit: bool) -> list[bytes]:
        habit = self.habit if has_habit else Habit.KEPT
        if habit is Habit.SORTED:
            return sorted(asked)
        if habit is Habit.REVERSED:
            return asked[::-1]
        if habit is Habit.SHUFFLED:
            return self.chance.sample(asked, len(asked))
        if habit is Habit.SWAPPED and len(asked) > 1:
            at = self.chance.randrange(len(asked) - 1)
            asked[at : at + 2] = asked[at + 1], asked[at]
        return asked

    # -- UDP -----------------------------------------------------------------------------------------------------------

    def reply(self, packet: bytes) -> bytes | None:
        """The answer to a packet, None for silence."""
        if len(packet) < 16:
            return None
        connection, action, transaction = struct.unpack_from(">QII", packet)
        if self.silent:
            self.silent -= self.silent > 0
            return None
        if action == CONNECT and connection == PROTOCOL:
            self.connects += 1
            made = secrets.randbits(63)
            self.ids[made] = self.clock() + self.id_life
            return struct.pack(">IIQ", CONNECT, transaction, made)
        if self.ids.get(connection, -math.inf) <= self.clock():
            return self._error(transaction, "Connection ID missmatch.") if self.tells_bad_ids else None
        if action != SCRAPE:
            return self._error(transaction, "only scrapes are answered here")
        hashes = [packet[at : at + HASH] for at in range(16, len(packet) - HASH + 1, HASH)]
        self.scrapes.append(len(hashes))
        if self.error:
            return self._error(transaction, self.error)
        numbers = [
            struct.pack(">III", seeds, completed, leechers) for seeds, leechers, completed in self.answered(hashes)
        ]
        return struct.pack(">II", SCRAPE, transaction) + b"".join(numbers)

    @staticmethod
    def _error(transaction: int, said: str) -> bytes:
        return struct.pack(">II", ERROR, transaction) + said.encode()

    # -- HTTP ----------------------------------------------------------------------------------------------------------

    def page_for(self, query: bytes) -> bytes:
        """The body of an answer over HTTP."""
        pairs = [one.partition(b"=") for one in query.split(b"&")]
        hashes = list(dict.fromkeys(unquote_to_bytes(value) for name, _, value in pairs if name == b"info_hash"))
        self.scrapes.append(len(hashes))
        if self.error:
            return _bencode({b"failure reason": self.error.encode()} | self._flags())
        if not hashes or (self.tells_all and len(hashes) > 1):
            hashes = list(self.swarms.known)
        found = {one: self.swarms.of(one) for one in hashes[: self.most if not self.tells_all else None]}
        files = {
            one: dict(zip((b"complete", b"incomplete", b"downloaded"), numbers or NOBODY, strict=True))
            for one, numbers in found.items()
            if numbers is not None or not self.drops_unknown
        }
        return _bencode({b"files": files} | self._flags())

    def _flags(self) -> dict[bytes, object]:
        return {b"flags": {b"min_request_interval": self.pause}} if self.pause else {}


class UdpServer(asyncio.DatagramProtocol):
    """The UDP half on loopback, in the loop that starts it."""

    def __init__(self, tracker: DemoTracker) -> None:
        self._tracker = tracker
        self._transport: asyncio.DatagramTransport | None = None

    @classmethod
    async def start(cls, tracker: DemoTracker, port: int = 0, host: str = "127.0.0.1") -> "UdpServer":
        """Serves until `close`. Raises OSError when the port is taken."""
        loop = asyncio.get_running_loop()
        transport, made = await loop.create_datagram_endpoint(lambda: cls(tracker), local_addr=(host, port))
        made._transport = transport
        name = transport.get_extra_info("sockname")
        tracker.udp = f"udp://{f'[{host}]' if ':' in host else host}:{name[1]}/announce"
        return made

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        answer = self._tracker.reply(data)
        if answer is None or self._transport is None:
            return
        if self._tracker.delay:
            asyncio.get_running_loop().call_later(self._tracker.delay, self._send, answer, addr)
        else:
            self._send(answer, addr)

    def _send(self, answer: bytes, addr: tuple[str | object, int]) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(answer, addr)


def _bencode(value: object) -> bytes:
    if isinstance(value, bytes):
        return b"%d:%b" % (len(value), value)
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, dict):
        return b"d" + b"".join(_bencode(key) + _bencode(value[key]) for key in sorted(value)) + b"e"
    raise TypeError(f"{value!r} has no place in bencode")
