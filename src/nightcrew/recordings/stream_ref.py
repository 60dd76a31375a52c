"""What a recording is made of: an address, or a channel of the playlists. Sealed at rest, as addresses may hold logins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from nightcrew.addresses import names_private
from nightcrew.kernel.errors import Invalid, NeedsUser
from nightcrew.kernel.redaction import MASK, know_login, redact
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.targets import points_private
from nightcrew.kernel.words import plain
from nightcrew.playlists.exports import channels
from nightcrew.recorder.wire import Kind
from nightcrew.recordings.stream_access import AccessNames, StreamAccess

SCHEMES = frozenset({"http", "https", "rtmp", "rtmps", "rtsp", "rtsps", "hls", "httpstream", "dash"})
MAX_URL = 4_000


@dataclass(frozen=True, slots=True)
class StreamRef:
    """`url` or `channel_id`. `private`: the address was in a private network when it was entered."""

    url: str = ""
    channel_id: int | None = None
    kind: Kind = "auto"
    quality: str = "best"
    headers: Mapping[str, str] = field(default_factory=dict)
    private: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    proxy: str = ""

    @property
    def access(self) -> StreamAccess:
        """What it asks of who records it."""
        return StreamAccess(self.headers, self.options, self.proxy)

    def sealed(self, runtime: Runtime) -> str:
        """As it is stored. From now on its secrets are hidden wherever they turn up."""
        know_login(self.access.secrets())
        return runtime.vault.seal(asdict(self))


def unsealed(runtime: Runtime, text: str) -> StreamRef:
    """Raises `NeedsUser` when it was sealed with another key."""
    raw: dict[str, Any] = runtime.vault.unseal(text)
    found = StreamRef(**raw)
    know_login(found.access.secrets())
    return found


def access_of(runtime: Runtime, text: str) -> AccessNames | None:
    """What may be told of a stored stream; None when it was sealed with another key."""
    try:
        return unsealed(runtime, text).access.names
    except NeedsUser:
        return None


async def with_access(target: StreamRef, access: StreamAccess) -> StreamRef:
    """A stream with other headers, options and proxy. Raises `Invalid` for an address that the proxy is not for.

    Through a proxy nothing is private: it alone knows where names lead, and what is written as a private address is refused.
    """
    private = target.private
    if target.channel_id is None and bool(access.proxy) != bool(target.proxy):
        private = not access.proxy and await points_private(_behind(target.url))
    if access.proxy and target.channel_id is None:
        _check_proxied(target.url)
    return replace(target, headers=access.headers, options=access.options, proxy=access.proxy, private=private)


def _check_proxied(url: str) -> None:
    parts = urlsplit(_behind(url))
    if parts.scheme.lower().startswith(("rtmp", "rtsp")):
        raise Invalid("proxy: addresses with rtmp or rtsp cannot be recorded through a proxy", field="proxy")
    if names_private(parts.hostname or ""):
        raise Invalid("proxy: the address is in a private network, where a proxy is not used", field="proxy")


def _behind(url: str) -> str:
    """The address that is asked, without what says how it is read."""
    scheme, _, rest = url.partition("://")
    return rest if scheme.lower() in {"hls", "httpstream", "dash"} and "://" in rest else url


async def stream_of(
    runtime: Runtime,
    *,
    url: str = "",
    channel_id: int | None = None,
    kind: Kind = "auto",
    quality: str = "best",
    access: StreamAccess | None = None,
) -> tuple[StreamRef, str, str]:
    """A target, how it is shown, and a name for it. Raises `Invalid` with a field, `NotFound` for an unknown channel."""
    if (channel_id is None) == (not url.strip()):
        raise Invalid("give either an address or a channel, not both", field="url")
    if channel_id is not None:
        channel = await channels.get(runtime.store, channel_id)
        found = await with_access(StreamRef(channel_id=channel_id, quality=quality), access or StreamAccess())
        return found, f"channel {channel.name}", channel.name
    url = plain(url)
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError as exc:
        raise Invalid("the address is not valid", field="url") from exc
    if len(url) > MAX_URL or (parts.scheme.lower() not in SCHEMES or not host):
        raise Invalid("the address must start with http, https, rtmp or rtsp and name a host", field="url")
    asked = access or StreamAccess()
    private = not asked.proxy and await points_private(_behind(url))
    if not private and not asked.proxy and parts.scheme.lower().startswith(("rtmp", "rtsp")):
        raise Invalid("addresses with rtmp or rtsp are recorded from a private network only", field="url")
    return (
        await with_access(StreamRef(url, kind=kind, quality=quality, private=private, proxy=asked.proxy), asked),
        redact(url),
        _name(urlsplit(redact(url)).path, host),
    )


def _name(path: str, host: str) -> str:
    """A name for an address: its last speaking part."""
    words = [word for word in path.split("/") if word]
    last = words[-1].rpartition(".")[0] or words[-1] if words else ""
    if last.lower() in {"", "live", "index", "master", "playlist", "stream", "chunklist"}:
        last = words[-2] if len(words) > 1 else host
    return plain(last)[:100] if last and MASK not in last else host
