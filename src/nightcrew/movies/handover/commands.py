"""Commands about what was handed over to download clients."""

from __future__ import annotations

from typing import Annotated, Any

from typer import Argument, Option

from nightcrew.client import DryRun, Out, Row, Server, Yes, carefully, given
from nightcrew.kernel.words import size
from nightcrew.movies.handover.rows import (
    AllowedJson,
    BlockedJson,
    FetchPlanJson,
    GiveUpJson,
    HandoverJson,
    PlannedFetchJson,
)

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
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """End a download that goes on; what has come of it is removed at the client, unless another film needs it."""
    address = f"/api/v1/handovers/{handover}/give-up"

    def act(dry: bool) -> GiveUpJson:
        found = server.get(GiveUpJson, address)
        if not dry:
            server.post(HandoverJson, address)
        return found

    carefully(out, act, lambda found: out.say(_giving_up(found)), "Give it up?", dry_run=dry_run, yes=yes)


def _giving_up(found: GiveUpJson) -> str:
    if found["shared"]:
        need = "needs" if len(found["shared"]) == 1 else "need"
        return f"nothing would be removed: {', '.join(found['shared'])} {need} the same torrent"
    if found["removed"] is None:
        return f"the client cannot be asked now: {found['why']}"
    got = f", with the {size(found['got'])} that have come" if found["got"] else ""
    return {
        "all": f"the torrent would be removed at the client{got}",
        "entry": "the torrent would be removed at the client; nothing has come of it",
    }.get(found["removed"], "nothing would be removed at the client")


def movies_plan(
    server: Server,
    out: Out,
    limit: Annotated[int, Option("--limit", min=1, max=500, help="Show at most this many.")] = 100,
) -> None:
    """What would be fetched by itself, and when: a dry run. The setting movies.fetch switches it on."""
    found = server.get(FetchPlanJson, "/api/v1/movies/fetch-plan", limit=limit)
    if out.data(found):
        return
    columns = ["movie_id", "movie", "title", "size", "at"]
    out.table(found["items"], columns, shown=_planned, empty="No film waits to be fetched.")
    if not found["on"]:
        out.say("Nothing is fetched by itself: the setting movies.fetch is off")
    elif found["client"] is None:
        out.say("No download client is connected")


def _planned(one: PlannedFetchJson) -> Row:
    return {"size": None if one["size"] is None else size(one["size"])}


def movies_blocked(server: Server, out: Out, movie: Movie) -> None:
    """What is not fetched again for a film, and why."""
    rows = server.rows(BlockedJson, f"/api/v1/movies/{movie}/blocked")
    titles = list({one["title"]: one for one in rows}.values())
    out.table(titles, ["title", "reason", "blocked_at"], empty="Nothing is blocked.")


def movies_allow(
    server: Server,
    out: Out,
    movie: Movie,
    title: Annotated[
        str | None, Option("--title", help="Only this one, as `nightcrew movies blocked` says. Default: all.")
    ] = None,
) -> None:
    """Let what is blocked for a film be fetched again."""
    found = server.post(AllowedJson, f"/api/v1/movies/{movie}/allow", given(title=title))
    out.one(found, lambda one: f"may be fetched again: {', '.join(one['allowed'])}")
