"""One file held against what is wanted: first what rules it out, then how much each part speaks for it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from rapidfuzz.distance import Indel

from nightcrew.music.matching import artists, classical, glance, paths, titles, versions, works
from nightcrew.music.matching.artists import ArtistName
from nightcrew.music.matching.glance import Sought
from nightcrew.music.matching.model import FileCandidate, MatchParts, OtherRecording, WantedTrack
from nightcrew.music.matching.paths import FolderReading, NameReading
from nightcrew.music.matching.titles import TitleReading
from nightcrew.music.matching.versions import VersionWords
from nightcrew.music.matching.vocabulary import OF_FOLDERS, SMALL, TELLING, UNSURE
from nightcrew.music.matching.words import Words, alike, is_slip, scripts, similarity, spaced, weight, words
from nightcrew.music.matching.works import WorkReading

TITLE_FROM = 0.72
"""How alike the titles of one recording are at least."""
LENGTH_FULL, LENGTH_NONE, LENGTH_GATE = 3.0, 15.0, 30.0
"""Seconds that a length may be off: without a doubt, to be worth nothing, and at all."""
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
LEADS = 0.85
"""How surely an artist is named with whose name a folder begins, or whose name stands in one piece with the title."""


@dataclass(frozen=True, slots=True)
class WantedReading:
    """What is wanted, read once for all candidates."""

    track: WantedTrack
    title: TitleReading
    artists: tuple[ArtistName, ...]
    album: TitleReading
    guests: tuple[ArtistName, ...]
    """Who else plays, by the title. Their name is no proof that a file is this recording."""
    album_words: Words
    lowered: str
    """The title as it is written, in small letters."""
    album_joined: str
    """The words of the album's title as one word."""
    album_content: frozenset[str]
    """Its words."""
    content: frozenset[str]
    """The words of which one has to be in a title; all of them when it is one."""
    scripts: frozenset[str]
    album_kinds: frozenset[str]
    """The versions that the album is of as a whole."""
    called: frozenset[str]
    """Versions that are only words of the title, as in "Music Sessions, Vol. 3", and its words."""
    in_pieces: bool
    """Whether the title has signs at which names of files are split."""
    work: WorkReading | None
    """The classical work, None where it is none."""
    sought: Sought
    """The same, as it is looked for at first."""


class FileReading(NamedTuple):
    """A file taken apart. `before` and `behind`: the pieces of its name around the title."""

    file: FileCandidate
    folder: FolderReading
    name: NameReading
    title: TitleReading
    before: tuple[str, ...]
    behind: tuple[str, ...]
    own: tuple[str, ...]
    """The pieces that are the title."""
    names_artist: bool
    """Whether the artist's name stands in one piece with the title."""

    @property
    def rest(self) -> tuple[str, ...]:
        """All pieces but the title."""
        return self.before + self.behind


@lru_cache(maxsize=1 << 12)
def read_wanted(track: WantedTrack) -> WantedReading:
    """Read what is wanted."""
    title, album = titles.read_title(track.title), titles.read_title(track.album)
    content = frozenset(word for word in title.core if word not in SMALL) or frozenset(title.core)
    names = [*track.artists, *track.aliases]
    names += [other for one in names if (other := _spelt_out(one)) != one]
    everybody = tuple([name for one in names for name in artists.names_in(one)])
    guests = tuple(name for one in title.guests for name in artists.names_in(one))
    letters = frozenset.union(frozenset(), *map(scripts, track.artists))
    called = versions.named_in(title.full, loose=True).kinds | frozenset(title.full)
    named = ((album.versions | versions.named_in(album.core, loose=True)).kinds & OF_FOLDERS) - (
        called - title.versions.kinds
    )
    album_words, everybody = words(track.album), tuple(dict.fromkeys(everybody))
    work = works.work_in(track.title)
    if work is not None:
        everybody = classical.names_of(everybody)
    return WantedReading(
        track,
        title,
        everybody,
        album,
        guests,
        album_words,
        spaced(track.title).lower(),
        "".join(album.core),
        frozenset(album.full),
        content,
        letters,
        named,
        called,
        any(char in track.title for char in "-:/"),
        work,
        glance.sought(
            title,
            content,
            everybody,
            guests,
            album_words,
            title.versions.kinds | named,
            letters,
            is_work=work is not None,
        ),
    )


def _spelt_out(name: str) -> str:
    """With "ue" for "ü", as Germans write it where they have to."""
    return name if name.isascii() else name.translate(_UMLAUTS)


def hold_against(wanted: WantedReading, file: FileCandidate) -> MatchParts:
    """How much speaks for a file. Raises `OtherRecording`."""
    _length(wanted, file)
    above, name = paths.split(file.path)
    if why := glance.refusal(wanted.sought, paths.unshared(above), name):
        raise OtherRecording(why)
    return in_pieces(wanted, file)


def in_pieces(wanted: WantedReading, file: FileCandidate) -> MatchParts:
    """The same, without the quick look at first."""
    length = _length(wanted, file)
    above, name = paths.split(file.path)
    read = paths.read_name(name)
    if wanted.work is not None:
        return _of_work(wanted, wanted.work, read, paths.read_folder(above), name, length)
    place, title, much = _find_title(wanted, read)
    own = read.pieces[place[0] : place[1]]
    beside = False
    if much < 1.0 and len(title.full) > len(wanted.title.core):
        title, beside = _without_artist(wanted, title, own[0], above)
        much = titles.title_similarity(wanted.title, title) if beside else much
    _same_title(wanted, title, much)
    if more := versions.surely_another(wanted.title.versions.kinds | wanted.album_kinds, title.versions.kinds):
        raise OtherRecording(f"it is another version ({', '.join(sorted(more))})")
    before, behind = read.pieces[: place[0]], read.pieces[place[1] :]
    taken = FileReading(file, paths.read_folder(above), read, title, before, behind, own, beside)
    artist, evidence = _artist(wanted, taken)
    version = _version(wanted, taken, exact=length == 1.0)
    album = _album(wanted, taken.folder, taken.rest)
    return MatchParts(much, artist, version, album, _number(wanted, read), length, evidence)


def _of_work(
    wanted: WantedReading, work: WorkReading, read: NameReading, folder: FolderReading, name: str, length: float | None
) -> MatchParts:
    kinds = classical.kinds_in(f"{wanted.track.title} - {wanted.track.album}") & (
        classical.kinds_in(wanted.track.title) | OF_FOLDERS
    )
    much, artist = classical.hold(work, wanted.artists, kinds, folder, name)
    return MatchParts(much, artist, 1.0, _album(wanted, folder, ()), _number(wanted, read), length)


def _number(wanted: WantedReading, read: NameReading) -> float | None:
    if wanted.track.number is None or read.number is None:
        return None
    return 1.0 if wanted.track.number == read.number else 0.0


def _find_title(wanted: WantedReading, read: NameReading) -> tuple[tuple[int, int], TitleReading, float]:
    """Which pieces of a name are the title: those that are most like it."""
    pieces, count = read.pieces, len(read.pieces)
    spans = [(at, at + 1) for at in range(read.first, count)]
    if count > 1 and wanted.in_pieces:
        spans += [(at, at + 2) for at in range(read.first, count - 1)]
    best: tuple[tuple[int, int], TitleReading, float] | None = None
    for span in reversed(spans):
        text = pieces[span[0]] if span[1] - span[0] == 1 else " - ".join(pieces[span[0] : span[1]])
        if text.lower() == wanted.lowered:
            return span, wanted.title, 1.0
        reading = titles.without(titles.read_title(text), wanted.title)
        much = titles.title_similarity(wanted.title, reading)
        if best is None or much > best[2]:
            best = (span, reading, much)
            if much == 1.0:
                break
    if read.numbered and (best is None or best[2] < 1.0) and any(word.isdigit() for word in wanted.title.core):
        reading = titles.without(titles.read_title(read.numbered), wanted.title)
        much = titles.title_similarity(wanted.title, reading)
        if best is None or much > best[2]:
            place = next((at for at, piece in enumerate(pieces) if read.numbered.endswith(piece)), 0)
            best = ((place, place + 1), reading, much)
    if best is None:
        raise OtherRecording("its name has no title")
    return best


def _without_artist(wanted: WantedReading, found: TitleReading, text: str, above: str) -> tuple[TitleReading, bool]:
    """A title without the artist's name before, behind or in brackets, and whether it was there: "Michael Jackson Billie Jean".

    A name of one word may be the title's own, "Trust Me", unless the folder is the artist's. In brackets behind the title stands whose
    song it is, which another one may play, unless no folder says more.
    """
    core, inside = found.core, found.full[len(found.core) :]
    for one in wanted.artists:
        name, size = one.words, len(one.words)
        if (
            name
            and inside[-size:] == name
            and len(inside) - size < 2
            and (text[0] in "[({" or not paths.read_folder(above).pieces)
        ):
            return found._replace(full=core, numbers=titles.numbers_in(core)), True
        lead = core[1:] if core[:1] == ("the",) else core
        if len(lead) > size and (name in {lead[:size], core[-size:]}):
            if size < 2 and not any(artists.credit((one,), piece) == 1.0 for piece in paths.read_folder(above).pieces):
                continue
            core = lead[size:] if lead[:size] == name else core[:-size]
            if core and similarity(wanted.title.core, core) >= TITLE_FROM:
                full = core + inside
                return found._replace(core=core, full=full, numbers=titles.numbers_in(full)), True
    return found, False


def _same_title(wanted: WantedReading, found: TitleReading, much: float) -> None:
    if found is wanted.title:
        return
    _same_numbers(wanted, found)
    if found.core != wanted.title.core and not is_slip("".join(wanted.title.core), "".join(found.core)):
        there = frozenset(found.full)
        if not wanted.content & there and not any(alike(word, other) for word in wanted.content for other in there):
            raise OtherRecording("its title shares no word with the one that is wanted")
        over = [word for word in found.core if word not in wanted.title.full and not word.isdigit()]
        over = [word for word in over if not any(alike(word, other) for other in wanted.title.full)]
        if sum(map(weight, over)) > 0.5 and "".join(found.core) not in {
            "".join(wanted.title.core),
            "".join(wanted.title.full),
        }:
            raise OtherRecording(f"its title has more words ({' '.join(over)})")
    if much < TITLE_FROM:
        raise OtherRecording("it has another title")
    if wanted.title.key and found.key and wanted.title.key != found.key:
        raise OtherRecording(f"it is in another key ({found.key})")


def _same_numbers(wanted: WantedReading, found: TitleReading) -> None:
    mine, its = wanted.title.numbers, found.numbers
    if found.guests:
        _same_guests(wanted, found.guests)
    if _not_years(mine) != _not_years(its) and not (
        wanted.title.full != wanted.title.core and _core_numbers(wanted) == _not_years(its)
    ):
        raise OtherRecording("its title has other numbers")


def _same_guests(wanted: WantedReading, found: tuple[str, ...]) -> None:
    """What stands behind a guest's name may be the number of a part: "Song feat. Somebody 2"."""
    if wanted.title.guests and _numbers_said(wanted.title.guests) != _numbers_said(found):
        raise OtherRecording("its title has other numbers")


def _numbers_said(guests: tuple[str, ...]) -> frozenset[str]:
    return frozenset[str]().union(*(titles.numbers_in(titles.counted(words(one))) for one in guests))


def _core_numbers(wanted: WantedReading) -> frozenset[str]:
    return _not_years(titles.numbers_in(wanted.title.core))


def _not_years(numbers: frozenset[str]) -> frozenset[str]:
    return frozenset(one for one in numbers if not versions.is_year(one))


def _artist(wanted: WantedReading, taken: FileReading) -> tuple[float | None, float]:
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
    told = theirs or (found and _length(wanted, taken.file) == 1.0)
    if _is_album(taken) or (not told and unexplained[-1] in taken.behind):
        raise OtherRecording(f"its title seems to be {unexplained[-1]}")
    return found, unexplained


def _is_album(taken: FileReading) -> bool:
    """Whether what seemed the title is the album: its folder or all files beside it have it, and another piece is the title."""
    one = "".join(words(" ".join(taken.own)))
    return one in taken.folder.joined or one in paths.constant_pieces(taken.file.siblings)


def _is_theirs(wanted: WantedReading, folder: FolderReading) -> bool:
    """Whether a folder that looks like one of many artists is one of the wanted artist: the wanted album, or with their name in its own."""
    if _is_wanted_album(wanted, folder):
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
    if not wanted.album.full or not _may_be_album(wanted, found):
        return False
    album = titles.read_title(piece)
    return wanted.album.numbers == album.numbers and titles.title_similarity(wanted.album, album) > 0.8


def _in_another_script(wanted: WantedReading, pieces: list[str] | tuple[str, ...]) -> bool:
    """Whether a name may be that of an artist in other letters."""
    theirs = [scripts(piece) for piece in pieces[:2]]
    return bool(wanted.scripts) and any(found and not (found & wanted.scripts) for found in theirs)


def _version(wanted: WantedReading, taken: FileReading, *, exact: bool) -> float:
    """How well the versions agree. `exact`: the lengths are the same."""
    folder, asked = taken.folder, wanted.title.versions
    dated = folder.is_dated and not asked.kinds and not _is_wanted_album(wanted, folder)
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


def _is_wanted_album(wanted: WantedReading, folder: FolderReading) -> bool:
    return bool(wanted.album.core) and _album(wanted, folder, ()) == 1.0


def _versions_of(wanted: WantedReading, taken: FileReading) -> VersionWords:
    """The versions that the name of a file and its folder say. Raises `OtherRecording` for the number of another part."""
    folder, found, asked = taken.folder, taken.title.versions, wanted.title.versions
    for piece in taken.behind:
        if not artists.credit(wanted.artists, piece):
            counted = titles.counted(words(piece))
            found |= _named_behind(wanted, folder, piece, counted)
            if titles.says_credit_or_source(piece):
                _same_guests(wanted, (piece,))
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
    if found and found[-1] in UNSURE and paths.joined(piece) not in folder.joined and not _may_be_album(wanted, found):
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


def _length(wanted: WantedReading, file: FileCandidate) -> float | None:
    """How well the lengths agree. Raises `OtherRecording`."""
    if wanted.track.seconds is None or file.seconds is None or file.seconds <= 0:
        return None
    off = abs(file.seconds - wanted.track.seconds)
    if off > LENGTH_GATE:
        raise OtherRecording(f"its length is off by {off:.0f} s")
    return min(1.0, max(0.0, 1 - (off - LENGTH_FULL) / (LENGTH_NONE - LENGTH_FULL)))


def _album(wanted: WantedReading, folder: FolderReading, rest: tuple[str, ...]) -> float | None:
    if not wanted.album.core:
        return None
    if wanted.album_joined in folder.joined:
        return 1.0
    pieces = [*folder.pieces, *rest]
    if not pieces:
        return None
    near = [piece for piece in pieces if _may_be_album(wanted, words(piece))]
    best = max([similarity(wanted.album.core, titles.read_title(piece).core) for piece in near], default=0.0)
    return best if best >= 0.5 else 0.0


def _may_be_album(wanted: WantedReading, found: Words) -> bool:
    """A quick look whether a piece has anything of the album's title."""
    return not wanted.album_content.isdisjoint(found) or (
        Indel.normalized_similarity(wanted.album_joined, "".join(found), score_cutoff=0.6) > 0
    )
