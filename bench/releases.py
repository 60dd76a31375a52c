"""Is a release the film that is wanted? How often that is told rightly, and how fast, beside other ways to do it.

Names are made from films that are easily mistaken for each other, and from saved TMDB answers (tests/cinema.py). The films are split
into two halves: rules may be tuned on one of them, and the other one is reported. The threshold of rapidfuzz is chosen on the tuning half,
for its best F1.

1. Nightcrew: head of the name, then title, year and kind.
2. parsett: its title is one of the film's, its year is the film's, and it sees no season, episode or collection.
3. guessit (in an environment of its own): the same with its title and alternative title, where it says that it is a movie.
4. rapidfuzz alone: how much of "title year" is in the name.

    python bench/releases.py [names of each film, 6]
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from anyascii import anyascii
from PTT import parse_title
from rapidfuzz import fuzz

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from cinema import Case, cases, from_tmdb, groups  # noqa: E402
from nightcrew.movies.releases.heads import read_head  # noqa: E402
from nightcrew.movies.releases.identity import judge  # noqa: E402
from nightcrew.movies.releases.names import read  # noqa: E402

GUESSIT = ROOT / ".tools" / "guessit" / "bin" / "python"
TMDB = ROOT.parent / "shared" / "data" / "tmdb"
ALIKE = {"namesake", "another of its kind", "sequel"}

Verdicts = Sequence[bool]


@dataclass(frozen=True, slots=True)
class Quality:
    """How often it is right. `alike`: precision where only remakes, same titles and sequels stand against the film."""

    precision: float
    recall: float
    alike: float

    def __str__(self) -> str:
        return f"{100 * self.precision:.2f} % | {100 * self.recall:.1f} % | {100 * self.alike:.2f} %"


def quality(found: Sequence[Case], taken: Verdicts) -> Quality:
    """Of some verdicts."""
    right = sum(case.is_film for case, is_taken in zip(found, taken, strict=True) if is_taken)
    near = sum(
        case.shape in ALIKE and not case.is_film for case, is_taken in zip(found, taken, strict=True) if is_taken
    )
    return Quality(
        right / max(1, sum(taken)), right / sum(case.is_film for case in found), right / max(1, right + near)
    )


def folded(text: str) -> str:
    """Small letters and digits."""
    return "".join(char for char in anyascii(text).lower() if char.isalnum())


def is_film(titles: Sequence[str], year: object, case: Case) -> bool:
    """Whether a title and the year that another reader found are the film's."""
    known = {folded(title) for title in case.film.titles}
    return year == case.film.year and any(folded(title) in known for title in titles)


def nightcrew(found: Sequence[Case]) -> Verdicts:
    """Nothing is known beforehand."""
    read_head.cache_clear()
    return [judge(read_head(case.name), case.film).ok for case in found]


def parsett(found: Sequence[Case]) -> Verdicts:
    """Its title, its year, and no other kind."""
    taken = []
    for case in found:
        said = parse_title(case.name)
        other = (
            said.get("seasons")
            or said.get("episodes")
            or said.get("complete")
            or said.get("extras")
            or said.get("date")
        )
        taken.append(not other and is_film([said["title"]], said.get("year"), case))
    return taken


def guessed(found: Sequence[Case]) -> Verdicts:
    """By guessit, in another process."""
    text = "".join(json.dumps(case.name) + "\n" for case in found)
    done = subprocess.run(
        [GUESSIT, ROOT / "bench/peers/guessit_names.py"], input=text, capture_output=True, text=True, check=True
    )
    said = [json.loads(line) for line in done.stdout.splitlines()]
    return [
        is_movie and is_film(titles, year, case) for (titles, year, is_movie), case in zip(said, found, strict=True)
    ]


def alike(found: Sequence[Case]) -> list[float]:
    """How much of the best title with the year is in the name, by rapidfuzz."""
    return [
        max(
            fuzz.token_set_ratio(f"{title} {case.film.year}".lower(), case.name.replace(".", " ").lower())
            for title in case.film.titles
        )
        for case in found
    ]


def timed(run: Callable[[Sequence[Case]], Verdicts], found: Sequence[Case]) -> tuple[Quality, float]:
    """Its quality, and names a second of processor time (of the children too)."""
    begun = time.perf_counter()
    taken = run(found)
    return quality(found, taken), len(found) / (time.perf_counter() - begun)


def main() -> None:
    """Print a table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 6
    films = groups(from_tmdb(TMDB) if TMDB.exists() else None)
    tuning, reported = (list(cases(films, reported=half, rounds=rounds)) for half in (False, True))
    print(f"{len(reported)} names of the reported half, {sum(case.is_film for case in reported)} of them the film's\n")
    shares = alike(tuning)

    def f1(least: float) -> float:
        found = quality(tuning, [share >= least for share in shares])
        return 2 * found.precision * found.recall / max(1e-9, found.precision + found.recall)

    least = max(range(50, 101), key=f1)
    print(
        "| by | precision | recall | precision beside remakes, same titles, sequels | names a second |\n| --- | --- | --- | --- | --- |"
    )
    rows = [("Nightcrew", nightcrew), ("parsett, equal title and year", parsett)]
    if GUESSIT.exists():
        rows.append(("guessit, equal title and year", guessed))
    rows.append((f"rapidfuzz, at least {least} %", lambda found: [share >= least for share in alike(found)]))
    for name, run in rows:
        found, speed = timed(run, reported)
        print(f"| {name} | {found} | {speed:,.0f} |", flush=True)
    names = [case.name for case in reported[:1500]]
    read.cache_clear()
    begun = time.perf_counter()
    for name in names:
        read(name)
    print(f"\nread whole: {len(names) / (time.perf_counter() - begun):,.0f} names a second")


if __name__ == "__main__":
    main()
