"""Title, year and kind of a release from its name, without the library: quick enough for every answer of a search. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

from nightcrew.movies.releases.kinds import kind_of
from nightcrew.movies.releases.model import Head, Reading, ReleaseKind
from nightcrew.movies.releases.tokens import NameWord, first_strong, is_technical, is_year, plain, split
from nightcrew.movies.releases.vocabulary import EDITION, WEAK
from nightcrew.movies.releases.words import PARTS, roman

CACHED = 1 << 14
"""Names that are kept: the answers of a few hundred searches."""
_GROUP = re.compile(r"\s*\[([^\[\]]{1,40})\][\s._-]*")
_YEAR_FIRST = re.compile(r"\s*[\[(]((?:18|19|20)\d\d)[\])][\s._-]*(?=\w)")
_IMDB = re.compile(r"(?<![A-Za-z0-9])tt(\d{6,9})(?!\d)")
_ORDINAL = re.compile(r"\d+(?:st|nd|rd|th)")
_EDGE = " \t._-–—:,;/|+~([{"


@lru_cache(maxsize=CACHED)
def read_head(name: str) -> Head:
    """What the beginning of a name says. Names of more than 300 characters are cut."""
    text = plain(name)
    imdb = _IMDB.search(text)
    text = _IMDB.sub("", text)
    first = _YEAR_FIRST.match(text)
    start = first.end() if first else 0
    bracket = _GROUP.match(text, start)
    bare = bracket.end() if bracket and _is_title(text[bracket.end() :]) else start
    found = _read(name, text[bare:], int(first[1]) if first else None)
    if bracket and bare > start and not is_technical(split(bracket[1]), 0, 99):
        whole = _read(name, text[start:].replace("[", " ", 1).replace("]", " ", 1), int(first[1]) if first else None)
        found = _with(found, others=(*found.others, *whole.readings))
    return _with(found, imdb_id=f"tt{imdb[1]}") if imdb else found


def _with(head: Head, *, others: tuple[Reading, ...] | None = None, imdb_id: str | None = None) -> Head:
    return Head(
        head.name, head.title, head.year, head.others if others is None else others, head.kind, head.why, head.season,
        head.episodes, head.imdb_id if imdb_id is None else imdb_id, head.tail,
    )  # fmt: skip


def _is_title(text: str) -> bool:
    """Whether a title stands at the beginning, and not only a number, a year or a technical term."""
    words = split(text)
    end = first_strong(words) if words else 0
    return any(not word.text.isdigit() and word.text not in WEAK for word in words[:end]) and not is_technical(
        words, 0, 1
    )


def _read(name: str, text: str, year: int | None) -> Head:
    words = split(text)
    stop = first_strong(words)
    closing = None if year else _closing_year(text, words, stop)
    if closing is None:
        end = _before_weak(words, stop)
        title = _cut(text, words, end)
        year = year or _year_behind(words, stop)
        held = kind_of(text, words, title_end=end, has_year=year is not None)
        others = [Reading(_cut(text, words, stop), year)] if end < stop else []
        tail = text[words[end].start :] if end < len(words) else ""
    else:
        title, year = _cut(text, words, closing), int(words[closing].text)
        held = kind_of(text, words, title_end=closing, has_year=True)
        title, others = _readings(text, words, closing, stop)
        tail = text[words[closing].end :].lstrip(")]} ")
    others = [one for one in dict.fromkeys(others) if one != Reading(title, year) and one.title]
    if held.kind is ReleaseKind.EPISODE and held.season is not None and closing is None:
        others = []
    return Head(name, title, year, tuple(others), held.kind, held.why, held.season, held.episodes, "", tail)


def _closing_year(text: str, words: list[NameWord], stop: int) -> int | None:
    """The place of the year that ends the title: one in brackets, the first with nothing but terms behind it, or the last."""
    years = [at for at in range(1, stop) if is_year(words[at].text)]
    if not years:
        return None
    bracketed = [at for at in years if _is_bracketed(text, words[at])]
    if bracketed:
        return bracketed[-1] + (bracketed[-1] + 1 in years)
    return next((at for at in years if is_technical(words, at + 1, stop)), years[-1])


def _is_bracketed(text: str, word: NameWord) -> bool:
    return text[: word.start].rstrip().endswith(("(", "[", "{")) and text[word.end :].lstrip()[:1] in {")", "]", "}"}


def _year_behind(words: list[NameWord], stop: int) -> int | None:
    """The year that stands among the terms behind a title, where only one does."""
    years = {int(word.text) for word in words[stop:] if is_year(word.text)}
    return years.pop() if len(years) == 1 else None


def _before_weak(words: list[NameWord], stop: int) -> int:
    """Where the title ends when no year ends it: at the last word that is no term."""
    end = stop
    while end > 1 and (words[end - 1].text in WEAK or (end < stop and _ORDINAL.fullmatch(words[end - 1].text))):
        end -= 1
    return end


def _readings(text: str, words: list[NameWord], closing: int, stop: int) -> tuple[str, list[Reading]]:
    """The title before a closing year, and what else may be meant."""
    year = int(words[closing].text)
    title = _cut(text, words, closing)
    others = []
    end = closing
    while end > 1 and words[end - 1].text in EDITION:
        end -= 1
    if end < closing:
        others.append(Reading(_cut(text, words, end), year))
    after = _behind(words, closing + 1, stop)
    if after > closing + 1:
        more = f"{title} {_cut(text[words[closing + 1].start :], _moved(words[closing + 1 :]), after - closing - 1)}"
        others.append(Reading(more, year))
        if _is_sequel(words, closing + 1):
            title = more
    if not _is_bracketed(text, words[closing]) and is_technical(words, closing + 1, stop):
        others.append(Reading(_cut(text, words, closing + 1), _year_behind(words, stop)))
    return title, others


def _behind(words: list[NameWord], low: int, stop: int) -> int:
    """Where the words end that stand between year and terms, and are none."""
    at = low
    while at < stop and words[at].text not in WEAK and not is_year(words[at].text):
        at += 1
    return at


def _is_sequel(words: list[NameWord], at: int) -> bool:
    """Whether a number of a part from 2 on stands here."""
    here, follows = words[at].text, words[at + 1].text if at + 1 < len(words) else ""
    number = follows if here in PARTS else here
    return (number.isdigit() and 1 < int(number) < 20) or roman(number) > 1 or (here in PARTS and number == "two")


def _moved(words: list[NameWord]) -> list[NameWord]:
    """The same words, counted from the first of them."""
    offset = words[0].start
    return [NameWord(word.text, word.start - offset, word.end - offset) for word in words]


def _cut(text: str, words: list[NameWord], end: int) -> str:
    """The text before a word, with spaces between its words, without signs at its edges."""
    whole = text[: words[end].start] if end < len(words) else text[: words[-1].end] if words else ""
    if " " not in whole.strip():
        whole = whole.replace(".", " ").replace("_", " ")
    whole = whole.replace("_", " ").strip(_EDGE).rstrip(".")
    for opening, closing in ("()", "[]", "{}"):
        if whole.count(opening) != whole.count(closing):
            whole = whole.replace(opening, " ").replace(closing, " ")
    return " ".join(whole.split())
