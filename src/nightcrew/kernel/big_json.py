"""Large JSON, read in a thread while the event loop goes on.

A thread alone does not help: Python's reader is C code, and nothing else runs until it has read everything. Where it calls
Python, for each object and each number, others get their turn (bench/choices.py). A stranger's text need not have any of
these: so it is handed to the C code in pieces, and the lists and objects that are larger than a piece are taken apart here.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from typing import Any

LARGE = 256 << 10
"""Bytes or characters from which on a thread is worth its cost."""
PIECE = 64 << 10
"""Characters that are read at a time, but for a single text that is longer."""
MAX_DEPTH = 8
"""How deep a list or object that is larger than a piece may lie: each level may be looked at once more."""
MAX_PARTS = 600_000
"""Lists and objects of one text. Each takes 60 to 200 bytes of memory for the two characters that it has there."""
_SPACE = re.compile(r"[ \t\n\r]*+")


class TooManyParts(ValueError):
    """The text is JSON, perhaps, but made to be costly."""


async def loads(data: bytes | str) -> Any:
    """As `json.loads`, in a thread when it is large."""
    return await asyncio.to_thread(read, data) if len(data) >= LARGE else json.loads(data)


def read(data: bytes | str) -> Any:
    """As `json.loads`, with turns for other threads. Raises ValueError or RecursionError."""
    text = data if isinstance(data, str) else data.decode(json.detect_encoding(data), "surrogatepass")
    pieces = range(0, len(text), LARGE)
    if sum(text.count(sign, begin, begin + LARGE) for begin in pieces for sign in "[{") > MAX_PARTS:
        raise TooManyParts(f"it has more than {MAX_PARTS} lists and objects")
    return _Text(text).whole()


class _Text:
    """A text, and the piece of it that is looked at. Places are those of the text."""

    def __init__(self, text: str) -> None:
        decoder = json.JSONDecoder(object_pairs_hook=_pass_on, parse_int=_whole, parse_float=_real)
        self._parse = decoder.raw_decode
        self._text = text
        self._begin = 0
        self._piece = text[:PIECE]

    def whole(self) -> Any:
        """All of it as one value."""
        place = self._skip(0)
        if len(self._text) <= PIECE:
            value, place = self._parse(self._text, place)
        else:
            value, place = self._apart(place, 0)
        if self._skip(place) < len(self._text):
            raise json.JSONDecodeError("Extra data", self._text, place)
        return value

    def _value(self, place: int, depth: int) -> tuple[Any, int]:
        """The value that begins at a place, and where it ends."""
        if place - self._begin > len(self._piece) // 2:
            self._begin, self._piece = place, self._text[place : place + PIECE]
        try:
            value, end = self._parse(self._piece, place - self._begin)
        except json.JSONDecodeError:
            return self._apart(place, depth)
        if end + len("e+") < len(self._piece) or self._begin + len(self._piece) == len(self._text):
            return value, self._begin + end
        return self._apart(place, depth)  # a number may go on behind the piece

    def _apart(self, place: int, depth: int) -> tuple[Any, int]:
        """A value that the piece does not hold whole."""
        if place > self._begin and depth:
            self._begin, self._piece = place, self._text[place : place + PIECE]
            return self._value(place, depth)
        if depth > MAX_DEPTH:
            raise TooManyParts(f"it has large lists or objects more than {MAX_DEPTH} deep in each other")
        match self._text[place : place + 1]:
            case "[":
                return self._list(place + 1, depth + 1)
            case "{":
                return self._object(place + 1, depth + 1)
        return self._parse(self._text, place)

    def _list(self, place: int, depth: int) -> tuple[list[Any], int]:
        found: list[Any] = []
        place = self._skip(place)
        if self._at(place) == "]":
            return found, place + 1
        while True:
            value, place = self._value(self._skip(place), depth)
            found.append(value)
            place = self._skip(place)
            if self._at(place) == "]":
                return found, place + 1
            place = self._passed(place, ",")

    def _object(self, place: int, depth: int) -> tuple[Any, int]:
        found: list[tuple[str, Any]] = []
        place = self._skip(place)
        if self._at(place) == "}":
            return _pass_on(found), place + 1
        while True:
            place = self._skip(place)
            self._passed(place, '"')
            key, place = self._parse(self._text, place)
            place = self._passed(self._skip(place), ":")
            value, place = self._value(self._skip(place), depth)
            found.append((key, value))
            place = self._skip(place)
            if self._at(place) == "}":
                return _pass_on(found), place + 1
            place = self._passed(place, ",")

    def _skip(self, place: int) -> int:
        """The place behind spaces."""
        space = _SPACE.match(self._text, place)
        return space.end() if space else place

    def _at(self, place: int) -> str:
        return self._text[place : place + 1]

    def _passed(self, place: int, sign: str) -> int:
        """The place behind a sign that must stand here."""
        if self._at(place) != sign:
            raise json.JSONDecodeError(f"Expecting {sign!r}", self._text, place)
        return place + 1


def _pass_on(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; names that come again and again take their memory once."""
    return {sys.intern(name): value for name, value in pairs}


def _whole(digits: str) -> int:
    return int(digits)


def _real(digits: str) -> float:
    return float(digits)
