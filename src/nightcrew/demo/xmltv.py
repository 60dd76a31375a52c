"""Text of XMLTV guides, as it is streamed."""

import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone
from xml.sax.saxutils import escape, quoteattr

from .lineup import DemoChannel
from .schedule import DemoProgramme, programmes

HOUR = 3_600
BEFORE, AFTER = 12 * HOUR, 48 * HOUR
OFFSETS = tuple(timezone(timedelta(minutes=minutes)) for minutes in (0, 60, 120, -300, 330))


def xmltv(base: str, channels: Iterable[DemoChannel], now: float) -> Iterator[bytes]:
    """From 12 h before `now` to 48 h after. Each channel's times carry their own offset from UTC."""
    listed = list({channel.guide_id: channel for channel in channels if channel.guide_id}.values())
    yield b'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE tv SYSTEM "xmltv.dtd">\n<tv source-info-name="night">\n'
    for channel in listed:
        yield _channel(base, channel).encode()
    for channel in listed:
        zone = OFFSETS[zlib.crc32(channel.guide_id.encode()) % len(OFFSETS)]
        shows = programmes(channel.guide_id, now - BEFORE, now + AFTER)
        yield "".join(_programme(base, channel, show, zone) for show in shows).encode()
    yield b"</tv>\n"


def _channel(base: str, channel: DemoChannel) -> str:
    return (
        f"  <channel id={quoteattr(channel.guide_id)}>\n    <display-name>{escape(channel.name)}</display-name>\n"
        f"    <icon src={quoteattr(base + channel.logo)}/>\n  </channel>\n"
    )


def _programme(base: str, channel: DemoChannel, show: DemoProgramme, zone: timezone) -> str:
    start, stop = (f"{datetime.fromtimestamp(at, zone):%Y%m%d%H%M%S %z}" for at in (show.start, show.stop))
    return (
        f'  <programme start="{start}" stop="{stop}" channel={quoteattr(channel.guide_id)}>\n'
        f'    <title lang="en">{escape(show.title)}</title>\n'
        f'    <sub-title lang="en">{escape(show.subtitle)}</sub-title>\n'
        f'    <desc lang="en">{escape(show.description)}</desc>\n'
        f'    <category lang="en">{escape(show.category)}</category>\n'
        f"    <icon src={quoteattr(base + channel.logo)}/>\n  </programme>\n"
    )
