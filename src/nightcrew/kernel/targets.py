"""Where an outgoing request may lead: to http(s), and into a private network only where a source was configured there."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from urllib.parse import urlsplit

from nightcrew.kernel.errors import GiveUp


def is_private(address: str) -> bool:
    """Whether an IP address is not on the public internet (private, loopback, link-local, reserved …)."""
    parsed = ipaddress.ip_address(address.split("%", 1)[0])
    mapped = getattr(parsed, "ipv4_mapped", None)
    return not (mapped or parsed).is_global


async def points_private(url: str) -> bool:
    """Whether any address of the URL's host is private. A name that is unknown is not; a URL that cannot be read counts as private."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return True
    with contextlib.suppress(ValueError):
        return is_private(host)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    return any(is_private(str(entry[4][0])) for entry in found)


def is_web_address(url: str) -> bool:
    """Whether it is http(s), names a host, and has a port that exists if it has one."""
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


async def check_target(url: str, *, allow_private: bool) -> None:
    """Raise `GiveUp` unless `url` is http(s) with a host, and public when it has to be."""
    if not is_web_address(url):
        raise GiveUp("it is not an http or https address")
    if not allow_private and await points_private(url):
        raise GiveUp("it leads into a private network, which its source does not belong to")
