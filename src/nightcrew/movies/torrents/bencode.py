"""Bencode (BEP 3) from strangers: strict where its meaning depends on who reads it, patient where it does not. Pure.

Taken although it is not canonical, since every reader finds the same values in it, and hashes are over the raw bytes: keys out of
order, leading zeros, "-0", bytes after the end (`BencodeDocument.end` tells). Refused: a key that a dictionary has twice, numbers beyond
64 bits, negative lengths, and whatever is cut short. Each refusal names the byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from nightcrew.movies.torrents.errors import BadTorrent

MAX_BYTES = 10_000_000
MAX_DEPTH = 100
MAX_TOKENS = 3_000_000
"""Values, keys, and the ends of lists and dictionaries."""

_TOKEN = re.compile(rb"(\d{1,12}):|i(-?\d{1,20})e|([lde])")
_STRING, _NUMBER = 1, 2
_MARKS = {b"l": object(), b"d": object(), b"e": object()}
_LIST, _DICT, _END = _MARKS.values()
_NOTHING = object()


@dataclass(frozen=True, slots=True)
class BencodeDocument:
    """`value`: int, bytes, list, and dict with keys of bytes. `info`: where the value of the outer dictionary's `info` begins and ends."""

    value: Any
    info: tuple[int, int] | None
    end: int


def read(data: bytes) -> BencodeDocument:
    """The first value. Raises `BadTorrent`."""
    if len(data) > MAX_BYTES:
        raise BadTorrent(f"it has {len(data):,} bytes; {MAX_BYTES:,} are the most that are read")
    return _Building().read(data)


def written(value: Any) -> bytes:
    """The one canonical form of what `read` gives: keys in the order of their bytes, no zeros in front."""
    parts: list[bytes] = []
    open_: list[Iterator[Any]] = [iter((value,))]
    while open_:
        one: Any = next(open_[-1], _END)
        if one is _END:
            open_.pop()
            parts.append(b"e")
        elif isinstance(one, bytes):
            parts.append(b"%d:%b" % (len(one), one))
        elif isinstance(one, int):
            parts.append(b"i%de" % one)
        else:
            parts.append(b"d" if isinstance(one, dict) else b"l")
            open_.append(chain.from_iterable(sorted(one.items())) if isinstance(one, dict) else iter(one))
    return b"".join(parts[:-1])


class _Building:
    """The list or dictionary that is being filled, with the key that has no value yet, and those around it with where they began."""

    __slots__ = ("around", "held", "info", "key")

    def __init__(self) -> None:
        self.held: Any = None
        self.key: Any = None
        self.around: list[tuple[Any, Any, int]] = []
        self.info: tuple[int, int] | None = None

    def read(self, data: bytes) -> BencodeDocument:
        for begin, end, token in _tokens(data):
            value, start = token, begin
            if token is _END:
                value, start = self._closed(begin)
            elif self.key is _NOTHING:
                self._named(token, begin)
                continue
            elif token is _LIST or token is _DICT:
                self._opened(token, begin)
                continue
            if self.held is None:
                return BencodeDocument(value, self.info, end)
            self._put(value, start, end)
        raise AssertionError("the last token is an error")  # pragma: no cover

    def _opened(self, token: Any, begin: int) -> None:
        if len(self.around) == MAX_DEPTH:
            raise BadTorrent(f"byte {begin}: it is nested more than {MAX_DEPTH} deep")
        self.around.append((self.held, self.key, begin))
        self.held, self.key = ([], None) if token is _LIST else ({}, _NOTHING)

    def _closed(self, begin: int) -> tuple[Any, int]:
        """What ends there, and where it began."""
        if self.held is None:
            raise BadTorrent(f"byte {begin}: nothing is there that could end")
        if self.key is not _NOTHING and self.key is not None:
            raise BadTorrent(f"byte {begin}: the key {_shown(self.key)} has no value")
        value = self.held
        self.held, self.key, start = self.around.pop()
        return value, start

    def _named(self, token: Any, begin: int) -> None:
        if not isinstance(token, bytes):
            raise BadTorrent(f"byte {begin}: a key has to be a text")
        if token in self.held:
            raise BadTorrent(f"byte {begin}: the key {_shown(token)} is there twice")
        self.key = token

    def _put(self, value: Any, begin: int, end: int) -> None:
        if self.key is None:
            self.held.append(value)
            return
        if self.key == b"info" and len(self.around) == 1:
            self.info = begin, end
        self.held[self.key] = value
        self.key = _NOTHING


def _tokens(data: bytes) -> Iterator[tuple[int, int, Any]]:
    """Texts, numbers and marks with where they begin and end. Raises `BadTorrent` where there are no more."""
    at = 0
    for _ in range(MAX_TOKENS):
        found = _TOKEN.match(data, at)
        if found is None:
            raise BadTorrent(_unread(data, at))
        begin, at = at, found.end()
        if found.lastindex == _STRING:
            text, at = at, at + int(found[1])
            if at > len(data):
                raise BadTorrent(f"byte {begin}: a text of {int(found[1])} bytes is cut short")
            yield begin, at, data[text:at]
        elif found.lastindex == _NUMBER:
            number = int(found[2])
            if not -(1 << 63) <= number < 1 << 63:
                raise BadTorrent(f"byte {begin}: a number has more than 64 bits")
            yield begin, at, number
        else:
            yield begin, at, _MARKS[found[3]]
    raise BadTorrent(f"byte {at}: it has more than {MAX_TOKENS:,} parts")


def _unread(data: bytes, at: int) -> str:
    """Why no value begins there."""
    rest = data[at : at + 24]
    if not rest:
        return f"byte {at}: it ends too early"
    if rest[:1] == b"i":
        return f"byte {at}: a number is broken: {_shown(rest)}"
    if rest[:1] == b"-" and rest[1:2].isdigit():
        return f"byte {at}: a length is negative"
    if rest[:1].isdigit():
        return f"byte {at}: a length is broken: {_shown(rest)}"
    if at == 0 and rest.lstrip()[:1] == b"<":
        return "it is a web page and no torrent"
    return f"byte {at}: no value begins with {_shown(rest[:1])}"


def _shown(data: bytes) -> str:
    """A part of the bytes that is fit for a sentence."""
    text = data[:24].decode("ascii", "backslashreplace").encode("unicode_escape").decode("ascii")
    return f'"{text}"'
