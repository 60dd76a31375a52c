"""A JSON list of objects, read one by one: a panel's line-up of 100,000 channels is 40 MB. Some write an object by number instead.

Bytes that are no UTF-8 are read as a sign of their own, and control characters as they are, so that one bad name does not cost the
list. A script's notice before the list is passed over, and a list that is wrapped in an object (`{"data": […]}`) is read.

Python's own decoder reads each object (a streaming parser in C crashed the process at a number of 5,000 digits).
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from nightcrew.kernel.errors import GiveUp, Retry

CHUNK = 1 << 18
MAX_ITEM = 1 << 20
"""Characters of one element."""
_ENDS = {"[": "]", "{": "}"}
MAX_BEFORE = 16 << 10
"""Characters of something else before a list."""
_OPENING = r'\[\s{0,99}\{\s{0,99}"|\{\s{0,99}"'
BEGINS, _BEGINS = re.compile(_OPENING.encode()), re.compile(_OPENING)
"""How a list of objects or an object begins, in bytes and in a text."""
_SPACES = b" " * 32 + bytes(range(32, 256))
_WRAPPERS = {"data", "streams", "live_streams", "channels", "available_channels", "items", "result", "results", "list"}
"""Names of a list in an object that has nothing else of interest."""
_BETWEEN = re.compile(r"[ \t\r\n,]*+")


def read(file: BinaryIO) -> Iterator[Any]:
    """The elements in order. Raises `Retry` when it is no list or is cut off, `GiveUp` when one element is huge."""
    window = _Window(file)
    if window.next_sign() not in _ENDS:
        window.pass_over()
    yield from _elements(window, wrapped=True)
    if window.next_sign(at_end=True):
        raise Retry("there is more behind the end of the JSON list, so it is damaged")


def _elements(window: _Window, *, wrapped: bool) -> Iterator[Any]:
    """What is in the list or the object that begins here. `wrapped`: it may hold the list itself."""
    first = window.next_sign()
    window.place += 1
    while (sign := window.next_sign()) != _ENDS[first]:
        if first == "{":
            is_list = window.name().lower() in _WRAPPERS
            sign = window.next_sign()
            if wrapped and is_list and sign in _ENDS:
                yield from _elements(window, wrapped=False)
                continue
        yield window.element()
    window.place += 1


def bare(raw: bytes) -> bytes:
    """A small text of JSON without what `read` forgives: signs and words before it, control characters in its strings."""
    text = raw.removeprefix(codecs.BOM_UTF8).translate(_SPACES).lstrip()
    begins = None if text[:1] in {b"[", b"{"} else BEGINS.search(text, 0, MAX_BEFORE)
    return text[begins.start() :] if begins else text


class _Window:
    """The part of the file that is looked at."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decode = codecs.getincrementaldecoder("utf-8-sig")("replace").decode
        self._parse = json.JSONDecoder(strict=False).raw_decode
        self._text = ""
        self._more = True
        self.place = 0

    def next_sign(self, *, at_end: bool = False) -> str:
        """The next character that is no space and no comma; empty at the end of the file, which must be expected."""
        while True:
            between = _BETWEEN.match(self._text, self.place)
            self.place = between.end() if between else self.place
            if self.place < len(self._text):
                return self._text[self.place]
            if not self._read():
                if at_end:
                    return ""
                raise Retry("the JSON list is incomplete")

    def pass_over(self) -> None:
        """Go on to where a list begins. Raises `Retry` where there is none."""
        while (begins := _BEGINS.search(self._text, self.place, self.place + MAX_BEFORE)) is None:
            if len(self._text) - self.place > MAX_BEFORE or not self._read():
                raise Retry("its answer is not a JSON list")
        self.place = begins.start()

    def name(self) -> str:
        """The name of an object's value. Raises `Retry` where there is none."""
        name = self.element() if self.next_sign() == '"' else None
        if not isinstance(name, str) or self.next_sign() != ":":
            raise Retry("its answer is not a JSON list")
        self.place += 1
        self.next_sign()
        return name

    def element(self) -> Any:
        """The element that begins here; more is read until it is whole."""
        while True:
            try:
                value, end = self._parse(self._text, self.place)
            except json.JSONDecodeError as exc:
                held = len(self._text) - self.place
                if held > MAX_ITEM:
                    raise GiveUp(f"one element of the JSON list is larger than {MAX_ITEM >> 20} MiB") from exc
                # as much again, so that all attempts together stay in proportion to the element
                if not self._read(min(held, MAX_ITEM - held)):
                    raise Retry("the JSON list is incomplete or damaged") from exc
                continue
            except (ValueError, RecursionError) as exc:
                raise Retry("the JSON list has an element that cannot be read") from exc
            if end < len(self._text) or not self._read():  # a number may go on behind the window's end
                self.place = end
                return value

    def _read(self, size: int = 0) -> bool:
        if not self._more:
            return False
        raw = self._file.read(max(CHUNK, size))
        self._more = bool(raw)
        self._text = self._text[self.place :] + self._decode(raw, not self._more)
        self.place = 0
        return self._more
