"""What a route is, and the error of one that leads nowhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Protocol

import httpcore2

from nightcrew.kernel.errors import GiveUp, Retry

DIRECT = "direct"
"""The route that this machine's own network is."""


class RouteDown(Retry):
    """The route that a request has to take is not there, so it took none."""


class Unavailable(GiveUp):
    """The route does not carry what was asked of it, and no other is taken in its place."""


class Private(StrEnum):
    """Which targets in private networks a request may have."""

    NEVER = "never"
    NAMED = "named"
    """Those that say so themselves: an address, or a name that only this network knows."""
    ANYWHERE = "anywhere"
    """Also a public name that has such an address."""


class Datagrams(Protocol):
    """A UDP socket that one peer is asked through."""

    def send(self, data: bytes) -> None:
        """Send one datagram. It may be lost, as datagrams may."""

    async def close(self) -> None:
        """Receive nothing more."""


class Route(Protocol):
    """One way out."""

    name: str
    by_name: bool
    """Whether names are looked up at its other end: `resolve` then gives the name itself."""

    @property
    def generation(self) -> int:
        """Another number after each change of its state, or of the device behind it: what was opened before is not used any more."""

    @property
    def is_up(self) -> bool:
        """Whether it leads somewhere now."""

    def admit(self) -> None:
        """Raises `RouteDown` while it leads nowhere."""

    async def looked_at(self) -> None:
        """Wait until it was looked at anew, as what has just ended may still count as up. Raises `RouteDown` when nobody looks."""

    async def resolve(self, host: str) -> Sequence[str]:
        """The IP addresses of a name, best first. Raises `OSError` when it has none, and `RouteDown`."""

    async def open(self, address: str, port: int) -> httpcore2.AsyncNetworkStream:
        """A TCP connection to what `resolve` gave. Raises `httpcore2.ConnectError`, or `RouteDown` while the route leads nowhere."""

    async def datagrams(self, address: str, port: int, received: Callable[[bytes], None]) -> Datagrams:
        """A UDP socket to what `resolve` gave; `received` gets each datagram that comes from there.

        Raises `OSError`, `RouteDown` while the route leads nowhere, and `Unavailable` where it carries no UDP at all.
        """
