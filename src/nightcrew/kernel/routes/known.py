"""The routes of a node, by name."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from nightcrew.kernel.errors import NightcrewError
from nightcrew.kernel.routes.base import DIRECT, Route, RouteDown
from nightcrew.kernel.routes.direct import Direct
from nightcrew.kernel.routes.hops import Hop, hop_of
from nightcrew.kernel.targets import points_private


class Routes:
    """The routes of this node, by name."""

    def __init__(self, *routes: Route) -> None:
        self._known = {route.name: route for route in routes or (Direct(),)}

    def of(self, name: str) -> Route:
        """The route of this name. Raises `RouteDown` when there is none: nothing goes another way instead."""
        if name not in self._known:
            raise RouteDown(f"there is no route {name!r}, and no other is taken in its place")
        return self._known[name]

    def admit(self, name: str, url: str) -> None:
        """Raises `RouteDown` where a request for `url` would take a route that leads nowhere now. What lies here takes none."""
        route = self.of(name)
        if self.takes(name, url):
            route.admit()

    def takes(self, name: str, url: str) -> bool:
        """Whether a request for `url` would take a route, and not go directly; an address that cannot be read would."""
        try:
            return name != DIRECT and hop_of(urlsplit(url).hostname or "") is not Hop.LOCAL
        except ValueError:
            return name != DIRECT

    async def check_kept(self, name: str, url: str, generation: int) -> None:
        """Look whether what has failed may have failed by its route: raises `RouteDown` where that is not as it was, or not up.

        `generation`: the route's, before.
        """
        route = self.of(name)
        if not self.takes(name, url):
            return
        if route.generation == generation and route.is_up:
            await route.looked_at()
        route.admit()
        if route.generation != generation:
            raise RouteDown(f"the route {name} has changed meanwhile")

    async def points_private(self, name: str, url: str) -> bool:
        """Whether an address that a person entered lies in a private network, as far as its route can tell now."""
        if name == DIRECT:
            return await points_private(url)
        try:
            if hop_of(urlsplit(url).hostname or "") is Hop.LOCAL:
                return True
            return await points_private(url, self.of(name).resolve)
        except (NightcrewError, ValueError):
            return False

    def put(self, route: Route) -> None:
        """Have this route under its name from now on."""
        self._known[route.name] = route

    def drop(self, names: Iterable[str]) -> None:
        """Forget these routes. Who still names one of them opens nothing."""
        for name in names:
            if name != DIRECT:
                self._known.pop(name, None)

    @property
    def names(self) -> list[str]:
        """All that can be chosen."""
        return list(self._known)
