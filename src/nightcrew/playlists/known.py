"""Pieces of a list that were read before, word for word: which entry each of them holds. One file for each list, of this node.

Nothing depends on it: without the file, or with one that is damaged, every piece is read again. What is stored is compared all the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import struct
import unicodedata
from array import array
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from nightcrew.kernel import files
from nightcrew.playlists import guide_matching, identity, likeness, models, picking, rules
from nightcrew.playlists.formats import charsets, entries, headers, m3u
from nightcrew.playlists.store import recognising

MOST = 250_000
"""Pieces that are remembered; of a longer list each is read every time."""
FOLDER = "known"
_DIGEST = 16
_RECORD = struct.Struct(f"{_DIGEST}s16s16sq")
READERS = (m3u, charsets, entries, headers, rules, identity, likeness, picking, guide_matching, models, recognising)
"""Modules by which a piece becomes an entry with its identity and its hash."""


def _code() -> bytes:
    """What stands for this code and Python's tables of letters. Where it cannot be read, nothing is known after a start."""
    try:
        text = b"".join(Path(str(module.__file__)).read_bytes() for module in READERS)
    except OSError:
        return secrets.token_bytes(_DIGEST)
    return hashlib.sha256(text + unicodedata.unidata_version.encode()).digest()


_CODE = _code()  # at import: the files may be those of a newer version later


Mark = tuple[bytes, bytes, int]
"""What is known of a piece with one entry: `EntryIdentity.alike`, `rules.row_hash`, and its name's `recognising.short`."""
LEFT_OUT = bytes(_DIGEST)
NOTHING: Mark = (LEFT_OUT, b"", 0)
"""The entry was left out."""


class KnownPieces:
    """What was known of a list, and what is known now."""

    def __init__(self, before: bytes = b"") -> None:
        self._before = before
        size = _RECORD.size
        self._places = {before[at : at + _DIGEST]: at for at in range(0, len(before) - size + 1, size)}
        self._again = array("I")
        self._new = bytearray()

    def find(self, piece: bytes) -> Mark | None:
        """What is known of a piece, by its digest; once, so that what was found takes no memory any more."""
        at = self._places.pop(piece, None)
        if at is None:
            return None
        self._again.append(at)
        _, alike, row_hash, name = _RECORD.unpack_from(self._before, at)
        return alike, row_hash, name

    def learn(self, piece: bytes, mark: Mark) -> None:
        """What a piece turned out to hold."""
        if len(self._new) < MOST * _RECORD.size:
            self._new += _RECORD.pack(piece, *mark)

    def records(self) -> Iterator[bytes]:
        """What is known now, at most `MOST` records, some at a time."""
        size, some = _RECORD.size, 1_000
        for start in range(0, len(self._again), some):
            yield b"".join([self._before[at : at + size] for at in self._again[start : start + some]])
        room = (MOST - len(self._again)) * size
        for start in range(0, min(room, len(self._new)), some * size):
            yield bytes(self._new[start : min(start + some * size, room)])

    def save(self, path: Path) -> None:
        """Keep what is known now. Blocking. A disk without room for it is no error: all is read again."""
        check = hashlib.blake2b(digest_size=_DIGEST)
        with contextlib.suppress(OSError), files.replacing(path) as file:
            for some in self.records():
                file.write(some)
                check.update(some)
            file.write(check.digest())


def load(path: Path) -> KnownPieces:
    """What was known when `path` was saved; nothing if it is not there or not whole. Blocking."""
    try:
        data = path.read_bytes() if path.stat().st_size <= MOST * _RECORD.size + _DIGEST else b""
    except OSError:
        return KnownPieces()
    records, check = data[:-_DIGEST], data[-_DIGEST:]
    whole = len(records) % _RECORD.size == 0 and hashlib.blake2b(records, digest_size=_DIGEST).digest() == check
    return KnownPieces(records if whole else b"")


def tidy(folder: Path, feeds: Collection[int]) -> None:
    """Delete the files of lists that are gone. Blocking."""
    for path in folder.glob("*"):
        if path.name not in {str(feed) for feed in feeds}:
            path.unlink(missing_ok=True)


def digester(*parts: object) -> Callable[[bytes], bytes]:
    """Gives what pieces are known by, where `parts` decide, besides its text and the code that reads it, what a piece holds."""
    begun = hashlib.blake2b(digest_size=_DIGEST, salt=rules.digest(repr((_CODE, parts))))

    def digest(piece: bytes) -> bytes:
        one = begun.copy()
        one.update(piece)
        return one.digest()

    return digest
