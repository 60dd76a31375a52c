"""What is asked for when something is to be recorded or watched. Forms and JSON routes ask alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import Invalid
from nightcrew.kernel.fields import SECRET, Secret
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.words import plain
from nightcrew.recorder.wire import Kind
from nightcrew.recordings import actions, stream_access, windows
from nightcrew.recordings.models import Recording, Watch
from nightcrew.recordings.store import recordings, watches
from nightcrew.recordings.stream_access import StreamAccess
from nightcrew.recordings.stream_ref import StreamRef, stream_of, unsealed, with_access

LONGEST = timedelta(days=36_600)


Headers = Annotated[dict[str, str], SECRET, Field(description="Sent to the site of the address, by name.")]
Cookies = Annotated[Secret, Field(max_length=20_000, description="NAME=VALUE, separated by semicolons.")]
PluginOptions = Annotated[
    dict[str, bool | str | list[str]], SECRET, Field(description="Options of streamlink's plugins, by name.")
]
ProxyAddress = Annotated[
    Secret, Field(max_length=1000, description="http, https or socks5; everything goes through it.")
]


def _access(headers: dict[str, str], cookies: str, options: dict[str, Any], proxy: str) -> StreamAccess:
    """Raises `Invalid`."""
    found = stream_access.read_headers(headers)
    if given := stream_access.read_cookies(cookies):
        if stream_access.COOKIE in found:
            raise Invalid("cookies: they are among the headers too; give them once", field="cookies")
        found[stream_access.COOKIE] = given
    return StreamAccess(found, stream_access.read_options(options), stream_access.read_proxy(proxy))


class _Stream(BaseModel):
    model_config = ConfigDict(extra="forbid")
    url: str = Field("", max_length=4000)
    channel: int | None = Field(None, ge=1, lt=2**63)
    name: str = Field("", max_length=200)
    kind: Kind = "auto"
    quality: str = Field("best", max_length=100, pattern=r"^[\w,+.-]+$")
    priority: int = Field(0, ge=-1000, le=1000)
    headers: Headers = Field(default_factory=dict)
    cookies: Cookies = ""
    options: PluginOptions = Field(default_factory=dict)
    proxy: ProxyAddress = ""

    async def named(self, runtime: Runtime) -> tuple[StreamRef, str, str]:
        """The stream, how it is shown, and its name. Raises `Invalid`, `NotFound`."""
        access = _access(self.headers, self.cookies, self.options, self.proxy)
        found, shown, name = await stream_of(
            runtime, url=self.url, channel_id=self.channel, kind=self.kind, quality=self.quality, access=access
        )
        return found, shown, plain(self.name) or name


class NewRecording(_Stream):
    """What to record: an address that streamlink knows, a plain HLS or stream address, or a channel.

    `seconds` and `until`: when it ends; without either it ends with its stream.
    """

    title: str = Field("", max_length=500)
    seconds: float | None = Field(None, gt=0, le=31_536_000)
    until: AwareDatetime | None = None

    def ends(self, now: datetime) -> datetime | None:
        """When it ends; None when its stream does. Raises `Invalid`."""
        if self.seconds is not None and self.until is not None:
            raise Invalid("give either seconds or until, not both", field="seconds")
        if self.until is not None and self.until <= now:
            raise Invalid("until: that time has passed", field="until")
        if self.until is not None and self.until - now > LONGEST:
            raise Invalid("until: that is more than a hundred years away", field="until")
        return self.until if self.seconds is None else now + timedelta(seconds=self.seconds)


def _readable(texts: list[str]) -> list[str]:
    for text in texts:
        try:
            windows.parse(text)
        except Invalid as exc:
            raise ValueError(str(exc)) from exc
    return texts


Windows = Annotated[list[str], Field(max_length=50), AfterValidator(_readable)]
KeepCount = Annotated[int, Field(ge=1, le=100_000)]
Margin = Annotated[int, Field(ge=0, le=windows.MAX_MARGIN)]


class NewWatch(_Stream):
    """A stream to watch. Without `windows` it is recorded whenever it is live; a channel needs at least one.

    `start_early` and `end_late`: minutes before and after each window; null: as the settings say.
    """

    windows: Windows = Field(default_factory=list)
    favourite: bool = False
    keep_count: KeepCount | None = None
    start_early: Margin | None = None
    end_late: Margin | None = None


class WatchChange(BaseModel):
    """What to change. Headers, cookies, options and the proxy replace what there was; empty ones take it away."""

    model_config = ConfigDict(extra="forbid")
    enabled: bool | None = None
    windows: Windows | None = None
    favourite: bool | None = None
    priority: int | None = Field(None, ge=-1000, le=1000)
    keep_count: KeepCount | None = None
    start_early: Margin | None = None
    end_late: Margin | None = None
    headers: Headers | None = None
    cookies: Cookies | None = None
    options: PluginOptions | None = None
    proxy: ProxyAddress | None = None

    def values(self) -> dict[str, Any]:
        """The columns that are changed as they are."""
        sent = self.model_dump(exclude_unset=True, exclude=ACCESS)
        found = {key: value for key, value in sent.items() if value is not None}
        return found | {name: getattr(self, name) for name in self.model_fields_set & NULLABLE}

    def access(self, before: StreamAccess) -> StreamAccess:
        """What a stream asks for from now on. Raises `Invalid`."""
        kept = {name: value for name, value in before.headers.items() if name != stream_access.COOKIE}
        cookies = before.headers.get(stream_access.COOKIE, "")
        new_headers = kept if self.headers is None else self.headers
        if any(name.lower() == "cookie" for name in new_headers):
            cookies = ""
        new = _access(
            new_headers,
            cookies if self.cookies is None else self.cookies,
            {} if self.options is None else self.options,
            before.proxy if self.proxy is None else self.proxy,
        )
        return new if self.options is not None else replace(new, options=before.options)


ACCESS = {"headers", "cookies", "options", "proxy"}
NULLABLE = {"keep_count", "start_early", "end_late"}
"""Of these null is a value."""


async def change_watch(runtime: Runtime, watch_id: int, changes: WatchChange, *, actor: str) -> Watch:
    """Change a watch; what its stream asks for goes to its recording too. Raises `NotFound`, `Invalid`, `NeedsUser`."""
    values = changes.values()
    if ACCESS & changes.model_fields_set:
        target = unsealed(runtime, (await watches.get(runtime.store, watch_id)).sealed)
        target = await with_access(target, changes.access(target.access))
        values["sealed"] = target.sealed(runtime)
        for row in (await recordings.running_of(runtime.store, [watch_id])).get(watch_id, []):
            await recordings.change(runtime.store, row.id, sealed=values["sealed"])
    return await actions.change_watch(runtime, watch_id, values, actor=actor)


async def record(runtime: Runtime, wanted: NewRecording, *, actor: str) -> Recording:
    """Record a stream from now on, or as soon as it is available. Raises `Invalid`, `NotFound`."""
    stop_at = wanted.ends(utcnow())
    stream, shown, name = await wanted.named(runtime)
    return await actions.start(
        runtime,
        stream,
        name=name,
        shown=shown,
        title=plain(wanted.title),
        stop_at=stop_at,
        priority=wanted.priority,
        actor=actor,
    )


async def watch(runtime: Runtime, wanted: NewWatch, *, actor: str) -> Watch:
    """Record a stream whenever it is live, or in its windows of time. Raises `Invalid`, `NotFound`, `Conflict`."""
    stream, shown, name = await wanted.named(runtime)
    if stream.channel_id is not None and not wanted.windows:
        raise Invalid("a channel is always on: use windows to say when to record it", field="windows")
    values = wanted.model_dump(include={"windows", "favourite", "priority", "keep_count", "start_early", "end_late"})
    values |= {"name": name, "enabled": True, "shown": shown[:1000]}
    return await actions.add_watch(runtime, stream, values, actor=actor)
