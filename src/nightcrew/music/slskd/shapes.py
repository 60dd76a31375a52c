"""What slskd answers, read into rows of ours. Pure.

An answer that is something else as a whole raises `Misread`: it says nothing of searches and downloads. In one that is of the right kind,
what is not is left out, whoever sent it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeGuard

from nightcrew.kernel.errors import Misread
from nightcrew.music.quality import AUDIO, format_of

MOST_FILES = 5_000
"""Files of one search that are looked at."""
MAX_PATH, MAX_PEER = 1000, 200
MAX_PATH_BYTES, MAX_PEER_BYTES = 1500, 400
"""What an index of the database takes of both together."""
MAX_COUNT = (1 << 31) - 1
_FAILED = frozenset({"errored", "cancelled"})
MAX_SIZE = 4 << 30
"""Bytes of a file that may be one track."""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that a peer shares. `bitrate` in kbit/s, `speed` in bytes a second, `queue`: who waits before us."""

    peer: str
    path: str
    size: int
    seconds: float | None
    bitrate: int | None
    free_slot: bool
    queue: int
    speed: int


@dataclass(frozen=True, slots=True)
class Transfer:
    """A download as slskd knows it. `waiting`: it will try again by itself."""

    id: str
    batch: str
    peer: str
    path: str
    size: int
    state: str
    bytes: int
    place: int | None
    requested: str
    waiting: bool
    problem: str


def version_of(text: str) -> tuple[int, ...]:
    """`0.26.1+65532` as (0, 26, 1). Raises `Misread`."""
    parts = text.strip().strip('"').partition("+")[0].partition("-")[0].split(".")
    if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        raise Misread("slskd's answer is no version")
    return tuple(int(part) for part in parts)


def server_of(answer: Any) -> dict[str, Any]:
    """How slskd stands with the network, by `GET /server`. Raises `Misread`."""
    if not isinstance(answer, dict):
        raise Misread("slskd's answer is no state of a server")
    return answer


def files_of(answer: Any) -> list[FoundFile]:
    """The music files in `GET /searches/{id}/responses`. Locked ones cannot be had, and stand in a list of their own.

    Raises `Misread`.
    """
    found: list[FoundFile] = []
    for response in _rows(answer, "list of responses"):
        peer = response.get("username")
        if not _text(peer, MAX_PEER):
            continue
        free = response.get("hasFreeUploadSlot") is True
        queue, speed = (min(_count(response.get(name)) or 0, MAX_COUNT) for name in ("queueLength", "uploadSpeed"))
        for file in _objects(response.get("files")):
            path, size = file.get("filename"), _count(file.get("size"))
            if not _text(path, MAX_PATH) or format_of(path) not in AUDIO or not size or size > MAX_SIZE:
                continue
            if file.get("isLocked") is True:
                continue
            seconds, bitrate = _number(file.get("length")), min(_count(file.get("bitRate")) or 0, 100_000)
            found.append(FoundFile(peer, path, size, seconds or None, bitrate or None, free, queue, speed))
            if len(found) >= MOST_FILES:
                return found
    return found


def transfers_of(answer: Any, peers: Collection[str]) -> list[Transfer]:
    """The downloads from these peers in `GET /transfers/downloads`, which nests users, directories and files. Raises `Misread`."""
    found: list[Transfer] = []
    for user in _rows(answer, "list of downloads"):
        if user.get("username") not in peers:
            continue
        for directory in _objects(user.get("directories")):
            read = (transfer_of(file, peer=user.get("username")) for file in _objects(directory.get("files")))
            found += [one for one in read if one is not None]
    return found


def transfer_of(file: Mapping[str, Any], *, peer: Any = None) -> Transfer | None:
    """One download; None when it has no id or no name."""
    who, path, number = file.get("username") or peer, file.get("filename"), file.get("id")
    if not (_text(who, MAX_PEER) and _text(path, MAX_PATH) and _text(number, 40)):
        return None
    state = file.get("state")
    return Transfer(
        number,
        str(file.get("batchId") or "")[:40],
        who,
        path,
        _count(file.get("size")) or 0,
        state[:60] if isinstance(state, str) else "",
        _count(file.get("bytesTransferred")) or 0,
        place_of(file.get("placeInQueue")),
        str(file.get("requestedAt") or "")[:40],
        bool(file.get("nextAttemptAt")) and not file.get("removed"),
        str(file.get("exception") or "")[:300],
    )


def place_of(answer: Any) -> int | None:
    """A place in a peer's queue; None for what is none."""
    place = _count(answer)
    return None if place is None else min(place, MAX_COUNT)


def batch_of(answer: Any) -> tuple[list[Transfer], dict[str, str]]:
    """The transfers of a batch, and the files that could not be enqueued with the reason. Raises `Misread`."""
    if not isinstance(answer, dict):
        raise Misread("slskd's answer is no batch")
    batch = _object(answer.get("batch")) or answer
    transfers = [one for file in _objects(batch.get("transfers")) if (one := transfer_of(file)) is not None]
    failed = {
        str(one.get("filename")): str(one.get("message") or "it was refused")[:300]
        for one in _objects(answer.get("failures"))
    }
    return transfers, failed


@dataclass(frozen=True, slots=True)
class EventPage:
    """Of one page of `GET /events`, the newest first: how many there are, when the last one was if it says so, and finished downloads."""

    count: int
    last: datetime | None
    completed: tuple[tuple[str, str, str, str], ...]
    """(transfer id, peer, remote path, local path) of each `DownloadFileComplete`."""


def events_of(answer: Any) -> EventPage:
    """A page of events. Raises `Misread`."""
    rows = list(_rows(answer, "list of events"))
    return EventPage(len(answer), _moment(rows[-1].get("timestamp")) if rows else None, tuple(_completed(rows)))


def _completed(events: Iterable[dict[str, Any]]) -> Iterator[tuple[str, str, str, str]]:
    for event in events:
        if event.get("type") != "DownloadFileComplete":
            continue
        try:
            data = json.loads(event.get("data") or "")  # it is JSON in a text
        except (TypeError, ValueError, RecursionError):
            continue
        if not isinstance(data, dict):
            continue
        transfer = _object(data.get("transfer"))
        local = data.get("localFilename")
        remote = data.get("remoteFilename") or transfer.get("filename")
        if _text(local, 2000) and _text(remote, MAX_PATH):
            yield str(transfer.get("id") or ""), str(transfer.get("username") or ""), remote, local


def ended(search: Any) -> bool | None:
    """Whether a search's responses are stored: `isComplete` is true a moment before they are.

    None for one that failed: slskd ends those as well. Raises `Misread` for what is no search.
    """
    if not isinstance(search, dict) or not search.get("id"):
        raise Misread("slskd's answer is no search")
    if _FAILED & {word.strip().lower() for word in str(search.get("state") or "").split(",")}:
        return None
    return bool(search.get("endedAt"))


def _moment(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _rows(answer: Any, kind: str) -> Iterator[dict[str, Any]]:
    """The objects of a list; it may have none, and one with something else alone is another answer."""
    if not isinstance(answer, list) or (answer and not any(isinstance(one, dict) for one in answer)):
        raise Misread(f"slskd's answer is no {kind}")
    return _objects(answer)


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        yield from (one for one in value if isinstance(one, dict))


def _text(value: Any, most: int) -> TypeGuard[str]:
    if not isinstance(value, str) or not 0 < len(value) <= most or "\x00" in value:
        return False
    try:
        size = len(value.encode())
    except UnicodeEncodeError:  # half a character
        return False
    return size <= {MAX_PATH: MAX_PATH_BYTES, MAX_PEER: MAX_PEER_BYTES}.get(most, 4 * most)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53 else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and 0 < value < 86_400 else None
