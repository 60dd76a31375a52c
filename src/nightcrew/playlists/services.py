"""The outside services that a source asks: one for its channels, one for its guide, as either may be away while the other works."""

from __future__ import annotations

from nightcrew.kernel.connections.owned import Owned
from nightcrew.kernel.redaction import credentials_in, redact
from nightcrew.kernel.targets import is_web_address
from nightcrew.playlists.models import Source


def thing_of(source_id: int) -> str:
    """What a source is called as the owner of connections."""
    return f"playlists:{source_id}"


def owner_of(source_id: int, feed_kind: str) -> str:
    """Whose connection is asked for a source's channels or guide."""
    return f"{thing_of(source_id)}/{feed_kind}"


def kind_name(source_kind: str) -> str:
    """The kind of a source's connection."""
    return f"source.{source_kind}"


def services_of(source: Source) -> list[Owned]:
    """The services of a source, without its logins. Files on this machine are none."""
    config = source.config
    addresses = {"guide" if source.kind == "guide" else "channels": source.shown_url}
    if source.kind == "xtream" and config.get("guide"):
        addresses["guide"] = source.shown_url
    elif guide_url := config.get("guide_url"):
        addresses["guide"] = redact(guide_url, credentials_in(guide_url))
    return [
        Owned(
            owner=owner_of(source.id, feed_kind),
            kind=kind_name("guide" if feed_kind == "guide" else source.kind),
            name=source.name if feed_kind == "channels" or source.kind == "guide" else f"{source.name} (guide)",
            address=address,
            private=bool(config.get("private")),
            route=source.route,
            enabled=source.enabled,
        )
        for feed_kind, address in addresses.items()
        if is_web_address(address)
    ]
