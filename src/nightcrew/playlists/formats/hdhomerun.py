"""The HTTP face of a HDHomeRun tuner (Silicondust's HTTP API), as Plex, Jellyfin and Emby read it."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

from nightcrew import __version__
from nightcrew.playlists.models import Channel

LINEUP_STATUS = {"ScanInProgress": 0, "ScanPossible": 0, "Source": "Cable", "SourceList": ["Cable"]}
TUNERS = 4


def device_id(node: str) -> str:
    """Eight hex digits that stay the same for one installation."""
    return hashlib.sha256(node.encode()).hexdigest()[:8].upper()


def discover(base: str, node: str, token: str | None) -> dict[str, Any]:
    """`discover.json`."""
    suffix = f"?token={quote(token)}" if token else ""
    return {
        "FriendlyName": "Nightcrew",
        "Manufacturer": "Nightcrew",
        "ModelNumber": "HDTC-2US",
        "FirmwareName": "nightcrew",
        "FirmwareVersion": __version__,
        "DeviceID": device_id(node),
        "DeviceAuth": "nightcrew",
        "BaseURL": base,
        "LineupURL": f"{base}/lineup.json{suffix}",
        "TunerCount": TUNERS,
    }


def lineup_item(channel: Channel, base: str, token: str | None) -> str:
    """One entry of `lineup.json`. A channel without a number is known by its id, which never changes."""
    suffix = f"?token={quote(token)}" if token else ""
    item = {
        "GuideNumber": channel.number or str(channel.id),
        "GuideName": channel.name,
        "URL": f"{base}/play/{channel.id}{suffix}",
    }
    return json.dumps(item, ensure_ascii=False)


def device_xml(base: str, node: str) -> str:
    """`device.xml`, the UPnP device description."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<root xmlns="urn:schemas-upnp-org:device-1-0"><specVersion><major>1</major><minor>0</minor></specVersion>'
        f"<URLBase>{escape(base)}</URLBase><device>"
        "<deviceType>urn:schemas-upnp-org:device:MediaServer:1</deviceType><friendlyName>Nightcrew</friendlyName>"
        "<manufacturer>Nightcrew</manufacturer><modelName>HDTC-2US</modelName><modelNumber>HDTC-2US</modelNumber>"
        f"<serialNumber>{device_id(node)}</serialNumber><UDN>uuid:{device_id(node)}</UDN></device></root>\n"
    )
