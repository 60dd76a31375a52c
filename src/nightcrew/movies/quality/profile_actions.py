"""What people do with quality profiles on their page, by the API and by commands."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from nightcrew.kernel.errors import Conflict, Invalid, NeedsUser, NotFound
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.settings import invalid_from
from nightcrew.movies.quality import rescoring, taste
from nightcrew.movies.releases import custom_formats
from nightcrew.movies.releases.custom_formats import MOST_FORMATS, BadFormat
from nightcrew.movies.releases.profile import PRESETS, FormatScore, ReleaseProfile
from nightcrew.movies.store import profiles


@dataclass(frozen=True, slots=True)
class KnownProfile:
    """A quality profile. `profile` None: this version cannot read it any more. `formats`: its custom formats as they were written."""

    name: str
    preset: bool
    in_use: bool
    profile: ReleaseProfile | None
    formats: Sequence[Mapping[str, Any]] = ()


async def every(runtime: Runtime) -> list[KnownProfile]:
    """Presets, and those that people made."""
    used = taste.name_in_use(runtime)
    known = [KnownProfile(name, True, name == used, one) for name, one in PRESETS.items()]
    for stored in await profiles.every(runtime.store):
        try:
            profile, _ = taste.read(stored)
        except NeedsUser:
            known.append(KnownProfile(stored.name, False, stored.name == used, None))
        else:
            known.append(KnownProfile(stored.name, False, stored.name == used, profile, stored.body["formats"]))
    return known


async def get(runtime: Runtime, name: str) -> KnownProfile:
    """One. Raises `NotFound`."""
    found = next((one for one in await every(runtime) if one.name == name), None)
    if found is None:
        raise NotFound(f"there is no quality profile {name!r}")
    return found


async def use(runtime: Runtime, name: str, *, actor: str) -> KnownProfile:
    """Let a profile decide from now on; a job judges all sources by it anew.

    Raises `NotFound`, and `Conflict` for one that is broken.
    """
    found = await get(runtime, name)
    if found.profile is None:
        raise Conflict(f"the quality profile {name} cannot be read any more")
    await runtime.settings.change(runtime.store, {"movies.quality_profile": name}, actor=actor)
    await rescoring.begin(runtime)
    runtime.bus.publish("movies")
    return await get(runtime, name)


async def copy(
    runtime: Runtime, base: str, name: str, changed: ReleaseProfile | None = None, *, actor: str
) -> KnownProfile:
    """Make a profile from another one, with its custom formats. `changed`: as it is to be; else it is the same.

    Raises `NotFound`, and `Conflict` when there is one of this name.
    """
    found = await get(runtime, base)
    if name in {one.name for one in await every(runtime)}:
        raise Conflict(f"there is a quality profile {name} already")
    if found.profile is None:
        raise Conflict(f"the quality profile {base} cannot be read any more")
    await put(runtime, name, changed or found.profile, found.formats, actor=actor)
    runtime.bus.publish("movies")
    return await get(runtime, name)


async def put(
    runtime: Runtime, name: str, new: ReleaseProfile, formats: Sequence[Mapping[str, Any]] | None = None, *, actor: str
) -> None:
    """Make a quality profile, or change it. Presets stay as they are. `formats` None: those that it has, if they can be read.

    What could not be read again is not stored. Raises `Invalid`.
    """
    if name in PRESETS:
        raise Invalid(f"name: {name} is a preset, which cannot be changed; choose another name", field="name")
    if formats is None:
        formats = await _formats_of(runtime, name)
    body = taste.body_of(new.model_copy(update={"name": name}), formats)
    await asyncio.to_thread(taste.check, body)
    await profiles.put(runtime.store, name, body)
    await runtime.activity.record("movie.profile", f"The quality profile {name} was changed", actor=actor)
    if name == taste.name_in_use(runtime):
        await rescoring.begin(runtime)


async def _formats_of(runtime: Runtime, name: str) -> Sequence[Mapping[str, Any]]:
    stored = await profiles.get(runtime.store, name)
    try:
        if stored is None or not await asyncio.to_thread(taste.read, stored):
            return []
    except NeedsUser:  # it is entered again
        return []
    return list(stored.body["formats"])


async def add_formats(
    runtime: Runtime, name: str, formats: Sequence[Mapping[str, Any]], scores: Mapping[str, int], *, actor: str
) -> tuple[list[str], list[str]]:
    """Add custom formats to a quality profile; returns the names of those that were taken, and why the others were not.

    One takes the place of that of the same name. Raises `NotFound`, and `Invalid` where they become too many.
    """
    stored = await profiles.get(runtime.store, name)
    if stored is None:
        raise NotFound(f"there is no quality profile {name!r} that can be changed")
    profile, _ = taste.read(stored)
    kept = {custom_formats.name_of(one): one for one in stored.body["formats"]}
    points = {one.name: one.score for one in profile.formats}
    taken: dict[str, None] = {}
    refused: list[str] = []
    for one in formats:
        try:
            (read,) = await asyncio.to_thread(custom_formats.imported, json.dumps(one), given=scores)
        except BadFormat as exc:
            refused.append(str(exc))
        else:
            kept[read.name], points[read.name] = one, read.score
            taken[read.name] = None
    if taken:
        every = tuple(FormatScore(name=title, score=score) for title, score in points.items())
        try:
            new = ReleaseProfile.model_validate(profile.model_dump() | {"formats": every})
        except ValidationError as exc:
            raise invalid_from(exc) from exc
        await put(runtime, name, new, list(kept.values()), actor=actor)
    return list(taken), refused


async def check_formats(formats: Sequence[Mapping[str, Any]]) -> list[str]:
    """What speaks against some custom formats, a sentence each."""
    refused = []
    for one in formats:
        try:
            await asyncio.to_thread(custom_formats.imported, json.dumps(one))
        except BadFormat as exc:
            refused.append(str(exc))
    return refused


async def remove(runtime: Runtime, name: str, *, actor: str) -> bool:
    """Remove a profile. Raises `Conflict` for the one that is in use."""
    if name == taste.name_in_use(runtime):
        raise Conflict(f"the quality profile {name} is in use")
    if not await profiles.remove(runtime.store, name):
        return False
    await runtime.activity.record("movie.profile", f"The quality profile {name} was removed", actor=actor)
    return True


async def add_formats_text(runtime: Runtime, name: str, text: str, *, actor: str) -> str:
    """Add custom formats that a person pasted; returns what came of it. Raises `Invalid` when not all can be read: then none is added."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise Invalid("formats: it is no JSON", field="formats") from exc
    many = found if isinstance(found, list) else [found]
    if not many or len(many) > MOST_FORMATS or not all(isinstance(one, dict) for one in many):
        raise Invalid(f"formats: it has to be a custom format, or a list of up to {MOST_FORMATS}", field="formats")
    refused = await check_formats(many)
    if refused:
        raise Invalid(f"formats: {' '.join(refused[:3])}", field="formats")
    taken, _ = await add_formats(runtime, name, many, {}, actor=actor)
    runtime.bus.publish("movies")
    return f"Taken: {', '.join(taken)}."
