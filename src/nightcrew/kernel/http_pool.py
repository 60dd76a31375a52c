"""Pools of open connections: one for each route and rule, so that none is used again where it may not lead.

None outlives a change of its route: the pool of another generation is closed, and no request is given it.
"""

from __future__ import annotations

import asyncio
import functools
import ssl
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpcore2
import httpx2

from nightcrew import __version__
from nightcrew.kernel.http_icy import IcyBackend
from nightcrew.kernel.routes import GuardedBackend, Private, Routes

MOST = 100
KEPT = 20
"""Connections of a pool, and how many of them wait for another request."""


@functools.cache
def _trusted() -> ssl.SSLContext:
    """The certificate authorities of this machine, read once for the process."""
    return httpx2.create_ssl_context(trust_env=False)


class Pools:
    """The clients that requests go through."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes
        self._tls = _trusted()
        self._clients: dict[tuple[str, Private], tuple[int, httpx2.AsyncClient]] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def of(self, name: str, private: Private) -> httpx2.AsyncClient:
        """The client for a route as it is now. Raises `RouteDown` for one that is not known."""
        route = self._routes.of(name)
        generation, client = self._clients.get((name, private), (None, None))
        if client is not None and generation == route.generation:
            return client
        if client is not None:
            self._close(client)
        made = self._made(GuardedBackend(route, private))
        self._clients[name, private] = (route.generation, made)
        return made

    def _made(self, guard: GuardedBackend) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            transport=_Transport(guard, self._tls),
            follow_redirects=False,
            trust_env=False,
            timeout=httpx2.Timeout(15.0, read=30.0),
            headers={"User-Agent": f"Nightcrew/{__version__}", "Accept-Encoding": "gzip"},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # a request brings its own
        )

    def _close(self, client: httpx2.AsyncClient) -> None:
        """Beside the request that found it old: what it has open has ended already."""
        task = asyncio.create_task(client.aclose(), name="close a pool")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Close all connections."""
        for _, client in self._clients.values():
            await client.aclose()
        if self._closing:
            await asyncio.wait(self._closing)


class _Transport(httpx2.AsyncHTTPTransport):
    """httpx2's, over a pool that opens its connections through a guard; httpx2 has no argument for that (test_routes.py)."""

    def __init__(self, guard: GuardedBackend, tls: ssl.SSLContext) -> None:
        super().__init__(verify=tls, trust_env=False)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=MOST,
            max_keepalive_connections=KEPT,
            keepalive_expiry=5.0,
            network_backend=IcyBackend(guard),
        )
