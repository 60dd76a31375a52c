"""Which of a tracker's addresses answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from nightcrew.addresses import is_private, names_private
from nightcrew.kernel.errors import GiveUp
from nightcrew.kernel.routes import MOST_ADDRESSES, Route, RouteDown
from nightcrew.movies.trackers.survey import Silent
from nightcrew.movies.trackers.udp import Peer

STAGGER = 3.0
"""Seconds after which the next address is tried beside one that does not answer."""


async def addresses(route: Route, host: str, shown: str, *, allow_private: bool) -> list[str]:
    """Where a tracker is. Raises `Silent` for a name without an address, `GiveUp` for one that leads into a private network."""
    try:
        found = list(await route.resolve(host))
    except (OSError, UnicodeError) as exc:
        raise Silent(f"{shown} has no address: {exc}") from exc
    if not allow_private and (names_private(host) or any(_is_private(one) for one in found)):
        raise GiveUp(f"{shown} leads into a private network, where no public tracker is")
    if not found:
        raise Silent(f"{shown} has no address")
    return found[:MOST_ADDRESSES]


def _is_private(address: str) -> bool:
    try:
        return is_private(address)
    except ValueError:  # a name that is resolved on the other side of a proxy
        return names_private(address)


async def reach(
    route: Route, found: list[str], port: int, make: Callable[[], Peer], *, stagger: float = STAGGER
) -> tuple[Peer, str]:
    """The first peer that answers, and its address; the others are closed. Raises what the first address raised."""
    waiting, errors = list(found), list[BaseException]()
    trying: dict[asyncio.Task[None], tuple[Peer, str]] = {}
    try:
        while (waiting or trying) and not any(isinstance(error, RouteDown) for error in errors):
            if waiting:
                peer, address = make(), waiting.pop(0)
                trying[asyncio.create_task(peer.open(route, address, port), name="reach")] = peer, address
            done, _ = await asyncio.wait(
                trying, timeout=stagger if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                peer, address = trying.pop(task)
                error = task.exception()
                if error is None:
                    return peer, address
                errors.append(error)
                await peer.close()
    finally:
        for task, (peer, _) in trying.items():
            task.cancel()
            await asyncio.wait([task])
            await peer.close()
    down = [error for error in errors if isinstance(error, RouteDown)]
    first = (down or errors)[0]
    raise Silent(f"the tracker cannot be reached: {first}") if isinstance(first, OSError) else first
