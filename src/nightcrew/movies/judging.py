"""What a name says of a source, how good the source is, and which one of a film is best."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace

from pydantic import TypeAdapter, ValidationError

from nightcrew.kernel.runtime import Runtime
from nightcrew.movies import rules, taste
from nightcrew.movies.models import MAX_TITLE, USABLE, MovieEntry, SourceEntry, SourceState
from nightcrew.movies.releases.model import Film, Release
from nightcrew.movies.releases.names import read, read_many
from nightcrew.movies.releases.ranking import Part, Score, better
from nightcrew.movies.store import films, sources
from nightcrew.movies.taste import Taste

_RELEASE = TypeAdapter(Release)
UNREAD_COSTS = 30.0
"""Points that a source is worth less as long as nobody has read its files."""


def film_of(entry: MovieEntry) -> Film:
    """A film as its names are compared with."""
    titles = dict.fromkeys(one for one in (entry.title, entry.original_title, *entry.titles) if one)
    out = rules.released(entry.released_on)
    return Film(
        tuple(titles),
        entry.year,
        imdb_id=entry.imdb_id,
        runtime_min=entry.runtime_min or None,
        released_at=out.date() if out else None,
        language=entry.language,
    )


async def read_names(titles: Sequence[str]) -> list[Release]:
    """What names say. Reading one takes milliseconds, so it is done beside the event loop."""
    return await asyncio.to_thread(read_many, [title[:MAX_TITLE] for title in titles])


def stored(release: Release) -> dict[str, object]:
    """As a row keeps it."""
    return _RELEASE.dump_python(release, mode="json")  # type: ignore[no-any-return]


def release_of(entry: SourceEntry) -> Release:
    """What the name of a source says; read anew where it was stored by a version that knew other things."""
    try:
        return _RELEASE.validate_python(entry.release)
    except ValidationError:
        return read(entry.title)


def score_of(entry: SourceEntry, film: Film, judge: Taste) -> Score:
    """How good a source is, with what is known of it by now."""
    seeds = entry.seeds if entry.counted_at is not None else entry.claimed_seeds
    found = judge.score(release_of(entry), film, size=entry.size, seeds=seeds)
    if entry.state is SourceState.UNREAD:
        found = _less(found, UNREAD_COSTS, "files", "nobody has read its files yet")
    return found


def _less(found: Score, points: float, name: str, words: str) -> Score:
    return replace(found, total=found.total - points, parts=(*found.parts, Part(name, -points, words)))


async def choose(runtime: Runtime, movie_ids: Collection[int]) -> None:
    """Score the sources of these films anew, and let each have its best one. It is replaced only by one that is better."""
    judge = await taste.in_use(runtime)
    known = await films.of_ids(runtime.store, movie_ids)
    for entry in known.values():
        await _choose_for(runtime, entry, judge)


async def _choose_for(runtime: Runtime, entry: MovieEntry, judge: Taste) -> None:
    rows = [one for one in await sources.of_movie(runtime.store, entry.id) if one.state not in _OVER]
    film = film_of(entry)
    scores = await asyncio.to_thread(lambda: {one.id: score_of(one, film, judge) for one in rows})
    new = {one: (found.total, parts_of(found)) for one, found in scores.items()}
    changed = {one.id: new[one.id] for one in rows if (one.score, one.parts) != new[one.id]}
    await sources.rescore(runtime.store, changed)
    usable = [one for one in rows if one.state in USABLE and not scores[one.id].refused]
    top = max(usable, key=lambda one: scores[one.id].total, default=None)
    present = next((one for one in usable if one.id == entry.best_id), None)
    if top is not None and present is not None and not better(scores[top.id], scores[present.id]):
        top = present
    best_id = top.id if top else None
    if best_id == entry.best_id:
        return
    if await sources.set_best(runtime.store, entry.id, since=entry.best_id, best=best_id):
        await _tell(runtime, entry, top, present)


async def _tell(runtime: Runtime, entry: MovieEntry, top: SourceEntry | None, before: SourceEntry | None) -> None:
    if top is None:
        kind, said = "movie.source_lost", f"{entry.shown} has no good source any more"
    elif before is None and entry.best_id is None:
        kind, said = "movie.source_found", f"{entry.shown} has a source: {top.title}"
    else:
        kind, said = "movie.source_better", f"{entry.shown} has a better source: {top.title}"
    level = "warning" if top is None else "info"
    await runtime.activity.record(kind, said, level=level, subject=str(entry.id))
    runtime.bus.publish("movies")


def parts_of(found: Score) -> list[list[object]]:
    """The parts of a score as a row keeps them: name, points, words."""
    return [[part.name, part.points, part.words] for part in found.parts]


_OVER = frozenset({SourceState.REFUSED, SourceState.GONE})
