"""What a name says of a source, how good the source is, and which one of a film is best."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence

from pydantic import TypeAdapter, ValidationError

from nightcrew.kernel.errors import NeedsUser
from nightcrew.kernel.runtime import Runtime
from nightcrew.movies.catalogue.models import MovieEntry
from nightcrew.movies.quality import taste
from nightcrew.movies.quality.taste import Taste
from nightcrew.movies.releases import names
from nightcrew.movies.releases.model import Release, WantedFilm
from nightcrew.movies.releases.ranking import ReleaseScore, better
from nightcrew.movies.sources import rules
from nightcrew.movies.sources.models import USABLE, SourceEntry, SourceState
from nightcrew.movies.store import fetches, films, sources
from nightcrew.movies.store.sources import Worth

_RELEASE = TypeAdapter(Release)
ROUNDS = 3
"""How often the best source is chosen anew where another node chooses at the same time."""
CHECKED = 3
"""Sources of a film that are looked into: the best one, and what takes its place when it fails."""


def film_of(entry: MovieEntry) -> WantedFilm:
    """A film as its names are compared with."""
    titles = dict.fromkeys(one for one in (entry.title, entry.original_title, *entry.titles) if one)
    out = rules.released(entry.released_on)
    return WantedFilm(
        tuple(titles),
        entry.year,
        imdb_id=entry.imdb_id,
        runtime_min=entry.runtime_min or None,
        released_at=out.date() if out else None,
        language=entry.language,
    )


def stored(release: Release) -> dict[str, object]:
    """As a row keeps it."""
    return _RELEASE.dump_python(release, mode="json")  # type: ignore[no-any-return]


def release_of(entry: SourceEntry) -> Release:
    """What the name of a source says; read anew where it was stored by a version that knew other things."""
    try:
        return _RELEASE.validate_python(entry.release)
    except ValidationError:
        return names.read(entry.title)


def score_of(entry: SourceEntry, film: WantedFilm, judge: Taste) -> ReleaseScore:
    """How good a source is, with what is known of it by now."""
    seeds = entry.seeds if entry.counted_at is not None else entry.claimed_seeds
    return judge.score(release_of(entry), film, size=entry.size, seeds=seeds)


async def choose(runtime: Runtime, movie_ids: Collection[int]) -> None:
    """Score the sources of these films anew, and let each have its best one. It is replaced only by one that is better.

    While the quality profile cannot be read, which a person is told elsewhere, all stays as it is.
    """
    try:
        judge = await taste.in_use(runtime)
    except NeedsUser:
        return
    left = set(movie_ids)
    for _ in range(ROUNDS):
        known = await films.of_ids(runtime.store, left)
        left = {entry.id for entry in known.values() if not await _choose_for(runtime, entry, judge)}
        if not left:
            return


async def _choose_for(runtime: Runtime, entry: MovieEntry, judge: Taste) -> bool:
    """False when somebody else has chosen meanwhile, by what may have been older."""
    rows = [one for one in await sources.of_movie(runtime.store, entry.id) if one.state not in _OVER]
    film = film_of(entry)
    scores = await asyncio.to_thread(lambda: {one.id: score_of(one, film, judge) for one in rows})
    new = {key: worth_of(found) for key, found in scores.items()}
    changed = {one.id: new[one.id] for one in rows if Worth(one.score, one.parts, one.unfit) != new[one.id]}
    await sources.rescore(runtime.store, changed)
    await _have_read(runtime, rows, scores)
    if any(one.state in USABLE for one in rows):
        await fetches.look_again(runtime.store, entry.id)
    top = best_of([one for one in rows if not scores[one.id].refused], scores, entry.best_id)
    best_id = top.id if top else None
    if best_id == entry.best_id:
        return True
    if not await sources.set_best(runtime.store, entry.id, since=entry.best_id, best=best_id):
        return False
    await _tell(runtime, entry, top)
    return True


async def _have_read(runtime: Runtime, rows: Sequence[SourceEntry], scores: Mapping[int, ReleaseScore]) -> None:
    """Have the files of the best sources read: each costs its indexer a request, so others wait until they are needed."""
    wanted = to_read(rows, scores)
    begin = [one.id for one in rows if one.id in wanted and one.file_due_at is None]
    waits = [one for one in rows if one.state is SourceState.FOUND and one.file_due_at is not None and not one.final]
    rest = [one.id for one in waits if one.id not in wanted]
    if begin or rest:
        await sources.read_next(runtime.store, begin, rest)


async def _tell(runtime: Runtime, entry: MovieEntry, top: SourceEntry | None) -> None:
    if top is None:
        kind, said = "movie.source_lost", f"{entry.shown} has no good source any more"
    elif entry.best_id is None:
        kind, said = "movie.source_found", f"{entry.shown} has a source: {top.title}"
    else:
        kind, said = "movie.source_better", f"{entry.shown} has a better source: {top.title}"
    level = "warning" if top is None else "info"
    await runtime.activity.record(kind, said, level=level, subject=str(entry.id))
    runtime.bus.publish("movies")


def best_of(
    rows: Sequence[SourceEntry], scores: Mapping[int, ReleaseScore], present_id: int | None
) -> SourceEntry | None:
    """The best of the sources that the profile takes.

    One whose files were read comes before any that has a magnet link alone: fakes have the best names and the most seeds. Among
    equals the present one stays, unless another is better by the profile's gain.
    """
    for state in (SourceState.VERIFIED, SourceState.UNREAD):
        usable = [one for one in rows if one.state is state]
        present = next((one for one in usable if one.id == present_id), None)
        top = max(usable, key=lambda one: scores[one.id].total, default=None)
        if top is not None and present is not None and not better(scores[top.id], scores[present.id]):
            return present
        if top is not None:
            return top
    return None


def to_read(rows: Sequence[SourceEntry], scores: Mapping[int, ReleaseScore]) -> set[int]:
    """The sources whose torrent files are to be read: those that nobody has looked into among the best that the profile takes.

    A magnet link alone gives none of the places away.
    """
    usable = [one for one in rows if one.state in _READABLE and not scores[one.id].refused]
    best = sorted(usable, key=lambda one: -scores[one.id].total)[:CHECKED]
    return {one.id for one in best if one.state is SourceState.FOUND}


def worth_of(found: ReleaseScore) -> Worth:
    """A score as a row keeps it."""
    return Worth(found.total, [[part.name, part.points, part.words] for part in found.parts], found.refused)


_READABLE = frozenset({SourceState.FOUND, SourceState.VERIFIED})
_OVER = frozenset({SourceState.REFUSED, SourceState.GONE})
