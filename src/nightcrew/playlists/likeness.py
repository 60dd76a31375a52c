"""Whether two names may be those of one channel. Pure.

A name is read as its words, its numbers, what it says of the picture, of a country and of a delay. Siblings share words ("Sky Sports 1",
"Sky Sports 2"; "BBC One London", "BBC One Scotland"), so what differs counts more than what is shared.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz.distance import OSA

REMARK = re.compile(r"[\[(](?:geo-?blocked|not 24/7|offline)[\])]", re.IGNORECASE)
_LETTER_MARK = re.compile("[\u24b6-\u24e9]")
"""Letters in circles, by which lists mark what is blocked or in a lower quality."""
_FLAG = re.compile("([\U0001f1e6-\U0001f1ff])([\U0001f1e6-\U0001f1ff])")
_PART = re.compile(r"[^\W\d_]+|\d+")
_HEAD = re.compile(r"[:|\u2013\u2014]| - ")
"""Where what a slot for events is called ends, and the event begins."""
_MATCH = re.compile(r"\S\s+(?:v|vs|v\.|vs\.|x|@)\s+\S", re.IGNORECASE)
_LATER = re.compile(r"\+\s?(\d{1,2})(?![\d.])\s?h?\b")
_QUALITY_WORDS = re.compile(
    r"\b(?:8k|4k|uhd|fhd|hd|sd|hq|lq|hevc|avc|h\.?26[45]|x26[45]|raw|(?:2160|1440|1080|720|576|540|480|360)[pi]|(?:25|50|60)\s?fps)\b"
)
_FILLERS = frozenset(["tv", "the", "channel", "backup", "alt", "vip", "v", "vs", "and", "und", "et"])
_COUNTRY = re.compile(
    "a[delmrtuz]|b[aegry]|c[ahlnoyz]|d[ekz]|e[egsu]|f[ir]|g[bers]|h[kru]|i[elnqrst]|jp|k[rz]|l[btuv]|m[ademktxy]|n[glo]|nz|p[ehklt]|qa"
    "|r[osu]|s[aegiknr]|t[hnrw]|u[aksy]|usa|vn|xk|za"
)
_NUMBER_WORDS = {
    word: str(number)
    for number, words in enumerate(["one uno eins", "two dos due zwei ii", "three tres drei iii", "four vier iv"], 1)
    for word in words.split()
}
_KINDS = (
    "news nachrichten noticias|sport sports|kids junior jr|film films movie movies cinema cine|music|plus|extra|max|action|classic|business"
    "|backstage|international|world|radio|gold"
)
_KIND_WORDS = {word: words.split()[0] for words in _KINDS.split("|") for word in words.split()}
"""Words by which a brand names its channels apart."""
_EVENT_WORD = re.compile(
    "events?|ppv|match|game|live|fight|ufc|wwe|n[fh]l|nba|ml[bs]|epl|fixture|slot|replay|feed|view"
)
_SIGNS = "!&#*$+"
_DROPPED_SYMBOLS = frozenset("\u00ae\u00a9\u2122\u00b0\u00a6")
LETTERS_ENOUGH = 5
"""Letters and digits from which on a name is told by them."""
LEAST_ALIKE = 0.8
"""How alike two words must be so that one is the other with a mistake in it; 1 is the same."""


@dataclass(frozen=True, slots=True)
class ReadName:
    """A name in its parts. `later`: hours behind the channel of the same name."""

    words: frozenset[str]
    numbers: tuple[str, ...]
    qualities: frozenset[str]
    countries: frozenset[str]
    kinds: frozenset[str]
    later: str
    parts: tuple[str, ...]
    """All of it in order, but for what it says of the picture."""
    head: tuple[str, ...]
    """What its slot for events is called, with the slot's number; nothing where it is none."""
    is_match: bool
    """Whether it says who plays against whom."""


@lru_cache(maxsize=4096)
def read_name(name: str) -> ReadName:
    """A name in its parts."""
    plain = _plain(name)
    flags = frozenset(found.lower() for found in _flags(name))
    delay = _LATER.search(plain)
    rest = _LATER.sub(" ", plain).replace("+", " plus ")
    qualities = frozenset(re.sub(r"[.\s]", "", found) for found in _QUALITY_WORDS.findall(rest))
    parts = [_NUMBER_WORDS.get(part, part) for part in _PART.findall(_QUALITY_WORDS.sub(" ", rest))]
    numbers = tuple(sorted(_number(part) for part in parts if part.isdecimal()))
    letters = frozenset(part for part in parts if not part.isdecimal()) - _FILLERS
    kinds = frozenset(_KIND_WORDS[word] for word in letters if word in _KIND_WORDS)
    named = {word for word in letters if _COUNTRY.fullmatch(word)}
    words = letters - _KIND_WORDS.keys() - named
    countries = frozenset("uk" if one == "gb" else "us" if one == "usa" else one for one in named | flags)
    later = delay[1].lstrip("0") if delay else ""
    head, in_order = _head(plain), _parts(_QUALITY_WORDS.sub(" ", plain))
    return ReadName(words, numbers, qualities, countries, kinds, later, in_order, head, _MATCH.search(name) is not None)


def spelled(name: str) -> str:
    """A name without case, accents, separators and remarks; flags, numbers in circles and symbols stay, as does a plus.

    Other signs stay where there is little else, as in "E!".
    """
    flagged = _FLAG.sub(lambda found: f" {_country(found)} ", _LETTER_MARK.sub(" ", REMARK.sub(" ", name)))
    normal = unicodedata.normalize("NFKD", flagged).casefold()
    kept = "+" if sum(map(str.isalnum, normal)) >= LETTERS_ENOUGH else _SIGNS
    found = "".join(_spelled_sign(sign, kept) for sign in normal)
    return " ".join(found.casefold().split()) or name.casefold().strip()


def _spelled_sign(sign: str, kept: str) -> str:
    kind = unicodedata.category(sign)
    if sign in kept or (kind == "So" and sign not in _DROPPED_SYMBOLS):
        return f" {sign} "
    if kind[0] in "MC":
        return ""
    return sign if kind[0] in "LN" else " "


def is_renamed(one: str, other: str, *, sure: bool = True) -> bool:
    """Whether what is at one place under another name is the same channel still.

    `sure`: nothing else speaks against it. Otherwise words that only one of them has do so.
    """
    if spelled(one) == spelled(other):
        return True
    a, b = read_name(one), read_name(other)
    if a.head or b.head:
        return (a.head or a.parts) == (b.head or b.parts)
    if a.is_match and b.is_match:
        return True
    if a.numbers != b.numbers or a.later != b.later or a.kinds != b.kinds or _abroad(a, b):
        return False
    ours, theirs = _without_alike(a.words, b.words)
    if ours or theirs:
        return sure and bool(a.words & b.words) and not (ours and theirs)
    return bool(a.words or a.numbers or a.kinds)


def are_alike(one: str, other: str) -> bool:
    """Whether names share more than that both are matches: a match in another group is another one."""
    a, b = read_name(one), read_name(other)
    return not (a.is_match and b.is_match) or bool(a.head or b.head) or bool(a.words & b.words)


def contradict(one: str, other: str) -> bool:
    """Whether two names cannot be those of one channel, although a guide says that they are."""
    a, b = read_name(one), read_name(other)
    numbered = bool(a.numbers and b.numbers) and a.numbers != b.numbers
    kinds = bool(a.kinds and b.kinds) and a.kinds.isdisjoint(b.kinds)
    return numbered or kinds or a.later != b.later or _abroad(a, b)


def _abroad(a: ReadName, b: ReadName) -> bool:
    return bool(a.countries and b.countries) and a.countries.isdisjoint(b.countries)


def _without_alike(ours: frozenset[str], theirs: frozenset[str]) -> tuple[set[str], set[str]]:
    """The words that only one name has, but for those that are the other's with a mistake in them, or run together."""
    if "".join(sorted(ours)) == "".join(sorted(theirs)):
        return set(), set()
    left, right = set(ours - theirs), set(theirs - ours)
    for word in sorted(left)[:20]:
        near = next((o for o in sorted(right)[:20] if min(len(word), len(o)) > 5 and _alike(word, o)), None)
        if near is not None:
            left.discard(word)
            right.discard(near)
    return left, right


def _alike(one: str, other: str) -> bool:
    return OSA.normalized_similarity(one, other) >= LEAST_ALIKE


def _plain(name: str) -> str:
    text = _FLAG.sub(" ", _LETTER_MARK.sub(" ", REMARK.sub(" ", name)))
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).casefold()


def _flags(name: str) -> list[str]:
    return [_country(found) for found in _FLAG.finditer(name)]


def _country(flag: re.Match[str]) -> str:
    return "".join(chr(ord(sign) - 0x1F1E6 + ord("a")) for sign in flag.groups())


def _head(plain: str) -> tuple[str, ...]:
    """`PPV 1` of "PPV 1: Red v Blue", of "PPV 1 Red v Blue", and of "PPV 1"."""
    parts = _parts(plain)
    end = next((index for index, part in enumerate(parts) if part.isdecimal()), None)
    if end is not None and any(map(_EVENT_WORD.fullmatch, parts[:end])):
        return parts[: end + 1]
    separator = _HEAD.search(plain)
    front = _parts(plain[: separator.start()]) if separator else ()
    words = [part for part in front if not part.isdecimal() and not _COUNTRY.fullmatch(part)]
    return front if words and (any(map(str.isdecimal, front)) or any(map(_EVENT_WORD.fullmatch, words))) else ()


def _parts(text: str) -> tuple[str, ...]:
    return tuple(_number(part) if part.isdecimal() else part for part in _PART.findall(text))


def _number(digits: str) -> str:
    return digits.lstrip("0") or "0"
