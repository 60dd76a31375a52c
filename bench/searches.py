"""How many searches a track takes until it is in the library: the network bans who searches too often.

    python bench/searches.py [tracks, 150] [seed, 1]

Real artists and titles, shared by twenty peers of the demo's network in ten ways of naming files, with slips of the pen, among other
versions, covers and other songs. The network drops the names of some artists without a word (8 % of the tracks), and some tracks nobody
shares (15 %). All goes through a node, from what is wanted to the file in the library; only its waits and the budget are cut short.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import structlog

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parent / "sources"))

from songs import Network, Song, songs

from nightcrew.demo import soulseek
from nightcrew.demo.songs import DemoPeer, DemoSong, SharedFile
from nightcrew.demo.world import MUSIC, World
from nightcrew.kernel.declare import Budget
from nightcrew.music import importing, searching, syncing
from nightcrew.music.matching.words import words
from nightcrew.music.models import WantedState
from nightcrew.music.slskd import client
from nightcrew.music.store import downloads, wanted
from shop import Shop
from support import running

GOAL = 1.5
SECONDS = 6
"""Length of every file, so that none takes long to make."""
DROPPED, ABSENT = 0.08, 0.15
PEERS = 20


@dataclass(frozen=True)
class Wanted:
    """A track, whether somebody shares it, and the word of its artist that the network drops."""

    song: Song
    shared: bool
    dropped: str


def choose(count: int, chance: random.Random) -> list[Wanted]:
    """Tracks of different titles."""
    found: dict[str, Wanted] = {}
    for song in chance.sample(songs(), 20 * count):
        terms = [one for one in words(song.artist) if len(one) > 3 and one.isascii()]
        title = " ".join(words(song.title))
        if terms and title and title not in found and len(found) < count:
            dropped = max(terms, key=len) if chance.random() < DROPPED else ""
            found[title] = Wanted(song, chance.random() >= ABSENT, dropped)
    return list(found.values())


def share(tracks: list[Wanted], seed: int) -> tuple[DemoPeer, ...]:
    """Who shares what: right files of those that are shared, and wrong ones of all."""
    network, files = Network(songs(), seed), [dict[str, SharedFile]() for _ in range(PEERS)]
    chance = network.random

    def put(song: Song, title: str, path: str) -> None:
        ending = "flac" if path.endswith(".flac") else "mp3"
        demo = DemoSong(song.artist, title, song.album, 1, SECONDS)
        path = f"{path.rpartition('.')[0]}.{ending}"
        files[chance.randrange(PEERS)][path] = SharedFile(
            demo, path, ending, None if ending == "flac" else 320, tagged=False
        )

    for one in tracks:
        if one.shared:
            for _ in range(chance.randint(1, 4)):
                put(one.song, one.song.title, network.right(one.song).path)
        for kind in chance.sample(("version", "cover", "other", "longer", "part", "tribute"), 3):
            wrong = network.wrong(one.song, kind)
            if wrong is not None:
                put(one.song, f"not {one.song.title}", wrong.path)
    return tuple(DemoPeer(f"peer {number}", tuple(mine.values())) for number, mine in enumerate(files))


def hurry() -> None:
    """Waits are short, and the budget is large."""
    searching.LOOK = syncing.SOON = 0.1
    searching.AWAY = syncing.AWAY = importing.LATER = 0.5
    client.SEARCHES = Budget(1_000_000, 225.0)
    soulseek.BANNED_FROM = 1_000_000


async def measure(tracks: list[Wanted], seed: int, folder: Path) -> int:
    """Returns 1 when it takes more searches than promised, or a wrong file was taken."""
    async with World(live=False, services=MUSIC, streams=folder / "world") as world, running(folder / "data") as node:
        world.soulseek.begin(folder / "slskd")
        world.soulseek.blocked = tuple({one.dropped for one in tracks if one.dropped})
        world.soulseek.delay, world.soulseek.network = 0.05, share(tracks, seed)
        shop = Shop(node, world, await node.post("/api/v1/connections", world.services()["slskd"]))
        await node.patch("/api/v1/settings", {"music.sync_worker_concurrency": 10, "music.searches_at_once": 10})
        began = time.monotonic()
        for one in tracks:
            await shop.want(one.song.artist, one.song.title, float(SECONDS), album=one.song.album)
        while True:
            rows = {row.id: row for row in await wanted.page(shop.store, limit=len(tracks))}
            over = [
                row for row in rows.values() if row.state in {WantedState.OWNED, WantedState.REVIEW} or row.tried_at
            ]
            if len(over) == len(rows):
                break
            await asyncio.sleep(0.5)
        took = time.monotonic() - began
        right = {
            path: file.song.title for peer in world.soulseek.network for file in peer.files for path in [file.path]
        }
        wrong = 0
        for row in rows.values():
            if row.state is WantedState.OWNED:
                done = next(one for one in await downloads.of_wanted(shop.store, row.id) if one.library_path)
                wrong += right[done.path] != row.title
    found = [number for number, row in rows.items() if row.state is WantedState.OWNED]
    there = sum(one.shared for one in tracks)
    searched = len(world.soulseek.searched)
    needed = sum(rows[number].searches for number in found)
    each, left = needed / len(found), len(tracks) - len(found)
    print(
        f"{len(tracks)} tracks, {there} of them shared, {sum(bool(one.dropped) for one in tracks)} of dropped artists"
    )
    print(f"in the library         {len(found)}, wrong {wrong}; {took:.0f} s")
    print(f"searches               {searched} in all, {searched / len(found):.2f} for each track that was found")
    print(
        f"for those alone        {each:.2f} (goal {GOAL}); for each that was not found {(searched - needed) / left:.2f}"
    )
    return 0 if each <= GOAL and not wrong else 1


def main() -> int:
    """As the file says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("tracks", type=int, nargs="?", default=150)
    parser.add_argument("seed", type=int, nargs="?", default=1)
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    hurry()
    with tempfile.TemporaryDirectory(prefix="nightcrew-bench-") as folder:
        return asyncio.run(measure(choose(given.tracks, random.Random(given.seed)), given.seed, Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
