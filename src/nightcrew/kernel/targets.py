"""Where an address leads: to http(s) at all, and whether into a private network. `routes.GuardedBackend` holds requests to that."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlsplit

from nightcrew.addresses import is_private
from nightcrew.kernel.errors import GiveUp

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
    return any(_is_private(address) for address in found)


def _is_private(found: str) -> bool:
    """Whether what a name leads to is private: a proxy gives the name itself, which says nothing."""
    try:
        return is_private(found)
    except ValueError:
        return False


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
