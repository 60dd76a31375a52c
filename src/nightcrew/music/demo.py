"""The services around music in the demo, and some tracks that somebody wants."""

from __future__ import annotations

from nightcrew.demo import mediaservers, slskd, wishes
from nightcrew.demo.songs import SONGS
from nightcrew.demo.world import World
from nightcrew.kernel.connections import actions as connections
from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.declare import Demo
from nightcrew.kernel.runtime import Runtime
from nightcrew.music import rules, scanning
from nightcrew.music.slskd.kind import NAME
from nightcrew.music.store import listings
from nightcrew.music.store.listings import NewTrack

LIST = "Old tunes"


async def fill(runtime: Runtime, world: World) -> None:
    """Connect them once, and want all that the network shares and one track that it does not."""
    if not await runtime.part(Connections).of_kind(NAME):
        services = world.services()
        for kind in (NAME, "jellyfin", "listenbrainz"):
            values = services[kind]
            await connections.add(runtime, {**values, "address": values.pop("url")}, actor="demo")
        await scanning.scan(runtime)  # what the media server has is not fetched
        tracks = [
            NewTrack(
                rules.key_of(one.title, one.artist), one.title, (one.artist,), rules.PLAYLIST, one.album, one.seconds
            )
            for one in SONGS
        ]
        tracks.append(NewTrack(rules.key_of("Nobody Knows It", "The Missing"), "Nobody Knows It", ("The Missing",), 10))
        await listings.take(runtime.store, "list:demo", LIST, tracks, whole=False, due=True)


DEMO = Demo((slskd.routes, mediaservers.routes, wishes.routes), fill)
