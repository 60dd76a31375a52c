"""What a recording is made of: an address, or a channel of the playlists. Sealed at rest, as addresses may hold logins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

from nightcrew.kernel.errors import Invalid
from nightcrew.kernel.redaction import MASK, redact
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.targets import points_private
from nightcrew.kernel.words import plain
from nightcrew.playlists.exports import channels
from nightcrew.recorder.wire import Kind

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

    def sealed(self, runtime: Runtime) -> str:
        """As it is stored."""
        return runtime.vault.seal(asdict(self))


def unsealed(runtime: Runtime, text: str) -> StreamRef:
    """Raises `NeedsUser` when it was sealed with another key."""
    raw: dict[str, Any] = runtime.vault.unseal(text)
    return StreamRef(**raw)


async def stream_of(
    runtime: Runtime, *, url: str = "", channel_id: int | None = None, kind: Kind = "auto", quality: str = "best"
) -> tuple[StreamRef, str, str]:
    """A target, how it is shown, and a name for it. Raises `Invalid` with a field, `NotFound` for an unknown channel."""
    if (channel_id is None) == (not url.strip()):
        raise Invalid("give either an address or a channel, not both", field="url")
    if channel_id is not None:
        channel = await channels.get(runtime.store, channel_id)
        return StreamRef(channel_id=channel_id, quality=quality), f"channel {channel.name}", channel.name
    url = plain(url)
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError as exc:
        raise Invalid("the address is not valid", field="url") from exc
    if len(url) > MAX_URL or (parts.scheme.lower() not in SCHEMES or not host):
        raise Invalid("the address must start with http, https, rtmp or rtsp and name a host", field="url")
    behind = url.partition("://")[2] if parts.scheme in {"hls", "httpstream", "dash"} else url
    private = await points_private(behind if "://" in behind else url)
    if not private and parts.scheme.lower().startswith(("rtmp", "rtsp")):
        raise Invalid("addresses with rtmp or rtsp are recorded from a private network only", field="url")
    return (
        StreamRef(url, kind=kind, quality=quality, private=private),
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
