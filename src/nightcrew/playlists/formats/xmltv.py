"""XMLTV (the DTD of the xmltv project), read as a stream and written line by line.

The reader holds one element at a time. Entities are not resolved, so neither external files nor expansion bombs work.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import BinaryIO
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from nightcrew.kernel.errors import GiveUp, Retry
from nightcrew.playlists.rules import GuideChannel, Programme

MAX_BODY = 16_384
"""Characters of one programme's children; more is cut to its title."""
MAX_TEXT = 300
MAX_LENGTH = timedelta(days=2)
_DEFAULT_LENGTH = timedelta(minutes=30)
_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)?(\d\d)?(\d\d)?\s*([+-]\d{4}|Z|UTC|GMT)?")
_KEPT = frozenset(
    (
        *("title", "sub-title", "desc", "credits", "date", "category", "keyword", "language", "length", "icon", "url"),
        *("country", "episode-num", "video", "audio", "previously-shown", "premiere", "last-chance", "new", "subtitles"),
        *("rating", "star-rating", "review", "image"),
    )
)


def read(file: BinaryIO, *, after: datetime, before: datetime) -> Iterator[GuideChannel | Programme]:
    """Channels, and programmes that run between two moments, as they come.

    Raises `GiveUp` for a document type with entities, `Retry` for XML that is cut off or no XMLTV.
    """
    parser = etree.iterparse(
        file,
        events=("start", "end"),
        tag=None,
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        recover=False,
        remove_comments=True,
        remove_pis=True,
    )
    root: etree._Element | None = None
    try:
        for event, element in parser:
            if event == "start":
                if root is None:
                    root = _checked_root(element)
                continue
            found = _element(element, after, before)
            if found is not None:
                yield found
            if element.getparent() is root:
                element.clear(keep_tail=False)
                while element.getprevious() is not None:
                    del root[0]  # type: ignore[union-attr]
    except etree.XMLSyntaxError as exc:
        raise Retry(f"the guide is no valid XML, or it was cut off: {str(exc)[:120]}") from exc
    if root is None:
        raise Retry("the guide is empty")


def _checked_root(element: etree._Element) -> etree._Element:
    if element.tag != "tv":
        raise Retry(f"it answers <{str(element.tag)[:40]}> where an XMLTV guide (<tv>) is expected")
    document = element.getroottree().docinfo
    if document.internalDTD is not None and any(True for _ in document.internalDTD.iterentities()):
        raise GiveUp("the guide declares XML entities, which are not read")
    return element


def _element(element: etree._Element, after: datetime, before: datetime) -> GuideChannel | Programme | None:
    if element.tag == "channel":
        guide_id = (element.get("id") or "").strip()[:MAX_TEXT]
        icon = element.find("icon")
        name = (element.findtext("display-name") or guide_id).strip()[:MAX_TEXT]
        return (
            GuideChannel(guide_id, name, (icon.get("src") or "")[:1000] if icon is not None else "")
            if guide_id
            else None
        )
    if element.tag == "programme":
        return _programme(element, after, before)
    return None


def _programme(element: etree._Element, after: datetime, before: datetime) -> Programme | None:
    guide_id = (element.get("channel") or "").strip()[:MAX_TEXT]
    start = parse_time(element.get("start") or "")
    if not guide_id or start is None:
        return None
    stop = parse_time(element.get("stop") or "") or start + _DEFAULT_LENGTH
    if not start < stop <= start + MAX_LENGTH:
        stop = start + _DEFAULT_LENGTH
    if stop <= after or start >= before:
        return None
    title = (element.findtext("title") or "").strip()[:MAX_TEXT]
    return Programme(guide_id, start, stop, title, _body(element, title))


def _body(element: etree._Element, title: str) -> str:
    parts, size = [], 0
    for child in element:
        if child.tag not in _KEPT:
            continue
        text = etree.tostring(child, encoding="unicode", with_tail=False)
        size += len(text)
        if size > MAX_BODY:
            return f"<title>{escape(title)}</title>"
        parts.append(text.strip())
    return "".join(parts)


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
            moment += sign * timedelta(hours=int(offset[1:3]), minutes=int(offset[3:5]))
    except (ValueError, OverflowError):
        return None
    return moment


# -- writing -----------------------------------------------------------------------------------------------------------

HEADER = '<?xml version="1.0" encoding="UTF-8"?>\n<tv generator-info-name="Nightcrew">\n'
FOOTER = "</tv>\n"


def channel_text(channel: GuideChannel) -> str:
    """One `<channel>` element."""
    icon = f"<icon src={quoteattr(channel.icon)}/>" if channel.icon else ""
    return f"<channel id={quoteattr(channel.guide_id)}><display-name>{escape(channel.name)}</display-name>{icon}</channel>\n"


def programme_text(programme: Programme) -> str:
    """One `<programme>` element, times in UTC."""
    start, stop = (moment.strftime("%Y%m%d%H%M%S +0000") for moment in (programme.start, programme.stop))
    return f'<programme start="{start}" stop="{stop}" channel={quoteattr(programme.guide_id)}>{programme.body}</programme>\n'
