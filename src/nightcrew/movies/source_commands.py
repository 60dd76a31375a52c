"""Commands about the sources of films, the tasks, and quality profiles."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Exit, Option

from nightcrew.client import Out, Row, Server, read_json
from nightcrew.kernel.words import size
from nightcrew.movies.source_rows import (
    ImportedJson,
    MovieSourceJson,
    ProfileJson,
    SearchedJson,
    SourcesJson,
    TaskJson,
)

MOVIES = "/api/v1/movies"

Movie = Annotated[int, Argument(metavar="MOVIE", min=1, help="Its number, as `nightcrew movies list` says.")]
Source = Annotated[int, Argument(metavar="SOURCE", min=1, help="Its number, as `nightcrew movies sources` says.")]
Profile = Annotated[str, Argument(metavar="PROFILE", help="Its name, as `nightcrew movies profiles` says.")]


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


def movies_profiles(
    server: Server, out: Out, words: Annotated[bool, Option("--words", help="Say what each asks for.")] = False
) -> None:
    """The quality profiles. The setting movies.quality_profile names the one in use."""
    rows = server.rows(ProfileJson, f"{MOVIES}/profiles")
    columns = ["name", "preset", "in_use", *(["words"] if words else [])]
    out.table(rows, columns, shown=lambda one: {"words": "; ".join(one["words"])})


def movies_use(server: Server, out: Out, name: Profile) -> None:
    """Let a quality profile decide from now on. A job judges all sources by it anew."""
    found = server.post(ProfileJson, f"{MOVIES}/profiles/{name}/use")
    out.one(found, lambda one: f"the quality profile {one['name']} is in use: all sources are being judged by it")


def movies_copy(
    server: Server, out: Out, name: Profile, new: Annotated[str, Argument(metavar="NEW", help="What it is called.")]
) -> None:
    """Make a quality profile that is like another one, with its custom formats."""
    found = server.post(ProfileJson, f"{MOVIES}/profiles/{name}/copy", {"name": new})
    out.one(found, lambda one: f"the quality profile {one['name']} is there")


def movies_profile(
    server: Server, out: Out, name: Profile, file: Annotated[Path, Argument(help="JSON, as the API shows profiles.")]
) -> None:
    """Make a quality profile, or change it."""
    found = server.put(ProfileJson, f"{MOVIES}/profiles/{name}", read_json(file))
    out.one(found, lambda one: f"The quality profile {one['name']} is stored")


def movies_formats(
    server: Server,
    out: Out,
    name: Profile,
    file: Annotated[Path, Argument(help="A custom format in JSON, or a list of them, as Radarr exports it.")],
) -> None:
    """Add custom formats to a quality profile. Exit 1 when one of them cannot be read."""
    read = read_json(file)
    body = {"formats": read if isinstance(read, list) else [read]}
    found = server.post(ImportedJson, f"{MOVIES}/profiles/{name}/formats", body)
    if not out.data(found):
        for one in found["taken"]:
            out.say(f"{one} was taken")
        for one in found["refused"]:
            out.say(f"Not taken: {one}")
    if found["refused"]:
        raise Exit(1)
