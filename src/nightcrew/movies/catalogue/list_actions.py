"""What people do with lists. Each change is in the activity feed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nightcrew.kernel.errors import Conflict, Invalid
from nightcrew.kernel.runtime import Runtime
from nightcrew.movies.catalogue import rules as catalogue_rules
from nightcrew.movies.catalogue.models import MediaList, Medium
from nightcrew.movies.columns import MAX_NAME
from nightcrew.movies.settings import MovieSettings
from nightcrew.movies.store import lists, searches, titles

FIELDS = frozenset({"name", "medium", "path", "params", "pages", "wanted", "enabled"})


@dataclass(frozen=True, slots=True)
class MediaListRemoval:
    """What the removal of a list would do: films that are searched for no longer, as no other wanted list has them."""

    entry: MediaList
    unwanted: tuple[int, ...]


async def add(runtime: Runtime, values: Mapping[str, Any], *, actor: str) -> MediaList:
    """A new list. `values`: name, medium, path, params, pages, wanted. Raises `Invalid`, `Conflict`."""
    row = _checked({"params": {}, "pages": 5, "wanted": False, **values})
    one = await lists.add(runtime.store, row)
    await runtime.activity.record("list.added", f"The list {one.name} was added", actor=actor, subject=one.name)
    runtime.bus.publish("movies")
    return one


async def change(runtime: Runtime, list_id: int, values: Mapping[str, Any], *, actor: str) -> MediaList:
    """Change some of it; its medium stays. What is asked for is read anew at once, and is taken whatever its size.

    Raises `NotFound`, `Invalid`, `Conflict`.
    """
    before = await lists.get(runtime.store, list_id)
    if "medium" in values and values["medium"] != before.medium:
        raise Invalid("medium: a list of movies stays one of movies; add another list", field="medium")
    whole = {name: getattr(before, name) for name in FIELDS} | dict(values)
    row = {name: value for name, value in _checked(whole).items() if name in values}
    if {"path", "params", "pages"} & row.keys():
        row["held_times"] = catalogue_rules.PROOFS
    if row.get("wanted") and not before.wanted:
        await _want(runtime, before)
    unwanted = await lists.only_here(runtime.store, list_id) if row.get("wanted") is False and before.wanted else []
    one = await lists.change(runtime.store, list_id, row)
    await searches.unwant(runtime.store, unwanted)
    said = f"The list {one.name} was changed: {', '.join(sorted(row))}"
    await runtime.activity.record("list.changed", said, actor=actor, subject=one.name)
    runtime.bus.publish("movies")
    return one


async def refresh(runtime: Runtime, list_id: int, *, actor: str) -> MediaList:
    """Read a list now. Raises `NotFound`, and `Conflict` for one that is paused."""
    one = await lists.get(runtime.store, list_id)
    if not one.enabled:
        raise Conflict(f"the list {one.name} is paused; resume it first")
    await lists.refresh(runtime.store, [list_id])
    await runtime.activity.record("list.refreshed", f"The list {one.name} is read now", actor=actor, subject=one.name)
    runtime.bus.publish("movies")
    return one


async def accept(runtime: Runtime, list_id: int, *, actor: str) -> MediaList:
    """A list really has as few titles as it says: the next reading is taken. Raises `NotFound`."""
    one = await lists.get(runtime.store, list_id)
    await lists.refresh(runtime.store, [list_id], held_times=catalogue_rules.PROOFS)
    said = f"The list {one.name} may be smaller than it was"
    await runtime.activity.record("list.accepted", said, actor=actor, subject=one.name)
    runtime.bus.publish("movies")
    return one


async def removal(runtime: Runtime, list_id: int) -> MediaListRemoval:
    """What `remove` would do. Raises `NotFound`."""
    one = await lists.get(runtime.store, list_id)
    return MediaListRemoval(one, tuple(await lists.only_here(runtime.store, list_id)) if one.wanted else ())


async def remove(runtime: Runtime, list_id: int, *, actor: str) -> MediaListRemoval:
    """Forget a list. Its titles stay, and so does what was found for its films. Raises `NotFound`."""
    done = await removal(runtime, list_id)
    await lists.remove(runtime.store, list_id)
    await searches.unwant(runtime.store, done.unwanted)
    said = f"The list {done.entry.name} was removed"
    await runtime.activity.record("list.removed", said, actor=actor, subject=done.entry.name)
    runtime.bus.publish("movies")
    return done


async def _want(runtime: Runtime, one: MediaList) -> None:
    if one.medium is Medium.MOVIE:
        before_release = runtime.settings.of(MovieSettings).search_before_release
        ids = await lists.places(runtime.store, one.id)
        await titles.want_listed(runtime.store, ids, before_release=before_release)


def _checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """Raises `Invalid`, naming the field."""
    medium = Medium(values["medium"])
    if values["path"] not in catalogue_rules.PATHS[medium]:
        known = ", ".join(catalogue_rules.PATHS[medium])
        raise Invalid(f"path: there is no such list of {medium.value}s; known are {known}", field="path")
    if problem := catalogue_rules.problem_with(values["params"]):
        raise Invalid(f"params: {problem}", field="params")
    if values["params"] and not values["path"].startswith("discover/"):
        raise Invalid("params: only discover takes a query", field="params")
    if not 1 <= values["pages"] <= catalogue_rules.MOST_PAGES:
        raise Invalid(f"pages: from 1 to {catalogue_rules.MOST_PAGES}", field="pages")
    name = str(values["name"]).strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise Invalid(f"name: it has 1 to {MAX_NAME} characters", field="name")
    if values["wanted"] and medium is Medium.SHOW:
        raise Invalid("wanted: sources are searched for movies alone", field="wanted")
    return {**{key: values[key] for key in FIELDS if key in values}, "name": name, "medium": medium}
