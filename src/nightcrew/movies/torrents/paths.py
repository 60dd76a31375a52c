"""Names of files and folders in a torrent. Each part of a path has to stay in its folder, on every system. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from itertools import pairwise
from typing import Any, TypeGuard

from nightcrew.charsets import is_charset
from nightcrew.movies.torrents.errors import BadTorrent

MAX_NAME, MAX_PATH, MAX_PARTS = 255, 4096, 32
"""Bytes of UTF-8 of a part and of a path, and parts of a path."""
_DEVICE = r"(?:con|prn|aux|nul|com[1-9]|lpt[1-9])"
"""Windows takes them as devices. Only the bare name is refused: "Con.Air.mkv" is a film."""
_GOOD = re.compile(rf"(?!{_DEVICE}?[ .]*\Z|[a-z]:(?! ))[^/\\\x00-\x1f\x7f]+", re.IGNORECASE | re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ENDING = re.compile(rb"\.([A-Za-z0-9]{1,5})$")
Path = tuple[str, ...]


def name(holder: dict[bytes, Any], key: bytes, encoding: str, where: str) -> str:
    """A text of a dictionary as a name: `key.utf-8` where there is one, else `key`."""
    raw = holder.get(key)
    better = holder.get(key + b".utf-8")
    if isinstance(better, bytes) and is_utf8(better):
        if isinstance(raw, bytes):
            _check_same(raw, better, where)
        return part(better, encoding, where)
    if not isinstance(raw, bytes):
        raise BadTorrent(f"{where} has no name")
    return part(raw, encoding, where)


def path(file: dict[bytes, Any], encoding: str, where: str) -> Path:
    """The path of a file of a v1 torrent: a list of texts, `path.utf-8` where there is one."""
    raw, better = file.get(b"path"), file.get(b"path.utf-8")
    if _is_path(better) and all(map(is_utf8, better)):
        if _is_path(raw):
            if len(raw) != len(better):
                raise BadTorrent(f"{where} has two paths that differ")
            _check_same(raw[-1], better[-1], where)
        raw = better
    if not _is_path(raw):
        raise BadTorrent(f"{where} has no path")
    return checked(tuple(part(one, encoding, where) for one in raw[: MAX_PARTS + 1]), where)


def checked(found: Path, where: str) -> Path:
    """The same path. Raises `BadTorrent` when it is too long."""
    if len(found) > MAX_PARTS:
        raise BadTorrent(f"{where} lies more than {MAX_PARTS} folders deep")
    if sum(len(one.encode()) + 1 for one in found) > MAX_PATH:
        raise BadTorrent(f"{where} has a path of more than {MAX_PATH} bytes")
    return found


def part(raw: bytes, encoding: str, where: str) -> str:
    """One part of a path as text. Raises `BadTorrent`."""
    if len(raw) > MAX_NAME * 4:
        raise BadTorrent(f"{where} has a name of {len(raw)} bytes")
    text = _decoded(raw, encoding)
    if not _GOOD.fullmatch(text):
        raise BadTorrent(f"{where} {_why(text)}")
    if len(text) * 4 > MAX_NAME and len(text.encode()) > MAX_NAME:
        raise BadTorrent(f"{where} has a name of more than {MAX_NAME} bytes")
    return text


def is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def check_apart(found: Iterable[Path]) -> None:
    """No two files have the same path, and none is the folder of another. Raises `BadTorrent`."""
    for one, other in pairwise(sorted(found)):
        if one == other[: len(one)]:
            shown = _shown("/".join(one))
            raise BadTorrent(f"two files are called {shown}" if one == other else f"{shown} is a file and a folder")


def _is_path(value: Any) -> TypeGuard[list[bytes]]:
    return isinstance(value, list) and bool(value) and all(isinstance(one, bytes) for one in value)


def _check_same(raw: bytes, better: bytes, where: str) -> None:
    """The older name may have other letters, where its charset lacks some. Another ending makes it another file."""
    ending = _ENDING.search(raw)
    if ending and is_utf8(raw) and not better.lower().endswith(ending[0].lower()):
        raise BadTorrent(f"{where} has two names: {_shown(raw.decode())} and {_shown(better.decode())}")


def _decoded(raw: bytes, encoding: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        pass
    if encoding and is_charset(encoding):
        with suppress(UnicodeDecodeError):
            return raw.decode(encoding)
    return raw.decode("utf-8", "replace")


def _why(text: str) -> str:
    """What is wrong with a name that is not `_GOOD`."""
    if not text:
        return "has an empty name"
    if "/" in text or "\\" in text:
        return f"has a name with a path in it: {_shown(text)}"
    if _CONTROL.search(text):
        return f"has a name with control characters: {_shown(text)}"
    if not text.strip(" ."):
        return f"has the name {_shown(text)}"
    return (
        f"has a name with a drive in it: {_shown(text)}"
        if text[1] == ":"
        else f"is called {_shown(text)}, which is a device"
    )


def _shown(text: str) -> str:
    """Fit for a sentence: what cannot be seen is written out."""
    return f'"{text[:80].encode("unicode_escape").decode() if not text.isprintable() else text[:80]}"'
