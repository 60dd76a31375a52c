"""The HTTP of a look at a route: by the route's own opener without its gate, or directly, one small answer, no pool kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import httpcore2

from nightcrew.kernel.http import Http, Limits, Request
from nightcrew.kernel.routes import DIRECT, Datagrams, Direct, Route, RouteDown, Routes

SMALL = Limits(max_bytes=16_384, seconds=6)


class LookHttp:
    """Asks for text."""

    async def text(self, url: str, through: Route | None) -> str:
        """The answer by a route, or from home."""
        return await _text(Request(url, route=through.name if through else DIRECT, attempts=1), through or Direct())

    async def here(self, url: str, headers: dict[str, str]) -> str:
        """The answer of something in this network. A name that leads out of it, or a redirect, leads nowhere."""
        request = Request(url, headers=headers, route=NowhereElse.name, allow_private=True, attempts=1)
        return await _text(request, NowhereElse())


async def _text(request: Request, route: Route) -> str:
    http = Http(routes=Routes(route))
    try:
        text, _ = await http.text(request, limits=SMALL)
    finally:
        await http.close()
    return text


class NowhereElse:
    """A route for what must not leave this network: hops in it are direct, and all others end here."""

    name = "nowhere else"
    by_name = False
    generation = 0
    is_up = False

    def admit(self) -> None:
        """Raises `RouteDown`."""
        raise RouteDown("it does not lie in this network")

    async def looked_at(self) -> None:
        """Nobody looks at it."""

    async def resolve(self, host: str) -> Sequence[str]:
        """Raises `RouteDown`."""
        raise RouteDown(f"{host} does not lie in this network")

    async def open(self, address: str, port: int) -> httpcore2.AsyncNetworkStream:  # noqa: ARG002
        """Raises `RouteDown`."""
        raise RouteDown(f"{address} does not lie in this network")

    async def datagrams(self, address: str, port: int, received: Callable[[bytes], None]) -> Datagrams:  # noqa: ARG002
        """Raises `RouteDown`."""
        raise RouteDown(f"{address} does not lie in this network")
