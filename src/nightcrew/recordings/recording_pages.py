"""The page of one recording: the player, what is known of it, its line of time, and what can be done with it."""

from __future__ import annotations

import asyncio
from pathlib import Path as FilePath
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from nightcrew.kernel.errors import Retry
from nightcrew.kernel.runtime import Runtime
from nightcrew.recordings import actions, drawing
from nightcrew.recordings.filing import Wanted
from nightcrew.recordings.models import Recording
from nightcrew.recordings.plot import plot_of
from nightcrew.recordings.store import recordings, states, tallies
from nightcrew.recordings.stream_ref import access_of
from nightcrew.web.api import Id, Node
from nightcrew.web.callers import Actor
from nightcrew.web.render import PageRoute, done, is_fragment, note, render, render_part

router = APIRouter(include_in_schema=False, route_class=PageRoute)

MOST = 200
"""Rows of a table; the ledger's route has all of them."""
SAID = {
    "stop": "is stopping. Its parts are joined into a file.",
    "rotate": "continues in a new part.",
    "retry": "is being processed again.",
    "keep": "is kept forever.",
    "release": "now follows the retention rules.",
}


@router.get("/recordings/{recording_id:int}")
async def recording_page(request: Request, node: Node, recording_id: Id) -> Response:
    """One recording."""
    row = await recordings.get(node.store, recording_id)
    context = await _facts(node, row) | await _rates(node, row)
    return render(request, "recordings/recording.html", **context)


@router.get("/fragments/recordings/{recording_id:int}")
async def recording_part(request: Request, node: Node, recording_id: Id) -> Response:
    """What is known of it."""
    row = await recordings.get(node.store, recording_id)
    return render(request, "recordings/facts.html", **await _facts(node, row))


@router.get("/fragments/recordings/{recording_id:int}/{part}")
async def detail_part(request: Request, node: Node, recording_id: Id, part: Literal["rates", "player"]) -> Response:
    """Its bit rate, for which all of its ledger is read while it grows; or the player, as soon as there is something to play."""
    row = await recordings.get(node.store, recording_id)
    return render(request, f"recordings/{part}.html", **await _rates(node, row) if part == "rates" else {"row": row})


@router.get("/recordings/{recording_id:int}/delete")
async def try_deletion(request: Request, node: Node, actor: Actor, recording_id: Id) -> Response:
    """What a deletion would take away. Nothing is changed."""
    tried = await actions.delete(node, recording_id, actor=actor, dry_run=True)
    title = f"Delete {tried.row.title or tried.row.name}?"
    return render_part(request, "recordings/delete.html", title=title, tried=tried)


@router.post("/recordings/{recording_id:int}/delete")
async def delete(node: Node, actor: Actor, recording_id: Id) -> Response:
    """Delete it with its files."""
    gone = await actions.delete(node, recording_id, actor=actor, dry_run=False)
    if gone.errors:
        raise Retry(f"not all of it could be deleted: {gone.errors[0]}")
    return RedirectResponse("/recordings", 303)


@router.post("/recordings/{recording_id:int}/{action}")
async def act(
    request: Request,
    node: Node,
    actor: Actor,
    recording_id: Id,
    action: actions.Action,
    container: Wanted | None = None,
) -> Response:
    """Stop it, go on in a new part, make its file anew (in this container), keep it or not."""
    row = await actions.act(node, recording_id, action, actor=actor, container=container)
    said = f"{row.name} {SAID[action]}"
    if is_fragment(request) and request.headers.get("hx-target", "").endswith(f"film-{recording_id}"):
        shown: dict[str, Any] = {"row": row, "missing": drawing.missing}
        return render(request, "recordings/film.html", headers=note(said), **shown)
    return done(request, said, f"/recordings/{recording_id}")


async def _facts(node: Runtime, row: Recording) -> dict[str, Any]:
    parts = await tallies.parts(node.store, row.id)
    gaps = await tallies.gaps(node.store, row.id)
    titles = await tallies.titles(node.store, row.id)
    begins = [begin for begin, _ in drawing.spans(parts, gaps)]
    return {
        "row": row,
        "access": access_of(node, row.sealed),
        "open": row.state in actions.OPEN,
        "parts": list(zip(parts, begins, strict=True))[-MOST:],
        "gaps": gaps[-MOST:],
        "titles": titles[-MOST:],
        "moves": (await states.moves(node.store, row.id))[-MOST:],
        "timeline": drawing.timeline(row.seconds, parts, gaps, titles),
        "missing": drawing.missing,
        "length": drawing.length,
    }


async def _rates(node: Runtime, row: Recording) -> dict[str, Any]:
    plot = row.plot
    if plot is None and row.bytes and row.node in {"", node.node}:
        plot = await asyncio.to_thread(plot_of, FilePath(row.segments))
    return {"row": row, "rates": drawing.rates(plot, row.seconds)}
