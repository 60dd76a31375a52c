"""Matching music files with wanted tracks: how often it is right, and how fast, beside other ways to do it.

The searches are made from real tracks (bench/sources/songs.py). Artists are split into two halves: rules may be tuned on one of them, and
the other one is reported. A threshold of each peer is chosen on the tuning half, for its best F1.

1. Nightcrew's matcher, and once more with only artist and title of what is wanted, as plain lists have them.
2. Beets' distance, on the artist and title that a path gives by the usual patterns, and once more on everything that may be artist and
   title of a path, where the least distance counts. Beets lies in an environment of its own.
3. The weights that the older program used: 0.6 of the title's, 0.4 of the artist's likeness.
4. rapidfuzz alone: how much of "artist title" is in the path.

    python bench/music.py [searches on each half, 2000]
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import partial
from pathlib import Path
from typing import Any

from rapidfuzz import fuzz

sys.path.insert(0, str(Path(__file__).parent / "sources"))

from songs import Network, Search, is_tuning, songs

from nightcrew.music.matching import paths
from nightcrew.music.matching.decision import decide

ROOT = Path(__file__).parents[1]
BEETS = ROOT / ".tools" / "beets"

Picks = list[tuple[int, float] | None]
"""For each search the file that is taken and how certain that is."""


@dataclass(frozen=True, slots=True)
class Quality:
    """How often a matcher is right. `absent`: the share of searches without a right file in which it took one."""

    f1: float
    precision: float
    recall: float
    absent: float
    off: float
    """Calibration error: how far the certainty is from the share that is right, over ten classes."""

    def __str__(self) -> str:
        """One line."""
        return (
            f"F1 {self.f1:.3f}, precision {self.precision:.3f}, recall {self.recall:.3f}, "
            f"wrong when absent {100 * self.absent:5.1f} %, calibration error {self.off:.3f}"
        )


def quality(searches: Sequence[Search], picks: Picks) -> Quality:
    """Hold picks against what is right."""
    hits = taken = there = absent = lured = 0
    classes: dict[int, list[tuple[float, bool]]] = {}
    for search, pick in zip(searches, picks, strict=True):
        there += bool(search.right)
        absent += not search.right
        if pick is None:
            continue
        good = pick[0] in search.right
        taken += 1
        hits += good
        lured += not search.right
        classes.setdefault(min(9, int(pick[1] * 10)), []).append((pick[1], good))
    precision, recall = hits / max(1, taken), hits / max(1, there)
    off = sum(abs(sum(good for _, good in rows) - sum(sure for sure, _ in rows)) for rows in classes.values()) / max(
        1, taken
    )
    return Quality(
        2 * precision * recall / max(1e-9, precision + recall), precision, recall, lured / max(1, absent), off
    )


Scores = list[list[float]]


def best(scores: Scores, threshold: float) -> Picks:
    """The file with the highest score of each search, if that is high enough."""
    found: Picks = []
    for row in scores:
        at = max(range(len(row)), key=row.__getitem__, default=None)
        found.append((at, max(0.0, min(1.0, row[at]))) if at is not None and row[at] >= threshold else None)
    return found


def tuned(searches: Sequence[Search], scores: Scores) -> float:
    """The threshold with the best F1."""
    return max((at / 50 for at in range(51)), key=lambda at: quality(searches, best(scores, at)).f1)


# -- peers -------------------------------------------------------------------------------------------------------------


def by_patterns(path: str) -> tuple[str, str]:
    """Artist and title of a path by the usual patterns: "artist - title", else the folder above the album."""
    folder, name = paths.split(path)
    pieces = [piece.strip() for piece in name.rpartition(".")[0].replace("_", " ").split(" - ")]
    pieces = [piece.lstrip("0123456789.- ") or piece for piece in pieces]
    pieces = [piece for piece in pieces if piece]
    above = [one for one in folder.split("/") if one]
    if len(pieces) > 1:
        return pieces[0], pieces[-1]
    return (above[-2] if len(above) > 2 else above[-1] if above else ""), pieces[0] if pieces else ""


def by_readings(path: str) -> list[tuple[str, str]]:
    """All that may be artist and title of a path: each piece of the name as the title, each other piece and folder as the artist."""
    folder, name = paths.split(path)

    def pieces(text: str) -> list[str]:
        return [one.strip() for one in text.replace("_", " ").split(" - ") if one.strip()]

    of_name = [piece.lstrip("0123456789.- ") or piece for piece in pieces(name.rpartition(".")[0])]
    above = [piece for level in folder.split("/")[-3:] for piece in pieces(level)]
    found = [(artist, title) for title in of_name for artist in [*of_name, *above] if artist is not title]
    return found or [by_patterns(path)]


def seeds_formula(searches: Sequence[Search]) -> Scores:
    """Likenesses by difflib."""

    def like(one: str, other: str) -> float:
        return SequenceMatcher(None, one.lower(), other.lower()).ratio()

    found: Scores = []
    for search in searches:
        wanted, row = search.wanted, list[float]()
        for file in search.files:
            artist, title = by_patterns(file.path)
            row.append(0.6 * like(wanted.title, title) + 0.4 * like(wanted.artists[0], artist))
        found.append(row)
    return found


def raw(searches: Sequence[Search]) -> Scores:
    """How much of "artist title" is in a path."""
    found: Scores = []
    for search in searches:
        asked = f"{search.wanted.artists[0]} {search.wanted.title}".lower()
        found.append([fuzz.partial_token_set_ratio(asked, file.path.lower()) / 100 for file in search.files])
    return found


def beets(searches: Sequence[Search], read: Callable[[str], list[tuple[str, str]]]) -> tuple[Scores, float]:
    """One minus beets' distance, the best of all readings of a path, and the seconds that it took without reading and writing."""
    python = BEETS / "bin" / "python"
    if not python.exists():
        subprocess.run(["make", ".tools/beets/.done"], cwd=ROOT, check=True)
    lines = []
    for search in searches:
        files = [{"readings": read(file.path), "seconds": file.seconds} for file in search.files]
        wanted = {"title": search.wanted.title, "artist": search.wanted.artists[0], "seconds": search.wanted.seconds}
        lines.append(json.dumps({"wanted": wanted, "files": files}))
    script = str(Path(__file__).parent / "peers" / "beets_distance.py")
    done = subprocess.run([str(python), script], input="\n".join(lines), capture_output=True, text=True, check=True)
    *rows, taken = done.stdout.splitlines()
    return [[1 - one for one in json.loads(row)] for row in rows], float(taken)


def ours(searches: Sequence[Search]) -> Picks:
    """What Nightcrew takes."""
    made = [decide(search.wanted, search.files).picked for search in searches]
    return [None if one is None else (one.index, one.confidence) for one in made]


def main() -> None:
    """Print a table, and end with an error when a bar is not held."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    every = songs()
    halves = {
        name: list(Network([one for one in every if is_tuning(one.artist) is (name == "tuning")], seed).searches(count))
        for name, seed in (("tuning", 1), ("reported", 2))
    }
    files = {name: sum(len(one.files) for one in rows) for name, rows in halves.items()}
    print(f"{count} searches on each half; {files['reported']} files in the one that is reported")
    ours(halves["tuning"][:50])

    def timed(work: Callable[[], Any]) -> tuple[Any, float]:
        began = time.process_time()
        return work(), time.process_time() - began

    picks, mine = timed(lambda: ours(halves["reported"]))
    shown = quality(halves["reported"], picks)
    rate = files["reported"] / mine
    print(f"  Nightcrew          {shown}; {rate:7.0f} files a second")
    print(f"    tuning half      {quality(halves['tuning'], ours(halves['tuning']))}")
    plain = {name: [search.plain() for search in rows] for name, rows in halves.items()}
    bare = quality(plain["reported"], ours(plain["reported"]))
    print(f"    of plain lists   {bare}")
    print(f"    tuning half      {quality(plain['tuning'], ours(plain['tuning']))}")
    peers: dict[str, float] = {}
    for name, read in (("beets' distance   ", lambda path: [by_patterns(path)]), ("beets, any reading", by_readings)):
        threshold = tuned(halves["tuning"], beets(halves["tuning"], read)[0])
        scores, taken = beets(halves["reported"], read)
        peers[name] = files["reported"] / taken
        said = quality(halves["reported"], best(scores, threshold))
        print(f"  {name} {said}; {peers[name]:7.0f} files a second")
    for name, work in (("0.6 / 0.4 difflib ", seeds_formula), ("rapidfuzz alone   ", raw)):
        threshold = tuned(halves["tuning"], work(halves["tuning"]))
        found, seconds = timed(partial(work, halves["reported"]))
        said = quality(halves["reported"], best(found, threshold))
        print(f"  {name} {said}; {files['reported'] / seconds:7.0f} files a second")
    for name, peer in peers.items():
        print(f"  {rate / peer:.1f} times as fast as {name.rstrip()}")
    if any(one.f1 < 0.93 or one.absent > 0.02 or one.off > 0.03 for one in (shown, bare)):
        sys.exit("a bar is not held: F1 0.93, 2 % wrong when absent, calibration error 0.03")


if __name__ == "__main__":
    main()
