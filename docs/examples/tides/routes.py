"""The API and the page."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from nightcrew.tides import store
from nightcrew.web.answers import Answer, Items, JobStarted, Moment
from nightcrew.web.api import Actor, Node
from nightcrew.web.render import PageRoute, render

router = APIRouter(prefix="/api/v1/tides", tags=["tides"])
pages = APIRouter(include_in_schema=False, route_class=PageRoute)


class NewHarbour(BaseModel):
    """A harbour, as the service names it."""

    harbour: str = Field(pattern=r"^[a-z-]{1,60}$")


class TideRow(Answer):
    """A harbour with its last level."""

    harbour: str
    level: float | None = Field(description="In metres.")
    measured_at: Moment | None
    due_at: Moment | None
    error: str | None


@router.get("")
async def list_tides(node: Node) -> Items[TideRow]:
    """All harbours with their last level."""
    return Items(items=[TideRow(**row) for row in await store.every(node.store)])


@router.post("", status_code=201)
async def add_harbour(node: Node, actor: Actor, wanted: NewHarbour) -> NewHarbour:
    """Ask for a harbour from now on."""
    await store.add(node.store, wanted.harbour)
    await node.activity.record("tide.added", f"{wanted.harbour} is asked for", actor=actor, subject=wanted.harbour)
    return wanted


@router.post("/report", status_code=202)
async def write_report(node: Node) -> JobStarted:
    """Write the levels into a file; returns the job."""
    return JobStarted(job=await node.jobs.start("tides.report"))


@pages.get("/tides")
async def page(request: Request, node: Node) -> Response:
    """The page."""
    return render(request, "tides/tides.html", rows=await store.every(node.store))
