"""JSON routes of the recordings domain: record, follow, cut, stop, play, delete; watched streams."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path as FilePath
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import FileResponse, PlainTextResponse, Response

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import NotFound
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.words import plain
from nightcrew.recordings import actions, media, requests
from nightcrew.recordings import answers as say
from nightcrew.recordings.actions import Action, Deleted
from nightcrew.recordings.filing import Wanted
from nightcrew.recordings.media import Watched
from nightcrew.recordings.models import ACTIVE, Recording, RecordingState, Watch
from nightcrew.recordings.requests import NewRecording, NewWatch, WatchChange
from nightcrew.recordings.resting import rests
from nightcrew.recordings.store import recordings, states, tallies, watches
from nightcrew.recordings.stream_ref import access_of
from nightcrew.web.answers import Items
from nightcrew.web.api import Cursor, Id, Limit, Node, number_cursor
from nightcrew.web.callers import Actor

PartSuffix = Literal["ts", "mp4", "aac", "mp3", "ac3", "ec3"]

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
    """Record a stream from now on, or as soon as it is available."""
    return say.RecordingRow.of(await requests.record(node, wanted, actor=actor))


@router.get("/recordings")
async def list_recordings(
    node: Node,
    show: Show = "all",
    name: Annotated[str | None, Query(max_length=200)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Items[say.RecordingRow]:
    """Recordings, newest first: all of them, or only those that are running, finished or failed."""
    found = await recordings.page(
        node.store, states=SHOWN[show], name=plain(name or ""), before=number_cursor(cursor), limit=limit
    )
    following = str(found[-1].id) if len(found) == limit else None
    return Items(items=[say.RecordingRow.of(row) for row in found], next=following)


@router.get("/recordings/retention")
async def retention(node: Node, actor: Actor) -> say.RetentionList:
    """What the retention rules would delete now. Nothing is deleted."""
    return _deleted_in_all(await actions.apply_retention(node, actor=actor, dry_run=True))


@router.post("/recordings/retention")
async def apply_retention(node: Node, actor: Actor, dry_run: bool = True) -> say.RetentionAnswer:
    """Apply the retention rules now. A dry run unless `dry_run=false`."""
    found = _deleted_in_all(await actions.apply_retention(node, actor=actor, dry_run=dry_run))
    return say.RetentionAnswer.of(found, dry_run=dry_run)


def _deleted_in_all(found: Sequence[Deleted]) -> say.RetentionList:
    return say.RetentionList(items=[say.DeletedRow.of(one) for one in found], bytes=sum(one.bytes for one in found))


@router.get("/recordings/{recording_id}")
async def get_recording(node: Node, recording_id: Id) -> say.RecordingDetail:
    """One recording, with its history and the titles of its stream."""
    row = await recordings.get(node.store, recording_id)
    moves = await states.moves(node.store, recording_id)
    titles = await tallies.titles(node.store, recording_id)
    access = access_of(node, row.sealed)
    return say.RecordingDetail.of(row, moves=moves, titles=titles, access=access)


@router.get("/recordings/{recording_id}/ledger")
async def get_ledger(node: Node, recording_id: Id) -> say.LedgerAnswer:
    """The parts and the gaps of a recording."""
    row = await recordings.get(node.store, recording_id)
    parts, gaps = await tallies.parts(node.store, recording_id), await tallies.gaps(node.store, recording_id)
    return say.LedgerAnswer.of(row, parts=parts, gaps=gaps)


@router.post("/recordings/{recording_id}/{action}")
async def act(
    node: Node, actor: Actor, recording_id: Id, action: Action, container: Wanted | None = None
) -> say.RecordingRow:
    """Stop a recording, continue it in a new part, process a failed one again, keep it forever, or stop keeping it.

    `container`: the file format that a retry makes, instead of the one in the settings.
    """
    return say.RecordingRow.of(await actions.act(node, recording_id, action, actor=actor, container=container))


@router.delete("/recordings/{recording_id}")
async def delete(node: Node, actor: Actor, recording_id: Id, dry_run: bool = False) -> say.DeletionAnswer:
    """Delete a recording with its files and the folders that become empty. `dry_run=true` only says what would be deleted."""
    found = await actions.delete(node, recording_id, actor=actor, dry_run=dry_run)
    return say.DeletionAnswer.of(found, dry_run=dry_run)


# -- playing -----------------------------------------------------------------------------------------------------------


@router.get("/recordings/{recording_id}/play.m3u8", response_class=PlainTextResponse)
async def play(node: Node, recording_id: Id) -> Response:
    """What is on disk so far, as an HLS playlist that grows with the recording."""
    row = await _watched(node, recording_id)
    text = await asyncio.to_thread(media.playlist, row, f"/api/v1/recordings/{recording_id}/parts")
    return PlainTextResponse(text, media_type="application/vnd.apple.mpegurl", headers={"Cache-Control": "no-store"})


@router.get("/recordings/{recording_id}/parts/{number}.{suffix}", response_class=FileResponse)
async def part(
    node: Node, recording_id: Id, number: Annotated[int, Path(ge=1, le=1_000_000)], suffix: PartSuffix
) -> Response:
    """The bytes of a part. Range requests are supported."""
    row = await _watched(node, recording_id)
    path = await asyncio.to_thread(media.part_file, row, number)
    if path.suffix != f".{suffix}":
        raise NotFound(f"part {number} of recording {recording_id} is not a .{suffix} file")
    return FileResponse(path, media_type=media.TYPES.get(path.suffix, "application/octet-stream"))


@router.get("/recordings/{recording_id}/file.mp4", response_class=FileResponse)
async def finished(node: Node, recording_id: Id) -> Response:
    """The finished file, the first one where there are several, whatever its format. Range requests are supported."""
    return await film(node, recording_id, 1)


@router.get("/recordings/{recording_id}/films/{number}", response_class=FileResponse)
async def film(node: Node, recording_id: Id, number: Annotated[int, Path(ge=1, le=1000)]) -> Response:
    """One of the finished files, numbered from 1. Range requests are supported."""
    row = await _watched(node, recording_id)
    path = next((FilePath(one.file) for one in row.films_at[number - 1 : number]), None)
    return await _file(path, media.TYPES.get(path.suffix if path else "", "application/octet-stream"), recording_id)


@router.get("/recordings/{recording_id}/thumbnail.jpg", response_class=FileResponse)
async def thumbnail(node: Node, recording_id: Id) -> Response:
    """The thumbnail of a recording."""
    row = await recordings.get(node.store, recording_id)
    return await _file(
        FilePath(next(iter(row.films_at), row.names.film(1, 1, ".mp4")).thumbnail), "image/jpeg", recording_id
    )


async def _watched(node: Runtime, recording_id: int) -> Recording:
    row = await recordings.get(node.store, recording_id)
    node.part(Watched).note(recording_id)
    return row


async def _file(path: FilePath | None, kind: str, recording_id: int) -> Response:
    if path is None or not await asyncio.to_thread(path.is_file):
        raise NotFound(f"recording {recording_id} has no such file on this machine")
    return FileResponse(path, media_type=kind, headers={"X-Content-Type-Options": "nosniff"})


# -- watches -----------------------------------------------------------------------------------------------------------


@router.post("/watches", status_code=201)
async def add_watch(node: Node, actor: Actor, wanted: NewWatch) -> say.WatchRow:
    """Watch a stream, to record it whenever it is live or in its time windows."""
    (row,) = await _watches(node, await requests.watch(node, wanted, actor=actor))
    return row


@router.get("/watches")
async def list_watches(node: Node) -> Items[say.WatchRow]:
    """All watched streams, by name."""
    return Items(items=await _watches(node, *await watches.every(node.store)))


@router.patch("/watches/{watch_id}")
async def change_watch(node: Node, actor: Actor, watch_id: Id, changes: WatchChange) -> say.WatchRow:
    """Change some settings of a watched stream."""
    (row,) = await _watches(node, await requests.change_watch(node, watch_id, changes, actor=actor))
    return row


@router.delete("/watches/{watch_id}", status_code=204)
async def remove_watch(node: Node, actor: Actor, watch_id: Id) -> None:
    """Stop watching a stream. Its recordings are kept."""
    await actions.remove_watch(node, watch_id, actor=actor)


async def _watches(node: Runtime, *found: Watch) -> list[say.WatchRow]:
    resting = await rests(node, found, utcnow())
    return [say.WatchRow.at_rest(one, resting.get(one.id), access_of(node, one.sealed)) for one in found]
