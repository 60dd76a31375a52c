"""A release name in words, and which of them are of its technical part. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from nightcrew.movies.releases.vocabulary import STRONG, STRONG_SHAPE, WEAK

MOST_CHARACTERS = 300
"""What a name is cut to: longer ones are made to take time."""
_WORD = re.compile(r"[^\W_]+(?:['’´`][^\W_]+)*")
_YEAR = re.compile(r"(?:18(?:8[89]|9\d)|19\d\d|20\d\d)")
_ENDING = re.compile(
    r"(?:\.(?:mkv|mp4|avi|m4v|wmv|mov|iso|mpg|mpeg|m2ts|vob|torrent|nzb)|(?P<group>-\w+)\.ts)$", re.IGNORECASE
)
_SITE = re.compile(
    r"""\s{0,8}(?:
        [\[({【]\s{0,8}(?:https?://)?(?:www[. _])?[\w-]{1,60}(?:\.[\w-]{1,60}){0,3}[._][a-z]{2,6}\s{0,8}[\])}】]\s{0,8}[-–—_:.]{0,8}
        | (?:https?://)?www\.[a-z0-9-]{1,60}(?:\.[a-z0-9-]{1,60}){0,3}\.[a-z]{2,6}\s{0,8}(?:[-–—_:]{1,8}|\s)
        | www(?P<gap>[ _])[a-z0-9-]{1,60}(?:(?P=gap)[a-z0-9-]{1,60})?(?P=gap)[a-z]{2,6}[\s_]{0,8}[-–—]{1,8}
        | [\w-]{1,60}(?:\.[\w-]{1,60}){0,3}\.(?:com|org|net|info|to|cc|me|io|xyz|site|lol|pro|ws|mx|in|ru|ag|bz|tv)\s{1,8}[-–—_]{1,8}\s
    )\s{0,8}""",
    re.IGNORECASE | re.VERBOSE,
)
_SITE_BEHIND = re.compile(
    r"\s{0,8}-?\s{0,8}[\[({【]\s{0,8}(?:www\.)?[\w-]{1,60}(?:\.[\w-]{1,60}){0,3}\.[a-z]{2,5}\s{0,8}[\])}】]\s{0,8}$",
    re.IGNORECASE,
)
_HASH = re.compile(r"\[[0-9A-Fa-f]{8}\]")


@dataclass(frozen=True, slots=True)
class NameWord:
    """A word in small letters, and where it stands."""

    text: str
    start: int
    end: int


def plain(name: str) -> str:
    """Without control characters, ending and the site that it came from; full-width signs are ordinary ones."""
    name = unicodedata.normalize("NFKC", name[:MOST_CHARACTERS].replace("½", " 1 2"))[:MOST_CHARACTERS]
    name = "".join(" " if unicodedata.category(char)[0] == "C" else char for char in name)
    name = _ENDING.sub(lambda found: found["group"] or "", _HASH.sub("", name).strip())
    without = _SITE_BEHIND.sub("", _SITE.sub("", name, count=1) if _SITE.match(name) else name)
    return without if any(char.isalnum() for char in without) else name


def split(text: str) -> list[NameWord]:
    """All words of a name."""
    return [NameWord(found[0].casefold(), found.start(), found.end()) for found in _WORD.finditer(text)]


def is_year(word: str) -> bool:
    """Whether it may be the year of a film: 1888 to 2099."""
    return _YEAR.fullmatch(word) is not None


def strong_at(words: list[NameWord], at: int) -> int:
    """How many words from here on are a technical term that no title has; 0 when there is none."""
    joined = ""
    found = 0
    for length, word in enumerate(words[at : at + 3], 1):
        if length > 1 and word.start - words[at + length - 2].end > 2:
            break
        joined += word.text
        if len(joined) > 20:
            break
        if joined in STRONG or (STRONG_SHAPE.fullmatch(joined) and (length == 1 or not joined[0].isdigit())):
            found = length
    return found


def first_strong(words: list[NameWord]) -> int:
    """The first word of the technical part, never the first of all; their number where there is none."""
    return next((at for at in range(1, len(words)) if strong_at(words, at)), len(words))


def is_technical(words: list[NameWord], low: int, high: int) -> bool:
    """Whether all words between two places may stand behind a title: terms, editions, languages, small numbers."""
    at = low
    while at < high:
        if length := strong_at(words, at):
            at += length
            continue
        word = words[at].text
        after_edition = at > low and is_year(word) and words[at - 1].text in WEAK
        if not (word in WEAK or after_edition or (word.isdigit() and len(word) <= 2 and at > low)):
            return False
        at += 1
    return True
