"""What a connection pool opens its connections with: one route, and the rule where it may lead.

The hop is decided here, from the very host that is connected to: whoever reads an address another way cannot lead it past its route.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Sequence
from itertools import chain, zip_longest

import httpcore2

from nightcrew.addresses import is_private
from nightcrew.kernel.errors import GiveUp
from nightcrew.kernel.routes.base import DIRECT, Private, Route
from nightcrew.kernel.routes.direct import Direct
from nightcrew.kernel.routes.hops import Hop, as_address, hop_of, plain_host

STAGGER = 0.25
"""Seconds after which a name's next address is tried beside the one that does not answer (RFC 8305)."""
MOST_ADDRESSES = 8
"""Addresses of one name that are tried."""
INSIDE = "it leads into a private network, which its source does not belong to"


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """What a connection pool opens its connections with: one route, and the rule where it may lead."""

    def __init__(self, route: Route, private: Private, local: Route | None = None) -> None:
        """`local`: the way to what lies in this network."""
        self._route = route
        self._private = private
        self._local = local or Direct()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002 - a source address is no way to choose a route
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,  # noqa: ARG002 - they would be set too late
    ) -> httpcore2.AsyncNetworkStream:
        """Resolve, check, connect. Raises `GiveUp` for a name with an address that lies in a private network."""
        try:
            async with asyncio.timeout(timeout):
                route, addresses = await self._way(host)
                return await _fastest(route, addresses, port)
        except TimeoutError as exc:
            raise httpcore2.ConnectTimeout("no connection in time") from exc
        except (OSError, UnicodeError) as exc:
            raise httpcore2.ConnectError(str(exc)) from exc

    async def sleep(self, seconds: float) -> None:
        """Pause between attempts."""
        await asyncio.sleep(seconds)

    async def _way(self, host: str) -> tuple[Route, list[str]]:
        """By which route a host is reached, and the addresses that are tried there. Raises `GiveUp` where it may not be asked."""
        if self._route.name == DIRECT:
            return self._route, await self._checked(host)
        hop = hop_of(host)
        if hop is Hop.NOWHERE:
            raise GiveUp("it is neither a name nor an address that a route leads to")
        if hop is Hop.LOCAL:
            return self._local, await self._here(plain_host(host))
        self._route.admit()
        if self._route.by_name:
            return self._route, list(await self._route.resolve(host))
        found = _some(await self._route.resolve(host))
        hops = {hop_of(address) for address in found}
        if hops == {Hop.PUBLIC}:
            return self._route, found
        if hops == {Hop.LOCAL} and self._private is Private.ANYWHERE:
            return self._local, found
        raise GiveUp(INSIDE)

    async def _checked(self, host: str) -> list[str]:
        found = list(await self._route.resolve(host))
        if self._private is Private.NEVER and any(is_private(address) for address in found):
            raise GiveUp(INSIDE)
        return _some(found)

    async def _here(self, name: str) -> list[str]:
        """The addresses of what lies in this network. Nothing is looked up for who may not go there: a name could tell something."""
        if self._private is Private.NEVER:
            raise GiveUp(INSIDE)
        if as_address(name) is not None:
            return [name]
        if name == "localhost" or name.endswith(".localhost"):
            return ["127.0.0.1", "::1"]
        found = _some(await self._local.resolve(name))
        if any(hop_of(address) is not Hop.LOCAL for address in found):
            raise GiveUp("its name belongs to this network and its address does not, so it is not asked past its route")
        return found


async def _fastest(route: Route, addresses: Sequence[str], port: int) -> httpcore2.AsyncNetworkStream:
    """The address that answers first. The next one is begun when one fails, or is slow."""
    if len(addresses) == 1:
        return await route.open(addresses[0], port)
    waiting, errors = list(addresses), []
    trying: set[asyncio.Task[httpcore2.AsyncNetworkStream]] = set()
    try:
        while waiting or trying:
            if waiting:
                trying.add(asyncio.create_task(route.open(waiting.pop(0), port), name="connect"))
            done, _ = await asyncio.wait(
                trying, timeout=STAGGER if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                trying.discard(task)
                if (error := task.exception()) is None:
                    return task.result()
                errors.append(error)
        raise errors[0]
    finally:
        await _left(trying)


async def _left(trying: set[asyncio.Task[httpcore2.AsyncNetworkStream]]) -> None:
    """End what was begun and is not needed."""
    for task in trying:
        task.cancel()
    if trying:
        await asyncio.wait(trying)
    for task in trying:
        if not task.cancelled() and task.exception() is None:
            await task.result().aclose()


def _some(found: Sequence[str]) -> list[str]:
    """As many as are tried. Raises `OSError` when there is none."""
    if not found:
        raise socket.gaierror(socket.EAI_NONAME, "the name has no address")
    return _alternating(found)[:MOST_ADDRESSES]


def _alternating(addresses: Sequence[str]) -> list[str]:
    """Both families in turn, the first one's first: where one of them is broken, the other is tried soon."""
    six = [address for address in addresses if ":" in address]
    four = [address for address in addresses if ":" not in address]
    first, second = (six, four) if addresses[0] in six else (four, six)
    return [address for address in chain.from_iterable(zip_longest(first, second)) if address]
