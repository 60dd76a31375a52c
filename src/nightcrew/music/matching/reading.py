"""What is wanted and a file, taken apart for comparing. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from nightcrew.music.matching import artists, classical, glance, titles, versions, works
from nightcrew.music.matching.artists import ArtistName
from nightcrew.music.matching.glance import Sought
from nightcrew.music.matching.model import FileCandidate, WantedTrack
from nightcrew.music.matching.paths import FolderReading, NameReading
from nightcrew.music.matching.titles import TitleReading
from nightcrew.music.matching.vocabulary import OF_FOLDERS, SMALL
from nightcrew.music.matching.words import Words, scripts, spaced, words
from nightcrew.music.matching.works import WorkReading

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})


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
