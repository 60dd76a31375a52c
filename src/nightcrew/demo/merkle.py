"""The hash trees of BEP 52: leaves of 16 KiB, SHA-256, and zeros where the tree is wider than the file."""

import hashlib
from collections.abc import Sequence

BLOCK = 16384


def layer(stream: bytes, size: int, piece_length: int) -> list[bytes]:
    """The hash of each piece of a file that is longer than one."""
    height = (piece_length // BLOCK).bit_length() - 1
    if len(stream) != BLOCK:
        return _level(_leaves(stream, size), 0, height)
    whole, rest = divmod(size, piece_length)
    found = _level(_leaves(stream, piece_length), 0, height) * whole
    return found + (_level(_leaves(stream, rest), 0, height) if rest else [])


def root(stream: bytes, size: int, piece_length: int) -> bytes:
    """`stream`: the file, or the one block that it repeats. The last block may be cut short."""
    if size <= piece_length:
        return _top(_leaves(stream, size), 0)
    return _top(layer(stream, size, piece_length), (piece_length // BLOCK).bit_length() - 1)


def _leaves(stream: bytes, size: int) -> Sequence[bytes]:
    count = -(-size // BLOCK)
    if len(stream) == BLOCK:
        last = stream[: (size - 1) % BLOCK + 1]
        return [hashlib.sha256(stream).digest()] * (count - 1) + [hashlib.sha256(last).digest()]
    return [hashlib.sha256(stream[at : at + BLOCK]).digest() for at in range(0, size, BLOCK)]


def _level(hashes: Sequence[bytes], height: int, wanted: int) -> list[bytes]:
    """Of hashes at a height above the leaves, those at another."""
    known: dict[tuple[bytes, bytes], bytes] = {}
    found = list(hashes)
    while height < wanted:
        if len(found) % 2:
            found.append(_nothing(height))
        pairs = list(zip(found[::2], found[1::2], strict=True))
        for pair in set(pairs) - known.keys():
            known[pair] = hashlib.sha256(pair[0] + pair[1]).digest()
        found, height = [known[pair] for pair in pairs], height + 1
    return found


def _top(hashes: Sequence[bytes], height: int) -> bytes:
    return _level(hashes, height, height + (len(hashes) - 1).bit_length())[0]


def _nothing(height: int) -> bytes:
    found = bytes(32)
    for _ in range(height):
        found = hashlib.sha256(found + found).digest()
    return found
