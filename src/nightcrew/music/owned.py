"""Whether a library has a wanted track already. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nightcrew.music.matching.artists import credit
from nightcrew.music.matching.judge import WantedReading, read_wanted
from nightcrew.music.matching.model import WantedTrack
from nightcrew.music.matching.titles import read_title, title_similarity
from nightcrew.music.matching.versions import VersionWords, disagreement, named_in, versions_of
from nightcrew.music.matching.vocabulary import OF_FOLDERS
from nightcrew.music.matching.words import fold
from nightcrew.music.models import LibraryTrack

TITLE, ARTIST = 0.9, 0.8
"""How alike titles and artists are. A library is a person's own: its names are right, and a second copy is worse than a missing one."""
LENGTH = 20.0
"""Seconds that the lengths of one recording may differ: silence at the end, another edition."""


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
        if same is None and (alike := by_title.get(title_key(track.title))):
            reading = read_wanted(track)
            same = next((one for one in alike if _is_same(reading, one)), None)
        if same is not None:
            found[number] = same
    return found


def is_same(track: WantedTrack, one: LibraryTrack) -> bool:
    """Whether a track of the library is the wanted recording, by its names and its length."""
    return _is_same(read_wanted(track), one)


def _is_same(wanted: WantedReading, one: LibraryTrack) -> bool:
    seconds = wanted.track.seconds
    if seconds and one.seconds and abs(seconds - one.seconds) > LENGTH:
        return False
    title = read_title(one.title)
    if title_similarity(wanted.title, title) < TITLE or wanted.title.numbers != title.numbers:
        return False
    if disagreement(_known(wanted.title.versions, one), _known(title.versions, wanted.track)):
        return False
    return credit(wanted.artists, one.artist, wanted.album_words) >= ARTIST


def _known(said: VersionWords, other: LibraryTrack | WantedTrack) -> VersionWords:
    """The versions of one side, with those that the other side's album is of as a whole: there they need not be said of each title."""
    album = read_title(other.album)
    named = (album.versions | named_in(album.core, loose=True)).kinds & OF_FOLDERS
    return VersionWords(said.kinds | (named & versions_of(other.title).kinds), said.whose) if named else said
