"""JSON routes of films' sources, and of the tasks."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.runtime import Runtime
from nightcrew.movies.sources import actions as source_actions
from nightcrew.movies.sources import answers as say
from nightcrew.movies.sources import crew
from nightcrew.movies.sources.models import SourceEntry
from nightcrew.movies.store import films, searches, sources
from nightcrew.movies.tally import TITLES, history
from nightcrew.web.answers import Items
from nightcrew.web.api import Id, Node
from nightcrew.web.callers import Actor

router = APIRouter(prefix="/api/v1/movies", tags=["movies"])
Hours = Annotated[int, Query(ge=1, le=14 * 24)]


async def names_of(runtime: Runtime) -> dict[int, str]:
    """What the indexers are called."""
    return {one.connection.id: one.connection.name for one in await crew.indexers(runtime)}


@router.get("/tasks")
async def list_tasks(node: Node, hours: Hours = 24) -> Items[say.TaskRow]:
    """The seven tasks: what waits for each, and what it did in the last hours."""
    waiting, known = await history(node, utcnow() - timedelta(hours=hours))
    rows = [say.TaskRow.made(task, title, waiting[task], known.get(task, [])) for task, title in TITLES.items()]
    return Items(items=rows)


# -- sources -----------------------------------------------------------------------------------------------------------


@router.get("/{movie_id}/sources")
async def list_sources(node: Node, movie_id: Id) -> say.SourcesAnswer:
    """The sources of a film, the best first, with what they are worth and why."""
    entry, names = await films.get(node.store, movie_id), await names_of(node)
    rows = await sources.of_movie(node.store, movie_id)
    return say.SourcesAnswer(
        movie=entry.shown,
        wanted=entry.wanted,
        sources=[say.MovieSourceRow.made(one, best_id=entry.best_id, names=names) for one in rows],
        searches=[say.SearchRow.made(one, names) for one in await searches.of_movie(node.store, movie_id)],
    )


@router.post("/{movie_id}/search", status_code=202)
async def search_movie(node: Node, actor: Actor, movie_id: Id) -> say.SearchedAnswer:
    """Search for a film now, before all others. It is wanted from now on."""
    entry = await source_actions.search_now(node, movie_id, actor=actor)
    return say.SearchedAnswer(movie=entry.shown, wanted=True)


@router.post("/{movie_id}/unwant")
async def unwant_movie(node: Node, actor: Actor, movie_id: Id) -> say.SearchedAnswer:
    """Search for a film no longer. Its sources stay."""
    entry = await source_actions.stop_searching(node, movie_id, actor=actor)
    return say.SearchedAnswer(movie=entry.shown, wanted=False)


@router.post("/sources/{source_id}/refuse")
async def refuse_source(node: Node, actor: Actor, source_id: Id) -> say.MovieSourceRow:
    """This source is not the film, or is not wanted: it is never the best one again."""
    return await _row(node, await source_actions.refuse(node, source_id, actor=actor))


@router.post("/sources/{source_id}/accept")
async def accept_source(node: Node, actor: Actor, source_id: Id) -> say.MovieSourceRow:
    """This source is the film, whatever its name or its files say."""
    return await _row(node, await source_actions.accept(node, source_id, actor=actor))


async def _row(node: Runtime, one: SourceEntry) -> say.MovieSourceRow:
    entry = await films.get(node.store, one.movie_id)
    return say.MovieSourceRow.made(one, best_id=entry.best_id, names=await names_of(node))
