"""Classical works: which work a text names, which part of it and which movement. Pure.

People write them in many ways, "Symphony No. 5 in C minor, Op. 67: IV. Allegro" and "5. Sinfonie c-moll op.67 - 4. Satz". What both sides
say has to agree, and what only one says is left open, as long as something says which work and which movement it is.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from nightcrew.music.matching import versions
from nightcrew.music.matching.model import OtherRecording
from nightcrew.music.matching.vocabulary import FORMS, INSTRUMENTS, SMALL
from nightcrew.music.matching.words import CACHED, Words, fold, similarity, words

_ROMAN = {
    ten + one: str(10 * tens + ones)
    for tens, ten in enumerate(("", "x"))
    for ones, one in enumerate(("", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix"))
    if ten + one
}
_COUNT = r"(\d{1,3}|x{0,2}(?:ix|iv|v?i{1,3}|v)|x{1,2})"
_NOTES = {"do": "c", "ut": "c", "re": "d", "mi": "e", "fa": "f", "sol": "g", "la": "a", "si": "b"}
_KEY = re.compile(
    r"(\bin |\ben )?\b([a-h]|do|ut|re|mi|fa|sol|la|si)[ -]?(flat|sharp|is|es|s|#|b|bemol|diese|sostenido)?[ -]?"
    r"(maj|min|major|minor|dur|moll|mayor|menor|majeur|mineur|maggiore|minore)\b"
)
_FLAT = frozenset(["flat", "es", "s", "b", "bemol"])
_MINOR = frozenset(["min", "minor", "moll", "menor", "mineur", "minore"])
_CATALOGUE = re.compile(
    r"\b(?:(op|opus|bwv|kv|rv|hwv|woo|twv|kk|sz|wq)[ ._:]*(?:posth?[ ._]*)?|([kdslbhg])[ ._]*(?=\d\d))"
    r"(\d{1,4})(?:[a-e]\b)?(?! ?[-–] ?\d{2})(?:[/_](\d{1,2})\b)?"
)
_RANGE = re.compile(r"\b(?:op|opus|bwv|kv?|rv|hwv|d)[ ._]*\d{1,4} ?[-–] ?\d{2,4}\b")
_HOBOKEN = re.compile(r"\bhob(?:oken)?[ .]*([ivx]+[ab]?)[ .:/_-]*(\d+)")
_NUMBER = re.compile(rf"\b(?:no|nr|num|number|nos|n)(?:deg)?[. o\xb0]{{0,4}}{_COUNT}\b|#(\d+)")
_ONE_FORM = (
    r"(?:symphon(?:y|ie)|sinfoni[ea]|sonat[ae]|concerto|\w*konzert|quartett?|prelude|etude|nocturne|waltz|dance)"
)
_OF_FORM = re.compile(rf"\b{_ONE_FORM} (\d{{1,3}})\b")
_BEFORE_FORM = re.compile(r"\b(\d{1,3})(?:st|nd|rd|th|\.) (?=symphon|sinfoni|(?:piano |violin )?(?:sonat|concerto))")
_PART = re.compile(
    rf"\b(book|buch|livre|bk|part|pt|teil|act|akt|scene|volume|vol|clavier|klavier|wtc|wtk)[ ._]*{_COUNT}\b"
)
_VARIATION = re.compile(r"\bvar(?:iation|iatio)?[ .]*(\d{1,2})\b")
_MOVED = r"(?:mvts?|mov|mvmt|movement|satz|mouvement|movimiento|movimento)\b"
_MOVEMENT = re.compile(rf"\b{_COUNT}(?:st|nd|rd|th)?[ .]*{_MOVED}|\b{_MOVED}[ .]*{_COUNT}\b")
_STARTS = re.compile(rf"(?:^|[|:_,;(/]|[ |][-–—]) *{_COUNT}(?![\w'])(?!\.\d)|\b{_COUNT}\.(?!\d)")
_ORDINALS = {"first": "1", "second": "2", "third": "3", "fourth": "4", "fifth": "5", "sixth": "6"}
_ORDINAL = re.compile(rf"\b({'|'.join(_ORDINALS)}) {_MOVED}")
_ARRANGED = re.compile(r"\b(?:arr|arranged|arrangement|transcription|transcr|transcribed|bearbeitung)\b")
_SAME_PART = {
    "buch": "book",
    "livre": "book",
    "bk": "book",
    "pt": "part",
    "teil": "part",
    "akt": "act",
    "vol": "volume",
}
_SAME_PART |= dict.fromkeys(["clavier", "klavier", "wtc", "wtk"], "book")
_SURE = frozenset(["op", "bwv", "rv", "hob", "hwv", "woo", "twv"])
_NAMED = _SURE | frozenset(["kk", "sz", "wq", "k", "d", "s", "l", "b", "h", "g"])
"""How catalogues are called; "number" and "piece" are a work's own number and the one within an opus."""
_SAID = {
    "number": "No.",
    "piece": "No.",
    "op": "Op.",
    "bwv": "BWV",
    "k": "K.",
    "d": "D.",
    "rv": "RV",
    "hwv": "HWV",
    "hob": "Hob.",
}


_MAY_BE = re.compile(
    rf"\b(?:op|opus|bwv|kv|rv|hwv|woo|twv|[kdslbhg])[ ._]*\d|\bhob\b|major|minor|moll\b|dur\b|{'|'.join(FORMS)}",
    re.IGNORECASE,
)
"""A quick look whether a title may be that of a work."""


class WorkReading(NamedTuple):
    """What a text says. `given`: its numbers by what they count. `head`: words up to the last of them; `tail`: those behind."""

    given: dict[str, str]
    key: str
    head: frozenset[str]
    tail: Words
    apart: bool
    """Whether a sign stands before `tail`, as before the name of a movement and not before a by-name."""
    arranged: bool
    is_work: bool

    @property
    def names_movement(self) -> bool:
        """Whether it is one movement."""
        return "movement" in self.given or (self.apart and bool(self.tail))


def work_in(title: str) -> WorkReading | None:
    """The work that a title names, None for that of a song."""
    if _MAY_BE.search(title) is None and (title.isascii() or _MAY_BE.search(fold(title)) is None):
        return None
    work = read_work(title)
    return work if work.is_work else None


@lru_cache(maxsize=CACHED)
def read_work(text: str) -> WorkReading:
    """Read what a text says of a work."""
    left, given = fold(text).replace("♯", "#"), dict[str, str]()
    left = _RANGE.sub("|", left)
    left, key = _take_key(left)
    left = _take_catalogues(left, given)
    for pattern, name in ((_VARIATION, "variation"), (_PART, ""), (_ORDINAL, "movement"), (_MOVEMENT, "movement")):
        left = _take(pattern, left, given, name)
    left = _take_numbers(left, given)
    marked = left
    left = _take_movement(left, given)
    head, sign, tail = _at_last_mark(left)
    said = frozenset(_content(head))
    forms = said & FORMS.keys() or frozenset(_content(tail)) & FORMS.keys()
    sure = not given.keys().isdisjoint(_SURE) or bool(given.keys() & _NAMED and (key or "movement" in given))
    sure = sure or bool(key and "number" in given)
    is_work = sure or (bool(forms) and bool(key or given.keys() - {"volume", "part", "movement"}))
    return WorkReading(given, key, _unified(said), _content(tail), sign, bool(_ARRANGED.search(marked)), is_work)


def _take_key(text: str) -> tuple[str, str]:
    found = _KEY.search(text)
    if found is None:
        return text, ""
    note, sign, mode = _NOTES.get(found[2], found[2]), found[3] or "", found[4]
    if mode in {"dur", "moll"} and not sign and note in "bh":
        note, sign = "b", "flat" if note == "b" else ""
    said = " flat" if sign in _FLAT else " sharp" if sign else ""
    return f"{text[: found.start()]} | {text[found.end() :]}", f"{note}{said} {'minor' if mode in _MINOR else 'major'}"


def _take_catalogues(text: str, given: dict[str, str]) -> str:
    def hoboken(found: re.Match[str]) -> str:
        given["hob"] = f"{_ROMAN.get(found[1].rstrip('ab'), found[1])}:{int(found[2])}"
        return " | "

    def number(found: re.Match[str]) -> str:
        kind = {"opus": "op", "kv": "k"}.get(found[1] or found[2], found[1] or found[2])
        given.setdefault(kind, str(int(found[3])))
        if found[4]:
            given.setdefault("piece", str(int(found[4])))
        return " |op " if kind == "op" else " | "

    return _CATALOGUE.sub(number, _HOBOKEN.sub(hoboken, text))


def _take(pattern: re.Pattern[str], text: str, given: dict[str, str], name: str) -> str:
    def number(found: re.Match[str]) -> str:
        first, *more = [one for one in found.groups() if one]
        kind = name or _SAME_PART.get(first, first)
        given.setdefault(kind, _counted(more[0] if more else first))
        return f" {first} | " if first in {"clavier", "klavier"} else " | "

    return pattern.sub(number, text)


def _take_numbers(text: str, given: dict[str, str]) -> str:
    def number(found: re.Match[str]) -> str:
        kind = "piece" if "|op" in text[: found.start()] else "number"
        given.setdefault(kind, _counted(found[1] or found[2]))
        return " | "

    text = _NUMBER.sub(number, text)
    if "number" not in given:
        for pattern in (_OF_FORM, _BEFORE_FORM):
            found = pattern.search(text)
            if found is not None:
                given["number"] = str(int(found[1]))
                return f"{text[: found.start(1)]} | {text[found.end(1) :].removeprefix('.')}"
    return text


def _take_movement(text: str, given: dict[str, str]) -> str:
    """The number of a movement that is not called so: "IV. Allegro", " - 4 Allegro"."""
    text = text.replace("|op", "|")
    if "movement" in given:
        return text
    for found in _STARTS.finditer(text):
        count = found[1] or found[2]
        if found.start() == 0 and count.isdigit() and found[1]:  # "24 Caprices"
            continue
        given["movement"] = _counted(count)
        return f"{text[: found.start()]} |: {text[found.end() :]}"
    return text


def _counted(text: str) -> str:
    return (
        _ORDINALS.get(text) or _ROMAN.get(text) or str(int(text))
        if text.isdigit() or text in _ROMAN or text in _ORDINALS
        else text
    )


def _at_last_mark(text: str) -> tuple[str, bool, str]:
    """What stands before and behind the last number, and whether a sign stands between."""
    head, mark, tail = text.rpartition("|")
    if not mark:
        return text, False, ""
    return head, re.match(r"\s*[.)]*\s*(?:[:_,;]|[-–—])", tail) is not None, tail


def _content(text: str) -> Words:
    return tuple(
        FORMS.get(word, INSTRUMENTS.get(word, word))
        for word in words(text)
        if word not in SMALL and not word.isdigit() and word not in _ROMAN and not versions.is_neutral((word,))
    )


def _unified(found: frozenset[str]) -> frozenset[str]:
    return frozenset(FORMS.get(word, word) for word in found)


def with_folder(work: WorkReading, folder: WorkReading) -> WorkReading:
    """A file that is called as a movement only, in the folder of a work; and the book that only the folder says."""
    given = {kind: folder.given[kind] for kind in ("book", "act") if kind in folder.given} | work.given
    named = _identity(folder) or folder.key or folder.head & FORMS.keys()
    if _identity(work) or work.key or work.head & FORMS.keys() or not named:
        return work._replace(given=given)
    tail = work.tail or tuple(sorted(work.head))
    arranged = work.arranged or folder.arranged
    return WorkReading(_identity(folder) | given, folder.key, folder.head, tail, True, arranged, True)


def _identity(work: WorkReading) -> dict[str, str]:
    return {kind: number for kind, number in work.given.items() if kind in _NAMED or kind in {"number", "piece"}}


_MANY_OF = (FORMS.keys() | INSTRUMENTS.keys()) - {"requiem"}
"""Words that tell no work of a composer from another one. Hardly any wrote two requiems."""


def likeness(wanted: WorkReading, found: WorkReading) -> float:
    """How sure it is that both are the same movement of the same work, from 0 to 1. Raises `OtherRecording`."""
    _agree(wanted, found)
    return min(_same_work(wanted, found), _same_movement(wanted, found))


def _agree(wanted: WorkReading, found: WorkReading) -> None:
    if wanted.key and found.key and wanted.key != found.key:
        raise OtherRecording(f"it is in another key ({found.key})")
    for kind, number in wanted.given.items():
        other = found.given.get(kind, number)
        if other != number:
            what = "movement" if kind == "movement" else "work" if kind in _NAMED or kind == "number" else "part"
            which = other if kind == what else f"{_SAID.get(kind, kind)} {other}"
            raise OtherRecording(f"it is another {what} ({which})")
    mine, its = _identity(wanted), _identity(found)
    if mine.get("op") == its.get("op") and {"number", "piece"} & mine.keys() and {"number", "piece"} & its.keys():
        counts = [{one[kind] for kind in ("number", "piece") if kind in one} for one in (mine, its)]
        if counts[0].isdisjoint(counts[1]):
            raise OtherRecording("its title has other numbers")
    if wanted.arranged != found.arranged:
        raise OtherRecording(
            "it is another version (arranged)" if found.arranged else "it is not the arrangement that is wanted"
        )
    for names in (frozenset(FORMS.values()), frozenset(INSTRUMENTS.values())):
        ours, theirs = wanted.head & names, found.head & names
        if ours and theirs and ours.isdisjoint(theirs):
            raise OtherRecording(f"it is another work ({' '.join(sorted(theirs))})")


def _same_work(wanted: WorkReading, found: WorkReading) -> float:
    shared = _identity(wanted).keys() & _identity(found).keys()
    if shared & _NAMED or not (_identity(wanted) or wanted.key):
        return 1.0
    words_said = {FORMS.get(word, word) for word in (*found.head, *found.tail)}
    common = words_said & wanted.head
    if shared:
        return 1.0 if common or not wanted.head else 0.8
    if common - _MANY_OF:  # a name, such as Moonlight
        return 0.9
    by_name = frozenset() if wanted.apart else frozenset(wanted.tail) - _MANY_OF
    if by_name and not wanted.names_movement and by_name <= words_said:  # "Für Elise"
        return 0.9
    if wanted.key and found.key and common:
        return 1.0 if not _identity(wanted) else 0.6
    raise OtherRecording("its name does not say which work it is")


def _same_movement(wanted: WorkReading, found: WorkReading) -> float:
    numbered = "movement" in wanted.given and "movement" in found.given
    if not wanted.names_movement:
        if "movement" in found.given:
            raise OtherRecording(f"it is one movement ({found.given['movement']})")
        over = [word for word in found.tail if word not in wanted.tail and word not in wanted.head]
        if over and found.apart and not wanted.tail:
            return 0.7
        return 1.0
    alike = similarity(wanted.tail, found.tail) if wanted.tail and found.tail else None
    if numbered:
        return 1.0 if alike is None or alike >= 0.5 else 0.85
    if wanted.tail and frozenset(wanted.tail) <= found.head:  # "Air from Suite No. 3"
        return 0.95
    if alike is None:
        raise OtherRecording("its name does not say which movement it is")
    if alike < 0.5:
        raise OtherRecording(f"it is another movement ({' '.join(found.tail)})")
    return alike
