"""Commands about channels and their refreshes."""

from __future__ import annotations

import sys
import time
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from nightcrew.client import DEFAULT_URL, AsJson, Failed, Key, Server, Url, show


def refresh(
    region: Annotated[str, typer.Argument(help="A region such as DE, or * for all.")],
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Fetch everything anew, without caches.")] = False,
    url: Url = DEFAULT_URL,
    api_key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Refresh a region, or * for all, and wait for the end. Exit 1 when a refresh failed."""
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
    """Channels, in playlist order."""
    rows = Server(url, api_key).pages("/api/v1/channels", limit, q=query or None, group=group, region=region)
    show(rows, ["id", "number", "name", "group", "region"], as_json=as_json, empty="No channel matches.")


def channel_of(server: Server, text: str) -> int:
    """The one channel that is meant by a number or a name. Raises `Failed` when there is none, or more than one."""
    if text.isdecimal():
        return int(text)
    found = server.ask("GET", "/api/v1/channels", params={"q": text, "limit": 5})["items"]
    exact = [item for item in found if item["name"].casefold() == text.casefold()] or found
    if not exact:
        raise Failed(f"there is no channel {text!r}")
    if len(exact) > 1:
        names = ", ".join(f"{item['name']} ({item['id']})" for item in exact)
        raise Failed(f"{text!r} is not clear, give the number of one: {names}")
    return int(exact[0]["id"])


def wait_for(server: Server, job_ids: list[str], as_json: bool) -> None:
    """Follow jobs to their end with a progress bar."""
    ended: dict[str, dict[str, Any]] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as bars:
        tasks = {job_id: bars.add_task(job_id, total=None) for job_id in job_ids}
        while len(ended) < len(job_ids):
            for job_id in job_ids:
                job = server.ask("GET", f"/api/v1/jobs/{job_id}")
                share = job["progress"]
                bars.update(
                    tasks[job_id],
                    total=1 if share else None,
                    completed=share or 0,
                    description=job["message"] or job_id,
                )
                if job["state"] not in {"queued", "running"}:
                    ended[job_id] = job
            time.sleep(0.3)
    rows = [job | {"outcome": outcome_of(job)} for job in ended.values()]
    show(rows, ["title", "state", "outcome", "error"], as_json=as_json, empty="There is nothing to refresh.")
    if any(row["outcome"].startswith("held") for row in rows):
        print(
            "Held back: the last good list is served. See `nightcrew source list`, then `source accept` or `source reject`.",
            file=sys.stderr,
        )
    if any(job["state"] == "failed" for job in ended.values()):
        raise typer.Exit(1)


def outcome_of(job: dict[str, Any]) -> str:
    """What a refresh led to: applied, unchanged, or held back and why."""
    result = job["result"] if isinstance(job["result"], dict) else {}
    return " ".join(str(result[key]) for key in ("outcome", "reason") if result.get(key))
