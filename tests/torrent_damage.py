"""Torrents of all kinds, and what strangers make of them: bytes that were changed, and values that mean something else."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

from nightcrew.demo.bencoding import decode, encode
from nightcrew.demo.torrents import Files, Kind, make

KINDS: tuple[Kind, ...] = ("v1", "v2", "hybrid")
_ODD: tuple[Any, ...] = (
    0,
    1,
    -1,
    2,
    20,
    16384,
    1 << 31,
    1 << 62,
    b"",
    b"x",
    b"..",
    b"a/b",
    b"\xff\xfe",
    b"e" * 300,
    [],
    {},
    [[]],
)
_ODD_KEYS = (
    b"length",
    b"path",
    b"path.utf-8",
    b"name.utf-8",
    b"attr",
    b"pieces",
    b"meta version",
    b"private",
    b"source",
    b"",
    b"a",
)


def several(rng: random.Random) -> bytes:
    """A small torrent of a few files."""
    count = rng.choice((1, 1, 2, 3, 5))
    name = rng.choice(("Nosferatu", "The General 1926", "Le Voyage dans la Lune", "Метрополис"))
    files: dict[str, bytes | int] = {}
    for at in range(count):
        folder = rng.choice(("", "", "Subs/", "Extras/Deep/"))
        files[f"{folder}{at}.{rng.choice(('mkv', 'srt', 'nfo'))}"] = rng.choice(
            (1, 16384, 40_000, 100_000, rng.randrange(200_000))
        )
    if count == 1 and rng.random() < 0.7:
        files = {name: max(1, rng.randrange(200_000))}
    return _made(name, files, rng)


def _made(name: str, files: Files, rng: random.Random) -> bytes:
    trackers = rng.choice(
        ((), ("http://127.0.0.1/announce",), (("udp://127.0.0.1:1", "udp://127.0.0.1:2"), "http://127.0.0.1/a"))
    )
    length = rng.choice((16384, 32768, 65536))
    return make(name, files, rng.choice(KINDS), trackers=trackers, private=rng.random() < 0.3, piece_length=length)


def bytes_changed(data: bytes, rng: random.Random) -> bytes:
    """Some bytes are others, gone, or there twice."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(changed) or 1)
        match rng.randrange(5):
            case 0:
                changed[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                del changed[at : at + rng.choice((1, 1, 10, 100))]
            case 2:
                changed[at:at] = rng.choice((b"e", b"d", b"l", b"0", b"1", b"i0e", b"0:", b"i-0e", b"4:infode", b"00"))
            case 3:
                changed[at:at] = changed[at : at + rng.randrange(40)]
            case _:
                del changed[at:]
    return bytes(changed)


def values_changed(data: bytes, rng: random.Random) -> bytes:
    """Valid bencode, in which some values are others."""
    outer = decode(data)[0]
    for _ in range(rng.choice((1, 1, 2))):
        spots = list(_spots(outer))
        holder, key = rng.choice(spots)
        match rng.randrange(4):
            case 0:
                holder[key] = copy.deepcopy(rng.choice(_ODD))
            case 1:
                del holder[key]
            case 2 if isinstance(holder, dict):
                holder[rng.choice(_ODD_KEYS)] = copy.deepcopy(rng.choice(_ODD))
            case _:
                other, another = rng.choice(spots)
                holder[key] = copy.deepcopy(other[another])
    return encode(outer)


def written_otherwise(data: bytes, rng: random.Random) -> bytes:
    """The same values with keys out of order, leading zeros, a key twice, or something behind the end."""

    def write(value: Any) -> bytes:
        zeros = rng.choice((b"", b"", b"", b"0", b"00"))
        match value:
            case int():
                return b"i%b%de" % (zeros if value >= 0 else b"", value)
            case bytes():
                return b"%b%d:%b" % (zeros, len(value), value)
            case list():
                return b"l" + b"".join(map(write, value)) + b"e"
        keys = list(value)
        if rng.random() < 0.2:
            rng.shuffle(keys)
        if keys and rng.random() < 0.03:
            keys.append(rng.choice(keys))
        return b"d" + b"".join(write(key) + write(value[key]) for key in keys) + b"e"

    return write(decode(data)[0]) + rng.choice((b"", b"", b"\n", b"e", b"i1e"))


def torrents(count: int, seed: int) -> Iterator[bytes]:
    """As many, good ones among them."""
    rng = random.Random(seed)
    for _ in range(count):
        data = several(rng)
        change = rng.choice((None, bytes_changed, values_changed, values_changed, written_otherwise))
        yield change(data, rng) if change else data


def _spots(value: Any) -> Iterator[tuple[Any, Any]]:
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _spots(value[key])
