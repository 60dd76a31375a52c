"""The Xtream Codes API as an output, for players that speak nothing else."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from nightcrew.guidereader.wire import Programme
from nightcrew.playlists.formats import xmltv
from nightcrew.playlists.models import Channel
from nightcrew.playlists.rules import digest, groups_of, is_web

CONNECTIONS = 10
"""Connections that are told where the accounts allow any number."""


def account(base: str, username: str, password: str, now: datetime, *, connections: int, active: int) -> dict[str, Any]:
    """`player_api.php` without an action. `connections`: how many all accounts allow at a time, 0: any number; `active` are used."""
    parts = urlsplit(base)
    port = str(parts.port or (443 if parts.scheme == "https" else 80))
    return {
        "user_info": {
            "username": username,
            "password": password,
            "message": "",
            "auth": 1,
            "status": "Active",
            "exp_date": None,
            "is_trial": "0",
            "active_cons": str(active),
            "created_at": "0",
            "max_connections": str(connections or CONNECTIONS),
            "allowed_output_formats": ["ts", "m3u8"],
        },
        "server_info": {
            "url": parts.hostname or "",
            "port": port,
            "https_port": port,
            "server_protocol": parts.scheme,
            "rtmp_port": "0",
            "timezone": "UTC",
            "timestamp_now": int(now.timestamp()),
            "time_now": now.strftime("%Y-%m-%d %H:%M:%S"),
        },
    }


def category_id(group: str) -> str:
    """A number that stands for a group and stays the same over restarts. It fits 31 bits: clients read an Int32."""
    return str(int.from_bytes(digest(group)[:4], "big") & 0x7FFF_FFFF)


def categories(groups: list[str]) -> list[dict[str, Any]]:
    """`get_live_categories`."""
    return [{"category_id": category_id(name), "category_name": name or "Other", "parent_id": 0} for name in groups]


def stream(channel: Channel, group: str, number: int, days: int, guide_id: str) -> str:
    """One entry of `get_live_streams`. `days`: how many its archive holds, 0 for none; `guide_id`: as in the guide."""
    categories = [category_id(name) for name in groups_of(group)]
    item = {
        "num": int(channel.number) if channel.number.isdecimal() else number,
        "name": channel.name,
        "stream_type": "live",
        "stream_id": channel.id,
        "stream_icon": channel.logo if is_web(channel.logo) else "",
        "epg_channel_id": guide_id or None,
        "added": "0",
        "is_adult": "0",
        "category_id": categories[0],
        "category_ids": [int(one) for one in categories],
        "custom_sid": "",
        "tv_archive": int(days > 0),
        "direct_source": "",
        "tv_archive_duration": days,
    }
    return json.dumps(item, ensure_ascii=False)


def panel_head(account: dict[str, Any], groups: list[str]) -> str:
    """`panel_api.php` up to the channels, of which `panel_channel` writes each, and `PANEL_FOOT` the end."""
    told = {**account, "categories": {"movie": [], "live": categories(groups), "series": []}}
    return json.dumps(told, ensure_ascii=False)[:-1] + ', "available_channels": {'


def panel_channel(channel: Channel, group: str, number: int, days: int, guide_id: str) -> str:
    """One entry of `available_channels`."""
    told = {
        **json.loads(stream(channel, group, number, days, guide_id)),
        "live": "1",
        "category_name": groups_of(group)[0],
        "container_extension": "ts",
    }
    return f'"{channel.id}": {json.dumps(told, ensure_ascii=False)}'


PANEL_FOOT = "}}"


def start_of(text: str) -> datetime | None:
    """When something began, as players write it in the panel's zone, which is UTC: 2026-01-31:20-15, or seconds since 1970."""
    if text.isascii() and text.isdecimal() and len(text) < 11:
        return datetime.fromtimestamp(int(text), UTC)
    for form in ("%Y-%m-%d:%H-%M", "%Y-%m-%d:%H-%M-%S", "%Y-%m-%d:%H:%M", "%Y-%m-%d %H:%M:%S"):
        with contextlib.suppress(ValueError):
            return datetime.strptime(text, form).replace(tzinfo=UTC)
    return None


def listings(channel: Channel, programmes: Iterable[Programme], now: datetime, days: int) -> dict[str, Any]:
    """`get_short_epg` and `get_simple_data_table`: programmes in UTC. Players expect texts in base64."""
    return {
        "epg_listings": [
            {
                "id": f"{channel.id}-{int(item.start.timestamp())}",
                "epg_id": item.guide_id,
                "title": _base64(item.title),
                "description": _base64(xmltv.description(item)),
                "lang": "",
                "start": f"{item.start:%Y-%m-%d %H:%M:%S}",
                "end": f"{item.stop:%Y-%m-%d %H:%M:%S}",
                "start_timestamp": str(int(item.start.timestamp())),
                "stop_timestamp": str(int(item.stop.timestamp())),
                "channel_id": item.guide_id,
                "now_playing": int(item.start <= now < item.stop),
                "has_archive": int(bool(days) and now - timedelta(days=days) <= item.start < now),
            }
            for item in programmes
        ]
    }


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")
