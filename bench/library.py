"""Comparing what is wanted with a library of 100,000 tracks: how long it takes, and how many owned tracks are called missing.

The library is made of the real tracks of the test data, each several times under albums and artists of its own. Ten thousand tracks
are wanted as services name them: other case and punctuation, guests in the title or beside it, "Remastered", other brackets. Half of
them are in the library; the other half is not: other artists, and versions that it does not have. The limit of the same run is one
look into a dictionary for each, by exact title and artist.

    python bench/library.py
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from sqlalchemy.engine import make_url

sys.path.insert(0, str(Path(__file__).parent / "sources"))

from songs import Song, songs

from nightcrew import app
from nightcrew.kernel.store import Store, database_url, migrate
from nightcrew.music.matching.model import WantedTrack
from nightcrew.music.owned import owned, title_key
from nightcrew.music.store import library

TRACKS, WANTED = 100_000, 10_000
PROMISED_SECONDS, PROMISED_MISSED = 5.0, 0.001


def shelves(every: list[Song]) -> list[Song]:
    """The library: the tracks, then the same under other artists' names."""
    found: list[Song] = []
    for copy in range(TRACKS // len(every) + 1):
        for song in every:
            artist = (
                song.artist
                if not copy
                else f"{song.artist} {('Ensemble', 'Trio', 'Orchestra', 'Duo')[copy % 4]} {copy}"
            )
            found.append(replace(song, artist=artist))
    return found[:TRACKS]


def as_a_service_names_it(song: Song, chance: random.Random) -> WantedTrack:
    """The same track by other words."""
    title = song.title
    change = chance.randrange(6)
    if change == 0:
        title = title.upper()
    elif change == 1:
        title = f"{title} - Remastered {chance.randrange(1990, 2024)}"
    elif change == 2:
        title = f"{title} (feat. Somebody Else)"
    elif change == 3:
        title = title.replace("'", "’").replace(" & ", " and ")
    artists = (song.artist, "Somebody Else") if change == 4 else (song.artist,)
    seconds = None if change == 5 else song.seconds + chance.uniform(-2, 2)
    return WantedTrack(title, artists, song.album if chance.random() < 0.5 else "", seconds)


def absent(song: Song, chance: random.Random) -> WantedTrack:
    """One that the library does not have: another version, or another artist."""
    if chance.random() < 0.5:
        return WantedTrack(
            f"{song.title} ({chance.choice(('Live', 'Acoustic', 'Karaoke Version'))})", (song.artist,), "", None
        )
    return WantedTrack(song.title, (f"Nobody Called {song.artist[::-1]}",), "", song.seconds)


async def main() -> int:
    """Returns 1 when a promise is not kept."""
    chance = random.Random(20261128)
    every = [one for one in songs() if one.seconds]
    shelf = shelves(every)
    plain = [one for one in every if title_key(one.title)]
    there = {at: as_a_service_names_it(song, chance) for at, song in enumerate(chance.sample(plain, WANTED // 2))}
    gone = {WANTED + at: absent(song, chance) for at, song in enumerate(chance.sample(plain, WANTED // 2))}
    wanted = there | gone
    with tempfile.TemporaryDirectory(prefix="nightcrew-bench-") as folder:
        url = database_url(Path(folder), None)
        await asyncio.to_thread(migrate, make_url(url), app.migration_folders())
        store = Store(url)
        rows = [
            {
                "place": "bench",
                "key": str(at),
                "title": song.title,
                "artist": song.artist,
                "album": song.album,
                "seconds": song.seconds,
                "isrc": "",
                "mbid": "",
                "title_key": title_key(song.title),
                "size": 0,
                "changed": 0.0,
            }
            for at, song in enumerate(shelf)
        ]
        await library.put(store, rows)
        began = time.perf_counter()
        keys = {title_key(track.title) for track in wanted.values()}
        found_rows = await library.candidates(store, keys=keys, isrcs=(), mbids=())
        asked = time.perf_counter()
        found = owned(wanted, found_rows)
        took, in_sql = time.perf_counter() - began, asked - began
        began = time.perf_counter()
        exact = {(row["title"], row["artist"]) for row in rows}
        hits = sum((track.title, track.artists[0]) in exact for track in there.values())
        limit = time.perf_counter() - began
        await store.close()
    missed = [number for number in there if number not in found]
    wrong = [number for number in gone if number in found]
    print(f"{TRACKS} tracks in the library, {WANTED} wanted, of which it has {len(there)}")
    print(f"  compared in {took:.2f} s ({in_sql:.2f} s in SQLite; promised {PROMISED_SECONDS:.0f} s)")
    print(
        f"  {len(missed)} of {len(there)} owned tracks called missing ({len(missed) / len(there):.2%}; promised 0.1 %)"
    )
    print(f"  {len(wrong)} of {len(gone)} absent ones called owned ({len(wrong) / len(gone):.2%})")
    print(f"  exact titles and artists, as a dictionary: {limit:.2f} s, {1 - hits / len(there):.0%} called missing")
    for number in (*missed[:20], *wrong[:10]):
        print(
            f"    {wanted[number].artists[0]} - {wanted[number].title}: {'missed' if number in there else 'taken for another'}"
        )
    return 0 if took <= PROMISED_SECONDS and len(missed) <= PROMISED_MISSED * len(there) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
