"""What people do with quality profiles on their page, by the API and by commands."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nightcrew.kernel.errors import Conflict, Invalid, NeedsUser, NotFound
from nightcrew.kernel.runtime import Runtime
from nightcrew.movies import rescoring, source_actions, taste
from nightcrew.movies.releases.custom_formats import MOST_FORMATS
from nightcrew.movies.releases.profile import PRESETS, ReleaseProfile
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
    await source_actions.put_profile(runtime, name, changed or found.profile, found.formats, actor=actor)
    runtime.bus.publish("movies")
    return await get(runtime, name)


async def add_formats_text(runtime: Runtime, name: str, text: str, *, actor: str) -> str:
    """Add custom formats that a person pasted; returns what came of it. Raises `Invalid` when not all can be read: then none is added."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise Invalid("formats: it is no JSON", field="formats") from exc
    many = found if isinstance(found, list) else [found]
    if not many or len(many) > MOST_FORMATS or not all(isinstance(one, dict) for one in many):
        raise Invalid(f"formats: it has to be a custom format, or a list of up to {MOST_FORMATS}", field="formats")
    refused = await source_actions.check_formats(many)
    if refused:
        raise Invalid(f"formats: {' '.join(refused[:3])}", field="formats")
    taken, _ = await source_actions.add_formats(runtime, name, many, {}, actor=actor)
    runtime.bus.publish("movies")
    return f"Taken: {', '.join(taken)}."
