"""The route under which the seed's users clean up recordings that nobody works on any more."""

from __future__ import annotations

from fastapi import APIRouter

from nightcrew.recordings import answers as say
from nightcrew.recordings import stuck
from nightcrew.web.api import Node
from nightcrew.web.callers import Actor

router = APIRouter(prefix="/admin", tags=["recordings"])


@router.post("/recordings/cleanup-process-orphaned")
async def clean_up(node: Node, actor: Actor, dry_run: bool = True) -> say.StuckAnswer:
    """Find stuck recordings. With `dry_run=false` they are finished, and their parts are joined into a file."""
    report = await stuck.clean_up(node, actor=actor, dry_run=dry_run)
    count = len(report.found)
    if dry_run:
        message = f"{count} of {report.checked} recordings are stuck; nothing was changed"
    else:
        message = f"{report.cleaned} of {count} stuck recordings were dealt with"
    details = [say.StuckRow.of(one) for one in report.found]
    data = say.StuckReport(checked=report.checked, cleaned=report.cleaned, errors=list(report.errors), details=details)
    return say.StuckAnswer(success=not report.errors, dry_run=dry_run, message=message, data=data)
