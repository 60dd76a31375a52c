"""A file held against a classical work: work, movement and key, and its composer or who performs it. Pure."""

from __future__ import annotations

from nightcrew.music.matching import artists, paths, versions, works
from nightcrew.music.matching.artists import ArtistName
from nightcrew.music.matching.model import OtherRecording
from nightcrew.music.matching.paths import FolderReading
from nightcrew.music.matching.vocabulary import FORMS, INSTRUMENTS, OF_FOLDERS
from nightcrew.music.matching.words import Words, words
from nightcrew.music.matching.works import WorkReading

_NO_VERSIONS = frozenset(["piano", "orchestral"])


def names_of(names: tuple[ArtistName, ...]) -> tuple[ArtistName, ...]:
    """The names by which composers and performers are known, too: "Bach" and "J.S. Bach" for Johann Sebastian."""
    found = list(names)
    for one in names:
        *given, last = one.words or ("",)
        if not given or len(last) < 4 or last in FORMS or last.startswith(("orchest", "philharm", "ensemble", "choir")):
            continue
        letters = [word[0] for word in given]
        forms = [(), ("".join(letters),), tuple(letters), (letters[0], *given[1:]), (letters[0],)]
        found += [ArtistName((*form, last), "".join((*form, last))) for form in forms]
    return tuple(dict.fromkeys(found))


def kinds_in(text: str) -> frozenset[str]:
    """The versions that a text names, where "Klavierkonzert" is no concert and "String Quartet" no arrangement for one."""
    said = tuple(word for word in words(text) if word not in FORMS and word not in INSTRUMENTS)
    return versions.named_in(said, loose=True).kinds - _NO_VERSIONS


def hold(
    wanted: WorkReading, names: tuple[ArtistName, ...], kinds: frozenset[str], folder: FolderReading, name: str
) -> tuple[float, float]:
    """How surely a file is the work, and how surely its artist is named. `kinds`: versions that are wanted. Raises `OtherRecording`."""
    pieces = paths.whole_pieces(name)
    rest = [piece for piece in pieces if not artists.credit(names, piece)]
    text = " - ".join(rest)
    above = " - ".join(reversed(folder.names[:2]))
    more = (kinds_in(text) | (kinds_in(folder.names[0]) & OF_FOLDERS if folder.names else frozenset())) - kinds
    missing = kinds - kinds_in(f"{text} {above}")
    if more or missing:
        what = "another version" if more else "not the version that is wanted"
        raise OtherRecording(f"it is {what} ({', '.join(sorted(more or missing))})")
    found = works.with_folder(works.read_work(text), works.read_work(above))
    much = works.likeness(wanted, found)
    credited = [artists.credit(names, piece) for piece in (*pieces, *folder.pieces)]
    artist = max([*credited, 0.9 if _stands_in(names, words(text), folder) else 0.0])
    if not artist:
        raise OtherRecording("neither its composer nor who performs it is named")
    return much, artist


def _stands_in(names: tuple[ArtistName, ...], said: Words, folder: FolderReading) -> bool:
    """Whether a name stands among other words: "Beethoven Symphony No. 5"."""
    places = [said, *map(words, folder.names)]
    return any(_is_within(one.words, place) for one in names for place in places if one.words)


def _is_within(name: Words, said: Words) -> bool:
    for at in range(len(said) - len(name) + 1):
        if said[at : at + len(name)] == name:
            before = said[at - 1] if at else ""
            if len(name) > 1 or not before.isalpha() or len(before) > 3:  # C.P.E. Bach is another one
                return True
    return False
