"""Programmes for channels that no guide has any for: some players and media servers hide a channel without. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from xml.sax.saxutils import escape

from nightcrew.guidereader.wire import Programme

LENGTH = timedelta(hours=4)
AHEAD = timedelta(days=2)


def guide_id(channel_id: int) -> str:
    """The id of a channel that has none."""
    return f"nightcrew.{channel_id}"


def programmes(served_id: str, name: str, now: datetime) -> Iterator[Programme]:
    """Entries from now on, which begin at full hours and are the same each time that they are asked for."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    begin = midnight + LENGTH * ((now - midnight) // LENGTH)
    body = f"<title>{escape(name)}</title>"
    while begin < now + AHEAD:
        yield Programme(served_id, begin, begin + LENGTH, name, body)
        begin += LENGTH
