"""The pages of the checks domain: all streams with their stills, the runs, the accounts, and one stream's history."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast, get_args

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from nightcrew.checks import actions
from nightcrew.checks.api import scope_of
from nightcrew.checks.models import CheckedStream
from nightcrew.checks.plot import history
from nightcrew.checks.scope import NewCheck
from nightcrew.checks.standing import stream_state
from nightcrew.checks.store import results, runs, views
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import Invalid
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.words import counted
from nightcrew.playlists.exports import accounts, shown_url
from nightcrew.web.api import Id, Node
from nightcrew.web.callers import Actor
from nightcrew.web.paging import paging
from nightcrew.web.render import PageRoute, done, render, texts

router = APIRouter(include_in_schema=False, route_class=PageRoute)

Show = Literal["all", "ok", "dead", "unchecked", "waiting"]
Text = Annotated[str, Query(max_length=300)]
After = Annotated[int, Query(ge=0, lt=2**63)]
ROWS = 50
SHOWS = {"all": "All", "ok": "Working", "dead": "Dead", "unchecked": "Not checked yet", "waiting": "Due"}


@router.get("/checks")
async def checks_page(request: Request, node: Node, show: Show = "all", q: Text = "", after: After = 0) -> Response:
    """The runs, the accounts and the streams."""
    context = await _streams(node, show, q, after) | await _runs(node) | await _accounts(node)
    return render(request, "checks/checks.html", shows=SHOWS, **context)


@router.get("/fragments/checks/runs")
async def runs_part(request: Request, node: Node) -> Response:
    """The runs that are open, and the last ones."""
    return render(request, "checks/runs.html", **await _runs(node))


@router.get("/fragments/checks/accounts")
async def accounts_part(request: Request, node: Node) -> Response:
    """The accounts with their connections."""
    return render(request, "checks/accounts.html", **await _accounts(node))


@router.get("/fragments/checks/streams")
async def streams_part(request: Request, node: Node, show: Show = "all", q: Text = "", after: After = 0) -> Response:
    """A page of streams."""
    return render(request, "checks/streams.html", shows=SHOWS, **await _streams(node, show, q, after))


async def _streams(node: Runtime, show: str, q: str, after: int) -> dict[str, Any]:
    now = utcnow()
    found = await views.page(
        node.store, views.StreamFilter(show, q=q), node=node.node, now=now, after=after, limit=ROWS
    )
    following = found[-1].stream_id if len(found) == ROWS else None
    return {
        "streams": [_row(one) for one in found],
        "counts": await views.counts(node.store, now),
        "show": show,
        "q": q,
        "paging": paging("/checks", {"show": show, "q": q}, "after", after, following),
    }


def _row(one: CheckedStream) -> dict[str, Any]:
    return {"one": one, "url": shown_url(one.url), "state": stream_state(one)}


async def _runs(node: Runtime) -> dict[str, Any]:
    return {"runs": await runs.page(node.store, limit=6)}


async def _accounts(node: Runtime) -> dict[str, Any]:
    used = await accounts.in_use(node)
    ways = await accounts.profiles(node)
    rows = []
    for account in await accounts.accounts(node):
        found = [way for source in account.sources for way in ways.get(source.id, []) if not account.profiles]
        names = dict.fromkeys(way.name for way in found if way.account == account.resource)
        rows.append({"account": account, "holders": used.get(account.resource, []), "profiles": list(names)})
    return {"accounts": rows}


@router.post("/checks/start")
async def start(request: Request, node: Node, actor: Actor) -> Response:
    """Check one stream, or all."""
    form = await texts(request)
    stream = form.get("stream", "")
    if stream and not (stream.isascii() and stream.isdecimal() and len(stream) < 19):
        raise Invalid("stream: not a stream's number", field="stream")
    wanted = NewCheck(stream=int(stream)) if stream else NewCheck(all=True)
    scope, title = await scope_of(node, wanted)
    run = await actions.start_by_hand(node, scope, title, actor=actor, full=True)
    said = "The stream is being checked." if stream else f"{counted(run.total, 'stream')} will be checked."
    return done(request, said, f"/checks/streams/{stream}" if stream else "/checks")


@router.post("/checks/runs/{run_id}")
async def move(request: Request, node: Node, actor: Actor, run_id: Id) -> Response:
    """Pause, resume or cancel a run."""
    to = (await texts(request)).get("to", "")
    if to not in get_args(actions.RunAction):
        raise Invalid("to: pause, resume or cancel", field="to")
    run = await actions.move(node, run_id, cast("actions.RunAction", to), actor=actor)
    return done(request, f"{run.title}: {run.state.value}.", "/checks")


@router.get("/checks/streams/{stream_id}")
async def stream_page(request: Request, node: Node, stream_id: Id) -> Response:
    """One stream: what is known of it, its history, the trace of each check."""
    return render(request, "checks/stream.html", **await _stream(node, stream_id))


@router.get("/fragments/checks/streams/{stream_id}")
async def stream_part(request: Request, node: Node, stream_id: Id) -> Response:
    """The same without its frame."""
    return render(request, "checks/history.html", **await _stream(node, stream_id))


async def _stream(node: Runtime, stream_id: int) -> dict[str, Any]:
    one = await views.get(node.store, stream_id, node=node.node, now=utcnow())
    found = await results.page(node.store, stream_id=stream_id, limit=60)
    scored = next((entry for entry in found if entry.parts), None)
    return {**_row(one), "entries": found, "scored": scored, "plot": history(found[::-1])}
