"""What the person of this installation calls a good source: the quality profile in use, with its custom formats."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import ValidationError

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import Invalid, NeedsUser
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.settings import invalid_from
from nightcrew.movies.quality.models import StoredProfile
from nightcrew.movies.releases import custom_formats
from nightcrew.movies.releases.conditions import Subject
from nightcrew.movies.releases.custom_formats import BadFormat, CustomFormat
from nightcrew.movies.releases.model import Release, WantedFilm
from nightcrew.movies.releases.profile import PRESETS, ReleaseProfile
from nightcrew.movies.releases.ranking import ReleaseScore, score
from nightcrew.movies.settings import MovieSettings
from nightcrew.movies.store import profiles


@dataclass(frozen=True, slots=True)
class Taste:
    """A profile, and the custom formats that it gives points for. `today` None: it is not asked whether a film is out."""

    profile: ReleaseProfile
    formats: tuple[CustomFormat, ...]
    today: date | None

    def score(self, release: Release, film: WantedFilm, *, size: int | None, seeds: int | None) -> ReleaseScore:
        """How good a release is. Takes some milliseconds where there are many formats."""
        names: Sequence[str] = ()
        if self.formats:
            names = custom_formats.held(self.formats, Subject(release, film, size)).names
        return score(release, film, self.profile, size=size, seeds=seeds, today=self.today, formats=names)


@dataclass(slots=True)
class Tastes:
    """The taste that was read last, as expressions take long to prepare. Kept in the runtime."""

    key: object = None
    last: tuple[ReleaseProfile, tuple[CustomFormat, ...]] | None = None


def name_in_use(runtime: Runtime) -> str:
    """The quality profile that the setting names."""
    return runtime.settings.of(MovieSettings).quality_profile


async def in_use(runtime: Runtime) -> Taste:
    """The taste of this installation. Raises `NeedsUser` when there is no such profile, or it cannot be read any more."""
    options, name = runtime.settings.of(MovieSettings), name_in_use(runtime)
    known, stored = runtime.part(Tastes), await profiles.get(runtime.store, name)
    key = (name, stored.changed_at if stored else None)
    if known.last is None or known.key != key:
        known.key, known.last = key, read(stored) if stored else _preset(name)
    profile, formats = known.last
    return Taste(profile, formats, None if options.search_before_release else utcnow().date())


def _preset(name: str) -> tuple[ReleaseProfile, tuple[CustomFormat, ...]]:
    if name not in PRESETS:
        raise NeedsUser(f"there is no quality profile {name!r}; known are {', '.join(PRESETS)}")
    return PRESETS[name], ()


def read(stored: StoredProfile) -> tuple[ReleaseProfile, tuple[CustomFormat, ...]]:
    """A profile as it is stored. Raises `NeedsUser` for one that this version cannot read."""
    try:
        return _parsed(stored.body)
    except (KeyError, ValidationError, BadFormat) as exc:
        raise NeedsUser(f"the quality profile {stored.name!r} cannot be read any more; enter it again") from exc


def check(body: Mapping[str, Any]) -> None:
    """Make sure that what is to be stored can be read again. Takes some milliseconds for many formats. Raises `Invalid`."""
    try:
        _parsed(body)
    except ValidationError as exc:
        raise invalid_from(exc) from exc
    except BadFormat as exc:
        raise Invalid(f"formats: {exc}", field="formats") from exc


def _parsed(body: Mapping[str, Any]) -> tuple[ReleaseProfile, tuple[CustomFormat, ...]]:
    profile, kept = ReleaseProfile.model_validate(body["profile"]), body["formats"]
    formats = custom_formats.imported(json.dumps(kept), given=_given(profile)) if kept else []
    return profile, tuple(formats)


def body_of(profile: ReleaseProfile, formats: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """As it is stored: the profile, and its custom formats as they were written."""
    return {"profile": profile.model_dump(mode="json"), "formats": [dict(one) for one in formats]}


def _given(profile: ReleaseProfile) -> dict[str, int]:
    return {one.name: one.score for one in profile.formats}
