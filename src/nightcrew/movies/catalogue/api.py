"""JSON routes of movies, shows and lists."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from nightcrew.movies.catalogue import answers as say
from nightcrew.movies.catalogue import list_actions
from nightcrew.movies.catalogue.models import Medium
from nightcrew.movies.store import catalogue_views, films, lists, shows
from nightcrew.movies.store.catalogue_views import Wish
from nightcrew.web.answers import Items
from nightcrew.web.api import Cursor, Id, Limit, Node, number_cursor
from nightcrew.web.callers import Actor

router = APIRouter(prefix="/api/v1", tags=["movies"])
Search = Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")]
ListId = Annotated[int | None, Query(alias="list", ge=1, lt=2**63)]


@router.get("/movies")
async def list_movies(
    node: Node,
    search: Search = "",
    genre: Search = "",
    list_id: ListId = None,
    wanted: bool | None = None,
    order: say.OrderName = "popular",
    gone: bool = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Items[say.MovieRow]:
    """Movies. The cursor is how many come before."""
    skip = number_cursor(cursor) or 0
    wish = Wish(search, genre, list_id, wanted, order, gone)
    rows = await catalogue_views.movies(node.store, wish, skip=skip, limit=limit)
    following = str(skip + limit) if len(rows) == limit else None
    return Items(items=[say.MovieRow.made(one) for one in rows], next=following)


@router.get("/movies/{movie_id:int}")
async def get_movie(node: Node, movie_id: Id) -> say.MovieDetail:
    """A movie."""
    row = await films.get(node.store, movie_id)
    found = await lists.of_title(node.store, Medium.MOVIE, row.tmdb_id)
    base = say.MovieRow.made(row)
    return say.MovieDetail(**base.model_dump(), titles=list(row.titles), lists=say.listed(found))


@router.get("/shows")
async def list_shows(
    node: Node,
    search: Search = "",
    genre: Search = "",
    list_id: ListId = None,
    order: say.OrderName = "popular",
    gone: bool = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Items[say.ShowRow]:
    """Shows. The cursor is how many come before."""
    skip = number_cursor(cursor) or 0
    wish = Wish(search, genre, list_id, None, order, gone)
    rows = await catalogue_views.shows(node.store, wish, skip=skip, limit=limit)
    following = str(skip + limit) if len(rows) == limit else None
    return Items(items=[say.ShowRow.made(one) for one in rows], next=following)


@router.get("/shows/{show_id:int}")
async def get_show(node: Node, show_id: Id) -> say.ShowDetail:
    """A show with its seasons and episodes."""
    row = await shows.get(node.store, show_id)
    seasons = await shows.seasons_of(node.store, show_id)
    found = await lists.of_title(node.store, Medium.SHOW, row.tmdb_id)
    return say.ShowDetail(
        **say.ShowRow.made(row).model_dump(),
        titles=list(row.titles),
        seasons=[say.SeasonRow.made(one, episodes) for one, episodes in seasons],
        lists=say.listed(found),
    )


# -- lists -------------------------------------------------------------------------------------------------------------


@router.get("/lists")
async def list_lists(node: Node, medium: say.MediumName | None = None) -> Items[say.ListRow]:
    """The lists that are read, by name."""
    rows = await lists.every(node.store, medium=Medium(medium) if medium else None)
    return Items(items=[say.ListRow.of(one) for one in rows])


@router.post("/lists", status_code=201)
async def add_list(node: Node, actor: Actor, new: say.NewMediaList) -> say.ListRow:
    """Add a list. It is read at once."""
    return say.ListRow.of(await list_actions.add(node, new.model_dump(), actor=actor))


@router.patch("/lists/{list_id}")
async def change_list(node: Node, actor: Actor, list_id: Id, change: say.MediaListChange) -> say.ListRow:
    """Change a list. It is read anew at once."""
    return say.ListRow.of(await list_actions.change(node, list_id, change.given(), actor=actor))


@router.post("/lists/{list_id}/refresh", status_code=202)
async def refresh_list(node: Node, actor: Actor, list_id: Id) -> say.ListRow:
    """Read a list now."""
    await list_actions.refresh(node, list_id, actor=actor)
    return say.ListRow.of(await lists.get(node.store, list_id))


@router.post("/lists/{list_id}/accept", status_code=202)
async def accept_list(node: Node, actor: Actor, list_id: Id) -> say.ListRow:
    """A list really has as few titles as it says: what it answers next is taken."""
    await list_actions.accept(node, list_id, actor=actor)
    return say.ListRow.of(await lists.get(node.store, list_id))


@router.delete("/lists/{list_id}")
async def remove_list(node: Node, actor: Actor, list_id: Id, dry_run: bool = False) -> say.ListRemoval:
    """Remove a list. Its titles stay. A dry run says what would happen, and changes nothing."""
    done = await (list_actions.removal(node, list_id) if dry_run else list_actions.remove(node, list_id, actor=actor))
    return say.ListRemoval(
        name=done.entry.name, titles=done.entry.size, unwanted=len(done.unwanted), removed=not dry_run
    )
