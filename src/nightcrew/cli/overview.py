"""Commands about the whole: status, activity, refresh, channels."""

from __future__ import annotations

import json
import time
from typing import Annotated, Any

import typer

from nightcrew.cli.client import DEFAULT_URL, AsJson, Key, Server, Url, show, wait_for


def status(url: Url = DEFAULT_URL, api_key: Key = "", as_json: AsJson = False) -> None:
    """Health, workers and regions."""
    server = Server(url, api_key)
    health, regions = server.ask("GET", "/health"), server.ask("GET", "/api/v1/regions")["items"]
    needs = server.ask("GET", "/api/v1/needs")
    if as_json:
        print(json.dumps({**health, "regions": regions, "needs": needs["items"]}, indent=2, ensure_ascii=False))
    else:
        print(f"{needs['sentence']} Nightcrew {health['version']} at {url}.")
        for need in needs["items"]:
            print(f"  {need['level']:8} {need['message']}")
        show(health["workers"], ["name", "state", "fresh", "age_s", "promise_s", "next_run", "error"], as_json=False)
        show(
            regions,
            ["region", "status_text", "channels", "resolved", "age", "size"],
            as_json=False,
            empty="No regions yet.",
        )
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
    """Newest last."""
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


def refresh(
    region: Annotated[str, typer.Argument(help="A region such as DE, or * for all.")],
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Fetch everything anew, without caches.")] = False,
    url: Url = DEFAULT_URL,
    api_key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Exit 1 when a refresh failed."""
    server = Server(url, api_key)
    started = server.ask("POST", f"/api/v1/refresh/{region}", params={"rebuild": rebuild})["jobs"]
    wait_for(server, started, as_json)


def channels(
    query: Annotated[str, typer.Argument(help="Words to look for.")] = "",
    group: Annotated[str | None, typer.Option("--group")] = None,
    region: Annotated[str | None, typer.Option("--region")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000_000)] = 50,
    url: Url = DEFAULT_URL,
    api_key: Key = "",
    as_json: AsJson = False,
) -> None:
    """In playlist order."""
    rows = Server(url, api_key).pages("/api/v1/channels", limit, q=query or None, group=group, region=region)
    show(rows, ["id", "number", "name", "group", "region"], as_json=as_json, empty="No channel matches.")
