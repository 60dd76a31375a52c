"""Addresses of trackers (BEP 12, 15) and web seeds (BEP 19) from strangers: those that can be used, without the others. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

MAX_ADDRESSES = 200
MAX_LENGTH = 2000


def usable(address: object, schemes: frozenset[str]) -> str:
    """The address as it is written, without spaces around it; empty when it is none of these schemes. UDP needs a port."""
    text = address.decode("ascii", "replace") if isinstance(address, bytes) else address
    text = text.strip() if isinstance(text, str) else ""
    if not text.isascii() or not text.isprintable() or " " in text or len(text) > MAX_LENGTH:
        return ""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme not in schemes or not parts.hostname or port == 0 or (parts.scheme == "udp" and port is None):
        return ""
    return text


def trackers(addresses: Iterable[object]) -> tuple[str, ...]:
    """Each once, and no more than `MAX_ADDRESSES`."""
    found = dict[str, None]()
    for one in addresses:
        if address := usable(one, frozenset(("http", "https", "udp"))):
            found[address] = None
        if len(found) == MAX_ADDRESSES:
            break
    return tuple(found)


def tiers(outer: dict[bytes, Any]) -> tuple[tuple[str, ...], ...]:
    """`announce-list`; where nothing in it can be used, `announce`."""
    listed = outer.get(b"announce-list")
    found, left = list[tuple[str, ...]](), MAX_ADDRESSES
    for tier in listed if isinstance(listed, list) else []:
        usables = trackers(tier if isinstance(tier, list) else [tier])[:left]
        left -= len(usables)
        if usables:
            found.append(usables)
        if not left:
            break
    if not found and (only := trackers([outer.get(b"announce")])):
        found.append(only)
    return tuple(found)


def web_seeds(outer: dict[bytes, Any]) -> tuple[str, ...]:
    """`url-list`, which may be one address or a list of them."""
    listed = outer.get(b"url-list")
    found = dict[str, None]()
    for one in listed if isinstance(listed, list) else [listed]:
        if address := usable(one, frozenset(("http", "https"))):
            found[address] = None
        if len(found) == MAX_ADDRESSES:
            break
    return tuple(found)
