"""Commands about the whole: status, activity."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from typer import Exit, Option

from nightcrew import domains
from nightcrew.cli.rows import EntryJson
from nightcrew.client import Changes, Limit, Out, Row, Server, exits, patiently

ACTIVITY = "/api/v1/activity"
AT_ONCE = 100
"""Entries among which the new ones are looked for first."""


def status(server: Server, out: Out) -> None:
    """Is everything all right? Exit 1 when something needs a person."""
    health, needs = server.get(Row, "/health"), server.get(Row, "/api/v1/needs")
    tables = [table for declared in domains.commands() for table in declared.status]
    rows = {table.key: server.rows(Row, table.path) for table in tables}
    if not out.data({**health, **rows, "needs": needs["items"]}):
        out.say(f"{needs['sentence']} Nightcrew {health['version']} at {server.url}.")
        for need in needs["items"]:
            out.say(f"  {need['level']:8} {need['message']}")
        out.table(health["workers"], ["name", "state", "fresh", "age_s", "promise_s", "next_run", "error"])
        for table in tables:
            out.table(rows[table.key], table.columns, empty=table.empty)
    if needs["level"] != "good":
        raise Exit(exits.FAILED)


def activity(
    server: Server,
    out: Out,
    follow: Annotated[bool, Option("--follow", help="Keep showing what happens.")] = False,
    kind: Annotated[
        str | None, Option("--kind", help="Only this kind; `playlist.` means every kind that begins with it.")
    ] = None,
    limit: Limit = 30,
) -> None:
    """What happened, newest last."""
    seen = _tell(out, server.rows(EntryJson, ACTIVITY, limit, kind=kind), 0)
    with Changes(server) as changes:
        while follow:
            changes.wait()
            seen = _tell(out, patiently(partial(_since, server, kind, seen)), seen)


def _since(server: Server, kind: str | None, seen: int) -> list[EntryJson]:
    """The newest entries, so many that none is left out since the one that was seen last."""
    limit = AT_ONCE
    while True:
        entries = server.rows(EntryJson, ACTIVITY, limit, kind=kind)
        if len(entries) < limit or entries[-1]["id"] <= seen:
            return entries
        limit *= 4


def _tell(out: Out, entries: list[EntryJson], seen: int) -> int:
    """Say what is new, oldest first. Returns the last one's id."""
    for entry in reversed(entries):
        if entry["id"] > seen:
            out.entry(entry, lambda entry: f"{entry['at']}  {entry['level']:7}  {entry['message']}")
            seen = entry["id"]
    return seen
