"""What is looked after now and then: what the policies would delete, and recordings that are stuck. Both are tried first."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from nightcrew.kernel.errors import Invalid
from nightcrew.kernel.words import counted, sentence
from nightcrew.recordings import actions, stuck
from nightcrew.recordings.settings import RecordingSettings
from nightcrew.web.api import Node
from nightcrew.web.callers import Actor
from nightcrew.web.render import PageRoute, done, render_part, texts

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/recordings/retention")
async def retention(request: Request, node: Node, actor: Actor) -> Response:
    """What the policies would delete now. Nothing is changed."""
    found = await actions.apply_retention(node, actor=actor, dry_run=True)
    options = node.settings.of(RecordingSettings)
    context: dict[str, Any] = {
        "going": found,
        "bytes": sum(one.bytes for one in found),
        "ids": ",".join(str(one.row.id) for one in found),
        "limited": any((options.keep_count, options.keep_days, options.keep_size, options.total_size)),
    }
    return render_part(request, "recordings/retention.html", title="Retention", **context)


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
    return done(request, f"{counted(count, 'recording')} deleted.", "/recordings")


@router.get("/recordings/stuck")
async def look_for_stuck(request: Request, node: Node, actor: Actor) -> Response:
    """Recordings that nobody works on any more. Nothing is changed."""
    report = await stuck.clean_up(node, actor=actor, dry_run=True)
    return render_part(request, "recordings/stuck.html", title="Stuck recordings", report=report)


@router.post("/recordings/stuck")
async def finish_stuck(request: Request, node: Node, actor: Actor) -> Response:
    """Finish them."""
    report = await stuck.clean_up(node, actor=actor, dry_run=False)
    said = " ".join([f"{counted(report.cleaned, 'recording')} finished.", *map(sentence, report.errors)])
    return done(request, said, "/recordings")
