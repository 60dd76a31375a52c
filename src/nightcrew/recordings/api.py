"""JSON routes of the recordings domain: record, follow, cut, stop, play, delete."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path as FilePath
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import FileResponse, PlainTextResponse, Response

from nightcrew.kernel.errors import NotFound
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.words import plain
from nightcrew.recordings import actions, media, requests
from nightcrew.recordings import answers as say
from nightcrew.recordings.actions import Action, Deleted
from nightcrew.recordings.media import Watched
from nightcrew.recordings.models import ACTIVE, Recording, RecordingState
from nightcrew.recordings.requests import NewRecording
from nightcrew.recordings.store import recordings, states, tallies
from nightcrew.web.answers import Items
from nightcrew.web.api import Actor, Cursor, Id, Limit, Node, number_cursor

router = APIRouter(prefix="/api/v1", tags=["recordings"])

Show = Literal["all", "now", "done", "failed"]
SHOWN: dict[str, frozenset[RecordingState] | None] = {
    "all": None,
    "now": frozenset({*ACTIVE, RecordingState.FINISHING, RecordingState.PROCESSING}),
    "done": frozenset({RecordingState.DONE}),
    "failed": frozenset({RecordingState.FAILED}),
}


@router.post("/recordings", status_code=201)
async def record(node: Node, actor: Actor, wanted: NewRecording) -> say.RecordingRow:
    """Record a stream from now on, or as soon as it is there."""
    return say.RecordingRow.of(await requests.record(node, wanted, actor=actor))


@router.get("/recordings")
async def list_recordings(
    node: Node,
    show: Show = "all",
    name: Annotated[str | None, Query(max_length=200)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Items[say.RecordingRow]:
    """Recordings, newest first: all, those that go on now, finished ones, failed ones."""
    found = await recordings.page(
        node.store, states=SHOWN[show], name=plain(name or ""), before=number_cursor(cursor), limit=limit
    )
    following = str(found[-1].id) if len(found) == limit else None
    return Items(items=[say.RecordingRow.of(row) for row in found], next=following)


@router.get("/recordings/retention")
async def retention(node: Node, actor: Actor) -> say.RetentionList:
    """What the policies would delete now; nothing is deleted."""
    return _deleted_in_all(await actions.apply_retention(node, actor=actor, dry_run=True))


@router.post("/recordings/retention")
async def apply_retention(node: Node, actor: Actor, dry_run: bool = True) -> say.RetentionAnswer:
    """Delete what the policies let go; a dry run unless `dry_run=false`."""
    found = _deleted_in_all(await actions.apply_retention(node, actor=actor, dry_run=dry_run))
    return say.RetentionAnswer.of(found, dry_run=dry_run)


def _deleted_in_all(found: Sequence[Deleted]) -> say.RetentionList:
    return say.RetentionList(items=[say.DeletedRow.of(one) for one in found], bytes=sum(one.bytes for one in found))


@router.get("/recordings/{recording_id}")
async def get_recording(node: Node, recording_id: Id) -> say.RecordingDetail:
    """One recording, with how it came to stand as it does and what its stream was called."""
    row = await recordings.get(node.store, recording_id)
    moves = await states.moves(node.store, recording_id)
    titles = await tallies.titles(node.store, recording_id)
    return say.RecordingDetail.of(row, moves=moves, titles=titles)


@router.get("/recordings/{recording_id}/ledger")
async def get_ledger(node: Node, recording_id: Id) -> say.LedgerAnswer:
    """Its parts, and all that is missing."""
    row = await recordings.get(node.store, recording_id)
    parts, gaps = await tallies.parts(node.store, recording_id), await tallies.gaps(node.store, recording_id)
    return say.LedgerAnswer.of(row, parts=parts, gaps=gaps)


@router.post("/recordings/{recording_id}/{action}")
async def act(node: Node, actor: Actor, recording_id: Id, action: Action) -> say.RecordingRow:
    """Stop it; go on in a new part; make the file of a failed one anew; keep it whatever the policies say, or not."""
    return say.RecordingRow.of(await actions.act(node, recording_id, action, actor=actor))


@router.delete("/recordings/{recording_id}")
async def delete(node: Node, actor: Actor, recording_id: Id, dry_run: bool = False) -> say.DeletionAnswer:
    """Delete a recording, its files, and folders that have become empty. `dry_run=true` says what would go."""
    found = await actions.delete(node, recording_id, actor=actor, dry_run=dry_run)
    return say.DeletionAnswer.of(found, dry_run=dry_run)


# -- playing -----------------------------------------------------------------------------------------------------------


@router.get("/recordings/{recording_id}/play.m3u8", response_class=PlainTextResponse)
async def play(node: Node, recording_id: Id) -> Response:
    """What is on disk, as HLS; it grows as the recording does."""
    row = await _watched(node, recording_id)
    text = await asyncio.to_thread(media.playlist, row, f"/api/v1/recordings/{recording_id}/parts")
    return PlainTextResponse(text, media_type="application/vnd.apple.mpegurl", headers={"Cache-Control": "no-store"})


@router.get("/recordings/{recording_id}/parts/{number}.{suffix}", response_class=FileResponse)
async def part(
    node: Node, recording_id: Id, number: Annotated[int, Path(ge=1, le=1_000_000)], suffix: Literal["ts", "mp4"]
) -> Response:
    """The bytes of a part; ranges may be asked for."""
    row = await _watched(node, recording_id)
    path = await asyncio.to_thread(media.part_file, row, number)
    if path.suffix != f".{suffix}":
        raise NotFound(f"part {number} of recording {recording_id} is no .{suffix} file")
    return FileResponse(path, media_type=media.TYPES.get(path.suffix, "application/octet-stream"))


@router.get("/recordings/{recording_id}/file.mp4", response_class=FileResponse)
async def finished(node: Node, recording_id: Id) -> Response:
    """The finished file; ranges may be asked for."""
    row = await _watched(node, recording_id)
    return await _file(FilePath(row.path) if row.file else None, "video/mp4", recording_id)


@router.get("/recordings/{recording_id}/thumbnail.jpg", response_class=FileResponse)
async def thumbnail(node: Node, recording_id: Id) -> Response:
    """Its picture."""
    row = await recordings.get(node.store, recording_id)
    return await _file(FilePath(row.names.thumbnail), "image/jpeg", recording_id)


async def _watched(node: Runtime, recording_id: int) -> Recording:
    row = await recordings.get(node.store, recording_id)
    node.part(Watched).note(recording_id)
    return row


async def _file(path: FilePath | None, kind: str, recording_id: int) -> Response:
    if path is None or not await asyncio.to_thread(path.is_file):
        raise NotFound(f"recording {recording_id} has no such file on this machine")
    return FileResponse(path, media_type=kind, headers={"X-Content-Type-Options": "nosniff"})
