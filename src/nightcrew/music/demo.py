"""The services around music in the demo, and some tracks that somebody wants."""

from __future__ import annotations

from dataclasses import replace

from nightcrew.demo import grants, mediaservers, slskd, wishes
from nightcrew.demo import spotify as demo_spotify
from nightcrew.demo.songs import SONGS
from nightcrew.demo.world import World
from nightcrew.kernel.connections import actions as connections
from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.declare import ConnectionKind, Demo
from nightcrew.kernel.runtime import Runtime
from nightcrew.music import rules, scanning
from nightcrew.music.slskd.kind import NAME
from nightcrew.music.store import listings
from nightcrew.music.store.listings import NewTrack
from nightcrew.music.wishes import spotify

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


def kinds(url: str) -> list[ConnectionKind]:
    """Spotify as the world at `url` has it, with its page on which access is granted."""
    there = f"{url}/spotify"
    oauth = replace(spotify.OAUTH, authorize=f"{there}/authorize", token=f"{there}/api/token")
    said = f"In this demo Spotify is one of its own, whose client ID is {grants.CLIENT_ID}. {spotify.KIND.help}"
    return [replace(spotify.KIND, address=there, oauth=oauth, help=said)]


DEMO = Demo((slskd.routes, mediaservers.routes, wishes.routes, demo_spotify.routes), fill, kinds)
