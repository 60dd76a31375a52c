"""Pools of open connections: one for each route and rule, so that none is used again where it may not lead."""

from __future__ import annotations

import functools
import ssl
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpcore2
import httpx2

from nightcrew import __version__
from nightcrew.kernel.http_icy import IcyBackend
from nightcrew.kernel.routes import GuardedBackend, Routes

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
        self._clients: dict[tuple[str, bool], httpx2.AsyncClient] = {}

    def of(self, route: str, *, allow_private: bool) -> httpx2.AsyncClient:
        """The client for a route. Raises `RouteDown` for one that is not known."""
        key = (route, allow_private)
        if key not in self._clients:
            guard = GuardedBackend(self._routes.of(route), allow_private=allow_private)
            self._clients[key] = httpx2.AsyncClient(
                transport=_Transport(guard, self._tls),
                follow_redirects=False,
                trust_env=False,
                timeout=httpx2.Timeout(15.0, read=30.0),
                headers={"User-Agent": f"Nightcrew/{__version__}", "Accept-Encoding": "gzip"},
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # a request brings its own
            )
        return self._clients[key]

    async def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            await client.aclose()


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
