"""What the kernel declares of routes: what people are told, and what needs one of them."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from nightcrew.kernel.declare import Need, NoticeKind
from nightcrew.kernel.errors import Retry
from nightcrew.kernel.nodes_store import KnownNode
from nightcrew.kernel.routes.states import RouteState
from nightcrew.kernel.routing import store
from nightcrew.kernel.routing.lookout import Lookout
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.words import duration

LASTING = timedelta(minutes=2)
"""How long a route may be down while something waits for it, before a person should know."""
WAITING = timedelta(minutes=5)
"""After the last request that found a route closed nothing waits for it any more: what is parked comes back sooner."""
PAGE = "/routes"

NOTICES = (
    NoticeKind("route.down", "failed", "A route is down", "routes are down", by_subject=True),
    NoticeKind("route.up", "recovered", "A route is up again", "routes are up again", by_subject=True),
)


async def start(runtime: Runtime) -> None:
    """Have the routes that are defined, closed until they are looked at."""
    lookout = Lookout(runtime)
    runtime.add(lookout)
    await lookout.load()


async def run(runtime: Runtime) -> None:
    """Look at them until cancelled. Where the kernel's own parts could not start, nothing takes a route."""
    try:
        lookout = runtime.part(Lookout)
    except Retry:
        await asyncio.Event().wait()
    else:
        await lookout.run()


async def needs(runtime: Runtime) -> list[Need]:
    """Routes that are down while something waits for them, and those that cannot be read."""
    found = [
        Need("error", f"The route {name} cannot be used: {why}", f"{PAGE}#route-{name}", key=f"route {name}")
        for name, why in runtime.part(Lookout).unreadable.items()
    ]
    standing, now = await store.standing(runtime.store)
    for one in standing:
        waits = one.parked_at is not None and now - one.parked_at < WAITING
        if one.state is not RouteState.UP and waits and now - one.since >= LASTING:
            away = duration((now - one.since).total_seconds())
            said = f"The route {one.route} is {one.state.value} at {one.node} for {away}, and work waits for it: {one.reason}"
            found.append(Need("error", said, f"{PAGE}#route-{one.route}", key=f"route {one.route} {one.node}"))
    return found


async def node_gone(runtime: Runtime, gone: KnownNode) -> list[str]:
    """What a dead node said of routes holds no more."""
    await store.forget_node(runtime.store, gone.id)
    return []
