"""Packets of UDP trackers (BEP 15), and addresses and answers of HTTP trackers (BEP 48). Pure."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple
from urllib.parse import quote_from_bytes, urlsplit, urlunsplit

from nightcrew.movies.trackers.bencoded import NotBencode, bencoded

HASH = 20
"""Bytes of the hash that trackers know a torrent by."""
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
"""Seeds, how many have fetched it so far, leechers: as they stand in a packet. Plain tuples are compared and counted quickest."""
NOTHING: Numbers = (0, 0, 0)
"""What trackers answer for a torrent that they do not know."""
MOST_PEERS, MOST_COMPLETED = 10_000_000, (1 << 31) - 1
"""Numbers above these are no swarm: a tracker says -1, or anything."""


class Swarm(NamedTuple):
    """How many have a torrent whole, have a part of it, and have fetched it so far."""

    seeds: int
    leechers: int
    completed: int


def swarm(numbers: Numbers) -> Swarm | None:
    """What numbers say, None when that is nothing: the tracker does not know the torrent, or lies."""
    seeds, completed, leechers = numbers
    if numbers == NOTHING or seeds > MOST_PEERS or leechers > MOST_PEERS or completed > MOST_COMPLETED:
        return None
    return Swarm(seeds, leechers, completed)


class Action(IntEnum):
    """What a packet is."""

    CONNECT = 0
    ANNOUNCE = 1
    SCRAPE = 2
    ERROR = 3


def connect_request(transaction: int) -> bytes:
    """Asks for a connection id."""
    return _REQUEST.pack(PROTOCOL, Action.CONNECT, transaction)


def scrape_request(connection: int, transaction: int, hashes: Sequence[bytes]) -> bytes:
    """Asks for the numbers of some torrents."""
    return _REQUEST.pack(connection, Action.SCRAPE, transaction) + b"".join(hashes)


def head(packet: bytes) -> tuple[int, int] | None:
    """Action and transaction of an answer, None when it is too short for them."""
    return _HEAD.unpack_from(packet) if len(packet) >= _HEAD.size else None


def connection_id(packet: bytes) -> int | None:
    """What the answer to a connect request gives, None when it is too short. It may be longer (BEP 15)."""
    found: int | None = _ID.unpack_from(packet, _HEAD.size)[0] if len(packet) >= _REQUEST.size else None
    return found


def numbers(packet: bytes) -> list[Numbers] | None:
    """Those of a scrape answer, in its own order, None when it is no whole number of them."""
    body = memoryview(packet)[_HEAD.size :]
    return None if len(body) % _NUMBERS.size else list(_NUMBERS.iter_unpack(body))


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


def scrape_question(address: str, hashes: Sequence[bytes]) -> str:
    """The address that asks for the numbers of some torrents."""
    asked = "&".join(f"info_hash={quote_from_bytes(one, safe='')}" for one in hashes)
    return f"{address}{'&' if urlsplit(address).query else '?'}{asked}"


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """`interval`: seconds for which the tracker wants to be asked nothing more. `failure`: why it gives no numbers."""

    numbers: Mapping[bytes, Numbers]
    interval: float = 0.0
    failure: str = ""


def http_answer(body: bytes, hashes: Sequence[bytes]) -> HttpAnswer:
    """What an HTTP tracker says about these torrents; others that it names are left out. Raises `NotBencode`.

    Numbers that are missing are 0, as some trackers leave `downloaded` out.
    """
    said = bencoded(body)
    if not isinstance(said, dict):
        raise NotBencode("it is no dictionary")
    flags = said.get(b"flags")
    pause = flags.get(b"min_request_interval") if isinstance(flags, dict) else None
    interval = float(min(max(pause, 0), int(MAX_SECONDS))) if isinstance(pause, int) else 0.0
    failure = said.get(b"failure reason")
    if isinstance(failure, bytes):
        return HttpAnswer({}, interval, words(failure) or "it fails and does not say why")
    files = said.get(b"files")
    if not isinstance(files, dict):
        raise NotBencode("it names no files")
    return HttpAnswer({one: _numbers(files[one]) for one in hashes if isinstance(files.get(one), dict)}, interval)


def _numbers(entry: Mapping[bytes, Any]) -> Numbers:
    seeds, completed, leechers = (entry.get(name, 0) for name in (b"complete", b"downloaded", b"incomplete"))
    for one in (seeds, completed, leechers):
        if not isinstance(one, int) or one < 0:
            return NOTHING
    return seeds, completed, leechers
