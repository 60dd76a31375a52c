"""The pages of movies, shows and lists, and the pictures on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from nightcrew.kernel.errors import NotFound, Retry
from nightcrew.kernel.runtime import Runtime
from nightcrew.movies.catalogue import answers as catalogue_answers
from nightcrew.movies.catalogue import memory as catalogue
from nightcrew.movies.catalogue.images import Images
from nightcrew.movies.catalogue.models import Medium
from nightcrew.movies.handover import pages as handover_pages
from nightcrew.movies.movie_tabs import tabs_of
from nightcrew.movies.store import catalogue_views, films, lists, shows
from nightcrew.movies.store.catalogue_views import Wish
from nightcrew.movies.tmdb.kind import ATTRIBUTION
from nightcrew.web.api import Id, Node
from nightcrew.web.paging import paging
from nightcrew.web.render import PageRoute, render

router = APIRouter(include_in_schema=False, route_class=PageRoute)

Words = Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")]
After = Annotated[int, Query(ge=0, lt=10**9)]
ListId = Annotated[int, Query(alias="list", ge=0, lt=2**63)]
Show = Literal["all", "wanted"]
POSTERS = 48
PICTURE_HEADERS = {
    "Cache-Control": "private, max-age=604800",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
}
ORDERS = (
    ("popular", "Popular"),
    ("rated", "Best rated"),
    ("newest", "Newest"),
    ("title", "Title"),
    ("added", "Added last"),
)


@router.get("/movies")
async def movies_page(
    request: Request,
    node: Node,
    show: Show = "all",
    q: Words = "",
    genre: Words = "",
    list_id: ListId = 0,
    order: catalogue_answers.OrderName | Literal[""] = "",
    after: After = 0,
) -> Response:
    """Posters of movies."""
    wish = Wish(q, genre, list_id or None, True if show == "wanted" else None, order or _order(list_id))
    rows = await catalogue_views.movies(node.store, wish, skip=after, limit=POSTERS)
    chosen = {"show": "" if show == "all" else show, "q": q, "genre": genre, "list": list_id, "order": order}
    context = await _grid(node, Medium.MOVIE, rows, wish, chosen, after)
    return render(request, "movies/grid.html", **context)


@router.get("/shows")
async def shows_page(
    request: Request,
    node: Node,
    q: Words = "",
    genre: Words = "",
    list_id: ListId = 0,
    order: catalogue_answers.OrderName | Literal[""] = "",
    after: After = 0,
) -> Response:
    """Posters of shows."""
    wish = Wish(q, genre, list_id or None, None, order or _order(list_id))
    rows = await catalogue_views.shows(node.store, wish, skip=after, limit=POSTERS)
    chosen = {"show": "", "q": q, "genre": genre, "list": list_id, "order": order}
    context = await _grid(node, Medium.SHOW, rows, wish, chosen, after)
    return render(request, "movies/grid.html", **context)


@router.get("/movies/{movie_id:int}")
async def movie_page(request: Request, node: Node, movie_id: Id) -> Response:
    """A movie: what is known of it, and its sources."""
    row = await films.get(node.store, movie_id)
    found = await lists.of_title(node.store, Medium.MOVIE, row.tmdb_id)
    handover = await handover_pages.context_of(node, movie_id)
    return render(request, "movies/movie.html", movie=row, lists=found, attribution=ATTRIBUTION, **handover)


@router.get("/shows/{show_id:int}")
async def show_page(request: Request, node: Node, show_id: Id) -> Response:
    """A show with its seasons."""
    return render(request, "movies/show.html", **await _show(node, show_id))


@router.get("/fragments/shows/{show_id:int}")
async def show_part(request: Request, node: Node, show_id: Id) -> Response:
    """What is known of a show."""
    return render(request, "movies/show_facts.html", **await _show(node, show_id))


@router.get("/movies/images/{size}/{name}")
async def image(
    request: Request,
    node: Node,
    size: Annotated[str, Path(max_length=10)],
    name: Annotated[str, Path(max_length=150)],
) -> Response:
    """A picture from this node alone. 404 where there is none yet: the page shows an empty place."""
    try:
        picture = await node.part(Images).of(size, name)
    except NotFound:
        return Response(status_code=404, headers={"Cache-Control": "private, max-age=300"})
    except Retry:
        return Response(status_code=404, headers={"Cache-Control": "no-store"})
    headers = PICTURE_HEADERS | {"ETag": picture.etag}
    if request.headers.get("if-none-match") == picture.etag:
        return Response(status_code=304, headers=headers)
    return Response(picture.data, media_type=picture.kind, headers=headers)


async def _grid(
    node: Runtime, medium: Medium, rows: list[Any], wish: Wish, chosen: Mapping[str, Any], after: int
) -> dict[str, Any]:
    path = "/movies" if medium is Medium.MOVIE else "/shows"
    known = await lists.every(node.store, medium=medium)
    figures = await catalogue_views.counts(node.store)
    following = after + POSTERS if len(rows) == POSTERS else None
    orders = (("rank", "As in the list"), *ORDERS) if wish.list_id else ORDERS
    return {
        "medium": medium.value,
        "rows": rows,
        "tabs": await tabs_of(
            node, "shows" if medium is Medium.SHOW else "wanted" if wish.wanted else "movies", figures
        ),
        "orders": orders,
        "genres": [("", "All"), *((one, one) for one in await catalogue_views.genres(node.store, medium))],
        "lists": [(0, "All"), *((one.id, one.name) for one in known)],
        "wish": wish,
        "chosen": chosen,
        "filtered": bool(wish.search or wish.genre or wish.list_id or wish.wanted),
        "connected": await catalogue.is_connected(node),
        "unread": figures["unread_movies" if medium is Medium.MOVIE else "unread_shows"],
        "paging": paging(path, chosen, "after", after, following),
        "attribution": ATTRIBUTION,
    }


def _order(list_id: int) -> str:
    return "rank" if list_id else "popular"


async def _show(node: Runtime, show_id: int) -> dict[str, Any]:
    row = await shows.get(node.store, show_id)
    return {
        "show": row,
        "seasons": await shows.seasons_of(node.store, show_id),
        "lists": await lists.of_title(node.store, Medium.SHOW, row.tmdb_id),
        "attribution": ATTRIBUTION,
    }
