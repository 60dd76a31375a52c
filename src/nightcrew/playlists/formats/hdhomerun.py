"""The HTTP face of a HDHomeRun tuner (Silicondust's HTTP API), as Plex, Jellyfin and Emby read it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

from nightcrew import __version__
from nightcrew.playlists.models import Channel

LINEUP_STATUS = {"ScanInProgress": 0, "ScanPossible": 0, "Source": "Cable", "SourceList": ["Cable"]}
TUNERS = 4
"""Tuners that are told where the accounts allow any number of connections."""


def device_id(node: str, part: str = "") -> str:
    """Eight hex digits that stay the same for one installation, and for each part of its channels that is a tuner of its own."""
    return hashlib.sha256(f"{node}/{part}".encode() if part else node.encode()).hexdigest()[:8].upper()


def discover(base: str, node: str, token: str | None, connections: int = 0, part: str = "") -> dict[str, Any]:
    """`discover.json`. `connections`: how many all accounts allow at a time, 0: any number."""
    suffix = f"?token={quote(token)}" if token else ""
    return {
        "FriendlyName": f"Nightcrew {part}".strip(),
        "Manufacturer": "Nightcrew",
        "ModelNumber": "HDTC-2US",
        "FirmwareName": "nightcrew",
        "FirmwareVersion": __version__,
        "DeviceID": device_id(node, part),
        "DeviceAuth": "nightcrew",
        "BaseURL": base,
        "LineupURL": f"{base}/lineup.json{suffix}",
        "TunerCount": connections or TUNERS,
    }


class GuideNumbers:
    """Gives each channel of a line-up a number that no other one has: media servers know channels by it.

    `given`: ids and numbers of channels that have one themselves, which nobody without a number gets, in order of their ids. Of several
    with one number the first keeps it, the next ones are 7.1, 7.2 and so on: also while one of them is no longer listed.
    """

    def __init__(self, given: Iterable[tuple[int, str]]) -> None:
        known = list(given)
        self._owner: dict[str, int] = {}
        for channel_id, number in known:
            self._owner.setdefault(number, channel_id)
        self._last: dict[str, int] = {}
        self._others = {
            channel_id: self._free(channel_id, number)
            for channel_id, number in known
            if self._owner[number] != channel_id
        }

    def of(self, channel: Channel) -> str:
        """The channel's own number, or its id, which never changes; 7.1 and so on where another one has that."""
        number = channel.number or str(channel.id)
        if channel.id in self._others:
            return self._others[channel.id]
        if self._owner.setdefault(number, channel.id) == channel.id:
            return number
        return self._others.setdefault(channel.id, self._free(channel.id, number))

    def _free(self, channel_id: int, number: str) -> str:
        more = self._last.get(number, 0) + 1
        while f"{number}.{more}" in self._owner:
            more += 1
        self._last[number] = more
        self._owner[found := f"{number}.{more}"] = channel_id
        return found


def lineup_item(channel: Channel, number: str, base: str, token: str | None) -> str:
    """One entry of `lineup.json`."""
    return json.dumps(_programme(channel, number, base, token), ensure_ascii=False)


def lineup_element(channel: Channel, number: str, base: str, token: str | None) -> str:
    """One entry of `lineup.xml`."""
    said = _programme(channel, number, base, token).items()
    return f"<Program>{''.join(f'<{name}>{escape(_printed(text))}</{name}>' for name, text in said)}</Program>"


def lineup_entry(channel: Channel, number: str, base: str, token: str | None) -> str:
    """One entry of `lineup.m3u`."""
    name = _printed(channel.name)
    quoted = name.replace('"', "'")
    said = f'channel-id="{number}" channel-number="{number}" tvg-name="{quoted}"'.replace("\n", " ")
    return f"#EXTINF:-1 {said},{number} {name}\n{_address(channel, base, token)}\n"


def _programme(channel: Channel, number: str, base: str, token: str | None) -> dict[str, str]:
    return {"GuideNumber": number, "GuideName": channel.name, "URL": _address(channel, base, token)}


def _address(channel: Channel, base: str, token: str | None) -> str:
    return f"{base}/play/{channel.id}" + (f"?token={quote(token)}" if token else "")


def _printed(text: str) -> str:
    """Without what neither XML nor a line of a list can hold."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def device_xml(base: str, node: str, part: str = "") -> str:
    """`device.xml`, the UPnP device description."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<root xmlns="urn:schemas-upnp-org:device-1-0"><specVersion><major>1</major><minor>0</minor></specVersion>'
        f"<URLBase>{escape(base)}</URLBase><device>"
        "<deviceType>urn:schemas-upnp-org:device:MediaServer:1</deviceType>"
        f"<friendlyName>{escape(f'Nightcrew {part}'.strip())}</friendlyName>"
        "<manufacturer>Nightcrew</manufacturer><modelName>HDTC-2US</modelName><modelNumber>HDTC-2US</modelNumber>"
        f"<serialNumber>{device_id(node, part)}</serialNumber><UDN>uuid:{device_id(node, part)}</UDN></device></root>\n"
    )
