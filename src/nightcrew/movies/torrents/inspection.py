"""What speaks against a torrent, from the names and sizes of its files alone. Pure.

Nothing is known of the bytes: a fake that has the right names and sizes is not found here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from nightcrew.movies.releases.words import words
from nightcrew.movies.torrents import asking, fitting, sizes, vocabulary
from nightcrew.movies.torrents.contents import (
    MB,
    TURNING,
    ContentFile,
    FileKind,
    TorrentContents,
    contents,
    seen,
    shown,
)
from nightcrew.movies.torrents.model import Metainfo

__all__ = ["Expected", "Reason", "Refusal", "refusals"]


@dataclass(frozen=True, slots=True)
class Expected:
    """What is known of the film, and what was claimed of the torrent. Without titles no film is expected, and anything may be in it.

    `titles`: all known ones. `runtime_min`: of the film, or of an episode. `claimed_size`: bytes.
    """

    titles: tuple[str, ...] = ()
    year: int | None = None
    runtime_min: int | None = None
    claimed_size: int | None = None
    claimed_hash: str | None = None


class Reason(StrEnum):
    """Why a torrent is refused."""

    HASH = "hash"
    CLAIM = "claim"
    PROGRAM = "program"
    DISGUISE = "disguise"
    ARCHIVE = "archive"
    PASSWORD = "password"
    PLAYER = "player"
    NO_FILM = "no_film"
    OTHER_FILM = "other_film"
    SMALL = "small"
    LARGE = "large"
    COPIES = "copies"


@dataclass(frozen=True, slots=True)
class Refusal:
    """`words`: a sentence for a person, without its full stop."""

    kind: Reason
    words: str


@dataclass(frozen=True, slots=True)
class Case:
    """`own`: the words of the film's titles, which mean nothing else in its files' names."""

    torrent: Metainfo
    held: TorrentContents
    expected: Expected
    own: frozenset[str]


Check = Callable[[Case], Iterator[Refusal]]


def refusals(torrent: Metainfo, expected: Expected) -> list[Refusal]:
    """All reasons against it, the surest first; none where it may be the film."""
    own = frozenset(word for title in expected.titles for word in words(title))
    case = Case(torrent, contents(torrent), expected, own)
    checks = (*ALWAYS, *FOR_FILMS) if own else ALWAYS
    return [found for check in checks for found in check(case)]


def _hash(case: Case) -> Iterator[Refusal]:
    claimed = (case.expected.claimed_hash or "").casefold()
    if claimed and claimed not in {
        case.torrent.hash_v1,
        case.torrent.hash_v2,
        case.torrent.swarm,
        (case.torrent.hash_v2 or "")[:40],
    }:
        yield Refusal(Reason.HASH, f"its hash is {case.torrent.swarm}, and {claimed} was promised")


def _programs(case: Case) -> Iterator[Refusal]:
    found = case.held.of(FileKind.PROGRAM)
    if found:
        yield Refusal(Reason.PROGRAM, f"it holds a program: {shown(found[0].file.path)}{_more(found)}")


def _disguises(case: Case) -> Iterator[Refusal]:
    for item in case.held.items:
        if any(map(TURNING.search, item.file.path)):
            yield Refusal(Reason.DISGUISE, f"a name has signs that turn it around: {shown(item.file.path)}")
            return
        inner = item.stem.rpartition(".")[2].strip().casefold()
        if (item.ending and inner in vocabulary.INNER - case.own and "." in item.stem) or " " * 8 in seen(
            item.file.path[-1]
        ):
            yield Refusal(Reason.DISGUISE, f"a name hides what it is: {shown(item.file.path)}")
            return
    if TURNING.search(case.torrent.name):
        yield Refusal(Reason.DISGUISE, f"its name has signs that turn it around: {shown((case.torrent.name,))}")


def _password(case: Case) -> Iterator[Refusal]:
    if found := asking.password(case.held, case.own):
        yield Refusal(Reason.PASSWORD, f"it wants a password: {shown(found.file.path)}")


def _claim(case: Case) -> Iterator[Refusal]:
    claimed = case.expected.claimed_size or 0
    if claimed > 0 and not sizes.is_as_claimed(case.held, case.torrent.size, claimed):
        yield Refusal(Reason.CLAIM, f"it has {_bytes(case.torrent.size)}, and {_bytes(claimed)} were claimed")


def _archives(case: Case) -> Iterator[Refusal]:
    found = case.held.of(FileKind.ARCHIVE)
    if sum(item.size for item in found) * 2 > case.torrent.size:
        largest = max(found, key=lambda item: item.size)
        yield Refusal(Reason.ARCHIVE, f"the film would be in an archive: {shown(largest.file.path)}")


def _player(case: Case) -> Iterator[Refusal]:
    if found := asking.player(case.held, case.own):
        yield Refusal(Reason.PLAYER, f"it asks for something to play it with: {shown(found.file.path)}")
    for item in case.held.mains:
        named = set(words(case.torrent.name)) | set(words(item.stem))
        if item.ending in vocabulary.CHEAP_CONTAINERS and named & vocabulary.CODECS:
            yield Refusal(
                Reason.PLAYER,
                f"its name says {min(named & vocabulary.CODECS)}, and it is .{item.ending}: such files ask for a licence",
            )
            return


def _no_film(case: Case) -> Iterator[Refusal]:
    if not case.held.film:
        yield Refusal(
            Reason.NO_FILM, "it holds a sample alone" if case.held.of(FileKind.SAMPLE) else "it holds no video"
        )
    elif sum(item.size for item in case.held.of(FileKind.OTHER)) * 2 > case.torrent.size:
        yield Refusal(Reason.NO_FILM, "most of it is no film")


def _names(case: Case) -> Iterator[Refusal]:
    if case.held.film and (wrong := fitting.misfit(case.torrent, case.held, case.expected.titles, case.expected.year)):
        yield Refusal(
            Reason.OTHER_FILM, f"it is called {shown((wrong,))}, and {shown(case.expected.titles[:1])} was expected"
        )


def _sizes(case: Case) -> Iterator[Refusal]:
    if not case.held.mains:
        return
    largest = max(case.held.mains, key=lambda item: item.size)
    names, minutes = (case.torrent.name, largest.stem), max(0, case.expected.runtime_min or 0)
    size = sizes.film_size(case.held)
    if size < sizes.least(names, minutes):
        length = f"of {minutes} min" if minutes else "of any length"
        yield Refusal(Reason.SMALL, f"{_bytes(size)} are too few for a film {length}{_as(names)}")
    if minutes and sizes.has_most(largest) and largest.size > sizes.most(names, minutes):
        yield Refusal(Reason.LARGE, f"{_bytes(largest.size)} are too many for a film of {minutes} min{_as(names)}")


def _copies(case: Case) -> Iterator[Refusal]:
    videos = [item for item in case.held.mains if item.kind is FileKind.VIDEO and item.size >= MB]
    size, many = Counter(item.size for item in videos).most_common(1)[0] if videos else (0, 0)
    if many >= 3 or (many == len(videos) == 2 and not sizes.is_parts(case.held.mains)):
        yield Refusal(Reason.COPIES, f"{many} of its videos have the same {size:,} bytes")


def _more(found: list[ContentFile]) -> str:
    return f" and {len(found) - 1} more" if len(found) > 1 else ""


def _as(names: tuple[str, ...]) -> str:
    claimed = sizes.lines(names)
    return f" in {claimed}p" if claimed else ""


def _bytes(size: int) -> str:
    """In the unit that people use."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:,.0f} {unit}" if size >= 100 * factor else f"{size / factor:.3g} {unit}"
    return f"{size} bytes"


ALWAYS: tuple[Check, ...] = (_hash, _programs, _disguises, _password, _claim)
FOR_FILMS: tuple[Check, ...] = (_archives, _player, _no_film, _names, _sizes, _copies)
