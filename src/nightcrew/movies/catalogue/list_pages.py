"""The page of lists: which there are, how each stands, and what people do with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, field_validator

from nightcrew.kernel.errors import Invalid, NightcrewError
from nightcrew.kernel.fields import ask
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.words import counted
from nightcrew.movies.catalogue import list_actions
from nightcrew.movies.catalogue import memory as catalogue
from nightcrew.movies.catalogue import rules as catalogue_rules
from nightcrew.movies.catalogue.models import Medium
from nightcrew.movies.movie_tabs import tabs_of
from nightcrew.movies.store import lists
from nightcrew.movies.tmdb.kind import ATTRIBUTION
from nightcrew.web.api import Id, Node
from nightcrew.web.callers import Actor
from nightcrew.web.forms import Form, checked, form_of, values_of
from nightcrew.web.render import PageRoute, answer_form, done, render, render_part

router = APIRouter(include_in_schema=False, route_class=PageRoute)
PATH_WORDS = {
    "movie/popular": "Movies: popular",
    "movie/top_rated": "Movies: top rated",
    "movie/now_playing": "Movies: in cinemas now",
    "movie/upcoming": "Movies: upcoming",
    "trending/movie/day": "Movies: trending today",
    "trending/movie/week": "Movies: trending this week",
    "discover/movie": "Movies: a query of your own",
    "tv/popular": "Shows: popular",
    "tv/top_rated": "Shows: top rated",
    "tv/on_the_air": "Shows: on the air this week",
    "tv/airing_today": "Shows: on the air today",
    "trending/tv/day": "Shows: trending today",
    "trending/tv/week": "Shows: trending this week",
    "discover/tv": "Shows: a query of your own",
}


class MediaListForm(BaseModel):
    """A list."""

    name: str = ask(label="Name", min_length=1, max_length=100)
    path: str = ask(label="What it lists", control="select", choices=tuple(PATH_WORDS.items()))
    query: str = ask(
        "",
        label="Query",
        help="Only for a query of your own, as TMDB's discover takes it.",
        placeholder="with_genres=27&sort_by=vote_average.desc&vote_count.gte=200",
        max_length=2000,
    )
    pages: int = ask(5, label="Pages", help="20 titles each.", ge=1, le=catalogue_rules.MOST_PAGES)
    wanted: bool = ask(False, label="Search for sources of its movies")

    @field_validator("path")
    @classmethod
    def known(cls, path: str) -> str:
        """Raises ValueError."""
        if path not in PATH_WORDS:
            raise ValueError("there is no such list")
        return path

    def values(self) -> dict[str, Any]:
        """As `list_actions.add` takes them. Raises `Invalid`."""
        try:
            params = catalogue_rules.parameters(self.query)
        except ValueError as exc:
            raise Invalid(f"query: {exc}", field="query") from exc
        if params and not self.path.startswith("discover/"):
            raise Invalid("query: only a query of your own takes one", field="query")
        medium = next(one for one, paths in catalogue_rules.PATHS.items() if self.path in paths)
        fixed = {"name": self.name, "medium": medium, "path": self.path, "params": params}
        return fixed | {"pages": self.pages, "wanted": self.wanted}


@router.get("/movies/lists")
async def lists_page(request: Request, node: Node) -> Response:
    """All lists."""
    return render(request, "movies/lists.html", form=_form(), tabs=await tabs_of(node, "lists"), **await _context(node))


@router.get("/fragments/movies/lists")
async def lists_part(request: Request, node: Node) -> Response:
    """The lists, as they stand now."""
    return render(request, "movies/list_table.html", **await _context(node))


@router.post("/movies/lists")
async def add(request: Request, node: Node, actor: Actor) -> Response:
    """Add a list."""

    async def act(typed: Mapping[str, str]) -> str:
        one = await list_actions.add(
            node, checked(MediaListForm, values_of(MediaListForm, typed)).values(), actor=actor
        )
        return f"{one.name} is read now."

    return await answer_form(request, "movies/list_form.html", "Add a list", _form, act, "/movies/lists")


@router.get("/movies/lists/{list_id}/remove")
async def try_removal(request: Request, node: Node, list_id: Id) -> Response:
    """What the removal would do. Nothing is changed."""
    found = await list_actions.removal(node, list_id)
    return render_part(request, "movies/list_removal.html", title="Remove the list?", found=found)


@router.post("/movies/lists/{list_id}/{action}")
async def act(
    request: Request,
    node: Node,
    actor: Actor,
    list_id: Id,
    action: Literal["refresh", "accept", "want", "unwant", "pause", "resume", "remove"],
) -> Response:
    """Read it now, take it though it is small, search for its movies or not, leave it alone, or remove it."""
    changes: dict[str, dict[str, bool]] = {
        "want": {"wanted": True},
        "unwant": {"wanted": False},
        "pause": {"enabled": False},
        "resume": {"enabled": True},
    }
    if action == "remove":
        gone = await list_actions.remove(node, list_id, actor=actor)
        more = f" {counted(len(gone.unwanted), 'movie')} no longer searched for." if gone.unwanted else ""
        return done(request, f"{gone.entry.name} is gone.{more}", "/movies/lists")
    if action in changes:
        one = await list_actions.change(node, list_id, changes[action], actor=actor)
    else:
        one = await (list_actions.refresh if action == "refresh" else list_actions.accept)(node, list_id, actor=actor)
    said = {
        "refresh": "is read now",
        "accept": "is taken as it is now",
        "want": "is wanted: sources of its movies are searched for",
        "unwant": "is no longer wanted",
        "pause": "is left as it is until it is resumed",
        "resume": "is read again",
    }[action]
    return done(request, f"{one.name} {said}.", "/movies/lists")


async def _context(node: Runtime) -> dict[str, Any]:
    return {
        "lists": await lists.every(node.store),
        "words": PATH_WORDS,
        "shows": Medium.SHOW,
        "connected": await catalogue.is_connected(node),
        "attribution": ATTRIBUTION,
    }


def _form(typed: Mapping[str, str] | None = None, error: NightcrewError | None = None) -> Form:
    return form_of(MediaListForm, tuple(MediaListForm.model_fields), typed=typed, error=error)
