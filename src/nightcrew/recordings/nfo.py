"""NFO files: metadata of episodes and shows as Kodi and Jellyfin read it (kodi.wiki/view/NFO_files). Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from xml.etree import ElementTree as ET

from nightcrew.kernel.words import bounded, hms
from nightcrew.recorder.ledger import Gap
from nightcrew.recordings.chapters import length

_NOT_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def episode(
    *,
    title: str,
    streamer: str,
    started_at: datetime,
    number: int,
    duration: float,
    uid: str,
    category: str = "",
    gaps: Sequence[Gap] = (),
) -> bytes:
    """`<stem>.nfo`, an `episodedetails`. The season is YYYYMM of `started_at` in its own time zone, `duration` in seconds.

    Every gap is listed in the plot, at its place in the finished file.
    """
    day = started_at.date().isoformat()
    root = ET.Element("episodedetails")
    _add(root, "title", title)
    _add(root, "showtitle", streamer)
    _add(root, "season", str(started_at.year * 100 + started_at.month))
    _add(root, "episode", str(number))
    _add(root, "aired", day)
    _add(root, "premiered", day)
    _add(root, "plot", _plot(category, gaps))
    _add(root, "runtime", str(max(1, round((bounded(duration) or 0.0) / 60))))
    _add(root, "genre", category)
    _add(root, "uniqueid", uid, type="nightcrew", default="true")
    return _written(root)


def show(name: str) -> bytes:
    """`tvshow.nfo` of a streamer's folder."""
    root = ET.Element("tvshow")
    _add(root, "title", name)
    return _written(root)


def _plot(category: str, gaps: Sequence[Gap]) -> str:
    lines = [f"Category: {category}"] if category else []
    lines += [f"At {hms(gap.start)}, {length(gap.seconds)} are missing." for gap in gaps]
    return "\n".join(lines)


def _add(root: ET.Element, tag: str, text: str, **attributes: str) -> None:
    """An element, unless it would be empty. What XML 1.0 cannot hold is dropped."""
    kept = _NOT_XML.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    if kept:
        ET.SubElement(root, tag, attributes).text = kept


def _written(root: ET.Element) -> bytes:
    ET.indent(root)
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written + b"\n"
