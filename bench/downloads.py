"""Downloads of music under `kill -9`: of us and of slskd, at random moments. Each track has to end exactly once.

A server and the demo's slskd run as processes. All tracks are wanted, and the files that a search would have found are there already,
since the network's limit of 34 searches in 220 s would make it two hours. One of both processes is killed every few seconds.

    python bench/downloads.py [tracks, 1000] [kills, 50]
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import programs
from nightcrew.demo.audio import Audio
from nightcrew.demo.songs import many
from rig import Rig


def main() -> int:
    """Returns 1 when a track was lost or came twice."""
    tracks = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    kills = int(sys.argv[2]) if len(sys.argv) > 2 else 50
    with tempfile.TemporaryDirectory(prefix="nightcrew-bench-") as folder:
        rig = Rig(Path(folder), tracks)
        asyncio.run(Audio(rig.folder / "world" / "slskd" / "shared").file(many(1)[0].files[0]))
        try:
            rig.start("slskd")
            rig.start("server")
            connection = rig.connect()
            rig.kill("server")
            rig.seed(connection)
            rig.start("server")
            rig.ask("PATCH", "/api/v1/settings", {"music.sync_worker_concurrency": 20})
            began = time.monotonic()
            done = rig.pull_plugs(kills, least=1.0, most=5.0, seed=20261128)
            states = rig.wait(3600)
            took = time.monotonic() - began
        finally:
            rig.close()
            programs.close()
        fetched, library = rig.titles_fetched(), rig.library
    print(f"{tracks} tracks, killed: {dict(done)}; {took:.0f} s in all, {tracks / took:.1f} tracks/s with restarts")
    print(f"  ended as        {dict(states)}")
    print(f"  in the library  {len(library)}, twice {sum(count > 1 for count in library.values())}")
    print(f"  downloaded      {len(fetched)}, twice {sum(count > 1 for count in fetched.values())}")
    right = states == {"owned": tracks} and len(library) == tracks == len(fetched)
    return 0 if right and max(*library.values(), *fetched.values()) == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
