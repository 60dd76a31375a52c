"""Looks at one route again and again, and keeps its gate."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from nightcrew.kernel.errors import NightcrewError
from nightcrew.kernel.routes import links
from nightcrew.kernel.routes.definition import RouteDefinition
from nightcrew.kernel.routes.device import DeviceRoute
from nightcrew.kernel.routes.looks import AnyRoute, LookAsks, RoutePace, UngatedRoute, look, look_at_link, public_of
from nightcrew.kernel.routes.states import RouteSeen, RouteSight, RouteStanding, RouteState

LIMIT = 12.0
"""Seconds that a look may take."""
AGAIN = 20.0
"""Seconds for which a public address that was wrong is not asked for again."""
LEAST = 0.2
"""Seconds between two looks, however much changes."""

RouteTold = Callable[[RouteStanding, RouteStanding], Awaitable[None]]
"""Is told how a route stood and how it stands now, after each look."""


class RouteWatch:
    """The looks at one route."""

    def __init__(
        self, one: RouteDefinition, route: AnyRoute, asks: LookAsks, told: RouteTold, patience: RoutePace | None = None
    ) -> None:
        self.definition = one
        self.route = route
        self.looked_at: float | None = None
        """When the last look ended, on the monotonic clock."""
        self.carries_udp: bool | None = None
        self._asks = asks
        self._told = told
        self._patience = patience or RoutePace()
        self._compared_at: float | None = None
        self._refused: tuple[float, RouteSight] | None = None
        self._home = ""

    def glance(self, gone: set[int]) -> None:
        """Something has changed about devices: see at once whether this route's is still there, and look at it properly soon.

        `gone`: the numbers of devices that have ended.
        """
        wrong = look_at_link(self.route, self.definition)
        if (
            wrong is None
            and isinstance(self.route, DeviceRoute)
            and (self.route.gate.standing.index in gone or links.EVERY in gone)
        ):
            wrong = RouteSight(RouteSeen.GONE, f"the device {self.definition.device} was made anew")
        if wrong is not None:
            self.route.note(wrong)
        if wrong is not None or (isinstance(self.route, DeviceRoute) and not self.route.is_up):
            self.route.gate.doubted.set()

    async def once(self) -> float:
        """Wait until it is time or something went wrong, look, and tell. Never waits for more than a few seconds."""
        up = self.route.gate.standing.state is RouteState.UP
        if self.looked_at is not None:
            await asyncio.sleep(LEAST)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(
                    self.route.gate.doubted.wait(), self._patience.up if up else self._patience.other
                )
        self.route.gate.doubted.clear()
        before = self.route.gate.standing
        sight = await self.sight()
        self.route.note(sight)
        self.looked_at = time.monotonic()
        await self._told(before, self.route.gate.standing)
        return 0.0

    async def sight(self) -> RouteSight:
        """One whole look."""
        try:
            async with asyncio.timeout(min(LIMIT, self._patience.canary * 4)):
                found = await look(self.route, self.definition, self._asks)
                if found.seen is RouteSeen.GOOD and self.definition.ask and self._is_time():
                    found = await self._compared(found)
        except TimeoutError:
            return RouteSight(RouteSeen.BAD, "its canary does not answer in time")
        return found

    def _is_time(self) -> bool:
        """Whether the public address is asked for: now and then, and before anything is let through."""
        if self.route.gate.standing.state is not RouteState.UP or self._compared_at is None:
            return True
        return time.monotonic() - self._compared_at >= self._patience.public

    async def _compared(self, found: RouteSight) -> RouteSight:
        """The same look with what the public address says of it. Who answers that is a stranger, and is not asked all the time."""
        if self._refused is not None and time.monotonic() - self._refused[0] < AGAIN:
            said = self._refused[1]
            return replace(found, seen=said.seen, reason=said.reason, public=said.public)
        compared = await self._asked(found)
        now = time.monotonic()
        if compared.seen is RouteSeen.GOOD:
            self._refused, self._compared_at = None, now
        else:
            self._refused = (now, compared)
        return compared

    async def _asked(self, found: RouteSight) -> RouteSight:
        """Hold the public address that is seen through the route against home's. Home may not be able to ask: then it cannot leak."""
        with contextlib.suppress(NightcrewError):
            self._home = await public_of(self.definition, self._asks, None) or self._home
        try:
            public = await public_of(self.definition, self._asks, UngatedRoute(self.route))
        except NightcrewError as exc:
            return replace(found, seen=RouteSeen.BAD, reason=f"its public address is not told: {exc}")
        if not public:
            return replace(found, seen=RouteSeen.BAD, reason="its public address is not told: the answer has none")
        if public == self._home:
            return replace(
                found, seen=RouteSeen.GONE, reason=f"it leads out at home: {public} is seen both ways", public=public
            )
        return replace(found, public=public)
