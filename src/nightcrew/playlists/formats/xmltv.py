"""XMLTV (the DTD of the xmltv project), read as a stream and written line by line.

The reader is expat, which holds nothing but the element at hand and may be fed from one thread after another (lxml's
iterparse crashed the process when it was). Entities are refused where they are declared, so neither external files nor
expansion bombs work.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import BinaryIO
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr, unescape

from nightcrew.kernel.errors import GiveUp, Retry
from nightcrew.playlists.rules import GuideChannel, Programme, is_web

CHUNK = 1 << 16
MAX_BODY = 16_384
"""Characters of one programme's children; more is cut to its title."""
MAX_TEXT = 300
MAX_ICON = 1_000
MAX_DEPTH = 32
MAX_LENGTH = timedelta(days=2)
_DEFAULT_LENGTH = timedelta(minutes=30)
_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)?(\d\d)?(\d\d)?\s*([+-]\d\d:?\d\d|Z|UTC|GMT)?")
_LINK = re.compile(r"<(?:url|image)\b[^<>]*>([^<]*)</(?:url|image)>")
"""Elements whose text is an address. Addresses in attributes are `src` and `href`."""
_DESCRIPTION = re.compile(r"<desc[^>]*>([^<]*)</desc>")
_KEPT = frozenset(
    (
        *("title", "sub-title", "desc", "credits", "date", "category", "keyword", "language", "length", "icon", "url"),
        *(
            "country",
            "episode-num",
            "video",
            "audio",
            "previously-shown",
            "premiere",
            "last-chance",
            "new",
            "subtitles",
        ),
        *("rating", "star-rating", "review", "image"),
    )
)


def read(file: BinaryIO, *, after: datetime, before: datetime) -> Iterator[GuideChannel | Programme]:
    """Channels, and programmes that run between two moments, as they come.

    Raises `GiveUp` for a document that declares entities, `Retry` for XML that is cut off or is no XMLTV.
    """
    reader = _Reader(after, before)
    try:
        while chunk := file.read(CHUNK):
            reader.parser.Parse(chunk, False)
            yield from reader.take()
        reader.parser.Parse(b"", True)
    except (expat.ExpatError, ValueError, LookupError) as exc:  # the last two: an encoding that is not known
        raise Retry(f"the guide is not valid XML, or it is incomplete: {exc}") from exc
    yield from reader.take()


class _Reader:
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
        self._icon = ""
        self._body: list[str] = []
        self._size = 0
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.specified_attributes = True  # a DTD's defaults may be huge, and would come with each element
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.EntityDeclHandler = self._entity

    def take(self) -> list[GuideChannel | Programme]:
        """What was completed since the last call."""
        found, self._found = self._found, []
        return found

    def _entity(self, *_args: object) -> None:
        raise GiveUp("the guide declares XML entities, which are not read")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise GiveUp(f"the guide nests elements deeper than {MAX_DEPTH}")
        if self._depth == 1 and tag != "tv":
            raise Retry(f"it returned <{tag[:40]}> instead of an XMLTV guide (<tv>)")
        if self._depth == 2:
            self._top, self._attributes = tag, attributes
            self._texts, self._first, self._icon, self._body, self._size = {}, {}, "", [], 0
        elif self._depth >= 3:
            if self._depth == 3:
                self._child = tag
            if tag == "icon" and not self._icon:
                self._icon = attributes.get("src", "")[:MAX_ICON]
            if ":" not in tag:  # prefixes lose their declaration outside of the document
                shown = [f" {name}={quoteattr(value)}" for name, value in attributes.items() if _is_kept(name, value)]
                self._keep(f"<{tag}{''.join(shown)}>")

    def _text(self, text: str) -> None:
        if self._depth < 3:
            return
        if self._child in {"title", "display-name"}:
            known = self._texts.get(self._child, "")
            if len(known) < MAX_TEXT:
                self._texts[self._child] = (known + text)[:MAX_TEXT]
        self._keep(escape(text, {"\r": "&#13;"}))

    def _end(self, tag: str) -> None:
        if self._depth >= 3:
            if ":" not in tag:
                self._keep(f"</{tag}>")
            if self._depth == 3 and self._child in self._texts:
                self._first.setdefault(self._child, self._texts.pop(self._child).strip())
        elif self._depth == 2 and self._top == "programme":
            self._programme()
        elif self._depth == 2 and self._top == "channel":
            self._channel()
        self._depth -= 1

    def _keep(self, text: str) -> None:
        if self._top == "programme" and self._child in _KEPT and self._size <= MAX_BODY:
            self._size += len(text)
            self._body.append(text)

    def _channel(self) -> None:
        guide_id = self._attributes.get("id", "").strip()[:MAX_TEXT]
        if guide_id:
            name = self._first.get("display-name") or guide_id
            self._found.append(GuideChannel(guide_id, name, self._icon))

    def _programme(self) -> None:
        guide_id = self._attributes.get("channel", "").strip()[:MAX_TEXT]
        start = parse_time(self._attributes.get("start", ""))
        if not guide_id or start is None:
            return
        if start >= self._before:
            return
        stop = parse_time(self._attributes.get("stop", "")) or start + _DEFAULT_LENGTH
        if not start < stop <= start + MAX_LENGTH:
            stop = start + _DEFAULT_LENGTH
        if stop <= self._after:
            return
        title = self._first.get("title", "")
        body = (
            _LINK.sub(_web_link, "".join(self._body)) if self._size <= MAX_BODY else f"<title>{escape(title)}</title>"
        )
        self._found.append(Programme(guide_id, start, stop, title, body))


def _is_kept(attribute: str, value: str) -> bool:
    if attribute in {"src", "href"} and not is_web(value.strip()):
        return False
    return ":" not in attribute and not attribute.startswith("xmlns")


def _web_link(link: re.Match[str]) -> str:
    """A link to the web as it is; nothing for any other, as a file of the player's machine."""
    return link.group() if is_web(unescape(link.group(1)).strip()) else ""


def parse_time(text: str) -> datetime | None:
    """`YYYYMMDDhhmmss +hhmm` → aware UTC; parts from the hour on may be missing; without an offset it is UTC."""
    match = _TIME.match(text.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second, offset = match.groups()
    try:
        moment = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), min(int(second or 0), 59), tzinfo=UTC
        )
        if offset and offset[0] in "+-":
            sign = -1 if offset[0] == "+" else 1
            moment += sign * timedelta(hours=int(offset[1:3]), minutes=int(offset[-2:]))
    except (ValueError, OverflowError):
        return None
    return moment


def description(programme: Programme) -> str:
    """The text of a programme's first `<desc>`; empty when it has none."""
    found = _DESCRIPTION.search(programme.body)
    return unescape(found.group(1), {"&#13;": "\r"}).strip() if found else ""


# -- writing -----------------------------------------------------------------------------------------------------------

HEADER = '<?xml version="1.0" encoding="UTF-8"?>\n<tv generator-info-name="Nightcrew">\n'
FOOTER = "</tv>\n"


def channel_text(channel: GuideChannel) -> str:
    """One `<channel>` element."""
    icon = f"<icon src={quoteattr(channel.icon)}/>" if is_web(channel.icon) else ""
    return f"<channel id={quoteattr(channel.guide_id)}><display-name>{escape(channel.name)}</display-name>{icon}</channel>\n"


def programme_text(programme: Programme) -> str:
    """One `<programme>` element, times in UTC."""
    start, stop = (moment.strftime("%Y%m%d%H%M%S +0000") for moment in (programme.start, programme.stop))
    return f'<programme start="{start}" stop="{stop}" channel={quoteattr(programme.guide_id)}>{programme.body}</programme>\n'
