"""The kernel's pages: overview, jobs and activity. Settings, access and the API in words have files of their own."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from nightcrew.kernel.health import verdict
from nightcrew.kernel.runtime import Runtime
from nightcrew.web import access_page, actions, connections_page, docs_page, notify_page, routes_page, settings_page
from nightcrew.web.api import JobStateName, Node, NodeName, node_rows
from nightcrew.web.callers import Actor
from nightcrew.web.paging import paging
from nightcrew.web.render import PageRoute, done, render, render_part

router = APIRouter(include_in_schema=False, route_class=PageRoute)
router.routes.extend(settings_page.router.routes)
router.routes.extend(access_page.router.routes)
router.routes.extend(notify_page.router.routes)
router.routes.extend(connections_page.router.routes)
router.routes.extend(routes_page.router.routes)
router.routes.extend(docs_page.router.routes)

RECENT = 8
PAGE = 50
MOST_SHOWN = 300

JobId = Annotated[str, Path(max_length=200)]


# -- overview ----------------------------------------------------------------------------------------------------------


@router.get("/")
async def overview(request: Request, node: Node) -> Response:
    """Is everything all right?"""
    context = await _standing(node) | await _running(node) | await _recent(node)
    context |= {"nodes": node_rows(node)}
    return render(request, "home.html", domains=await _figures(node), **context)


@router.get("/fragments/standing")
async def standing(request: Request, node: Node) -> Response:
    """The verdict and what needs a person."""
    return render(request, "fragments/standing.html", **await _standing(node))


@router.get("/fragments/figures")
async def figures(request: Request, node: Node) -> Response:
    """The domains' own parts of the overview."""
    return render(request, "fragments/figures.html", domains=await _figures(node))


@router.get("/fragments/running")
async def running(request: Request, node: Node) -> Response:
    """What runs now."""
    return render(request, "fragments/running.html", **await _running(node))


@router.get("/fragments/workers")
async def workers(request: Request, node: Node) -> Response:
    """The workers' board."""
    return render(request, "fragments/workers.html", workers=node.health.workers())


@router.get("/fragments/recent")
async def recent(request: Request, node: Node) -> Response:
    """The last of the activity."""
    return render(request, "fragments/recent.html", **await _recent(node))


@router.get("/fragments/nodes")
async def nodes(request: Request, node: Node) -> Response:
    """The machines that share the work."""
    return render(request, "fragments/nodes.html", nodes=node_rows(node))


@router.post("/nodes/{name}/forget")
async def forget_node(request: Request, node: Node, actor: Actor, name: NodeName) -> Response:
    """A node that is gone will not come back."""
    await actions.forget_node(node, name, actor=actor)
    return done(request, f"{name} was forgotten.", "/#nodes")


async def _standing(node: Runtime) -> dict[str, Any]:
    report = node.health.report()
    needs = await node.health.needs()
    return {"verdict": verdict(report["status"], needs), "needs": needs, "report": report, "workers": report["workers"]}


async def _running(node: Runtime) -> dict[str, Any]:
    return {
        "running": await node.jobs.page(state="running", limit=20),
        "queued": await node.jobs.page(state="queued", limit=5),
    }


async def _recent(node: Runtime) -> dict[str, Any]:
    return {"entries": await node.activity.page(limit=RECENT)}


async def _figures(node: Runtime) -> list[dict[str, Any]]:
    """What each domain shows on the overview: its template `overview.html` with its figures."""
    shown: list[dict[str, Any]] = []
    for domain in node.hooks.domains:
        if domain.overview and domain.templates and (domain.templates / "overview.html").exists():
            figures: dict[str, Any] = await node.hooks.call(domain, "overview", default=dict)
            if figures:
                shown.append({"title": domain.title, "template": f"{domain.name}/overview.html", "figures": figures})
    return shown


@router.post("/workers/{name}/{action}")
async def act_on_worker(
    request: Request, node: Node, actor: Actor, name: str, action: actions.WorkerAction
) -> Response:
    """Run now, pause or resume a worker."""
    said = await actions.act_on_worker(node, name, action, actor=actor)
    return done(request, said, "/#workers")


# -- jobs --------------------------------------------------------------------------------------------------------------


@router.get("/jobs")
async def jobs(
    request: Request, node: Node, state: JobStateName | None = None, start: Annotated[int, Query(ge=0, le=10**9)] = 0
) -> Response:
    """Jobs, newest first, by state."""
    found = await node.jobs.page(state=state, limit=PAGE, offset=start)
    following = start + PAGE if len(found) == PAGE else None
    pages = paging("/jobs", {"state": state}, "start", start, following)
    return render_part(
        request, "fragments/jobs.html", title="Jobs", topics=["jobs"], jobs=found, state=state, paging=pages
    )


@router.get("/jobs/{job_id:path}")
async def job(request: Request, node: Node, job_id: JobId) -> Response:
    """One job with its steps."""
    found = await node.jobs.get(job_id)
    steps = await node.jobs.steps(job_id)
    return render_part(
        request, "fragments/job.html", title=f"Job {found.name}", topics=["jobs"], job=found, steps=steps
    )


@router.post("/jobs/{job_id:path}/cancel")
async def cancel_job(request: Request, node: Node, actor: Actor, job_id: JobId) -> Response:
    """End a job now."""
    await actions.cancel_job(node, job_id, actor=actor)
    return done(request, "The job was cancelled.", f"/jobs/{quote(job_id)}")


@router.post("/jobs/{job_id:path}/retry")
async def retry_job(request: Request, node: Node, actor: Actor, job_id: JobId) -> Response:
    """Start a failed or cancelled job again."""
    fresh = await actions.retry_job(node, job_id, actor=actor)
    return done(request, "The job was started again.", f"/jobs/{quote(fresh)}")


# -- activity ----------------------------------------------------------------------------------------------------------

Kind = Annotated[str, Query(max_length=200)]
EntryId = Annotated[int, Query(ge=0, lt=2**63)]


@router.get("/activity")
async def activity(request: Request, node: Node, kind: Kind = "") -> Response:
    """What happened, newest first."""
    entries = await node.activity.page(kind=kind or None, limit=PAGE)
    oldest = entries[-1].id if entries else 0
    more = len(entries) == PAGE
    kinds = {prefix: title for domain in node.hooks.domains for prefix, title in domain.activity.items()}
    return render(request, "activity.html", kinds=kinds, kind=kind, entries=entries, oldest=oldest, more=more)


@router.get("/fragments/activity/new")
async def newer_activity(request: Request, node: Node, oldest: EntryId, kind: Kind = "") -> Response:
    """The first part of the feed, down to the entry that it began with."""
    entries = await node.activity.page(kind=kind or None, limit=MOST_SHOWN)
    return render(request, "fragments/entries.html", entries=[entry for entry in entries if entry.id >= oldest])


@router.get("/fragments/activity/older")
async def older_activity(request: Request, node: Node, before: EntryId, kind: Kind = "") -> Response:
    """The next part of the feed."""
    entries = await node.activity.page(kind=kind or None, before=before, limit=PAGE)
    more = len(entries) == PAGE
    context: dict[str, Any] = {
        "entries": entries,
        "kind": kind,
        "oldest": entries[-1].id if entries else 0,
        "more": more,
    }
    return render_part(request, "fragments/older.html", title="Older activity", **context)
