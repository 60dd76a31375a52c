"""An XMLTV guide, read as a stream. What is no XML in it costs one element, and not the guide."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO
from xml.parsers import expat

from nightcrew.guidereader.cleaning import Cleaner, UnknownCharset
from nightcrew.guidereader.elements import NO_MEMORY, BrokenGuide, ElementReader
from nightcrew.guidereader.wire import GuideChannel, Programme

MAX_LEFT_OUT = 1_000
"""Elements that may be no XML; with more, it is no guide."""
_NEXT = re.compile(rb"<(?:programme|channel)[\s>]")
_ROOT = re.compile(rb"<tv[\s>]")
_LAST = re.compile(rb"</tv\s{0,20}>")
_LONGEST = len("<programme")
_ENDING = 32
"""Bytes in which the last tag may be cut in two."""
MOST_BEFORE, MOST_ROOTS = 64 << 10, 20
"""Bytes of something else before a guide, such as a script's warning, and places in it that look like its beginning."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """How many elements could not be read, and the names of zones that nobody knows: times there are taken for UTC."""

    places: int
    zones: tuple[str, ...] = ()


def read(
    file: BinaryIO, *, after: datetime, before: datetime, charset: str = ""
) -> Iterator[GuideChannel | Programme | LeftOut]:
    """Channels, and programmes that run between two moments, as they come, and at the end how many places could not be read.

    Raises `BrokenGuide` or `RefusedGuide`. An element that is no XML is left out, and reading goes on with the next one;
    what stands before `<tv>` or behind `</tv>`, such as a script's warning, is passed over.
    """
    mending, cleaner = _Mending(ElementReader(after, before)), Cleaner(charset)
    try:
        while raw := file.read(mending.reader.wanted):
            mending.feed(cleaner.feed(raw))
            yield from mending.reader.take()
        mending.feed(cleaner.feed(b"", last=True))
        mending.end()
    except expat.ExpatError as exc:
        if exc.code == NO_MEMORY:
            raise MemoryError from exc
        raise BrokenGuide(f"the guide is not valid XML, or it is incomplete: {exc}") from exc
    except UnknownCharset as exc:
        raise BrokenGuide(str(exc)) from exc
    yield from mending.reader.take()
    if mending.left_out or mending.reader.zones:
        yield LeftOut(mending.left_out, tuple(sorted(mending.reader.zones)))


class _Mending:
    """Goes on behind an element that is no XML, at the next channel or programme, and behind what is no guide, at its first tag."""

    def __init__(self, reader: ElementReader) -> None:
        self.reader = reader
        self.left_out = 0
        self._bad = 0
        self._first: expat.ExpatError | BrokenGuide | None = None
        """Why what came first is no guide, until one begins."""
        self._before = 0
        self._sought: re.Pattern[bytes] | None = None
        self._passed = b""
        """The end of what was passed over, in which the next element may begin."""
        self._ending = _Ending()

    def feed(self, piece: bytes) -> None:
        """Read on. Raises `BrokenGuide` or expat's error where no guide begins, or where too much is broken."""
        self._ending.feed(piece)
        while piece:
            if self._sought is not None:
                piece = self._passed + piece
                at = self._sought.search(piece)
                self._pass(len(piece) if at is None else at.start())
                if at is None:
                    self._passed = piece[-_LONGEST:]
                    return
                piece, self._sought = piece[at.start() :], None
            try:
                self.reader.feed(piece)
            except (expat.ExpatError, BrokenGuide) as exc:
                self._failed(exc)
                piece, self._passed = piece[self.reader.where_it_failed :], b""
                self.reader = self.reader.anew()
            else:
                return

    def _pass(self, size: int) -> None:
        if self._sought is _ROOT and self._first is not None:
            self._before += size
            if self._before > MOST_BEFORE:
                raise self._first

    def _failed(self, exc: expat.ExpatError | BrokenGuide) -> None:
        """What follows a bad place; raises its error where nothing can."""
        if getattr(exc, "code", None) == NO_MEMORY:
            raise exc
        self._bad += 1
        if self.reader.inside:
            self.left_out += not self.reader.over
            self._sought, most = _NEXT, MAX_LEFT_OUT
        else:
            self._first = exc = self._first or exc
            self._sought, most = _ROOT, MOST_ROOTS
        if self._bad > most:
            raise exc

    def end(self) -> None:
        """Nothing more comes. Raises `BrokenGuide` or expat's error for a document that is cut off."""
        if self._sought is _ROOT and self._first is not None:
            raise self._first
        if self._sought is None:
            self.reader.parser.Parse(b"", True)
        elif self._ending.seen:
            self.reader.end_all()
        else:
            raise BrokenGuide("the guide is not valid XML from some place on, or it is incomplete")


class _Ending:
    """Whether `</tv>` has come behind the last channel and programme, however broken what stands there is."""

    def __init__(self) -> None:
        self.seen = False
        self._held = b""

    def feed(self, piece: bytes) -> None:
        text = self._held + piece
        last = text.rfind(b"</tv")
        began = max(text.rfind(b"<programme"), text.rfind(b"<channel"))
        if began > last:
            self.seen = False
        elif last >= 0 and _LAST.match(text, last):
            self.seen = True
        self._held = text[-_ENDING:]
