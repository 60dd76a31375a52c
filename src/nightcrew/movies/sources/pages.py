"""The pages of films' sources and of the tasks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.runtime import Runtime
from nightcrew.movies.handover.pages import choices_of
from nightcrew.movies.movie_tabs import tabs_of
from nightcrew.movies.plot import health_plot, task_plot
from nightcrew.movies.quality import taste
from nightcrew.movies.sources import actions as source_actions
from nightcrew.movies.sources.api import names_of
from nightcrew.movies.sources.models import SourceState
from nightcrew.movies.store import films, searches, sources, swarms
from nightcrew.movies.tally import TITLES, history
from nightcrew.web.api import Id, Node
from nightcrew.web.callers import Actor
from nightcrew.web.render import PageRoute, done, render

router = APIRouter(include_in_schema=False, route_class=PageRoute)
SHOWN = 24
"""Hours of the tasks that are drawn."""


async def context_of(node: Runtime, movie_id: int) -> dict[str, Any]:
    """What the part with the sources of a film shows."""
    entry = await films.get(node.store, movie_id)
    rows = await sources.of_movie(node.store, movie_id)
    usable = [one for one in rows if one.state is not SourceState.REFUSED]
    best = next((one for one in rows if one.id == entry.best_id), None)
    history = await swarms.history(node.store, [one.id for one in usable])
    return {
        "movie": entry,
        "best": best,
        "sources": usable,
        "refused": [one for one in rows if one.state is SourceState.REFUSED],
        "searches": await searches.of_movie(node.store, movie_id),
        "names": await names_of(node),
        "trackers": await swarms.of_swarm(node.store, best.swarm) if best and best.swarm else [],
        "health": health_plot(usable, history),
        "profile": taste.name_in_use(node),
        **await choices_of(node, movie_id, usable),
    }


@router.get("/fragments/movies/{movie_id}/sources")
async def sources_part(request: Request, node: Node, movie_id: Id) -> Response:
    """The sources of a film."""
    return render(request, "movies/sources.html", **await context_of(node, movie_id))


@router.post("/movies/{movie_id:int}/{action}")
async def act_on_movie(
    request: Request, node: Node, actor: Actor, movie_id: Id, action: Literal["search", "unwant"]
) -> Response:
    """Search for it now, or no longer."""
    if action == "search":
        entry = await source_actions.search_now(node, movie_id, actor=actor)
        return done(request, f"{entry.shown} is searched for.", f"/movies/{movie_id}")
    entry = await source_actions.stop_searching(node, movie_id, actor=actor)
    return done(request, f"{entry.shown} is no longer searched for.", f"/movies/{movie_id}")


@router.post("/movies/sources/{source_id}/{action}")
async def act_on_source(
    request: Request, node: Node, actor: Actor, source_id: Id, action: Literal["refuse", "accept"]
) -> Response:
    """Say that it is not the film, or that it is."""
    act = source_actions.refuse if action == "refuse" else source_actions.accept
    entry = await act(node, source_id, actor=actor)
    said = "is not taken" if action == "refuse" else "is looked into again"
    return done(request, f"{entry.title} {said}.", f"/movies/{entry.movie_id}")


@router.get("/movies/tasks")
async def tasks_page(request: Request, node: Node) -> Response:
    """The seven tasks."""
    return render(request, "movies/tasks.html", tabs=await tabs_of(node, "tasks"), **await _tasks(node))


@router.get("/fragments/movies/tasks")
async def tasks_part(request: Request, node: Node) -> Response:
    """The tasks, as they are now."""
    return render(request, "movies/task_list.html", **await _tasks(node))


async def _tasks(node: Runtime) -> dict[str, Any]:
    waiting, known = await history(node, utcnow() - timedelta(hours=SHOWN))
    return {
        "tasks": [
            {
                "name": task.value,
                "title": title,
                "waiting": waiting[task],
                "worker": node.schedule.workers.get(f"movies.{task.value}"),
                "plot": task_plot(title, known.get(task, [])),
            }
            for task, title in TITLES.items()
        ]
    }
