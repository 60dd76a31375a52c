"""The files of a v1 torrent, or of a hybrid's v1 half (BEP 3, 47). Pure."""

from __future__ import annotations

import re
from typing import Any

from nightcrew.movies.torrents import paths
from nightcrew.movies.torrents.errors import BadTorrent
from nightcrew.movies.torrents.model import TorrentFile

_OLD_PAD = re.compile(r"_____padding_file_\d+_")
"""How they were called before BEP 47."""


def files(info: dict[bytes, Any], name: str, encoding: str) -> tuple[TorrentFile, ...]:
    """In their order. Raises `BadTorrent`."""
    listed = info.get(b"files")
    if listed is None:
        return (TorrentFile((name,), size(info, "the file")),)
    if b"length" in info:
        raise BadTorrent("it is one file and several at once")
    if not isinstance(listed, list) or not listed:
        raise BadTorrent("its list of files is empty or none")
    found = tuple(_file(one, encoding, f"file {at}") for at, one in enumerate(listed, 1))
    paths.check_apart([one.path for one in found if not one.pad])
    return found


def size(file: dict[bytes, Any], where: str) -> int:
    """The length of a file, in bytes."""
    length = file.get(b"length")
    if not isinstance(length, int):
        raise BadTorrent(f"{where} has no length")
    if length < 0:
        raise BadTorrent(f"{where} has a negative length")
    return length


def check_pieces(info: dict[bytes, Any], total: int, piece_length: int) -> None:
    """As many hashes as the files have pieces. Raises `BadTorrent`."""
    pieces = info.get(b"pieces")
    if not isinstance(pieces, bytes) or len(pieces) % 20:
        raise BadTorrent("its hashes of pieces are broken")
    if len(pieces) // 20 != -(-total // piece_length):
        raise BadTorrent(f"it has {len(pieces) // 20} hashes for {-(-total // piece_length)} pieces")


def is_pad(file: dict[bytes, Any]) -> bool:
    """By its attributes (BEP 47)."""
    attributes = file.get(b"attr")
    return isinstance(attributes, bytes) and b"p" in attributes


def check_link(file: dict[bytes, Any], encoding: str, where: str) -> None:
    """A symbolic link leads to a file of the torrent (BEP 47). Raises `BadTorrent`."""
    attributes, target = file.get(b"attr"), file.get(b"symlink path")
    if isinstance(attributes, bytes) and b"l" in attributes:
        paths.path({b"path": target}, encoding, f"the target of {where}")


def _file(file: Any, encoding: str, where: str) -> TorrentFile:
    if not isinstance(file, dict):
        raise BadTorrent(f"{where} is no dictionary")
    check_link(file, encoding, where)
    path = paths.path(file, encoding, where)
    return TorrentFile(path, size(file, where), is_pad(file) or bool(_OLD_PAD.match(path[-1])))
