"""Commands about the sources of films, and the tasks."""

from __future__ import annotations

from typing import Annotated

from typer import Argument, Option

from nightcrew.client import Out, Row, Server
from nightcrew.kernel.words import size
from nightcrew.movies.sources.rows import (
    MovieSourceJson,
    SearchedJson,
    SourcesJson,
    TaskJson,
)

MOVIES = "/api/v1/movies"

Movie = Annotated[int, Argument(metavar="MOVIE", min=1, help="Its number, as `nightcrew movies list` says.")]
Source = Annotated[int, Argument(metavar="SOURCE", min=1, help="Its number, as `nightcrew movies sources` says.")]


def movies_sources(
    server: Server,
    out: Out,
    movie: Movie,
    why: Annotated[bool, Option("--why", help="Show what the points of the best source are for.")] = False,
) -> None:
    """The sources of a film, the best first, and when each indexer is asked next."""
    found = server.get(SourcesJson, f"{MOVIES}/{movie}/sources")
    if out.data(found):
        return
    columns = ["id", "title", "indexer", "state", "points", "size", "seeds", "reason"]
    out.table(found["sources"], columns, shown=_columns, empty=f"No source of {found['movie']} is known.")
    for one in found["sources"]:
        if why and one["best"]:
            out.say(f"{one['title']} is the best one:")
            out.table(one["parts"], ["points", "words"], shown=lambda part: {"points": f"{part['points']:+.0f}"})
    if found["searches"]:
        out.table(found["searches"], ["indexer", "answered_at", "due_at", "reason"])
    elif not found["wanted"]:
        out.say(f"Nobody searches for it; `nightcrew movies search {movie}` does")


def _columns(one: MovieSourceJson) -> Row:
    seeds = one["seeds"] if one["seeds"] is not None else one["claimed_seeds"]
    claimed = "" if one["seeds"] is not None or seeds is None else "?"
    return {
        "state": f"{one['state']}, best" if one["best"] else one["state"],
        "points": f"{one['score']:.0f}",
        "size": None if one["size"] is None else size(one["size"]),
        "seeds": None if seeds is None else f"{seeds}{claimed}",
    }


def movies_search(server: Server, out: Out, movie: Movie) -> None:
    """Search for a film now, before all others. It is wanted from now on."""
    found = server.post(SearchedJson, f"{MOVIES}/{movie}/search")
    out.one(found, lambda one: f"{one['movie']} is searched for")


def movies_unwant(server: Server, out: Out, movie: Movie) -> None:
    """Search for a film no longer. Its sources stay."""
    found = server.post(SearchedJson, f"{MOVIES}/{movie}/unwant")
    out.one(found, lambda one: f"{one['movie']} is no longer searched for")


def movies_refuse(server: Server, out: Out, source: Source) -> None:
    """Say that a source is not the film, or that you do not want it."""
    found = server.post(MovieSourceJson, f"{MOVIES}/sources/{source}/refuse")
    out.one(found, lambda one: f"{one['title']} is not taken")


def movies_accept(server: Server, out: Out, source: Source) -> None:
    """Say that a source is the film, whatever its name or its files say."""
    found = server.post(MovieSourceJson, f"{MOVIES}/sources/{source}/accept")
    out.one(found, lambda one: f"{one['title']} is looked into again")


def movies_tasks(server: Server, out: Out) -> None:
    """The seven tasks: what each did in the last hour, and what waits for it."""
    rows = server.rows(TaskJson, f"{MOVIES}/tasks", hours=1)
    out.table(rows, ["title", "done", "failed", "backlog"], shown=_task)


def _task(row: TaskJson) -> Row:
    return {"done": sum(one["done"] for one in row["samples"]), "failed": sum(one["failed"] for one in row["samples"])}
