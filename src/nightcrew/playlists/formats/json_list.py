"""A JSON list of objects, read one by one: a panel's line-up of 100,000 channels is 40 MB. Some write an object by number instead.

Bytes that are no UTF-8 are read as a sign of their own, so that one bad name does not cost the list.

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
_BETWEEN = re.compile(r"[ \t\r\n,]*+")


def read(file: BinaryIO) -> Iterator[Any]:
    """The elements in order. Raises `Retry` when it is no list or is cut off, `GiveUp` when one element is huge."""
    window = _Window(file)
    first = window.next_sign()
    if first not in _ENDS:
        raise Retry("its answer is not a JSON list")
    window.place += 1
    while window.next_sign() != _ENDS[first]:
        if first == "{":
            window.name()
        yield window.element()
    window.place += 1
    if window.next_sign(at_end=True):
        raise Retry("there is more behind the end of the JSON list, so it is damaged")


class _Window:
    """The part of the file that is looked at."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decode = codecs.getincrementaldecoder("utf-8-sig")("replace").decode
        self._parse = json.JSONDecoder().raw_decode
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

    def name(self) -> None:
        """Pass over the name of an object's value. Raises `Retry` where there is none."""
        if self.next_sign() != '"' or not isinstance(self.element(), str) or self.next_sign() != ":":
            raise Retry("its answer is not a JSON list")
        self.place += 1
        self.next_sign()

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
