"""Torznab's XML: what a server can do (caps), a list of releases (RSS), or an error. Pure.

Read with expat, by local names, as prefixes differ (torznab:attr, newznab:attr). A document that declares entities or attributes of its
own is refused. Format: https://torznab.github.io/spec-1.3-draft/ and the Newznab API that it grew from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.parsers import expat

from nightcrew.kernel.errors import Misread

MAX_BYTES = 8 << 20
MAX_ITEMS = 500
"""Releases of one answer that are looked at."""
MAX_DEPTH = 20
MAX_TEXT = 16_000
"""Characters of one value."""
MAX_ATTRS = 200
"""Attributes of one release."""
MAX_CATEGORIES = 5_000
UNKNOWN = 900
"""The code for an error without a known reason."""
NO_XML = "no valid XML"
_NO_MEMORY = expat.errors.codes[expat.errors.XML_ERROR_NO_MEMORY]


@dataclass(frozen=True, slots=True)
class Said:
    """An error, as the server says it."""

    code: int
    description: str


@dataclass(frozen=True, slots=True)
class Caps:
    """What a server says of itself. `movie`: the parameters of its movie search, None when it has none."""

    title: str = ""
    movie: frozenset[str] | None = None
    limit: int | None = None
    """Releases that it sends at most."""
    categories: frozenset[int] = frozenset()


@dataclass(slots=True)
class TorznabItem:
    """A release with its values as they are written: the first of each name. Attributes repeat."""

    values: dict[str, str] = field(default_factory=dict)
    enclosure: dict[str, str] = field(default_factory=dict)
    attrs: dict[str, list[str]] = field(default_factory=dict)

    def attr(self, *names: str) -> str:
        """The first value of the first of these attributes that there is."""
        return next((self.attrs[name][0] for name in names if name in self.attrs), "")


@dataclass(frozen=True, slots=True)
class TorznabListing:
    """The releases of an answer."""

    items: tuple[TorznabItem, ...]


def read(data: bytes) -> Caps | TorznabListing | Said:
    """An answer. Raises `Misread` for what is none of these, is cut off, or is not to be trusted."""
    if len(data) > MAX_BYTES:
        raise Misread(f"its answer is larger than {MAX_BYTES >> 20} MiB")
    reader = _XmlReader()
    try:
        reader.parser.Parse(data, True)
    except expat.ExpatError as exc:
        if exc.code == _NO_MEMORY:
            raise MemoryError from exc
        raise Misread(f"it answers {looks(data)} where XML is expected") from exc
    except (LookupError, ValueError) as exc:  # an encoding that nobody knows, or that is no encoding of texts
        raise Misread("its answer is in an encoding that cannot be read") from exc
    return reader.answer(data)


def looks(data: bytes) -> str:
    """What an answer that is no XML seems to be."""
    start = data[:1000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not start:
        return "nothing"
    if start.startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    return "JSON" if start[:1] in (b"{", b"[") else NO_XML


class _XmlReader:
    """expat's callbacks."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.EntityDeclHandler = self._declared
        self.parser.AttlistDeclHandler = self._declared
        self._path: list[str] = []
        self._root = ""
        self._channel = False
        self._error: Said | None = None
        self._title = ""
        self._movie: frozenset[str] | None = None
        self._limit: int | None = None
        self._categories: set[int] = set()
        self._items: list[TorznabItem] = []
        self._item: TorznabItem | None = None
        self._buffer: list[str] = []
        self._size = 0

    def answer(self, data: bytes) -> Caps | TorznabListing | Said:
        """What was read. Raises `Misread`."""
        if self._error is not None:
            return self._error
        if self._root == "caps":
            return Caps(self._title, self._movie, self._limit, frozenset(self._categories))
        if self._channel:
            return TorznabListing(tuple(self._items))
        seems = "an HTML page" if self._root == "html" else looks(data)
        seems = "another kind of XML" if seems == NO_XML else seems
        raise Misread(f"it answers {seems} where a list of releases is expected")

    def _declared(self, *_: object) -> None:
        raise Misread("its answer declares entities or attributes, which no list of releases needs")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2].lower()
        self._path.append(name)
        depth = len(self._path)
        if depth > MAX_DEPTH:
            raise Misread(f"its answer is nested deeper than {MAX_DEPTH} levels")
        if depth == 1:
            self._root = name
        if name == "error" and depth <= 3 and "code" in attributes:
            self._error = self._error or Said(_number(attributes["code"]) or UNKNOWN, attributes.get("description", ""))
        elif self._root == "caps":
            self._capability(name, attributes)
        elif self._root == "rss":
            self._release(name, depth, attributes)

    def _capability(self, name: str, attributes: dict[str, str]) -> None:
        match name:
            case "server":
                self._title = attributes.get("title", "")[:MAX_TEXT]
            case "limits":
                self._limit = _number(attributes.get("max", "")) or _number(attributes.get("default", ""))
            case "movie-search" if attributes.get("available", "yes").lower() in {"yes", "true", "1"}:
                said = attributes.get("supportedParams", "q").lower()
                self._movie = frozenset(one.strip() for one in said[:MAX_TEXT].split(",")) - {""}
            case "category" | "subcat" if len(self._categories) < MAX_CATEGORIES:
                number = _number(attributes.get("id", ""))
                self._categories |= set() if number is None else {number}

    def _release(self, name: str, depth: int, attributes: dict[str, str]) -> None:
        if depth == 2:
            self._channel |= name == "channel"
        elif depth == 3 and name == "item" and len(self._items) < MAX_ITEMS:
            self._item = TorznabItem()
            self._items.append(self._item)
        elif depth == 4 and self._item is not None:
            self._buffer, self._size = [], 0
            if name == "enclosure":
                self._item.enclosure = self._item.enclosure or {
                    key: value for key, value in attributes.items() if len(value) <= MAX_TEXT
                }
            elif name == "attr":
                self._attr(self._item, attributes.get("name", "").lower(), attributes.get("value", ""))

    def _attr(self, item: TorznabItem, name: str, value: str) -> None:
        if name and value.strip() and len(value) <= MAX_TEXT and sum(map(len, item.attrs.values())) < MAX_ATTRS:
            item.attrs.setdefault(name, []).append(value.strip())

    def _text(self, text: str) -> None:
        if self._item is not None and len(self._path) == 4 and self._size <= MAX_TEXT:
            self._buffer.append(text)
            self._size += len(text)

    def _end(self, _tag: str) -> None:
        depth, name = len(self._path), self._path.pop()
        if self._item is None:
            return
        if depth == 4:
            text = "".join(self._buffer).strip()
            if name == "category":
                self._attr(self._item, "category", text)
            elif text and self._size <= MAX_TEXT:
                self._item.values.setdefault(name, text)
            self._buffer, self._size = [], 0
        elif depth == 3:
            self._item = None


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None
