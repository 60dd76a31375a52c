"""Shows with their seasons and episodes. What an answer does not say leaves what was known before."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.errors import NotFound
from nightcrew.kernel.store import Store, now_of
from nightcrew.kernel.words import plain
from nightcrew.movies.catalogue import rules as catalogue_rules
from nightcrew.movies.catalogue.models import EpisodeEntry, SeasonEntry, ShowEntry, episode, season, show
from nightcrew.movies.columns import MAX_REASON
from nightcrew.movies.store.titles import PIECE, SHOWS, keeping
from nightcrew.movies.tmdb.show_shapes import Episode, Season, ShowDetails

FRESH = show.c.failures == 0
"""The last time that one of these was read it was all right, or it was never tried."""


@dataclass(frozen=True, slots=True)
class DueShow:
    """A show that was claimed, and its seasons: which there are, and whether each is complete."""

    id: int
    tmdb_id: int
    title: str
    failures: int
    seasons: dict[int, bool]


async def claim(store: Store, *, by: str, limit: int, late: bool) -> list[DueShow]:
    """Shows that are due. `late`: those that could not be read before, which have places of their own.

    A season that was read long ago counts as one that is not complete.
    """
    ids = await SHOWS.claim(store, by=by, limit=limit, of=sa.select(show.c.id).where(~FRESH if late else FRESH))
    if not ids:
        return []
    known: dict[int, dict[int, bool]] = {one: {} for one in ids}
    seasons = sa.select(season.c.show_id, season.c.number, season.c.complete, season.c.synced_at)
    seasons = seasons.where(season.c.show_id.in_(ids))
    rows = sa.select(show.c.id, show.c.tmdb_id, show.c.title, show.c.failures).where(show.c.id.in_(ids))
    async with store.read() as connection:
        old = await now_of(connection) - catalogue_rules.SEASON_KEPT
        for row in await connection.execute(seasons):
            known[row.show_id][row.number] = row.complete and row.synced_at is not None and row.synced_at > old
        found = {row.id: DueShow(*row, known[row.id]) for row in await connection.execute(rows)}
    return [found[one] for one in ids if one in found]


async def save(store: Store, show_id: int, details: ShowDetails, complete: Collection[int]) -> None:
    """Store a show with the seasons that were read. `complete`: those that need not be read again until the show changes.

    Each season is a transaction of its own, in pieces, so that what was read is kept whatever happens next.
    """
    facts = details.facts
    async with store.write() as connection:
        now = await now_of(connection)
        values = {
            "key": show_id,
            "at": now,
            "said_title": facts.title,
            "said_original_title": facts.original_title,
            "said_language": facts.language,
            "said_overview": facts.overview,
            "said_first_on": facts.on,
            "said_last_on": details.last_on,
            "said_status": details.status,
            "said_imdb_id": details.imdb_id,
            "said_poster": facts.poster,
            "said_backdrop": facts.backdrop,
            "said_titles": details.titles or None,
            "said_genres": facts.genres or None,
            "said_season_count": details.season_count,
            "said_episode_count": details.episode_count,
            "said_popularity": facts.popularity,
            "said_vote_average": facts.vote_average,
            "said_vote_count": facts.vote_count,
        }
        await connection.execute(_RENEW, values)
        await _put_seasons(store, connection, show_id, details.seasons)
    for one in details.seasons:
        if one.episodes is not None:
            await _put_episodes(store, show_id, one, one.number in complete)


async def settle(
    store: Store, show_id: int, *, by: str, due_at: datetime, failures: int, reason: str, gone: bool = False
) -> None:
    """Note what came of reading a show, and when it is due again."""
    values: dict[str, Any] = {"failures": failures, "reason": plain(reason)[:MAX_REASON]}
    if gone:
        values["gone"] = True
    await SHOWS.park(store, by=by, key=show_id, until=due_at, values=values)


async def mark_changed(store: Store, ids: Collection[int], *, before: datetime) -> int:
    """Let the known ones among these TMDB ids be read, unless that was done since `before`: finished seasons too. Returns how many."""
    found = 0
    every = sorted(ids)
    for start in range(0, len(every), PIECE):
        piece = every[start : start + PIECE]
        async with store.write() as connection:
            now = await now_of(connection)
            old = sa.and_(show.c.tmdb_id.in_(piece), sa.or_(show.c.synced_at.is_(None), show.c.synced_at < before))
            changed = sa.select(show.c.id).where(old)
            reopened = sa.update(season).where(season.c.show_id.in_(changed), season.c.complete)
            await connection.execute(reopened.values(complete=False))
            later = sa.or_(show.c.due_at.is_(None), show.c.due_at > now)
            found += await SHOWS.make_due(connection, old, later, at=now, failures=0)
    return found


async def get(store: Store, show_id: int) -> ShowEntry:
    """One show. Raises `NotFound`."""
    async with store.read() as connection:
        row = (await connection.execute(sa.select(show).where(show.c.id == show_id))).mappings().first()
    if row is None:
        raise NotFound(f"there is no show {show_id}")
    return ShowEntry(**row)


async def seasons_of(store: Store, show_id: int) -> list[tuple[SeasonEntry, list[EpisodeEntry]]]:
    """The seasons of a show with their episodes; specials last."""
    mine = sa.select(season).where(season.c.show_id == show_id).order_by(season.c.number == 0, season.c.number)
    theirs = sa.select(episode).join(season, season.c.id == episode.c.season_id).where(season.c.show_id == show_id)
    async with store.read() as connection:
        seasons = [SeasonEntry(**row) for row in (await connection.execute(mine)).mappings()]
        episodes: dict[int, list[EpisodeEntry]] = {one.id: [] for one in seasons}
        for row in (await connection.execute(theirs.order_by(episode.c.number))).mappings():
            if row["season_id"] in episodes:
                episodes[row["season_id"]].append(EpisodeEntry(**row))
    return [(one, episodes[one.id]) for one in seasons]


async def _put_seasons(store: Store, connection: AsyncConnection, show_id: int, rows: Sequence[Season]) -> None:
    insert = store.upsert(season)
    renewed: dict[str, Any] = {
        name: sa.func.coalesce(sa.func.nullif(insert.excluded[name], ""), season.c[name])
        for name in ("name", "overview", "poster", "air_on")
    }
    renewed["episode_count"] = sa.case(
        (insert.excluded.episode_count > 0, insert.excluded.episode_count), else_=season.c.episode_count
    )
    values = [
        {
            "show_id": show_id,
            "number": one.number,
            "name": one.name,
            "overview": one.overview,
            "poster": one.poster,
            "air_on": one.air_on,
            "episode_count": one.count,
            "complete": False,
        }
        for one in rows
    ]
    if values:
        statement = insert.on_conflict_do_update(index_elements=["show_id", "number"], set_=renewed)
        await connection.execute(statement, values)


async def _put_episodes(store: Store, show_id: int, one: Season, complete: bool) -> None:
    """An episode that is no longer there is only forgotten where the answer has as many as its season should have."""
    episodes = one.episodes or ()
    mine = sa.and_(season.c.show_id == show_id, season.c.number == one.number)
    async with store.read() as connection:
        known = (await connection.execute(sa.select(season.c.id, season.c.episode_count).where(mine))).one()
    season_id, expected = known.id, one.count or known.episode_count
    for start in range(0, len(episodes), PIECE):
        async with store.write() as connection:
            await connection.execute(
                _episodes(store), [_episode(season_id, found) for found in episodes[start : start + PIECE]]
            )
    async with store.write() as connection:
        whole = len(episodes) >= expected
        if episodes and whole:
            kept = [found.number for found in episodes]
            gone = sa.delete(episode).where(episode.c.season_id == season_id, episode.c.number.not_in(kept))
            await connection.execute(gone)
        values: dict[str, Any] = {"complete": complete and whole, "synced_at": await now_of(connection)}
        if not one.count:  # the show does not say how many there are
            values["episode_count"] = max(expected, len(episodes))
        await connection.execute(sa.update(season).where(season.c.id == season_id).values(values))


def _episodes(store: Store) -> Any:
    insert = store.upsert(episode)
    kept: dict[str, Any] = {
        name: sa.func.coalesce(sa.func.nullif(insert.excluded[name], ""), episode.c[name])
        for name in ("name", "overview", "air_on", "still")
    }
    kept["runtime_min"] = sa.func.coalesce(insert.excluded.runtime_min, episode.c.runtime_min)
    said = insert.excluded.vote_average
    kept["vote_average"] = sa.case((said > 0, said), else_=episode.c.vote_average)
    return insert.on_conflict_do_update(index_elements=["season_id", "number"], set_=kept)


def _episode(season_id: int, one: Episode) -> dict[str, Any]:
    return {
        "season_id": season_id,
        "number": one.number,
        "name": one.name,
        "overview": one.overview,
        "air_on": one.air_on,
        "runtime_min": one.runtime_min,
        "still": one.still,
        "vote_average": one.vote_average or 0.0,
    }


_AT = sa.bindparam("at", type_=show.c.changed_at.type)
_RENEW = (
    sa.update(show)
    .where(show.c.id == sa.bindparam("key"))
    .values(
        {
            **keeping(
                show,
                (
                    "title",
                    "original_title",
                    "language",
                    "overview",
                    "first_on",
                    "last_on",
                    "status",
                    "imdb_id",
                    "poster",
                    "backdrop",
                ),
                ("titles", "genres", "season_count", "episode_count", "popularity", "vote_average", "vote_count"),
            ),
            "gone": False,
            "synced_at": _AT,
            "changed_at": _AT,
        }
    )
)
