"""What is looked after now and then: what the policies would delete, and recordings that are stuck. Both are tried first."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from nightcrew.kernel.errors import Invalid
from nightcrew.recordings import actions, stuck
from nightcrew.recordings.drawing import length
from nightcrew.recordings.settings import RecordingSettings
from nightcrew.web.api import Actor, Node
from nightcrew.web.render import PageRoute, done, is_fragment, note, render_part, texts

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/recordings/retention")
async def retention(request: Request, node: Node, actor: Actor) -> Response:
    """What the policies would delete now. Nothing is changed."""
    found = await actions.apply_retention(node, actor=actor, dry_run=True)
    context: dict[str, Any] = {
        "going": found,
        "bytes": sum(one.bytes for one in found),
        "ids": ",".join(str(one.row.id) for one in found),
        "options": node.settings.of(RecordingSettings),
        "length": length,
    }
    return render_part(request, "recordings/retention.html", title="What the policies would delete now", **context)


@router.post("/recordings/retention")
async def apply_retention(request: Request, node: Node, actor: Actor) -> Response:
    """Delete what was shown, as far as the policies still let it go."""
    shown = (await texts(request)).get("ids", "").split(",")
    if not all(number.isascii() and number.isdecimal() for number in shown):
        raise Invalid("look first at what would be deleted", field="ids")
    deleted = [
        await actions.delete(node, one.recording.id, actor=actor, dry_run=False, reason=one.reason)
        for one in await actions.going(node)
        if str(one.recording.id) in shown
    ]
    count = sum(not one.errors for one in deleted)
    return done(request, f"{count} {'recording was' if count == 1 else 'recordings were'} deleted.", "/recordings")


@router.get("/recordings/stuck")
async def look_for_stuck(request: Request, node: Node, actor: Actor) -> Response:
    """Recordings that nobody works on any more. Nothing is changed."""
    report = await stuck.clean_up(node, actor=actor, dry_run=True)
    return render_part(request, "recordings/stuck.html", title="Stuck recordings", report=report)


@router.post("/recordings/stuck")
async def finish_stuck(request: Request, node: Node, actor: Actor) -> Response:
    """Finish them."""
    report = await stuck.clean_up(node, actor=actor, dry_run=False)
    if not is_fragment(request):
        return RedirectResponse("/recordings", 303)
    count = report.cleaned
    said = note(f"{count} {'recording is' if count == 1 else 'recordings are'} taken care of.")
    context: dict[str, Any] = {"report": report, "after": True}
    return render_part(request, "recordings/stuck.html", title="Stuck recordings", headers=said, **context)
