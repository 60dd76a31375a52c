"""Who plays, by the name of a file and its folders, held against who is wanted. Pure."""

from __future__ import annotations

from nightcrew.music.matching import artists, paths, titles, versions
from nightcrew.music.matching.held_details import is_wanted_album, length_of, may_be_album
from nightcrew.music.matching.model import OtherRecording
from nightcrew.music.matching.paths import FolderReading
from nightcrew.music.matching.reading import FileReading, WantedReading
from nightcrew.music.matching.words import scripts, words

LEADS = 0.85
"""How surely an artist is named with whose name a folder begins, or whose name stands in one piece with the title."""


def artist_of(wanted: WantedReading, taken: FileReading) -> tuple[float | None, float]:
    """How surely the artist is named, None when that cannot be told, and how much of the name is explained."""
    folder = taken.folder
    in_name, unexplained = _in_name(wanted, taken)
    if unexplained and not in_name:
        if _in_another_script(wanted, unexplained):
            return None, 1.0
        raise OtherRecording(f"its name says {unexplained[0]}")
    above = 1.0 if wanted.artists and wanted.artists[0].joined in folder.joined else 0.0
    if not above and in_name < 1.0:
        above = max((artists.credit(wanted.artists, piece, wanted.album_words) for piece in folder.pieces), default=0.0)
    if not above and not in_name and any(artists.leads(wanted.artists, piece) for piece in folder.pieces):
        above = LEADS
    if folder.is_compilation and not in_name and not (above > 0.9 and _is_theirs(wanted, folder)):
        raise OtherRecording("it lies among the files of many artists, and its name does not say whose it is")
    evidence = 1.0 - 0.25 * min(2, len(unexplained))
    if in_name or above:
        return max(in_name, above), evidence if in_name and above else evidence - 0.1
    if _in_another_script(wanted, folder.pieces):
        return None, 1.0
    raise OtherRecording("the artist is not named")


def _in_name(wanted: WantedReading, taken: FileReading) -> tuple[float, list[str]]:
    """How surely the name of a file says the artist, and which of its pieces say something that is not known."""
    read, rest = taken.name, taken.rest
    found, unexplained, theirs = 0.0, list[str](), False
    if read.is_scene and len(rest) > 1:  # a hyphen may be part of a name
        found = artists.credit(wanted.artists, " ".join(rest[:-1]), wanted.album_words)
    if read.numbered and rest and rest[0] == read.pieces[0]:  # 50 Cent
        found = max(found, artists.credit(wanted.artists, read.numbered, wanted.album_words))
    for piece in rest:
        much = artists.credit(wanted.artists, piece, wanted.album_words)
        if much:
            found, theirs = max(found, much), theirs or piece in taken.behind
        elif not _explained(wanted, taken.folder, piece):
            unexplained.append(piece)
    if unexplained and read.is_scene and unexplained[-1] == read.pieces[-1]:
        unexplained.pop()  # who made the file
    if unexplained:
        constant = paths.constant_pieces(taken.file.siblings)
        unexplained = [piece for piece in unexplained if paths.joined(piece) not in constant]
    unexplained = [piece for piece in unexplained if not (wanted.guests and artists.credit(wanted.guests, piece))]
    if not unexplained:
        return max(found, LEADS * taken.names_artist), []
    told = theirs or (found and length_of(wanted, taken.file) == 1.0)
    if _is_album(taken) or (not told and unexplained[-1] in taken.behind):
        raise OtherRecording(f"its title seems to be {unexplained[-1]}")
    return found, unexplained


def _is_album(taken: FileReading) -> bool:
    """Whether what seemed the title is the album: its folder or all files beside it have it, and another piece is the title."""
    one = "".join(words(" ".join(taken.own)))
    return one in taken.folder.joined or one in paths.constant_pieces(taken.file.siblings)


def _is_theirs(wanted: WantedReading, folder: FolderReading) -> bool:
    """Whether a folder that looks like one of many artists is one of the wanted artist: the wanted album, or with their name in its own."""
    if is_wanted_album(wanted, folder):
        return True
    nearest = paths.read_folder(folder.names[0]).pieces
    return len(nearest) > 1 and any(artists.credit(wanted.artists, piece) == 1.0 for piece in nearest)


def _explained(wanted: WantedReading, folder: FolderReading, piece: str) -> bool:
    """Whether a piece of a name is an album, a folder or a version."""
    found = words(piece)
    one = "".join(found)
    if not found or one.isdigit() or one in folder.joined or one == "".join(wanted.title.core):
        return True
    if versions.is_neutral(found) or versions.named_apart(found).kinds or titles.says_credit_or_source(piece):
        return True
    if not wanted.album.full or not may_be_album(wanted, found):
        return False
    album = titles.read_title(piece)
    return wanted.album.numbers == album.numbers and titles.title_similarity(wanted.album, album) > 0.8


def _in_another_script(wanted: WantedReading, pieces: list[str] | tuple[str, ...]) -> bool:
    """Whether a name may be that of an artist in other letters."""
    theirs = [scripts(piece) for piece in pieces[:2]]
    return bool(wanted.scripts) and any(found and not (found & wanted.scripts) for found in theirs)
