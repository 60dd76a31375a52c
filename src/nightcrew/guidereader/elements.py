"""Channels and programmes of XMLTV (the DTD of the xmltv project), one by one as they come.

The reader is expat, which holds nothing but the element at hand. Entities are refused where they are declared, so neither
external files nor expansion bombs work.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from nightcrew.guidereader.moments import parse_time
from nightcrew.guidereader.wire import (
    MAX_ATTRIBUTES,
    MAX_BODY,
    MAX_ICON,
    MAX_LENGTH,
    MAX_TEXT,
    GuideChannel,
    Programme,
)

CHUNK = 1 << 16
MAX_TOKEN = 1 << 20
"""Bytes of one tag, comment, processing instruction or declaration."""
MAX_DEPTH = 32
MAX_DECLARED = 1_000
"""Attributes that a document's own DTD declares: expat looks through an element's each time that it comes."""
_DEFAULT_LENGTH = timedelta(minutes=30)
_OPEN_ENDS = 20_000
"""Channels whose last programme waits for the next one, as it says no end itself."""


_KEPT = frozenset(
    [
        *[
            "title",
            "sub-title",
            "desc",
            "credits",
            "date",
            "category",
            "keyword",
            "language",
            "orig-language",
            "length",
            "icon",
        ],
        *[
            "url",
            "country",
            "episode-num",
            "video",
            "audio",
            "previously-shown",
            "premiere",
            "last-chance",
            "new",
            "live",
        ],
        *["finale", "subtitles", "rating", "star-rating", "review", "image"],
    ]
)
"""Elements of a programme: those of the DTD, and those that guides commonly have besides."""
_READ = frozenset(["title", "display-name", "length"])
"""Elements whose first text is read."""
_UNITS = {"seconds": timedelta(seconds=1), "minutes": timedelta(minutes=1), "hours": timedelta(hours=1)}
_BREAKS = timedelta(minutes=30)
"""How much longer than itself a programme takes at most, as advertisements are no part of its length."""
_OF_A_CHANNEL = frozenset(["display-name", "icon", "url"])
_OWN = frozenset(["start", "stop", "channel"])
"""Attributes of a programme that are written anew."""


_FIGURES = re.compile(r"\d{1,6}(?:\.\d{1,6})?")
NO_MEMORY = expat.errors.codes[expat.errors.XML_ERROR_NO_MEMORY]


class BrokenGuide(Exception):
    """The document is cut off, damaged or something else; it may be whole later. The message is a sentence for a person."""


class RefusedGuide(Exception):
    """The document is not read, now or later. The message is a sentence for a person."""


class ElementReader:
    """expat's callbacks. Depth 1 is `<tv>`, depth 2 a channel or programme, deeper ones belong to it."""

    def __init__(self, after: datetime, before: datetime) -> None:
        self._after, self._before = after, before
        self._found: list[GuideChannel | Programme] = []
        self._depth = 0
        self._top = ""
        self._attributes: dict[str, str] = {}
        self._child = ""
        self._texts: dict[str, str] = {}
        self._first: dict[str, str] = {}
        self._icon = self._units = ""
        self._body: list[str] = []
        self._size = 0
        self._declared = 0
        self._fed = 0
        self._begun = 0
        self.where_it_failed = 0
        """In the piece that was fed last, the byte behind the bad place."""
        self._open_ends: dict[str, tuple[Programme, timedelta]] = {}
        """With how long each takes at most, if another one follows."""
        self.zones: set[str] = set()
        """Those that nobody knows."""
        self.inside = self.over = False
        """Whether `<tv>` has come, and whether its end has."""
        self.parser = expat.ParserCreate("UTF-8")
        self.parser.buffer_text = True
        self.parser.specified_attributes = True  # a DTD's defaults may be huge, and would come with each element
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.EntityDeclHandler = self._entity
        self.parser.AttlistDeclHandler = self._attribute

    @property
    def wanted(self) -> int:
        """Bytes to feed next: as many again as there are of a token that has begun, but little beyond its limit.

        expat before 2.6 scans such a token from its beginning each time that more is fed. So all scans together stay in
        proportion to the document.
        """
        begun = self._fed - self._begun
        return max(CHUNK, min(begun, MAX_TOKEN - begun))

    def anew(self) -> ElementReader:
        """A reader for what follows a bad place, with what this one has found."""
        other = ElementReader(self._after, self._before)
        if self.inside:
            other.feed(b"<tv>")
        other._found, other._open_ends, other._declared = self._found, self._open_ends, self._declared
        other.zones = self.zones
        return other

    def feed(self, chunk: bytes) -> None:
        """Read on. Raises `RefusedGuide` for a token that is too large, and expat's error at a bad place."""
        try:
            self.parser.Parse(chunk, False)
        except (expat.ExpatError, BrokenGuide):
            # at least one byte on, so that every piece comes to an end
            self.where_it_failed = min(len(chunk), max(1, self.parser.CurrentByteIndex - self._fed + 1))
            raise
        self._fed += len(chunk)
        begun = self.parser.CurrentByteIndex
        if begun >= 0:  # -1: expat waits for more of the token before it looks again (2.6 and later)
            self._begun = begun
        if self._fed - self._begun > MAX_TOKEN:
            raise RefusedGuide(
                f"the guide has one tag, comment or declaration larger than {MAX_TOKEN >> 20} MiB, which is not read"
            )

    def take(self) -> list[GuideChannel | Programme]:
        """What was completed since the last call."""
        found, self._found = self._found, []
        return found

    def _entity(self, *_args: object) -> None:
        raise RefusedGuide("the guide declares XML entities, which are not read")

    def _attribute(self, *_args: object) -> None:
        self._declared += 1
        if self._declared > MAX_DECLARED:
            raise RefusedGuide(f"the guide declares more than {MAX_DECLARED} attributes, which is not read")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise RefusedGuide(f"the guide nests elements deeper than {MAX_DEPTH}")
        if self._depth == 1 and tag != "tv":
            raise BrokenGuide(f"it returned <{tag[:40]}> instead of an XMLTV guide (<tv>)")
        self.inside = True
        if self._depth == 2:
            self._top, self._attributes = tag, attributes
            self._texts, self._first, self._icon, self._body, self._size = {}, {}, "", [], 0
        elif self._depth >= 3:
            if self._depth == 3:
                self._child = tag
                if tag == "length":
                    self._units = attributes.get("units", "")
            if tag == "icon" and not self._icon:
                self._icon = attributes.get("src", "")[:MAX_ICON]
            if self._is_kept() and _is_plain(tag):
                self._keep(f"<{tag}{_attributes(attributes)}>")

    def _text(self, text: str) -> None:
        if self._depth < 3:
            return
        if self._child in _READ:
            known = self._texts.get(self._child, "")
            if len(known) < MAX_TEXT:
                self._texts[self._child] = (known + text)[:MAX_TEXT]
        if self._is_kept():
            self._keep(escape(text, {"\r": "&#13;"}))

    def _end(self, tag: str) -> None:
        if self._depth >= 3:
            if self._is_kept() and _is_plain(tag):
                self._keep(f"</{tag}>")
            if self._depth == 3 and self._child in self._texts:
                self._first.setdefault(self._child, self._texts.pop(self._child).strip())
        elif self._depth == 2 and self._top == "programme":
            self._programme()
        elif self._depth == 2 and self._top == "channel":
            self._channel()
        elif self._depth == 1:
            self.over = True
            self.end_all()
        self._depth -= 1

    def _is_kept(self) -> bool:
        kept = _KEPT if self._top == "programme" else _OF_A_CHANNEL if self._top == "channel" else ()
        return self._size <= MAX_BODY and self._child in kept

    def _keep(self, text: str) -> None:
        self._size += len(text)
        self._body.append(text)

    def _channel(self) -> None:
        guide_id = self._attributes.get("id", "").strip()[:MAX_TEXT]
        if guide_id:
            name = self._first.get("display-name") or guide_id
            body = "".join(self._body) if self._size <= MAX_BODY else ""
            self._found.append(GuideChannel(guide_id, name, self._icon, body))

    def _programme(self) -> None:
        guide_id = self._attributes.get("channel", "").strip()[:MAX_TEXT]
        start = parse_time(self._attributes.get("start", ""), self.zones)
        if not guide_id or start is None:
            return
        self._end_open(guide_id, start)
        if start >= self._before:
            return
        said = self._attributes.get("stop", "").strip()
        length = self._length()
        stop = parse_time(said) or start + (length or _DEFAULT_LENGTH)
        if not start < stop <= start + MAX_LENGTH:
            stop = start + _DEFAULT_LENGTH
        if said and stop <= self._after:
            return
        title = self._first.get("title", "")
        body = "".join(self._body) if self._size <= MAX_BODY else f"<title>{escape(title)}</title>"
        more = _attributes({name: value for name, value in self._attributes.items() if name not in _OWN})
        programme = Programme(guide_id, start, stop, title, body, more if len(more) <= MAX_ATTRIBUTES else "")
        if said:
            self._found.append(programme)
            return
        if len(self._open_ends) >= _OPEN_ENDS:
            self.end_all()
        longest = MAX_LENGTH if length is None else length + _BREAKS
        self._open_ends[guide_id] = programme, longest

    def _length(self) -> timedelta | None:
        """What `<length units="minutes">` says, None where it is no number or too long."""
        text, unit = self._first.get("length", ""), _UNITS.get(self._units.strip().lower())
        if unit is None or not _FIGURES.fullmatch(text):
            return None
        length = float(text) * unit
        return length if timedelta() < length <= MAX_LENGTH else None

    def _end_open(self, guide_id: str, start: datetime) -> None:
        """A programme without an end ends where the next one of its channel begins."""
        programme, longest = self._open_ends.pop(guide_id, (None, MAX_LENGTH))
        if programme is not None:
            if programme.start < start <= programme.start + longest:
                programme = replace(programme, stop=start)
            if programme.stop > self._after:
                self._found.append(programme)

    def end_all(self) -> None:
        """No programme follows: those without an end have half an hour."""
        self._found += [one for one, _ in self._open_ends.values() if one.stop > self._after]
        self._open_ends.clear()


def _attributes(found: dict[str, str]) -> str:
    """Attributes as XML text."""
    return "".join(f" {name}={quoteattr(value)}" for name, value in found.items() if _is_plain(name))


def _is_plain(name: str) -> bool:
    """Prefixes lose their declaration outside of the document, and no XMLTV has other letters in its names."""
    return ":" not in name and name.isascii() and not name.startswith("xmlns")
