"""Adapters, one kind of source a file. A new kind is one file and one line here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.errors import Invalid, NeedsUser
from nightcrew.kernel.fields import secrets_of
from nightcrew.kernel.settings import invalid_from
from nightcrew.playlists.models import Source
from nightcrew.playlists.providers.base import Asked, Provider, SourceConfig, sent_by
from nightcrew.playlists.providers.catalogue import Catalogue, CatalogueConfig
from nightcrew.playlists.providers.guide import Guide, GuideConfig
from nightcrew.playlists.providers.m3u import M3u, M3uConfig
from nightcrew.playlists.providers.xtream import Xtream, XtreamConfig
from nightcrew.playlists.services import kind_name, owner_of


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of source: what a user enters, and what makes its adapter."""

    title: str
    about: str
    config: type[SourceConfig]
    fields: tuple[str, ...]
    """Of its configuration, those that a form asks for, in their order."""
    open: Callable[[Any], Provider] | None
    """None for a kind without channels."""


_TAKEN = ("max_streams", "only", "without", "films", "numbers")
"""Fields that say what is made of a source that has channels."""
_MORE = ("headers", "guide_shift", "route")
"""Fields that a list and a guide have."""
KINDS: Mapping[str, Kind] = {
    "m3u": Kind(
        "M3U playlist",
        "A list by address or file, as most providers offer.",
        M3uConfig,
        ("url", "region", "guide_url", *_TAKEN, "user_agent", *_MORE, "charset"),
        M3u,
    ),
    "xtream": Kind(
        "Xtream panel",
        "A panel with a user name and a password.",
        XtreamConfig,
        ("url", "username", "password", "region", "output", "guide", *_TAKEN, "user_agent", *_MORE),
        Xtream,
    ),
    "catalogue": Kind(
        "Catalogue API",
        "A JSON interface that you describe.",
        CatalogueConfig,
        ("url", "locales", *_TAKEN, *_MORE, "options"),
        Catalogue,
    ),
    "guide": Kind(
        "XMLTV guide",
        "Programmes for any channels.",
        GuideConfig,
        ("url", "user_agent", *_MORE, "charset"),
        None,
    ),
}
SECRETS = frozenset().union(*(secrets_of(kind.config) for kind in KINDS.values()))
"""Fields of a source that are never shown again. An empty one in an edit keeps the stored value."""


def checked_config(kind: str, values: Mapping[str, Any]) -> SourceConfig:
    """What a user entered for a source, validated. Raises `Invalid` naming the field."""
    if kind not in KINDS:
        raise Invalid(f"kind: there is no source kind {kind!r}; known are {', '.join(KINDS)}", field="kind")
    try:
        return KINDS[kind].config.model_validate(values)
    except ValidationError as exc:
        raise invalid_from(exc) from exc


class Adapters:
    """Open adapters of this node, by source; one is opened anew when its source's configuration has changed."""

    def __init__(self, connections: Connections | None = None) -> None:
        """Without `connections` it does not matter how their services stand."""
        self._connections = connections
        self._open: dict[tuple[int, str], tuple[Mapping[str, Any], Provider]] = {}
        self._guides: dict[int, tuple[Mapping[str, Any], Guide | None]] = {}

    def of(self, source: Source) -> Provider:
        """The adapter of a source that has channels. Raises `NeedsUser` when its configuration cannot be read."""
        if source.locked:
            raise NeedsUser(source.locked)
        known = self._open.get((source.id, source.profile))
        if known is not None and known[0] == source.config:
            return known[1]
        factory = KINDS[source.kind].open
        if factory is None:
            raise LookupError(f"sources of kind {source.kind} have no channels")
        adapter = factory(checked_config(source.kind, source.config))
        self._connect(adapter, source, "channels")
        self._open[(source.id, source.profile)] = (source.config, adapter)
        return adapter

    def keep(self, used: Collection[tuple[int, str]]) -> None:
        """Forget all adapters but those of these sources and profiles: the others were removed, and their logins with them."""
        for key in self._open.keys() - set(used):
            del self._open[key]

    def guide_of(self, source: Source) -> Guide | None:
        """The reader of a source's programme guide, if it has one."""
        if source.locked:
            raise NeedsUser(source.locked)
        known = self._guides.get(source.id)
        if known is None or known[0] != source.config:
            guide = self._guide(source)
            if guide is not None:
                self._connect(guide, source, "guide")
            known = self._guides[source.id] = (source.config, guide)
        return known[1]

    def _connect(self, asked: Asked, source: Source, feed_kind: str) -> None:
        """Let a source be asked by how its connection stands."""
        if self._connections is not None:
            kind = kind_name("guide" if feed_kind == "guide" else source.kind)
            asked.line = self._connections.own(owner_of(source.id, feed_kind), kind, asked.reach, asked.jar)

    def _guide(self, source: Source) -> Guide | None:
        if source.kind == "guide":
            config = GuideConfig.model_validate(source.config)
            headers = sent_by(source.config, config.url)
            return Guide(config.url, headers=headers, private=config.private, route=config.route)
        adapter = self.of(source)
        url = adapter.guide_url()
        if not url:
            return None
        reach = {"secrets": adapter.secrets, "private": adapter.private, "jar": adapter.jar, "route": adapter.route}
        return Guide(url, headers=sent_by(source.config, url), **reach)


__all__ = ["KINDS", "SECRETS", "Adapters", "Kind", "checked_config"]
