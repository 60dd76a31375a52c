"""One file held against what is wanted: first what rules it out, then how much each part speaks for it. Pure."""

from __future__ import annotations

from nightcrew.music.matching import classical, glance, paths, titles, versions
from nightcrew.music.matching.held_artist import artist_of
from nightcrew.music.matching.held_details import album_of, length_of, number_of
from nightcrew.music.matching.held_title import check_title, find_title, without_artist
from nightcrew.music.matching.held_version import version_of
from nightcrew.music.matching.model import FileCandidate, MatchParts, OtherRecording
from nightcrew.music.matching.paths import FolderReading, NameReading
from nightcrew.music.matching.reading import FileReading, WantedReading
from nightcrew.music.matching.vocabulary import OF_FOLDERS
from nightcrew.music.matching.works import WorkReading


def hold_against(wanted: WantedReading, file: FileCandidate) -> MatchParts:
    """How much speaks for a file. Raises `OtherRecording`."""
    length_of(wanted, file)
    above, name = paths.split(file.path)
    if why := glance.refusal(wanted.sought, paths.unshared(above), name):
        raise OtherRecording(why)
    return in_pieces(wanted, file)


def in_pieces(wanted: WantedReading, file: FileCandidate) -> MatchParts:
    """The same, without the quick look at first."""
    length = length_of(wanted, file)
    above, name = paths.split(file.path)
    read = paths.read_name(name)
    if wanted.work is not None:
        return _of_work(wanted, wanted.work, read, paths.read_folder(above), name, length)
    place, title, much = find_title(wanted, read)
    own = read.pieces[place[0] : place[1]]
    beside = False
    if much < 1.0 and len(title.full) > len(wanted.title.core):
        title, beside = without_artist(wanted, title, own[0], above)
        much = titles.title_similarity(wanted.title, title) if beside else much
    check_title(wanted, title, much)
    if more := versions.surely_another(wanted.title.versions.kinds | wanted.album_kinds, title.versions.kinds):
        raise OtherRecording(f"it is another version ({', '.join(sorted(more))})")
    before, behind = read.pieces[: place[0]], read.pieces[place[1] :]
    taken = FileReading(file, paths.read_folder(above), read, title, before, behind, own, beside)
    artist, evidence = artist_of(wanted, taken)
    version = version_of(wanted, taken, exact=length == 1.0)
    album = album_of(wanted, taken.folder, taken.rest)
    return MatchParts(much, artist, version, album, number_of(wanted, read), length, evidence)


def _of_work(
    wanted: WantedReading, work: WorkReading, read: NameReading, folder: FolderReading, name: str, length: float | None
) -> MatchParts:
    kinds = classical.kinds_in(f"{wanted.track.title} - {wanted.track.album}") & (
        classical.kinds_in(wanted.track.title) | OF_FOLDERS
    )
    much, artist = classical.hold(work, wanted.artists, kinds, folder, name)
    return MatchParts(much, artist, 1.0, album_of(wanted, folder, ()), number_of(wanted, read), length)
