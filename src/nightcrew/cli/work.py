"""Commands about jobs and workers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from typer import Argument, Option

from nightcrew.cli.rows import StateJson
from nightcrew.client import Limit, Out, Row, Server, described

JOBS = "/api/v1/jobs"
WORKERS = "/api/v1/workers"

Job = Annotated[str, Argument(help="Its id, as `nightcrew jobs list` says.")]
Name = Annotated[str, Argument(help="As `nightcrew workers list` says.")]


def jobs_list(
    server: Server,
    out: Out,
    state: Annotated[str | None, Option("--state", help="queued, running, done, failed or cancelled.")] = None,
    limit: Limit = 30,
) -> None:
    """Runs of jobs, newest first."""
    rows = server.rows(Row, JOBS, limit, state=state)
    out.table(rows, ["id", "state", "created_at", "ended_at", "error"], empty="No jobs.")


def jobs_show(server: Server, out: Out, job: Job) -> None:
    """One job with its steps."""
    found = server.get(Row, f"{JOBS}/{job}")
    if not out.data(found):
        out.facts(found, [name for name in found if name != "steps"])
        out.table(found["steps"], ["name", "started_at", "ended_at", "error"], empty="No finished steps.")


def jobs_cancel(server: Server, out: Out, job: Job) -> None:
    """End a job now."""
    out.one(server.post(StateJson, f"{JOBS}/{job}/cancel"), lambda ended: f"{job} is {ended['state']}")


def jobs_retry(server: Server, out: Out, job: Job) -> None:
    """Run a failed job again."""
    out.one(server.post(Row, f"{JOBS}/{job}/retry"), lambda begun: f"started again as {begun['id']}")


# -- workers -----------------------------------------------------------------------------------------------------------


def workers_list(server: Server, out: Out) -> None:
    """Every worker with its promise."""
    columns = ["name", "kind", "state", "fresh", "age_s", "promise_s", "last_start", "next_run", "error"]
    out.table(server.rows(Row, WORKERS), columns)


def _action(verb: str, about: str) -> Callable[..., None]:
    def command(server: Server, out: Out, name: Name) -> None:
        out.one(server.post(StateJson, f"{WORKERS}/{name}/{verb}"), lambda worker: f"{name} is {worker['state']}")

    return described(command, f"workers_{verb}", about)


workers_run = _action("run", "Run a worker now.")
workers_pause = _action("pause", "Start no more runs, also after a restart.")
workers_resume = _action("resume", "Continue a paused worker.")
