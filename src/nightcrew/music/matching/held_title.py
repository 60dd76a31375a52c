"""The title of a file held against the one that is wanted: which part of its name it is, and whether it is the same. Pure."""

from __future__ import annotations

from nightcrew.music.matching import artists, paths, titles, versions
from nightcrew.music.matching.model import OtherRecording
from nightcrew.music.matching.paths import NameReading
from nightcrew.music.matching.reading import WantedReading
from nightcrew.music.matching.titles import TitleReading
from nightcrew.music.matching.words import alike, is_slip, similarity, weight, words

TITLE_FROM = 0.72
"""How alike the titles of one recording are at least."""


def find_title(wanted: WantedReading, read: NameReading) -> tuple[tuple[int, int], TitleReading, float]:
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


def without_artist(wanted: WantedReading, found: TitleReading, text: str, above: str) -> tuple[TitleReading, bool]:
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


def check_title(wanted: WantedReading, found: TitleReading, much: float) -> None:
    """Raises `OtherRecording` for another title. `much`: how alike they are."""
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
        check_guests(wanted, found.guests)
    if _not_years(mine) != _not_years(its) and not (
        wanted.title.full != wanted.title.core and _core_numbers(wanted) == _not_years(its)
    ):
        raise OtherRecording("its title has other numbers")


def check_guests(wanted: WantedReading, found: tuple[str, ...]) -> None:
    """What stands behind a guest's name may be the number of a part: "Song feat. Somebody 2"."""
    if wanted.title.guests and _numbers_said(wanted.title.guests) != _numbers_said(found):
        raise OtherRecording("its title has other numbers")


def _numbers_said(guests: tuple[str, ...]) -> frozenset[str]:
    return frozenset[str]().union(*(titles.numbers_in(titles.counted(words(one))) for one in guests))


def _core_numbers(wanted: WantedReading) -> frozenset[str]:
    return _not_years(titles.numbers_in(wanted.title.core))


def _not_years(numbers: frozenset[str]) -> frozenset[str]:
    return frozenset(one for one in numbers if not versions.is_year(one))
