"""Commands about movies, shows and lists. `MOVIES`, `SHOWS` and `LISTS` are what they are in."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl

from typer import Argument, BadParameter, Option

from nightcrew.client import DryRun, Limit, Out, Server, Yes, carefully, given, named
from nightcrew.kernel.commands import CommandGroup
from nightcrew.kernel.words import counted
from nightcrew.movies.catalogue.rows import (
    ListRemovalJson,
    MediaListJson,
    MovieDetailJson,
    MovieJson,
    ShowDetailJson,
    ShowJson,
)

API = "/api/v1"

Search = Annotated[str, Option("--search", help="Words of its title.")]
Genre = Annotated[str, Option("--genre", help="Only those of this genre.")]
InList = Annotated[int | None, Option("--list", min=1, help="Only those of this list, by its number.")]
Order = Annotated[
    Literal["popular", "rated", "newest", "title", "added", "rank"], Option("--order", help="Which come first.")
]
Movie = Annotated[int, Argument(metavar="MOVIE", min=1, help="Its number, as `nightcrew movies list` says.")]
Show = Annotated[int, Argument(metavar="SHOW", min=1, help="Its number, as `nightcrew shows list` says.")]
List = Annotated[int, Argument(metavar="LIST", min=1, help="Its number, as `nightcrew lists list` says.")]


def movies_list(
    server: Server,
    out: Out,
    search: Search = "",
    genre: Genre = "",
    in_list: InList = None,
    wanted: Annotated[bool, Option("--wanted", help="Only those whose sources are searched for.")] = False,
    order: Order = "popular",
    limit: Limit = 50,
) -> None:
    """Movies, the most popular first."""
    asked = given(search=search or None, genre=genre or None, list=in_list, wanted=wanted or None, order=order)
    rows = server.rows(MovieJson, f"{API}/movies", limit, **asked)
    columns = ["id", "title", "released_on", "runtime_min", "genres", "vote_average", "wanted"]
    out.table(rows, columns, shown=_genres, empty="No movie matches.")


def movies_show(server: Server, out: Out, movie: Movie) -> None:
    """What is known of a movie."""
    found = server.get(MovieDetailJson, f"{API}/movies/{movie}")
    out.one(found, lambda one: f"{one['title']} ({one['released_on'] or 'no date'})\n{one['overview']}")


def shows_list(
    server: Server,
    out: Out,
    search: Search = "",
    genre: Genre = "",
    in_list: InList = None,
    order: Order = "popular",
    limit: Limit = 50,
) -> None:
    """Shows, the most popular first."""
    asked = given(search=search or None, genre=genre or None, list=in_list, order=order)
    rows = server.rows(ShowJson, f"{API}/shows", limit, **asked)
    columns = ["id", "title", "first_on", "last_on", "status", "season_count", "episode_count", "reason"]
    out.table(rows, columns, empty="No show matches.")


def shows_show(server: Server, out: Out, show: Show) -> None:
    """What is known of a show, season by season."""
    found = server.get(ShowDetailJson, f"{API}/shows/{show}")
    if out.data(found):
        return
    out.say(f"{found['title']}: {found['status'] or 'nobody knows how it stands'}")
    columns = ["number", "name", "air_on", "episodes", "complete"]
    out.table(
        found["seasons"],
        columns,
        shown=lambda one: {"episodes": f"{len(one['episodes'])} of {one['episode_count']}"},
        empty="No season is known yet.",
    )


def lists_list(server: Server, out: Out) -> None:
    """The lists that are read, and why one was not taken."""
    rows = server.rows(MediaListJson, f"{API}/lists", None)
    columns = ["id", "name", "path", "size", "wanted", "enabled", "refreshed_at", "due_at", "reason"]
    out.table(rows, columns, empty="There is no list.")


def lists_add(
    server: Server,
    out: Out,
    name: Annotated[str, Argument(help="What you call it.")],
    path: Annotated[str, Argument(help="As TMDB names it, such as movie/popular, trending/tv/week or discover/movie.")],
    query: Annotated[
        str, Option("--query", help="With discover: what is asked for, such as with_genres=27&sort_by=popularity.desc.")
    ] = "",
    pages: Annotated[int, Option("--pages", min=1, max=50, help="20 titles each.")] = 5,
    wanted: Annotated[bool, Option("--wanted", help="Search for sources of its movies.")] = False,
) -> None:
    """Add a list. It is read at once."""
    medium = "show" if "tv" in path.split("/") else "movie"
    try:
        params = dict(parse_qsl(query, strict_parsing=bool(query), max_num_fields=30))
    except ValueError as exc:
        raise BadParameter("it has to look like name=value&other=value", param_hint="--query") from exc
    body = {"name": name, "medium": medium, "path": path, "params": params, "pages": pages, "wanted": wanted}
    out.one(server.post(MediaListJson, f"{API}/lists", body), lambda one: f"{one['name']} is read (list {one['id']})")


def lists_want(server: Server, out: Out, number: List) -> None:
    """Search for sources of the movies of a list."""
    found = server.patch(MediaListJson, f"{API}/lists/{number}", {"wanted": True})
    out.one(found, lambda one: f"sources of the movies of {one['name']} are searched for")


def lists_unwant(server: Server, out: Out, number: List) -> None:
    """Search for sources of the movies of a list no longer, unless another wanted list has them."""
    found = server.patch(MediaListJson, f"{API}/lists/{number}", {"wanted": False})
    out.one(found, lambda one: f"{one['name']} is no longer wanted")


def lists_pause(server: Server, out: Out, number: List) -> None:
    """Read a list no more until it is resumed. It stays as it is."""
    found = server.patch(MediaListJson, f"{API}/lists/{number}", {"enabled": False})
    out.one(found, lambda one: f"{one['name']} is paused")


def lists_resume(server: Server, out: Out, number: List) -> None:
    """Read a list again that was paused, first now."""
    found = server.patch(MediaListJson, f"{API}/lists/{number}", {"enabled": True})
    out.one(found, lambda one: f"{one['name']} is read again")


def lists_refresh(server: Server, out: Out, number: List) -> None:
    """Read a list now."""
    out.one(server.post(MediaListJson, f"{API}/lists/{number}/refresh"), lambda one: f"{one['name']} is read")


def lists_accept(server: Server, out: Out, number: List) -> None:
    """Say that a list really has as few titles as it says: what it answers next is taken."""
    out.one(server.post(MediaListJson, f"{API}/lists/{number}/accept"), lambda one: f"{one['name']} is read, and taken")


def lists_remove(server: Server, out: Out, number: List, dry_run: DryRun = False, yes: Yes = False) -> None:
    """Remove a list. Its titles stay; movies that no other wanted list has are no longer searched for."""
    carefully(
        out,
        lambda dry: server.delete(ListRemovalJson, f"{API}/lists/{number}", dry_run=dry),
        lambda found: out.say(_removal(found)),
        "Remove it?",
        dry_run=dry_run,
        yes=yes,
    )


def _removal(found: ListRemovalJson) -> str:
    said = f"{found['name']}: {counted(found['titles'], 'title')} would stay"
    return (
        f"{said}; {counted(found['unwanted'], 'movie')} would no longer be searched for" if found["unwanted"] else said
    )


def _genres(row: MovieJson) -> dict[str, Any]:
    return {"genres": ", ".join(row["genres"])}


MOVIES = named("movies", globals())
SHOWS = CommandGroup("shows", "Shows", named("shows", globals()))
LISTS = CommandGroup("lists", "Lists of movies and shows", named("lists", globals()))
