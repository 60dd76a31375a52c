"""JSON routes for watched streams."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field, field_validator

from nightcrew.kernel.errors import Invalid
from nightcrew.kernel.words import plain
from nightcrew.recorder.wire import Kind
from nightcrew.recordings import actions, windows
from nightcrew.recordings.standing import watch_row
from nightcrew.recordings.store import watches
from nightcrew.recordings.target import target_of
from nightcrew.web.api import Actor, Node

router = APIRouter(prefix="/api/v1", tags=["recordings"])

Id = Annotated[int, Path(ge=1, lt=2**63)]
MAX_WINDOWS = 50


class _Windows(BaseModel):
    model_config = ConfigDict(extra="forbid")

    @field_validator("windows", check_fields=False)
    @classmethod
    def _readable(cls, value: list[str] | None) -> list[str] | None:
        for text in value or ():
            try:
                windows.parse(text)
            except Invalid as exc:
                raise ValueError(str(exc)) from exc
        return value


class NewWatch(_Windows):
    """A stream to watch. Without `windows` it is recorded whenever it is live; a channel needs at least one."""

    url: str = Field("", max_length=4000)
    channel: int | None = Field(None, ge=1, lt=2**63)
    name: str = Field("", max_length=200)
    kind: Kind = "auto"
    quality: str = Field("best", max_length=100, pattern=r"^[\w,+.-]+$")
    windows: list[str] = Field(default_factory=list, max_length=MAX_WINDOWS)
    favourite: bool = False
    priority: int = Field(0, ge=-1000, le=1000)
    keep_count: int | None = Field(None, ge=1, le=100_000)


class WatchChange(_Windows):
    """What to change."""

    enabled: bool | None = None
    windows: list[str] | None = Field(None, max_length=MAX_WINDOWS)
    favourite: bool | None = None
    priority: int | None = Field(None, ge=-1000, le=1000)
    keep_count: int | None = Field(None, ge=1, le=100_000)


@router.post("/watches", status_code=201)
async def add_watch(node: Node, actor: Actor, wanted: NewWatch) -> dict[str, Any]:
    """Watch a stream: it is recorded when it is live, or in its windows of time."""
    target, shown, name = await target_of(
        node, url=wanted.url, channel_id=wanted.channel, kind=wanted.kind, quality=wanted.quality
    )
    if target.channel_id is not None and not wanted.windows:
        raise Invalid("a channel is always there: say when it is to be recorded, with windows", field="windows")
    values = {
        "name": plain(wanted.name) or name,
        "enabled": True,
        "shown": shown[:1000],
        "windows": wanted.windows,
        "favourite": wanted.favourite,
        "priority": wanted.priority,
        "keep_count": wanted.keep_count,
    }
    return watch_row(await actions.add_watch(node, target, values, actor=actor))


@router.get("/watches")
async def list_watches(node: Node) -> dict[str, Any]:
    """All watched streams, by name."""
    return {"items": [watch_row(one) for one in await watches.every(node.store)], "next": None}


@router.patch("/watches/{watch_id}")
async def change_watch(node: Node, actor: Actor, watch_id: Id, changes: WatchChange) -> dict[str, Any]:
    """Change some of it."""
    values = {key: value for key, value in changes.model_dump(exclude_unset=True).items() if value is not None}
    if "keep_count" in changes.model_fields_set:
        values["keep_count"] = changes.keep_count
    return watch_row(await actions.change_watch(node, watch_id, values, actor=actor))


@router.delete("/watches/{watch_id}", status_code=204)
async def remove_watch(node: Node, actor: Actor, watch_id: Id) -> None:
    """Watch it no longer; what was recorded stays."""
    await actions.remove_watch(node, watch_id, actor=actor)
