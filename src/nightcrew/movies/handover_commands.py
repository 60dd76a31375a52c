"""Commands about what was handed over to download clients."""

from __future__ import annotations

from typing import Annotated, Any

from typer import Argument, Option

from nightcrew.client import Out, Server, given
from nightcrew.movies.source_rows import HandoverJson

Movie = Annotated[int, Argument(metavar="MOVIE", min=1, help="Its number, as `nightcrew movies list` says.")]


def movies_fetch(
    server: Server,
    out: Out,
    movie: Movie,
    source: Annotated[
        int | None, Option("--source", min=1, help="A source by its number. Default: the best one.")
    ] = None,
) -> None:
    """Hand a source of a film over to the connected download client, which is followed to its end."""
    found = server.post(HandoverJson, f"/api/v1/movies/{movie}/handover", given(source=source))
    out.one(found, lambda one: f"{one['title']} was handed over")


def movies_downloads(server: Server, out: Out) -> None:
    """What was handed over to download clients, what goes on first."""
    rows = server.rows(HandoverJson, "/api/v1/handovers")
    columns = ["id", "title", "state", "progress", "seeds", "reason"]
    out.table(rows, columns, shown=_shown, empty="Nothing was handed over.")


def _shown(row: HandoverJson) -> dict[str, Any]:
    return {"progress": f"{row['progress']:.0%}"}


def movies_drop(
    server: Server,
    out: Out,
    handover: Annotated[int, Argument(metavar="DOWNLOAD", min=1, help="As `nightcrew movies downloads` says.")],
) -> None:
    """End a download that goes on; what has come of it is removed at the client."""
    found = server.post(HandoverJson, f"/api/v1/handovers/{handover}/give-up")
    out.one(found, lambda one: f"{one['title']} was given up")
