"""Commands about the whole: status, activity."""

from __future__ import annotations

import json
import time
from typing import Annotated, Any

import typer

from nightcrew import domains
from nightcrew.client import DEFAULT_URL, AsJson, Key, Server, Url, show


def status(url: Url = DEFAULT_URL, api_key: Key = "", as_json: AsJson = False) -> None:
    """Is everything all right? Exit 1 when a worker broke its promise."""
    server = Server(url, api_key)
    health, needs = server.ask("GET", "/health"), server.ask("GET", "/api/v1/needs")
    tables = [table for declared in domains.commands() for table in declared.status]
    rows = {table.key: server.ask("GET", table.path)["items"] for table in tables}
    if as_json:
        print(json.dumps({**health, **rows, "needs": needs["items"]}, indent=2, ensure_ascii=False))
    else:
        print(f"{needs['sentence']} Nightcrew {health['version']} at {url}.")
        for need in needs["items"]:
            print(f"  {need['level']:8} {need['message']}")
        show(health["workers"], ["name", "state", "fresh", "age_s", "promise_s", "next_run", "error"], as_json=False)
        for table in tables:
            show(rows[table.key], list(table.columns), as_json=False, empty=table.empty)
    if health["status"] == "failing":
        raise typer.Exit(1)


def activity(
    follow: Annotated[bool, typer.Option("--follow", help="Go on as things happen.")] = False,
    kind: Annotated[
        str | None, typer.Option("--kind", help="Only this kind; `playlist.` means all that begin so.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000)] = 30,
    url: Url = DEFAULT_URL,
    api_key: Key = "",
    as_json: AsJson = False,
) -> None:
    """What happened, newest last."""
    server = Server(url, api_key)
    entries = server.pages("/api/v1/activity", limit, kind=kind)[::-1]
    _print_entries(entries, as_json)
    seen = entries[-1]["id"] if entries else 0
    while follow:
        time.sleep(1)
        fresh = [e for e in server.pages("/api/v1/activity", 200, kind=kind)[::-1] if e["id"] > seen]
        _print_entries(fresh, as_json)
        seen = fresh[-1]["id"] if fresh else seen


def _print_entries(entries: list[dict[str, Any]], as_json: bool) -> None:
    for entry in entries:
        line = (
            json.dumps(entry, ensure_ascii=False)
            if as_json
            else f"{entry['at']}  {entry['level']:7}  {entry['message']}"
        )
        print(line, flush=True)
