"""What a custom format can ask of a release, by the names that Radarr's files have for it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nightcrew.movies.releases.dotnet import BadExpression, compiled
from nightcrew.movies.releases.model import Release, ReleaseKind, ReleaseSource, WantedFilm
from nightcrew.movies.releases.refusals import spoken

GIB = 1 << 30


class BadCondition(ValueError):
    """It cannot be used; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A release that conditions are asked of. `size`: bytes, None when not known. `flags`: what the indexer says of it, as bits."""

    release: Release
    film: WantedFilm
    size: int | None = None
    flags: int = 0


Condition = Callable[[Subject], bool]
Fields = Mapping[str, Any]


_SOURCES = {
    0: {ReleaseSource.UNKNOWN},
    1: {ReleaseSource.CAM},
    2: {ReleaseSource.TELESYNC},
    3: {ReleaseSource.TELECINE},
    4: {ReleaseSource.WORKPRINT},
    5: {ReleaseSource.DVD},
    6: {ReleaseSource.HDTV},
    7: {ReleaseSource.WEB_DL},
    8: {ReleaseSource.WEBRIP},
    9: {ReleaseSource.BLURAY, ReleaseSource.REMUX, ReleaseSource.DISC},
}
_MODIFIERS = {2: ReleaseSource.SCREENER, 4: ReleaseSource.DISC, 5: ReleaseSource.REMUX}
_KINDS = {1: "episode", 2: "several episodes", 3: "season"}
_LANGUAGES = (
    "en fr es de it da nl ja is zh ru pl vi sv no fi tr pt nl el ko hu he lt cs hi ro th bg pt ar uk fa bn sk lv es ca hr sr bs et ta id "
    "te mk sl ml kn sq af mr tl ur rm"
)
"""Radarr's numbers of languages, from 1 on, as ISO 639-1. Flemish, Brazil's Portuguese and Latin Spanish are told by no name."""
LANGUAGES = dict(enumerate(_LANGUAGES.split(), 1))
_ORIGINAL, _ANY = -2, -1


def _expression(of: Callable[[Subject], str]) -> Callable[[Fields], Condition]:
    """A condition by an expression on some text of a release."""

    def read(fields: Fields) -> Condition:
        value = fields.get("value")
        if not isinstance(value, str) or not value:
            raise BadCondition("it has no expression")
        try:
            expression = compiled(value)
        except BadExpression as error:
            raise BadCondition(str(error)) from error
        return lambda subject: expression.found_in(of(subject))

    return read


def _number(fields: Fields, name: str = "value") -> int:
    value = fields.get(name)
    if isinstance(value, str) and value.lstrip("-").isascii() and value.lstrip("-").isdigit():
        value = int(value[:12])
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1e12:
        raise BadCondition(f"its {name} is no number")
    return int(value)


def _range(fields: Fields, factor: int) -> tuple[float, float]:
    found = []
    for name in ("min", "max"):
        value = fields.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1e9:
            raise BadCondition(f"its {name} is no number")
        found.append(float(value) * factor)
    return found[0], found[1]


def _source(fields: Fields) -> Condition:
    wanted = _SOURCES.get(_number(fields))
    if wanted is None:
        raise BadCondition(f"the source {_number(fields)} is not known here")
    return lambda subject: subject.release.source in wanted


def _resolution(fields: Fields) -> Condition:
    lines = _number(fields)
    return lambda subject: subject.release.resolution == lines


def _modifier(fields: Fields) -> Condition:
    number = _number(fields)
    if number == 0:
        return lambda subject: subject.release.source not in _MODIFIERS.values()
    if number not in {1, 3, *_MODIFIERS}:
        raise BadCondition(f"the quality modifier {number} is not known here")
    return lambda subject: subject.release.source is _MODIFIERS.get(number)


def _language(fields: Fields) -> Condition:
    number, is_except = _number(fields), fields.get("exceptLanguage") is True
    if number not in {_ORIGINAL, _ANY, 0, *LANGUAGES}:
        raise BadCondition(f"the language {number} is not known here")

    def holds(subject: Subject) -> bool:
        heard = spoken(subject.release, subject.film)
        if number == _ANY:
            return bool(heard)
        code = subject.film.language if number == _ORIGINAL else LANGUAGES.get(number, "")
        return bool(heard - {code}) if is_except else (code in heard if code else not heard)

    return holds


def _size(fields: Fields) -> Condition:
    low, high = _range(fields, GIB)
    return lambda subject: subject.size is not None and low < subject.size <= high


def _year(fields: Fields) -> Condition:
    low, high = _range(fields, 1)
    return lambda subject: subject.release.year is not None and low <= subject.release.year <= high


def _flag(fields: Fields) -> Condition:
    bits = _number(fields)
    return lambda subject: bool(bits) and subject.flags & bits == bits


def _type(fields: Fields) -> Condition:
    number = _number(fields)
    if number not in {0, *_KINDS}:
        raise BadCondition(f"the type of release {number} is not known here")

    def holds(subject: Subject) -> bool:
        release = subject.release
        if release.kind is not ReleaseKind.EPISODE:
            return number == 0
        return number == (3 if not release.episodes else 1 if len(release.episodes) == 1 else 2)

    return holds


CONDITIONS: dict[str, Callable[[Fields], Condition]] = {
    "ReleaseTitleSpecification": _expression(lambda subject: subject.release.name[:300]),
    "ReleaseGroupSpecification": _expression(lambda subject: subject.release.group),
    "EditionSpecification": _expression(lambda subject: subject.release.edition),
    "LanguageSpecification": _language,
    "SourceSpecification": _source,
    "ResolutionSpecification": _resolution,
    "QualityModifierSpecification": _modifier,
    "SizeSpecification": _size,
    "YearSpecification": _year,
    "IndexerFlagSpecification": _flag,
    "ReleaseTypeSpecification": _type,
}
"""How the fields of each kind are read."""
