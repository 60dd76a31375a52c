"""What people do with the sources of films."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import Conflict, Invalid, NeedsUser, NotFound
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.settings import invalid_from
from nightcrew.movies import crew, judging, rescoring, rules, taste
from nightcrew.movies.models import USABLE, MovieEntry, SourceEntry, SourceState
from nightcrew.movies.releases import custom_formats
from nightcrew.movies.releases.custom_formats import BadFormat
from nightcrew.movies.releases.profile import PRESETS, FormatScore, ReleaseProfile
from nightcrew.movies.store import films, profiles, searches, sources, verdicts


async def search_now(runtime: Runtime, movie_id: int, *, actor: str) -> MovieEntry:
    """Search for a film before all others. It is wanted from now on, and waits for no release date."""
    entry = await films.get(runtime.store, movie_id)
    await searches.want_now(runtime.store, movie_id, [one.connection.id for one in await crew.indexers(runtime)])
    await runtime.activity.record(
        "movie.searched", f"{entry.shown} is searched for", actor=actor, subject=str(movie_id)
    )
    runtime.bus.publish("movies")
    return entry


async def stop_searching(runtime: Runtime, movie_id: int, *, actor: str) -> MovieEntry:
    """Search for a film no longer; its sources stay."""
    entry = await films.get(runtime.store, movie_id)
    await searches.unwant(runtime.store, [movie_id])
    said = f"{entry.shown} is no longer searched for"
    await runtime.activity.record("movie.unwanted", said, actor=actor, subject=str(movie_id))
    runtime.bus.publish("movies")
    return entry


async def refuse(runtime: Runtime, source_id: int, *, actor: str) -> SourceEntry:
    """A person says that a source is not the film: it is never its best one again."""
    entry = await sources.get(runtime.store, source_id)
    if entry.state is SourceState.GONE:
        raise Conflict("this source is gone already")
    await verdicts.judge(runtime.store, entry, SourceState.REFUSED, f"refused by {actor}", final=True)
    await _told(runtime, entry, f"{entry.title} was refused", actor)
    return await sources.get(runtime.store, source_id)


async def accept(runtime: Runtime, source_id: int, *, actor: str) -> SourceEntry:
    """A person says that a source is the film: what its files or its name say against it does not count."""
    entry = await sources.get(runtime.store, source_id)
    if entry.state in USABLE:
        await sources.move(runtime.store, entry, entry.state, entry.reason, final=True)
        return await sources.get(runtime.store, source_id)
    now = utcnow()
    values = {"final": True, "file_due_at": now, "file_failures": 0, "missed": 0}
    values |= {"resync_due_at": rules.next_resync(now, 0, random.random())}
    await sources.move(runtime.store, entry, SourceState.FOUND, f"accepted by {actor}", **values)
    await _told(runtime, entry, f"{entry.title} was accepted", actor)
    return await sources.get(runtime.store, source_id)


async def _told(runtime: Runtime, entry: SourceEntry, said: str, actor: str) -> None:
    await runtime.activity.record("movie.source_judged", said, actor=actor, subject=str(entry.movie_id))
    await judging.choose(runtime, [entry.movie_id])
    runtime.bus.publish("movies")


async def put_profile(
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
        await put_profile(runtime, name, new, list(kept.values()), actor=actor)
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


async def remove_profile(runtime: Runtime, name: str, *, actor: str) -> bool:
    """Remove a profile. Raises `Conflict` for the one that is in use."""
    if name == taste.name_in_use(runtime):
        raise Conflict(f"the quality profile {name} is in use")
    if not await profiles.remove(runtime.store, name):
        return False
    await runtime.activity.record("movie.profile", f"The quality profile {name} was removed", actor=actor)
    return True
