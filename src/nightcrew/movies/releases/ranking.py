"""How well a release fits a profile, explained part by part, and when one replaces another. Pure.

Points: resolution up to 400, source up to 200, language 100, HDR 60, size 60, seeds 60, codec 40, corrected releases 20; custom formats
as their scores say. Seeds count in steps, each less than the gain that is asked for, so that a number that moves replaces nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from nightcrew.movies.releases.model import Release, WantedFilm
from nightcrew.movies.releases.profile import ReleaseProfile
from nightcrew.movies.releases.refusals import rate, refusal, sizes, spoken, wanted

RESOLUTION, SOURCE, LANGUAGE, HDR, SIZE, CODEC, PROPER = 400.0, 200.0, 100.0, 60.0, 60.0, 40.0, 10.0
SEED_STEPS = (1, 3, 10, 30, 100)
SEED_STEP = 12.0
"""Points for each of the steps that are reached."""
_TOLERANCE = 1e-6
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RankPart:
    """Why a release has so many points."""

    name: str
    points: float
    words: str


@dataclass(frozen=True, slots=True)
class ReleaseScore:
    """`refused`: why it is not taken at all, as a sentence. `gain`: how much more a better one must have.

    `is_enough`: it is as good as was asked for, and nothing replaces it.
    """

    total: float
    parts: tuple[RankPart, ...]
    refused: str = ""
    gain: float = 25.0
    is_enough: bool = False


def score(
    release: Release,
    film: WantedFilm,
    profile: ReleaseProfile,
    *,
    size: int | None,
    seeds: int | None,
    today: date | None = None,
    formats: Sequence[str] = (),
) -> ReleaseScore:
    """How well a release fits. `size`: bytes; None for `size` or `seeds`: not known. `formats`: custom formats that it has, by name.

    Without `today` it is not asked whether the film is out.
    """
    parts = _parts(release, film, profile, size, seeds, formats)
    total = math.fsum(part.points for part in parts)
    given = parts[-1].points
    refused = refusal(release, film, profile, size, seeds, today)
    if not refused and given < profile.score_least:
        refused = f"its custom formats give {given:g}, less than {profile.score_least}."
    return ReleaseScore(total, parts, refused, profile.gain, not refused and _is_enough(release, profile, given))


def better(new: ReleaseScore, old: ReleaseScore | None) -> bool:
    """Whether one replaces another: only by the gain that both ask for, never what is enough, never by what is refused.

    What is better than something that is better is better, and never both are better than each other: nothing flaps.
    """
    if new.refused:
        return False
    if old is None or old.refused:
        return True
    return not old.is_enough and new.total - old.total >= max(new.gain, old.gain) - _TOLERANCE


def _parts(
    release: Release,
    film: WantedFilm,
    profile: ReleaseProfile,
    size: int | None,
    seeds: int | None,
    formats: Sequence[str],
) -> tuple[RankPart, ...]:
    return (
        _placed("resolution", RESOLUTION, release.resolution, profile.resolutions, _lines),
        _placed("source", SOURCE, release.source, profile.sources, str),
        _language(release, film, profile),
        _placed("codec", CODEC, release.codec, profile.codecs, str),
        _hdr(release, profile),
        _size(release, film, profile, size),
        _seeds(seeds),
        RankPart("corrected", PROPER * min(release.proper, 2), "corrected" if release.proper else "not corrected"),
        _formats(profile, formats),
    )


def _placed(name: str, most: float, value: T, listed: Sequence[T], written: Callable[[T], str]) -> RankPart:
    """Points by the place in a list: all for the first, none for what is not listed."""
    said = written(value) or "not named"
    if value not in listed:
        return RankPart(name, 0.0, f"{said}, not in the profile")
    at = listed.index(value)
    return RankPart(
        name, round(most * (len(listed) - at) / len(listed), 3), f"{said}, number {at + 1} of {len(listed)}"
    )


def _lines(resolution: int) -> str:
    return f"{resolution}p" if resolution else ""


def _language(release: Release, film: WantedFilm, profile: ReleaseProfile) -> RankPart:
    heard, asked = spoken(release, film), wanted(profile.languages, film)
    found = [at for at, language in enumerate(asked) if language and language in heard]
    said = ", ".join(sorted(heard)) or "not named"
    if not found:
        return RankPart("language", 0.0, f"{said}, none that is preferred")
    return RankPart(
        "language",
        round(LANGUAGE * (len(asked) - found[0]) / len(asked), 3),
        f"{said}, number {found[0] + 1} of {len(asked)}",
    )


def _hdr(release: Release, profile: ReleaseProfile) -> RankPart:
    found = [kind for kind in release.hdr if kind in profile.hdr_wanted]
    said = ", ".join(release.hdr) or "SDR"
    if not profile.hdr_wanted:
        return RankPart("hdr", 0.0, f"{said}, none asked for")
    return RankPart(
        "hdr", round(HDR * len(found) / len(profile.hdr_wanted), 3), said if found else f"{said}, HDR is preferred"
    )


def _size(release: Release, film: WantedFilm, profile: ReleaseProfile, size: int | None) -> RankPart:
    """All points for the ideal size, fewer for each factor of two away from it; none at a quarter and at four times."""
    rated, fitting = rate(film, size), sizes(release, profile)
    if rated is None or fitting is None or not fitting.ideal:
        return RankPart("size", 0.0, "size or length is not known")
    away = abs(math.log2(rated / fitting.ideal))
    return RankPart(
        "size", round(SIZE * max(0.0, 1 - away / 2), 3), f"{rated:.0f} MB a minute, {fitting.ideal:g} would be ideal"
    )


def _seeds(seeds: int | None) -> RankPart:
    if seeds is None:
        return RankPart("seeds", 0.0, "seeds are not known")
    reached = sum(seeds >= step for step in SEED_STEPS)
    return RankPart("seeds", SEED_STEP * reached, f"{seeds} seed{'s' * (seeds != 1)}")


def _formats(profile: ReleaseProfile, formats: Sequence[str]) -> RankPart:
    scores: Mapping[str, int] = {one.name: one.score for one in profile.formats}
    counted = {name: scores[name] for name in dict.fromkeys(formats) if scores.get(name)}
    words = ", ".join(f"{name} {points:+d}" for name, points in counted.items())
    return RankPart("formats", float(sum(counted.values())), words or "no custom format")


def _is_enough(release: Release, profile: ReleaseProfile, given: float) -> bool:
    until = profile.until
    if until is None or release.resolution not in profile.resolutions or release.source not in profile.sources:
        return False
    return (
        _reaches(release.resolution, until.resolution, profile.resolutions)
        and _reaches(release.source, until.source, profile.sources)
        and given >= until.score
    )


def _reaches(value: T, goal: T, listed: Sequence[T]) -> bool:
    """Whether a value is as good as the goal; a goal that is not listed is reached by the best only."""
    return listed.index(value) <= (listed.index(goal) if goal in listed else 0)
