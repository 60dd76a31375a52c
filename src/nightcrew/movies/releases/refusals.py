"""Why a release is not taken at all, and what is measured of it for that. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date

from nightcrew.movies.releases.model import FILMED, HOME, Release, ReleaseKind, ReleaseSource, WantedFilm
from nightcrew.movies.releases.profile import ORIGINAL, ReleaseProfile, Sizes

GB = 1_000_000_000


def spoken(release: Release, film: WantedFilm) -> frozenset[str]:
    """Languages of its sound: those it names, with the film's own where it says that there are several, or names none."""
    named = set(release.languages)
    if film.language and (not named or release.is_multi):
        named.add(film.language)
    return frozenset(named)


def wanted(languages: Sequence[str], film: WantedFilm) -> list[str]:
    return [film.language if one == ORIGINAL else one for one in languages]


def sizes(release: Release, profile: ReleaseProfile) -> Sizes | None:
    return profile.sizes.get(release.resolution)


def rate(film: WantedFilm, size: int | None) -> float | None:
    """Megabytes a minute."""
    return size / 1e6 / film.runtime_min if size and film.runtime_min else None


def refusal(
    release: Release, film: WantedFilm, profile: ReleaseProfile, size: int | None, seeds: int | None, today: date | None
) -> str:
    """Why a release is not taken at all; empty when it may be."""
    return (
        _wrong_kind(release)
        or _too_early(release, film, profile, today)
        or _not_listed(release, profile)
        or _unwanted(release, film, profile)
        or _wrong_size(release, film, profile, size)
        or _too_few(profile, size, seeds)
    )


def _wrong_kind(release: Release) -> str:
    return "" if release.kind is ReleaseKind.FILM else f"it is no film but {release.kind}: “{release.head.why}”."


def _too_early(release: Release, film: WantedFilm, profile: ReleaseProfile, today: date | None) -> str:
    """Before a film is out, whatever has its name is a fake, and the fakes come first."""
    if today is None:
        return ""
    if film.released_at is not None and today < film.released_at and not profile.before_release:
        return f"the film is not out before {film.released_at:%d %B %Y}, and fakes come first."
    at_home = film.at_home_from or film.released_at
    if release.source not in FILMED and at_home is not None and today < at_home:
        what = f"{release.source} before" if release.source in HOME else "no source is named, and before"
        return f"{what} the film can be had at home ({at_home:%d %B %Y}): a fake, or filmed in a cinema."
    return ""


def _not_listed(release: Release, profile: ReleaseProfile) -> str:
    if release.source not in profile.sources:
        if release.source in FILMED:
            return f"its source is {release.source}: made before the film could be had at home."
        said = (
            "its name tells no source" if release.source is ReleaseSource.UNKNOWN else f"its source is {release.source}"
        )
        return f"{said}, which the profile does not take."
    if release.resolution not in profile.resolutions:
        said = f"it has {release.resolution}p" if release.resolution else "its name tells no resolution"
        return f"{said}, which the profile does not take."
    return ""


def _unwanted(release: Release, film: WantedFilm, profile: ReleaseProfile) -> str:
    if release.codec in profile.codecs_refused:
        return f"its codec is {release.codec}, which the profile refuses."
    if hdr := profile.hdr_refused & set(release.hdr):
        return f"it has {', '.join(sorted(hdr))}, which the profile refuses."
    for has, allowed, words in (
        (release.is_3d, profile.is_3d_allowed, "is in 3D"),
        (release.is_hardcoded, profile.is_hardcoded_allowed, "has subtitles in its picture"),
        (release.is_dubbed, profile.is_dubbed_allowed, "is dubbed"),
    ):
        if has and not allowed:
            return f"it {words}."
    required = set(wanted(sorted(profile.languages_required), film)) - {""}
    if required and not required & spoken(release, film):
        return f"none of its languages is {' or '.join(sorted(required))}."
    return ""


def _wrong_size(release: Release, film: WantedFilm, profile: ReleaseProfile, size: int | None) -> str:
    rated, fitting = rate(film, size), sizes(release, profile)
    if rated is None or fitting is None:
        return ""
    if rated < fitting.least:
        return f"{rated:.1f} MB a minute are too few for {release.resolution}p: at least {fitting.least:g}."
    if rated > fitting.most:
        return f"{rated:.0f} MB a minute are too many for {release.resolution}p: at most {fitting.most:g}."
    return ""


def _too_few(profile: ReleaseProfile, size: int | None, seeds: int | None) -> str:
    if seeds is None:
        return ""
    least = max(profile.seeds_least, profile.seeds_per_gb * (size or 0) / GB)
    return f"{seeds} seeds are too few: at least {math.ceil(least)}." if seeds < least else ""
