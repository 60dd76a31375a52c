"""The file tree of a v2 torrent, or of a hybrid's v2 half (BEP 52). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nightcrew.movies.torrents import paths, v1
from nightcrew.movies.torrents.errors import BadTorrent
from nightcrew.movies.torrents.model import TorrentFile

BLOCK = 16384


@dataclass(frozen=True, slots=True)
class TreeFile:
    """`root`: of its hash tree; empty for a file without bytes."""

    file: TorrentFile
    root: bytes


def files(info: dict[bytes, Any]) -> tuple[TreeFile, ...]:
    """In the order of their raw names, which is that of their pieces; `info` is in canonical form. Raises `BadTorrent`."""
    tree = info.get(b"file tree")
    if not isinstance(tree, dict):
        raise BadTorrent("it has no file tree")
    found = tuple(_leaves(tree))
    if not found:
        raise BadTorrent("its file tree is empty")
    paths.check_apart([one.file.path for one in found])
    return found


def _leaves(tree: dict[bytes, Any]) -> Iterator[TreeFile]:
    open_: list[Iterator[tuple[bytes, Any]]] = [iter(tree.items())]
    path: list[str] = []
    count = 0
    while open_:
        key, node = next(open_[-1], (None, None))
        if key is None:
            open_.pop()
            path = path[:-1]
            continue
        where = f"file {count + 1}"
        here = paths.checked((*path, paths.part(key, "", where)), where)
        if not isinstance(node, dict):
            raise BadTorrent(f"{where} is no dictionary")
        if b"" not in node:
            open_.append(iter(node.items()))
            path = list(here)
            continue
        count += 1
        if len(node) > 1:
            raise BadTorrent(f"{where} is a file and a folder")
        yield _leaf(here, node[b""], where)


def _leaf(path: paths.Path, file: Any, where: str) -> TreeFile:
    if not isinstance(file, dict):
        raise BadTorrent(f"{where} is no dictionary")
    v1.check_link(file, "", where)
    size = v1.size(file, where)
    root = file.get(b"pieces root", b"")
    if not isinstance(root, bytes) or len(root) != (32 if size else 0):
        raise BadTorrent(f"{where} has no root of its pieces" if size else f"{where} is empty and has pieces")
    return TreeFile(TorrentFile(path, size, v1.is_pad(file)), root)


def check_same(flat: tuple[TorrentFile, ...], tree: tuple[TreeFile, ...], piece_length: int) -> None:
    """A hybrid's halves have the same files in the same order, and each file of the v1 half begins with a piece. Raises `BadTorrent`."""
    if [(one.path, one.size) for one in flat if not one.pad] != [(one.file.path, one.file.size) for one in tree]:
        raise BadTorrent("its v1 half and its v2 half have other files")
    at = 0
    for one in flat:
        if not one.pad and one.size and at % piece_length:
            raise BadTorrent("its v1 half and its v2 half have other pieces")
        if one.pad and one.size >= piece_length:
            raise BadTorrent("a pad file is as long as a piece")
        at += one.size
