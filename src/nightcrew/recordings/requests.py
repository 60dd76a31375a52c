"""What is asked for when something is to be recorded or watched. Forms and JSON routes ask alike."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import Invalid
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.words import plain
from nightcrew.recorder.wire import Kind
from nightcrew.recordings import actions, windows
from nightcrew.recordings.models import Recording, Watch
from nightcrew.recordings.stream_ref import stream_of

LONGEST = timedelta(days=36_600)
MAX_WINDOWS = 50


class NewRecording(BaseModel):
    """What to record: an address that streamlink knows, a plain HLS or stream address, or a channel.

    `seconds` and `until`: when it ends; without either it ends with its stream.
    """

    model_config = ConfigDict(extra="forbid")
    url: str = Field("", max_length=4000)
    channel: int | None = Field(None, ge=1, lt=2**63)
    name: str = Field("", max_length=200)
    title: str = Field("", max_length=500)
    kind: Kind = "auto"
    quality: str = Field("best", max_length=100, pattern=r"^[\w,+.-]+$")
    seconds: float | None = Field(None, gt=0, le=31_536_000)
    until: AwareDatetime | None = None
    priority: int = Field(0, ge=-1000, le=1000)

    def ends(self, now: datetime) -> datetime | None:
        """When it ends; None when its stream does. Raises `Invalid`."""
        if self.seconds is not None and self.until is not None:
            raise Invalid("say either seconds or until", field="seconds")
        if self.until is not None and self.until <= now:
            raise Invalid("until: that moment is over", field="until")
        if self.until is not None and self.until - now > LONGEST:
            raise Invalid("until: that is more than a hundred years away", field="until")
        return self.until if self.seconds is None else now + timedelta(seconds=self.seconds)


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


async def record(runtime: Runtime, wanted: NewRecording, *, actor: str) -> Recording:
    """Record a stream from now on, or as soon as it is there. Raises `Invalid`, `NotFound`."""
    stop_at = wanted.ends(utcnow())
    target, shown, name = await stream_of(
        runtime, url=wanted.url, channel_id=wanted.channel, kind=wanted.kind, quality=wanted.quality
    )
    return await actions.start(
        runtime,
        target,
        name=plain(wanted.name) or name,
        shown=shown,
        title=plain(wanted.title),
        stop_at=stop_at,
        priority=wanted.priority,
        actor=actor,
    )


async def watch(runtime: Runtime, wanted: NewWatch, *, actor: str) -> Watch:
    """Record a stream whenever it is live, or in its windows of time. Raises `Invalid`, `NotFound`, `Conflict`."""
    target, shown, name = await stream_of(
        runtime, url=wanted.url, channel_id=wanted.channel, kind=wanted.kind, quality=wanted.quality
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
    return await actions.add_watch(runtime, target, values, actor=actor)
