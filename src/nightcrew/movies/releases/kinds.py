"""Whether a name is that of a film, or of an episode, a pack, an extra, or no video at all. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nightcrew.movies.releases.model import ReleaseKind
from nightcrew.movies.releases.tokens import NameWord, is_year, strong_at
from nightcrew.movies.releases.vocabulary import (
    EPISODE_WORDS,
    EXTRA_PHRASES,
    EXTRAS,
    FOREIGN,
    PACKS,
    SEASON_WORDS,
    SERIES_PHRASES,
    SERIES_WORDS,
)

_CODE = re.compile(r"s(\d{1,2})((?:e\d{1,4})*)")
_CROSS = re.compile(r"(\d{1,2})x(\d{2,3})")
_LONE = re.compile(r"(?:e|ep)(\d{2,3})")
_ABSOLUTE = re.compile(r"\s-\s(\d{2,4})(?:v\d)?(?=\s*(?:[\[(]|$))")
_DAY = re.compile(r"(?<!\d)(?:19|20)\d\d[. _-](?:0[1-9]|1[0-2])[. _-](?:0[1-9]|[12]\d|3[01])(?!\d)")
_CYRILLIC = re.compile(r"сезон|сери[ияй]", re.IGNORECASE)
_YEARS = re.compile(r"(?<!\d)(?P<first>(?:19|20)\d\d)\s?[-–~]\s?(?P<last>(?:19|20)\d\d|\d\d)(?!\d)")
_ROMAN = "II|III|IV|V|VI|VII|VIII|IX|X"
_JOINT = r"(?:\s?[-–~,&+]\s?|[. ](?:and|to|&)[. ]|(?<=\d)[. ](?=\d[. ]))"
_PARTS = re.compile(rf"(?<=[\s._])(?:1(?:{_JOINT}(?:[2-9]|1\d))+|I(?:{_JOINT}(?:{_ROMAN}))+)(?![\w])")
_SETS = frozenset({"movie", "movies", "film", "films"})


@dataclass(frozen=True, slots=True)
class HeldContents:
    """What a release holds. `why`: the words that say so, as they would stand in a title."""

    kind: ReleaseKind
    why: str = ""
    season: int | None = None
    episodes: tuple[int, ...] = ()


def kind_of(text: str, words: Sequence[NameWord], *, title_end: int, has_year: bool) -> HeldContents:
    """What a name says it holds. `title_end`: the place of the first word behind the title."""
    return (
        _episode(text, words, has_year=has_year)
        or _no_video(words, title_end)
        or _extra(words)
        or _pack(text, words, title_end)
        or HeldContents(ReleaseKind.FILM)
    )


def _episode(text: str, words: Sequence[NameWord], *, has_year: bool) -> HeldContents | None:
    for at in range(len(words)):
        if held := _coded(words, at) or _counted(words, at, has_year=has_year):
            return held
    if phrase := _phrase(words, SERIES_PHRASES):
        return HeldContents(ReleaseKind.EPISODE, phrase)
    if found := _DAY.search(text) or _CYRILLIC.search(text):
        return HeldContents(ReleaseKind.EPISODE, found[0])
    if (number := _ABSOLUTE.search(text)) and not any(is_year(one.text) and one.end >= number.end() for one in words):
        return HeldContents(ReleaseKind.EPISODE, number[1], None, (int(number[1]),))
    return None


def _coded(words: Sequence[NameWord], at: int) -> HeldContents | None:
    """By a code: "S01E02", "S01", "1x02"."""
    word = words[at].text
    if (code := _CODE.fullmatch(word)) and (at or code[2]):
        return HeldContents(ReleaseKind.EPISODE, word, int(code[1]), _range(words, at, code[2]))
    if at and (cross := _CROSS.fullmatch(word)):
        return HeldContents(ReleaseKind.EPISODE, word, int(cross[1]), (int(cross[2]),))
    return None


def _counted(words: Sequence[NameWord], at: int, *, has_year: bool) -> HeldContents | None:
    """By a word: "Season 2", "miniseries"; and without a year "Episode 3", "E03", as "Star Wars Episode 4" is a film."""
    word, follows = words[at].text, words[at + 1].text if at + 1 < len(words) else ""
    if word in SERIES_WORDS:
        return HeldContents(ReleaseKind.EPISODE, word)
    if at and follows.isdecimal() and word in SEASON_WORDS:
        return HeldContents(ReleaseKind.EPISODE, f"{word} {follows}", int(follows[:4]))
    if at and not has_year and follows.isdecimal() and word in EPISODE_WORDS:
        return HeldContents(ReleaseKind.EPISODE, f"{word} {follows}", None, (int(follows[:4]),))
    if at and not has_year and (lone := _LONE.fullmatch(word)):
        return HeldContents(ReleaseKind.EPISODE, word, None, (int(lone[1]),))
    return None


def _range(words: Sequence[NameWord], at: int, codes: str) -> tuple[int, ...]:
    """The episodes of "S01E01E02", or of "S01E01-E03" and "S01E01-03"."""
    found = [int(code) for code in codes.split("e") if code]
    after = words[at + 1] if at + 1 < len(words) else None
    if found and after is not None and after.start - words[at].end == 1 and re.fullmatch(r"e?\d{1,3}", after.text):
        last = int(after.text.lstrip("e"))
        if found[-1] < last <= found[-1] + 100 and (after.text[0] == "e" or len(after.text) == 2):
            found += range(found[-1] + 1, last + 1)
    return tuple(found)


def _no_video(words: Sequence[NameWord], title_end: int) -> HeldContents | None:
    if any(strong_at(list(words), at) and words[at].text != "flac" for at in range(1, len(words))):
        return None
    first = title_end if 0 < title_end < len(words) else 1
    word = next((word.text for word in words[first:] if word.text in FOREIGN), "")
    return HeldContents(ReleaseKind.OTHER, word) if word else None


def _extra(words: Sequence[NameWord]) -> HeldContents | None:
    if phrase := _phrase(words, EXTRA_PHRASES):
        return HeldContents(ReleaseKind.EXTRA, phrase)
    word = next((word.text for word in words if word.text in EXTRAS), "")
    return HeldContents(ReleaseKind.EXTRA, word) if word else None


def _pack(text: str, words: Sequence[NameWord], title_end: int) -> HeldContents | None:
    for at, word in enumerate(words):
        before = words[at - 1].text if at else ""
        if word.text in PACKS and before != "criterion":
            return HeldContents(ReleaseKind.PACK, word.text)
        if word.text in _SETS and before.isdigit() and at > 1 and not is_year(before):
            return HeldContents(ReleaseKind.PACK, f"{before} {word.text}")
        if (before, word.text) == ("box", "set"):
            return HeldContents(ReleaseKind.PACK, "box set")
    for years in _YEARS.finditer(text):
        if years.start() > 3 and years["last"] > years["first"][-len(years["last"]) :]:
            return HeldContents(ReleaseKind.PACK, years[0])
    end = words[title_end - 1].end if 0 < title_end <= len(words) else len(text)
    if parts := _PARTS.search(text[: end + 1]):
        return HeldContents(ReleaseKind.PACK, parts[0])
    return None


def _phrase(words: Sequence[NameWord], phrases: Iterable[tuple[str, ...]]) -> str:
    texts = [word.text for word in words]
    for phrase in phrases:
        if phrase[0] in texts and any(
            tuple(texts[at : at + len(phrase)]) == phrase for at in range(len(texts) - len(phrase) + 1)
        ):
            return " ".join(phrase)
    return ""
