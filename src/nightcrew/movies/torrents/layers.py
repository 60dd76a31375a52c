"""Piece layers (BEP 52): the hash of each piece of a file, which has to lead to the root that the info dictionary promises. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from nightcrew.movies.torrents.errors import BadTorrent
from nightcrew.movies.torrents.v2 import BLOCK, TreeFile


def check(outer: dict[bytes, Any], files: Sequence[TreeFile], piece_length: int) -> None:
    """A layer may be missing, since peers have them as well; one that is there is right. Raises `BadTorrent`."""
    layers = outer.get(b"piece layers", {})
    if not isinstance(layers, dict):
        raise BadTorrent("its piece layers are no dictionary")
    nothing = zeros(piece_length)
    right = set[bytes]()
    for at, one in enumerate(files, 1):
        layer = layers.get(one.root)
        if layer is None or one.file.size <= piece_length:
            continue
        if not isinstance(layer, bytes):
            raise BadTorrent(f"the piece layer of file {at} is no text")
        if len(layer) != 32 * -(-one.file.size // piece_length):
            raise BadTorrent(f"the piece layer of file {at} has {len(layer)} bytes")
        if one.root not in right and root(layer, nothing) != one.root:
            raise BadTorrent(f"the piece layer of file {at} does not lead to its root")
        right.add(one.root)


def zeros(piece_length: int) -> bytes:
    """The root of a piece beyond the end of a file: its leaves are 32 zeros each."""
    found = bytes(32)
    while piece_length > BLOCK:
        found, piece_length = sha256(found + found).digest(), piece_length // 2
    return found


def root(layer: bytes, nothing: bytes) -> bytes:
    """The root of a tree whose lowest row is `layer`, hashes of 32 bytes; `nothing` stands for each that is missing on the right."""
    while len(layer) > 32:
        if len(layer) % 64:
            layer += nothing
        layer = b"".join([sha256(layer[at : at + 64]).digest() for at in range(0, len(layer), 64)])
        nothing = sha256(nothing + nothing).digest()
    return layer
