"""Commands about jobs and workers."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from nightcrew.client import DEFAULT_URL, AsJson, Key, Server, Url, show


def jobs_list(
    state: Annotated[str | None, typer.Option("--state", help="queued, running, done, failed or cancelled.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000)] = 30,
    url: Url = DEFAULT_URL,
    api_key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Newest first."""
    rows = Server(url, api_key).pages("/api/v1/jobs", limit, state=state)
    show(rows, ["id", "state", "created_at", "ended_at", "error"], as_json=as_json, empty="No jobs.")


def jobs_show(job: str, url: Url = DEFAULT_URL, api_key: Key = "", as_json: AsJson = False) -> None:
    """One job with its steps."""
    found = Server(url, api_key).ask("GET", f"/api/v1/jobs/{job}")
    steps = found.pop("steps")
    if as_json:
        print(json.dumps({**found, "steps": steps}, indent=2, ensure_ascii=False))
        return
    show([{"field": k, "value": v} for k, v in found.items() if v not in (None, "")], ["field", "value"], as_json=False)
    show(steps, ["name", "started_at", "ended_at", "error"], as_json=False, empty="No finished steps.")


def jobs_cancel(job: str, url: Url = DEFAULT_URL, api_key: Key = "") -> None:
    """End a job now."""
    print(f"{job} is {Server(url, api_key).ask('POST', f'/api/v1/jobs/{job}/cancel')['state']}")


def jobs_retry(job: str, url: Url = DEFAULT_URL, api_key: Key = "") -> None:
    """Run a failed job again."""
    print(f"started again as {Server(url, api_key).ask('POST', f'/api/v1/jobs/{job}/retry')['id']}")


# -- workers -----------------------------------------------------------------------------------------------------------


def workers_list(url: Url = DEFAULT_URL, api_key: Key = "", as_json: AsJson = False) -> None:
    """Every worker with its promise."""
    rows = Server(url, api_key).ask("GET", "/api/v1/workers")["items"]
    show(
        rows,
        ["name", "kind", "state", "fresh", "age_s", "promise_s", "last_start", "next_run", "error"],
        as_json=as_json,
    )


def workers_run(name: str, url: Url = DEFAULT_URL, api_key: Key = "") -> None:
    """Start a run now."""
    _worker(url, api_key, name, "run")


def workers_pause(name: str, url: Url = DEFAULT_URL, api_key: Key = "") -> None:
    """Start no further runs, over restarts too."""
    _worker(url, api_key, name, "pause")


def workers_resume(name: str, url: Url = DEFAULT_URL, api_key: Key = "") -> None:
    """Undo a pause."""
    _worker(url, api_key, name, "resume")


def _worker(url: str, key: str, name: str, action: str) -> None:
    print(f"{name} is {Server(url, key).ask('POST', f'/api/v1/workers/{name}/{action}')['state']}")
