"""Whether a library has a wanted track already. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nightcrew.music.matching.decision import match_one
from nightcrew.music.matching.judge import read_wanted
from nightcrew.music.matching.model import FileCandidate, WantedTrack
from nightcrew.music.matching.titles import read_title
from nightcrew.music.matching.words import fold
from nightcrew.music.models import LibraryTrack

SAME = 0.5
"""How sure the matcher has to be. A library is a person's own: its names are right, and a second copy is worse than a missing one."""


def title_key(title: str) -> str:
    """What tracks with the same title have in common, whatever stands in brackets behind it."""
    return ("".join(read_title(title).core) or fold(title).strip())[:200]


def owned(wanted: Mapping[int, WantedTrack], library: Iterable[LibraryTrack]) -> dict[int, LibraryTrack]:
    """The track of the library for each wanted one that is there. An identifier decides before names do."""
    by_code: dict[str, LibraryTrack] = {}
    by_title: dict[str, list[LibraryTrack]] = {}
    for one in library:
        for code in (one.isrc.replace("-", "").upper(), one.mbid.lower()):
            if code:
                by_code.setdefault(code, one)
        by_title.setdefault(one.title_key, []).append(one)
    found: dict[int, LibraryTrack] = {}
    for number, track in wanted.items():
        codes = (track.isrc.replace("-", "").upper(), track.mbid.lower())
        same = next((by_code[code] for code in codes if code and code in by_code), None)
        if same is None:
            same = next((one for one in by_title.get(title_key(track.title), ()) if is_same(track, one)), None)
        if same is not None:
            found[number] = same
    return found


def is_same(track: WantedTrack, one: LibraryTrack) -> bool:
    """Whether a track of the library is the wanted recording, by its names and its length."""
    pieces = [one.artist, one.album, one.title]
    path = "/".join(piece.replace("/", " ").replace("\\", " ") for piece in pieces if piece)
    found = match_one(read_wanted(track), FileCandidate(f"{path}.flac", one.seconds, one.isrc, one.mbid))
    return not found.refused and found.confidence >= SAME
