"""Whether a library has a wanted track already. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nightcrew.music.matching.artists import credit
from nightcrew.music.matching.model import WantedTrack
from nightcrew.music.matching.reading import WantedReading, read_wanted
from nightcrew.music.matching.titles import read_title, title_similarity
from nightcrew.music.matching.versions import VersionWords, disagreement, named_in, versions_of
from nightcrew.music.matching.vocabulary import OF_FOLDERS
from nightcrew.music.matching.words import fold, words
from nightcrew.music.models import REFUSED, LibraryTrack

TITLE, ARTIST = 0.9, 0.8
"""How alike titles and artists are. A library is a person's own: its names are right, and a second copy is worse than a missing one."""
LENGTH = 20.0
"""Seconds that the lengths of one recording may differ: silence at the end, another edition."""


ROUNDED = 2.0
"""Seconds by which two programs disagree on the length of one file."""
_ANYBODY = frozenset(["various", "artists", "artist", "va", "unknown", "the"])
"""Words for artists that tell two files not apart."""


def title_key(title: str) -> str:
    """What tracks with the same title have in common, whatever stands in brackets behind it."""
    return ("".join(read_title(title).core) or fold(title).strip())[:200]


def owned(wanted: Mapping[int, WantedTrack], library: Iterable[LibraryTrack]) -> dict[int, LibraryTrack]:
    """The track of the library for each wanted one that is there. An identifier decides before names do.

    What a person has refused for a wanted track (`REFUSED`) is not it, whichever library has that file.
    """
    by_code: dict[str, list[LibraryTrack]] = {}
    by_title: dict[str, list[LibraryTrack]] = {}
    refused: dict[int | None, list[LibraryTrack]] = {}
    for one in library:
        if one.place == REFUSED:
            refused.setdefault(one.wanted_id, []).append(one)
            continue
        for code in {one.isrc.replace("-", "").upper(), one.mbid.lower()} - {""}:
            by_code.setdefault(code, []).append(one)
        by_title.setdefault(one.title_key, []).append(one)
    found: dict[int, LibraryTrack] = {}
    for number, track in wanted.items():
        wrong = refused.get(number, [])
        codes = (track.isrc.replace("-", "").upper(), track.mbid.lower())
        coded = (one for code in codes if code for one in by_code.get(code, ()))
        same = next((one for one in coded if not _is_one_of(one, wrong)), None)
        if same is None and (alike := by_title.get(title_key(track.title))):
            reading = read_wanted(track)
            same = next((one for one in alike if _is_same(reading, one) and not _is_one_of(one, wrong)), None)
        if same is not None:
            found[number] = same
    return found


def _is_one_of(one: LibraryTrack, others: Iterable[LibraryTrack]) -> bool:
    """Whether it is the same file as one of these, which another library knows by another key and with other words for the artist."""
    return any(_is_same_file(one, other) for other in others)


def _is_same_file(one: LibraryTrack, other: LibraryTrack) -> bool:
    if one.seconds and other.seconds and abs(one.seconds - other.seconds) > ROUNDED:
        return False
    artists = [frozenset(words(name)) - _ANYBODY for name in (one.artist, other.artist)]
    if all(artists) and artists[0].isdisjoint(artists[1]):  # a cover of the same length is another file
        return False
    albums = {fold(album).strip() for album in (one.album, other.album)} - {""}
    return fold(one.title).strip() == fold(other.title).strip() and len(albums) <= 1


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
