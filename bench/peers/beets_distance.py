"""Beets' own distance, in an environment of its own: reads searches from standard input, writes one list of distances for each.

A line holds what is wanted and the files, each with the pairs of artist and title that its path may give; the least distance counts.
"""

from __future__ import annotations

import importlib
import json
import sys
import time

from beets.autotag import TrackInfo
from beets.library import Item

distance = importlib.import_module("beets.autotag.distance")


def main() -> None:
    """The last line says how much processor time it took in all, in seconds."""
    taken = 0.0
    for line in sys.stdin:
        asked = json.loads(line)
        wanted = asked["wanted"]
        began = time.process_time()
        info = TrackInfo(title=wanted["title"], artist=wanted["artist"], length=wanted["seconds"])
        found = []
        for file in asked["files"]:
            length = file["seconds"] or wanted["seconds"]
            items = [Item(title=title, artist=artist, length=length) for artist, title in file["readings"]]
            found.append(min(distance.track_distance(item, info, incl_artist=True).distance for item in items))
        taken += time.process_time() - began
        print(json.dumps(found), flush=False)
    print(json.dumps(taken))


main()
