"""Has each route of this node as it is defined, looks at it, and tells how it stands. Kept in the runtime."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from nightcrew.kernel import redaction
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import NeedsUser
from nightcrew.kernel.forever import forever
from nightcrew.kernel.routes import links
from nightcrew.kernel.routes.definition import RouteDefinition, from_json
from nightcrew.kernel.routes.looks import AnyRoute, LookAsks, RoutePace, build
from nightcrew.kernel.routes.states import RouteSeen, RouteSight, RouteStanding, RouteState
from nightcrew.kernel.routes.watch import RouteWatch
from nightcrew.kernel.routing import store
from nightcrew.kernel.routing.asks import LookHttp
from nightcrew.kernel.routing.models import MAX_REASON, DefinedRoute, RouteAtNode
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.store import DatabaseAway
from nightcrew.kernel.tasks import Tasks

log = structlog.get_logger("nightcrew.routes")

PAUSE = 5.0
"""Seconds between two looks at what is defined."""
SAID_EVERY = 20.0
"""Seconds after which it is stored anew how a route stands, though nothing has changed."""


@dataclass(slots=True)
class _Known:
    """A route that is looked at. `told_down`: people were told that it is down."""

    row: DefinedRoute
    watch: RouteWatch
    task: asyncio.Task[None] | None = None
    since: datetime | None = None
    canary_at: datetime | None = None
    said_at: float = 0.0
    told_down: bool = False


class Lookout:
    """The looks at all routes of this node."""

    def __init__(self, runtime: Runtime, patience: RoutePace | None = None, asks: LookAsks | None = None) -> None:
        self.unreadable: dict[str, str] = {}
        """Routes whose definition cannot be read with this node's key, and why."""
        self._runtime = runtime
        self._patience = patience or RoutePace()
        self._asks: LookAsks = asks or LookHttp()
        self._known: dict[str, _Known] = {}
        self._tasks = Tasks()
        self._running = False
        self._changed = asyncio.Event()
        runtime.wakes.on(store.TOPIC, self._changed.set)

    # -- what is defined -----------------------------------------------------------------------------------------------

    async def load(self) -> None:
        """Have the routes that are defined now, and no other. One that was changed is another route, which nobody has looked at."""
        rows = {row.name: row for row in await store.every(self._runtime.store)}
        for name in [name for name, known in self._known.items() if known.row.version != _version(rows.get(name))]:
            self._drop(name)
        self.unreadable = {name: why for name, why in self.unreadable.items() if name in rows}
        for name, row in rows.items():
            if name not in self._known:
                self._add(row)
        if self._running:
            self._begin()

    def definition(self, row: DefinedRoute) -> RouteDefinition:
        """What was sealed. Raises `NeedsUser`."""
        one = from_json(self._runtime.vault.unseal(row.sealed))
        redaction.know(one.secrets)
        return one

    def route(self, name: str) -> AnyRoute | None:
        """A route that is looked at here."""
        known = self._known.get(name)
        return known.watch.route if known else None

    async def users(self, name: str) -> list[str]:
        """Who takes a route, in words."""
        found = await store.users(self._runtime.store, name)
        hooks = self._runtime.hooks
        for domain in hooks.domains:
            if domain.route_users is not None:
                said = f"{domain.title}, which cannot be asked now"
                found += await hooks.call(domain, "route_users", name, default=functools.partial(list, [said]))
        return found

    def _add(self, row: DefinedRoute) -> None:
        try:
            definition = self.definition(row)
        except NeedsUser as exc:
            self.unreadable[row.name] = str(exc)
            return
        self.unreadable.pop(row.name, None)
        route = build(definition, self._patience)

        async def told(before: RouteStanding, after: RouteStanding) -> None:
            await self._tell(row.name, before, after)

        watch = RouteWatch(definition, route, self._asks, told, self._patience)
        self._known[row.name] = _Known(row, watch)
        self._runtime.http.routes.put(route)

    def _drop(self, name: str) -> None:
        known = self._known.pop(name)
        self._runtime.http.routes.drop([name])
        known.watch.route.gate.retire()
        if known.task is not None:
            known.task.cancel()
        for gauge in (self._runtime.health.metrics.route_state, self._runtime.health.metrics.route_canary):
            gauge.clear()  # the others say theirs again

    # -- looking -------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Look until cancelled. At the end nothing is open any more."""
        self._running = True
        try:
            with links.watching(self._glance):
                self._begin()
                await forever("routes", self._round)
        finally:
            self._running = False
            for name in list(self._known):
                self._drop(name)
            await self._tasks.close()

    async def look_now(self, name: str) -> None:
        """Somebody waits for how it stands."""
        if (known := self._known.get(name)) is not None:
            known.watch.route.gate.doubted.set()

    async def _round(self) -> float:
        self._changed.clear()
        await self.load()
        for name, known in list(self._known.items()):
            gate = known.watch.route.gate
            if gate.is_stale and known.watch.looked_at is not None:
                before = gate.standing
                known.watch.route.note(RouteSight(RouteSeen.SILENCE, "nobody has looked at it for too long"))
                await self._tell(name, before, gate.standing)
            await self._say(name)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), PAUSE)
        return 0.0

    def _begin(self) -> None:
        for name, known in self._known.items():
            if known.task is None:
                known.task = self._tasks.spawn(forever(f"route {name}", known.watch.once), f"route {name}")

    def _glance(self, gone: set[int]) -> None:
        for known in self._known.values():
            known.watch.glance(gone)

    # -- telling -------------------------------------------------------------------------------------------------------

    async def _tell(self, name: str, before: RouteStanding, after: RouteStanding) -> None:
        known = self._known.get(name)
        if known is None:
            return
        metrics = self._runtime.health.metrics
        for state in RouteState:
            metrics.route_state.labels(name, state.value).set(state is after.state)
        if after.canary_s is not None:
            metrics.route_canary.labels(name).set(after.canary_s)
        now = utcnow()
        if after.state is RouteState.UP or before.canary_s != after.canary_s:
            known.canary_at = now
        if known.since is None or before.state is not after.state:
            known.since, known.said_at = now, 0.0
            self._runtime.bus.publish("routes")
        try:
            await self._record(known, after)
            await self._say(name)
        except DatabaseAway as exc:  # the gate is kept all the same
            log.info("how a route stands could not be stored", route=name, reason=str(exc))

    async def _record(self, known: _Known, after: RouteStanding) -> None:
        """Tell people once when it goes down, and once when it is back."""
        name, node = known.row.name, self._runtime.node
        if after.state is RouteState.DOWN and not known.told_down:
            said = f"The route {name} is down at {node}: {after.reason}. What takes it waits"
            await self._runtime.activity.record("route.down", said, level="error", subject=name)
            known.told_down = True
        elif after.state is RouteState.UP and known.told_down:
            said = f"The route {name} is up again at {node}; what waited for it goes on"
            await self._runtime.activity.record("route.up", said, subject=name)
            known.told_down = False

    async def _say(self, name: str) -> None:
        known = self._known.get(name)
        if known is None or known.since is None or time.monotonic() - known.said_at < SAID_EVERY:
            return
        known.said_at = time.monotonic()
        await store.stands(self._runtime.store, self._row(known))

    def here(self) -> list[RouteAtNode]:
        """How the routes stand at this node now."""
        return [self._row(known) for known in self._known.values()]

    def _row(self, known: _Known) -> RouteAtNode:
        gate, now = known.watch.route.gate, utcnow()
        standing = gate.standing
        waited = None if gate.refused_at is None else now - timedelta(seconds=time.monotonic() - gate.refused_at)
        return RouteAtNode(
            route=known.row.name,
            node=self._runtime.node,
            state=standing.state,
            reason=redaction.redact(standing.reason)[:MAX_REASON],
            since=known.since or now,
            seen_at=now,
            canary_s=standing.canary_s,
            canary_at=known.canary_at,
            public=standing.public,
            parked=gate.refused,
            parked_at=waited,
        )


def _version(row: DefinedRoute | None) -> str:
    return row.version if row else ""
