"""Packets of UDP trackers (BEP 15), and addresses and answers of HTTP trackers (BEP 48). Pure."""

from __future__ import annotations

import struct
from binascii import unhexlify
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import quote_from_bytes, urlsplit, urlunsplit

from nightcrew.movies.torrents import bencode
from nightcrew.movies.torrents.errors import BadTorrent

DIGITS = 40
"""Hex digits of the hash that trackers know a torrent by."""
EACH = 12
"""Bytes of the numbers of one torrent."""
PROTOCOL = 0x41727101980
MAX_WORDS = 200
"""Characters of what a tracker says that are kept."""
MAX_SECONDS = 7 * 86_400.0
"""The longest pause that a tracker may ask for."""
_REQUEST = struct.Struct(">QII")
_HEAD = struct.Struct(">II")
_ID = struct.Struct(">Q")
_NUMBERS = struct.Struct(">III")


Numbers = tuple[int, int, int]
"""Seeds, how many have fetched it so far, leechers: as they stand in a packet."""
NOTHING: Numbers = (0, 0, 0)
"""What trackers answer for a torrent that they do not know."""
MOST = (1 << 24) - 1
"""Numbers above this are no swarm: a tracker says -1, or anything."""


class Swarm(NamedTuple):
    """How many have a torrent whole, have fetched it so far, and have a part of it."""

    seeds: int
    completed: int
    leechers: int


_made: Callable[[Iterable[Numbers]], Iterator[Swarm]] = partial(map, partial(tuple.__new__, Swarm))


class Action(IntEnum):
    """What a packet is."""

    CONNECT = 0
    ANNOUNCE = 1
    SCRAPE = 2
    ERROR = 3


def connect_request(transaction: int) -> bytes:
    """Asks for a connection id."""
    return _REQUEST.pack(PROTOCOL, Action.CONNECT, transaction)


def scrape_request(connection: int, transaction: int, hashes: Iterable[str]) -> bytes:
    """Asks for the numbers of some torrents, by 40 hex digits each."""
    return _REQUEST.pack(connection, Action.SCRAPE, transaction) + unhexlify("".join(hashes))


def head(packet: bytes) -> tuple[int, int] | None:
    """Action and transaction of an answer, None when it is too short for them."""
    return _HEAD.unpack_from(packet) if len(packet) >= _HEAD.size else None


def connection_id(packet: bytes) -> int | None:
    """What the answer to a connect request gives, None when it is too short. It may be longer (BEP 15)."""
    found: int | None = _ID.unpack_from(packet, _HEAD.size)[0] if len(packet) >= _REQUEST.size else None
    return found


def body_of(packet: bytes) -> bytes | None:
    """The numbers of a scrape answer, `EACH` bytes for a torrent, None when it is no whole number of them."""
    body = packet[_HEAD.size :]
    return None if len(body) % EACH else body


def numbers(body: bytes) -> list[Numbers]:
    """Those of a body, in its own order."""
    return list(_NUMBERS.iter_unpack(body))


def body(numbers: Iterable[Numbers]) -> bytes:
    """The other way round."""
    return b"".join([_NUMBERS.pack(*one) for one in numbers])


def swarms(hashes: Sequence[str], body: bytes) -> Iterable[tuple[str, Swarm]]:
    """What the numbers of these torrents say, without those that say nothing: the tracker does not know the torrent, or lies."""
    found = zip(hashes, _made(_NUMBERS.iter_unpack(body)), strict=True)
    if bytes(EACH) not in body and not body[::4].strip(b"\0"):  # seldom, but there are many at once then
        return found
    return [(one, swarm) for one, swarm in found if swarm != NOTHING and max(swarm) <= MOST]


def error_words(packet: bytes) -> str:
    """What an error packet says."""
    return words(packet[_HEAD.size :])


def words(said: bytes) -> str:
    """A tracker's text in one line, fit to be shown: no control characters, and not long."""
    text = said[: 4 * MAX_WORDS].decode("utf-8", "replace")
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())[:MAX_WORDS]


# -- HTTP --------------------------------------------------------------------------------------------------------------


def scrape_address(announce: str) -> str | None:
    """Where an HTTP tracker is scraped, by its announce address; None where it cannot be (BEP 48).

    The last part of the path has to begin with "announce", which becomes "scrape"; its rest and the query stay.
    """
    parts = urlsplit(announce)
    folder, _, last = parts.path.rpartition("/")
    if not last.startswith("announce") or "/" not in parts.path:
        return None
    return urlunsplit((parts.scheme, parts.netloc, f"{folder}/scrape{last.removeprefix('announce')}", parts.query, ""))


def scrape_question(address: str, hashes: Iterable[str]) -> str:
    """The address that asks for the numbers of some torrents."""
    asked = "&".join(f"info_hash={quote_from_bytes(bytes.fromhex(one), safe='')}" for one in hashes)
    return f"{address}{'&' if urlsplit(address).query else '?'}{asked}"


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """`named`: the torrents that it is about, with None for numbers that say nothing. `interval`: seconds for which the tracker wants
    to be asked nothing more. `failure`: why it gives no numbers."""

    named: Mapping[str, Swarm | None]
    interval: float = 0.0
    failure: str = ""


def http_answer(body: bytes, hashes: Iterable[str]) -> HttpAnswer:
    """What an HTTP tracker says about these torrents; others that it names are left out. Raises `BadTorrent`."""
    said = bencode.read(body).value
    if not isinstance(said, dict):
        raise BadTorrent("it is no dictionary")
    flags = said.get(b"flags")
    pause = flags.get(b"min_request_interval") if isinstance(flags, dict) else None
    interval = float(min(max(pause, 0), int(MAX_SECONDS))) if isinstance(pause, int) else 0.0
    failure = said.get(b"failure reason")
    if isinstance(failure, bytes):
        return HttpAnswer({}, interval, words(failure) or "it fails and does not say why")
    files = said.get(b"files")
    if not isinstance(files, dict):
        raise BadTorrent("it names no files")
    entries = {one: files.get(bytes.fromhex(one)) for one in hashes}
    return HttpAnswer({one: _swarm(entry) for one, entry in entries.items() if isinstance(entry, dict)}, interval)


def _swarm(entry: Mapping[bytes, Any]) -> Swarm | None:
    """Numbers that are missing are 0, as some trackers leave `downloaded` out."""
    said = [entry.get(name, 0) for name in (b"complete", b"downloaded", b"incomplete")]
    if not any(said) or not all(isinstance(one, int) and 0 <= one <= MOST for one in said):
        return None
    return Swarm(*said)
