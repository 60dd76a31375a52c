"""The versions that a file and its folders name, held against the one that is wanted. Pure."""

from __future__ import annotations

from nightcrew.music.matching import artists, paths, titles, versions
from nightcrew.music.matching.held_details import is_wanted_album, may_be_album
from nightcrew.music.matching.held_title import check_guests
from nightcrew.music.matching.model import OtherRecording
from nightcrew.music.matching.paths import FolderReading
from nightcrew.music.matching.reading import FileReading, WantedReading
from nightcrew.music.matching.versions import VersionWords
from nightcrew.music.matching.vocabulary import OF_FOLDERS, TELLING, UNSURE
from nightcrew.music.matching.words import Words, similarity, words


def version_of(wanted: WantedReading, taken: FileReading, *, exact: bool) -> float:
    """How well the versions agree. `exact`: the lengths are the same."""
    folder, asked = taken.folder, wanted.title.versions
    dated = folder.is_dated and not asked.kinds and not is_wanted_album(wanted, folder)
    doubt = 0.75 if exact else 0.6  # a concert seldom has the same length
    if taken.title is wanted.title and not (taken.before or taken.behind or folder.named or wanted.album_kinds):
        return doubt if dated else 1.0
    found = _without_credits(wanted, _versions_of(wanted, taken))
    wrong = versions.disagreement(asked, VersionWords(found.kinds - (wanted.album_kinds - asked.kinds), found.whose))
    if wrong:
        raise OtherRecording(wrong)
    if wanted.album_kinds and not (asked.kinds & OF_FOLDERS or exact or _says(wanted, folder, found)):
        raise OtherRecording(f"it is not the version that is wanted ({', '.join(sorted(wanted.album_kinds))})")
    return doubt if dated else versions.agreement(asked, found)


def _versions_of(wanted: WantedReading, taken: FileReading) -> VersionWords:
    """The versions that the name of a file and its folder say. Raises `OtherRecording` for the number of another part."""
    folder, found, asked = taken.folder, taken.title.versions, wanted.title.versions
    for piece in taken.behind:
        if not artists.credit(wanted.artists, piece):
            counted = titles.counted(words(piece))
            found |= _named_behind(wanted, folder, piece, counted)
            if titles.says_credit_or_source(piece):
                check_guests(wanted, (piece,))
            if TELLING & set(counted) and not titles.numbers_in(counted) <= wanted.title.numbers | _numbers_of(wanted):
                raise OtherRecording("its title has other numbers")
    ours = {one.joined for one in wanted.artists}
    above = frozenset(kind for one, named in folder.named if one not in ours for kind in named.kinds & OF_FOLDERS)
    for piece in taken.before:
        if paths.joined(piece) not in ours:
            above |= versions.named_in(words(piece), loose=True).kinds & OF_FOLDERS
            if (twice := titles.read_title(piece)).core == wanted.title.core:
                found |= twice.versions
    above -= wanted.album_kinds
    if above and not above <= asked.kinds and not above & wanted.called:
        found |= VersionWords(above)
    elif above:
        found |= VersionWords(above & asked.kinds)
    return found | _of_single(wanted, folder, asked.kinds - found.kinds)


def _of_single(wanted: WantedReading, folder: FolderReading, missing: frozenset[str]) -> VersionWords:
    """Versions that only the folder of a single says, which has the song's name. One of remixes holds the song as it was, too."""
    if not missing:
        return versions.NONE
    song = "".join(wanted.title.core)
    named = [one.kinds for piece, one in folder.named if piece.startswith(song)]
    return VersionWords(frozenset[str]().union(*named) & missing - {"remix"})


def _named_behind(wanted: WantedReading, folder: FolderReading, piece: str, found: Words) -> VersionWords:
    """The versions that a piece behind the title names: "Edit" is one, unless that is the album."""
    if found and found[-1] in UNSURE and paths.joined(piece) not in folder.joined and not may_be_album(wanted, found):
        return versions.named_apart(found)
    return versions.named_in(found, loose=True) if found[-1:] != ("version",) else versions.named_apart(found)


def _numbers_of(wanted: WantedReading) -> frozenset[str]:
    return titles.numbers_in(wanted.title.versions.whose) | titles.numbers_in(wanted.album.full)


def _says(wanted: WantedReading, folder: FolderReading, found: VersionWords) -> bool:
    """Whether a file or its folders say the version that the wanted album is of."""
    if wanted.album_kinds & found.kinds:
        return True
    if any(wanted.album_kinds & named.kinds for _, named in folder.named):
        return True
    return any(similarity(wanted.album_words, words(piece)) > 0.8 for piece in folder.pieces)


def _without_credits(wanted: WantedReading, found: VersionWords) -> VersionWords:
    """The words of a version that are those of the wanted artist say nothing."""
    if not found.whose:
        return found
    ours = frozenset(word for one in wanted.artists for word in one.words) - frozenset(wanted.title.versions.whose)
    return VersionWords(found.kinds, tuple(word for word in found.whose if word not in ours))
