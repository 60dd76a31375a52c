"""Where an address leads: to http(s) at all, and whether into a private network. `routes.GuardedBackend` holds requests to that."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlsplit

from nightcrew.kernel.errors import GiveUp

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def is_private(address: str) -> bool:
    """Whether an IP address is not on the public internet (private, loopback, link-local, reserved …)."""
    parsed = ipaddress.ip_address(address.split("%", 1)[0])
    return not (parsed if isinstance(parsed, ipaddress.IPv4Address) else _behind(parsed)).is_global


def _behind(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IPv4 address that an IPv6 address stands for (mapped, 6to4, or behind a NAT64 translator), else itself."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address


Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""Gives the IP addresses of a name, or raises `OSError`."""


async def system_addresses(host: str) -> list[str]:
    """The addresses of a name as this machine's resolver has them; numbers in any spelling are addresses too. Raises `OSError`."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def points_private(url: str, resolve: Resolve = system_addresses) -> bool:
    """Whether any address of the URL's host is private. A name that is unknown is not; a URL that cannot be read counts as private."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return True
    with contextlib.suppress(ValueError):
        return is_private(host)
    try:
        found = await resolve(host)
    except (OSError, UnicodeError):
        return False
    return any(is_private(address) for address in found)


def is_web_address(url: str) -> bool:
    """Whether it is http(s), names a host, and has a port that exists if it has one."""
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def check_target(url: str) -> None:
    """Raise `GiveUp` unless `url` is http(s) with a host. Whether that host is public is seen where it is connected to."""
    if not is_web_address(url):
        raise GiveUp("it is not an http or https address")
