"""The ways out that sources take: which routes can be chosen, who takes one, and whose addresses no player is given."""

from __future__ import annotations

from collections.abc import Collection

from nightcrew.kernel.errors import Invalid
from nightcrew.kernel.routes import DIRECT
from nightcrew.kernel.runtime import Runtime
from nightcrew.playlists.models import Channel, Source
from nightcrew.playlists.services import services_of
from nightcrew.playlists.store import sources


def check_route(runtime: Runtime, name: str) -> None:
    """Raise `Invalid` for a route that is not known."""
    if name not in runtime.http.routes.names:
        raise Invalid(f"route: there is no route {name!r}", field="route")


async def takers(runtime: Runtime, route: str) -> list[str]:
    """The sources that take a route and have no connection that says so: a list in a file has streams all the same."""
    found = await sources.every(runtime.store, runtime.vault)
    return [one.name for one in found if one.route == route and not services_of(one)]


async def hidden(runtime: Runtime) -> frozenset[int]:
    """The sources whose streams are passed on to players, whatever the stream mode is: a player takes no route.

    Of one that cannot be read it is not known, so it is one of them.
    """
    return frozenset(one.id for one in await sources.every(runtime.store, runtime.vault) if is_hidden(one))


async def hidden_feeds(runtime: Runtime) -> frozenset[int]:
    """The lists and guides of these sources."""
    without = await hidden(runtime)
    return frozenset(feed.id for feed in await sources.feeds(runtime.store) if feed.source_id in without)


def is_hidden(source: Source) -> bool:
    """Whether its addresses are given to no player."""
    return bool(source.locked) or source.route != DIRECT


def awaited(runtime: Runtime, source: Source) -> str:
    """The route that a source waits for now; empty when it waits for none."""
    routes = runtime.http.routes
    if not routes.takes(source.route, source.shown_url):
        return ""
    return "" if source.route in routes.names and routes.of(source.route).is_up else source.route


def is_passed_on(channel: Channel, hidden: Collection[int]) -> bool:
    """Whether players get a channel from this node: one of its streams is of a source whose addresses they are not given."""
    return any(stream.source_id in hidden for stream in channel.streams)
