"""Pieces of a list that were read before, word for word: which entry each of them holds. One file for each list, of this node.

Nothing depends on it: without the file, or with one that is damaged, every piece is read again. What is stored is compared all the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import struct
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import NamedTuple

from nightcrew.kernel import files
from nightcrew.playlists import guide_matching, identity, picking, rules
from nightcrew.playlists.formats import headers, m3u

MOST = 250_000
"""Pieces that are remembered; of a longer list each is read every time."""
FOLDER = "known"
_DIGEST = 16
_RECORD = struct.Struct(f"{_DIGEST}s16s16sq")
_READERS = (m3u, headers, rules, identity, picking, guide_matching)
"""Modules by which a piece becomes an entry with its identity and hash."""


class Mark(NamedTuple):
    """What is known of a piece with one entry: `EntryIdentity.alike`, `rules.row_hash`, and its name's `recognising.short`.

    `alike` is empty where the entry was left out.
    """

    alike: bytes
    hash: bytes
    name: int


NOTHING = Mark(b"", b"", 0)


class Known:
    """What was known of a list, and what is known now."""

    def __init__(self, before: bytes = b"") -> None:
        self._before = before
        size = _RECORD.size
        self._places = {before[at : at + _DIGEST]: at for at in range(0, len(before) - size + 1, size)}
        self._now = bytearray()

    def find(self, piece: bytes) -> Mark | None:
        """What is known of a piece, by its digest."""
        at = self._places.get(piece)
        if at is None:
            return None
        if len(self._now) < MOST * _RECORD.size:
            self._now += self._before[at : at + _RECORD.size]
        _, alike, row_hash, name = _RECORD.unpack_from(self._before, at)
        return Mark(alike, row_hash, name) if any(alike) else NOTHING

    def learn(self, piece: bytes, mark: Mark) -> None:
        """What a piece turned out to hold."""
        if len(self._now) < MOST * _RECORD.size:
            self._now += _RECORD.pack(piece, *mark)

    def save(self, path: Path) -> None:
        """Keep what is known now. Blocking. A disk without room for it is no error: all is read again."""
        with contextlib.suppress(OSError), files.replacing(path) as file:
            file.write(self._now)
            file.write(_sum(self._now))


def load(path: Path) -> Known:
    """What was known when `path` was saved; nothing if it is not there or not whole. Blocking."""
    try:
        data = path.read_bytes() if path.stat().st_size <= MOST * _RECORD.size + _DIGEST else b""
    except OSError:
        return Known()
    records, check = data[:-_DIGEST], data[-_DIGEST:]
    return Known(records if len(records) % _RECORD.size == 0 and _sum(records) == check else b"")


def tidy(folder: Path, feeds: Collection[int]) -> None:
    """Delete the files of lists that are gone. Blocking."""
    for path in folder.glob("*"):
        if path.name not in {str(feed) for feed in feeds}:
            path.unlink(missing_ok=True)


def digest(piece: bytes, context: bytes) -> bytes:
    """What a piece is known by, where it is read as `context` says."""
    return hashlib.blake2b(piece, digest_size=_DIGEST, salt=context).digest()


def context(*parts: object) -> bytes:
    """What stands for all that decides, besides its text, which entry a piece holds: `parts`, and the code that reads it."""
    return rules.digest(repr((_code(), parts)))


@cache
def _code() -> str:
    text = b"".join(Path(str(module.__file__)).read_bytes() for module in _READERS)
    return hashlib.sha256(text).hexdigest()


def _sum(records: bytes | bytearray) -> bytes:
    return hashlib.blake2b(records, digest_size=_DIGEST).digest()
