"""JSON routes for watched streams."""

from __future__ import annotations

from fastapi import APIRouter

from nightcrew.recordings import actions, requests
from nightcrew.recordings.answers import WatchRow
from nightcrew.recordings.requests import NewWatch, WatchChange
from nightcrew.recordings.store import watches
from nightcrew.web.answers import Items
from nightcrew.web.api import Actor, Id, Node

router = APIRouter(prefix="/api/v1", tags=["recordings"])


@router.post("/watches", status_code=201)
async def add_watch(node: Node, actor: Actor, wanted: NewWatch) -> WatchRow:
    """Watch a stream: it is recorded when it is live, or in its windows of time."""
    return WatchRow.of(await requests.watch(node, wanted, actor=actor))


@router.get("/watches")
async def list_watches(node: Node) -> Items[WatchRow]:
    """All watched streams, by name."""
    return Items(items=[WatchRow.of(one) for one in await watches.every(node.store)])


@router.patch("/watches/{watch_id}")
async def change_watch(node: Node, actor: Actor, watch_id: Id, changes: WatchChange) -> WatchRow:
    """Change some of it."""
    values = {key: value for key, value in changes.model_dump(exclude_unset=True).items() if value is not None}
    if "keep_count" in changes.model_fields_set:
        values["keep_count"] = changes.keep_count
    return WatchRow.of(await actions.change_watch(node, watch_id, values, actor=actor))


@router.delete("/watches/{watch_id}", status_code=204)
async def remove_watch(node: Node, actor: Actor, watch_id: Id) -> None:
    """Watch it no longer; what was recorded stays."""
    await actions.remove_watch(node, watch_id, actor=actor)
