"""Tables of the playlists domain, and the frozen rows that leave its store."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

import sqlalchemy as sa

from nightcrew.kernel.routes import DIRECT
from nightcrew.kernel.rows import Json, column, table_of, text
from nightcrew.kernel.store import Id, Moment, metadata
from nightcrew.playlists.rules import is_web

MAX_NAME = 300
MAX_URL = 4_000
UNPLACED = 500
"""The place of a stream that no check has ordered yet: behind the good ones, which begin at 1, before the dead ones."""
DEAD_PLACES = 1_000
"""Where the places of dead streams begin. A stream with a place below 0 is left out of its channel."""


@dataclass(frozen=True, slots=True)
class Source:
    """A configured provider. `config` is unsealed: handle with care, never show it."""

    id: Annotated[int, column(Id, primary_key=True)]
    kind: Annotated[str, text(20)]
    name: Annotated[str, text(100, unique=True)]
    enabled: bool
    config: Annotated[dict[str, Any], column(sa.Text)]  # sealed: addresses and logins
    shown_url: Annotated[str, text(MAX_URL)]
    created_at: datetime
    locked: str | None = None
    """Why `config` could not be unsealed (then it is empty): the key is another one."""
    profile: str = ""
    """Set when `config` has the login of one of the source's profiles."""

    @property
    def route(self) -> str:
        """The way out that all requests for it take."""
        return str(self.config.get("route") or DIRECT)


source = table_of("playlist_source", Source, without=("locked", "profile"))


@dataclass(frozen=True, slots=True)
class Feed:
    """One slice of a source that is fetched on its own: a region's channels, or a guide (region empty)."""

    id: Annotated[int, column(Id, primary_key=True)]
    source_id: Annotated[int, column(sa.ForeignKey(source.c.id, ondelete="CASCADE"), index=True)]
    kind: Annotated[str, text(10)]  # channels or guide
    lang: Annotated[str, text(20)]
    region: Annotated[str, text(40, index=True)]
    enabled: bool
    due_at: Annotated[datetime, column(index=True)]
    rebuild_due: bool
    run: Annotated[str | None, text(100)]
    refreshed_at: datetime | None
    changed_at: datetime | None
    failures: int
    error: Annotated[str | None, text(500)]
    error_kind: Annotated[str | None, text(10)]
    needs_user: bool
    etag: Annotated[str | None, text(300)]
    last_modified: Annotated[str | None, text(100)]
    content_hash: Annotated[str | None, text(100)]
    channels: int
    resolved: int
    streams: int
    revision: int
    generation: int
    notes: Annotated[
        dict[str, Any], column(sa.Text, nullable=True)
    ]  # JSON: guides that the list names, the account's state
    held_run: Annotated[str | None, text(100)]
    held_at: datetime | None
    held_reason: Annotated[str | None, text(200)]
    held_change: Annotated[dict[str, Any] | None, column(Json)]  # of rules.ListChange, and the content's hash

    @property
    def refreshing(self) -> bool:
        """Whether a run works on the feed, or is about to."""
        return self.run is not None


feed = table_of(
    "playlist_feed", Feed, sa.UniqueConstraint("source_id", "kind", "region", name="uq_playlist_feed_slice")
)

channel = sa.Table(
    "playlist_channel",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("region", sa.String(40), nullable=False),
    sa.Column("feed_id", sa.ForeignKey(feed.c.id, ondelete="CASCADE"), nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("origin", sa.LargeBinary(16), nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("hidden", sa.Boolean, nullable=False),
    sa.Column("name", sa.String(MAX_NAME), nullable=False),
    sa.Column("number", sa.String(20), nullable=False),
    sa.Column("grp", sa.String(MAX_NAME), nullable=False),
    sa.Column("logo", sa.String(MAX_URL), nullable=False),
    sa.Column("guide_id", sa.String(MAX_NAME), nullable=False),
    sa.Column("search", sa.String(2 * MAX_NAME), nullable=False),
    sa.Column("edit_name", sa.String(MAX_NAME)),
    sa.Column("edit_number", sa.String(20)),
    sa.Column("edit_grp", sa.String(MAX_NAME)),
    sa.Column("edit_logo", sa.String(MAX_URL)),
    sa.Column("edit_guide_id", sa.String(MAX_NAME)),
    sa.Column("edit_search", sa.String(2 * MAX_NAME)),
    sa.Column("edit_shift", sa.Integer),  # minutes
    sa.Column("given_number", sa.Integer),  # numbering.Numbering
    sa.Index("ix_playlist_channel_order", "region", "feed_id", "position", "id"),
    sa.Index("ix_playlist_channel_origin", "feed_id", "origin"),
    sa.Index("ix_playlist_channel_guide", "region", sa.func.lower(sa.column("guide_id"))),
)

stream = sa.Table(
    "playlist_stream",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("feed_id", sa.ForeignKey(feed.c.id, ondelete="CASCADE"), nullable=False),
    sa.Column("channel_id", sa.ForeignKey(channel.c.id, ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("key", sa.LargeBinary(16), nullable=False),
    sa.Column("ident", sa.LargeBinary(16), nullable=False),
    sa.Column("hash", sa.LargeBinary(16), nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("url", sa.String(MAX_URL), nullable=False),
    sa.Column("provider_id", sa.String(MAX_NAME), nullable=False),
    sa.Column("attributes", sa.Text),  # JSON
    sa.Column("expires", sa.Boolean, nullable=False),
    sa.Column("playable", sa.Boolean, nullable=False),
    sa.Column("gone_at", Moment),
    sa.Column("score", sa.Float),  # 0 to 1; this and what follows is written by checks
    sa.Column("dead", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("place", sa.Integer, nullable=False, server_default=str(UNPLACED)),  # smallest first
    sa.Column("profile", sa.String(60)),  # the one that worked last
    sa.UniqueConstraint("feed_id", "key", name="uq_playlist_stream_key"),
)

variant = sa.Table(
    "playlist_variant",
    metadata,
    sa.Column("stream_id", sa.ForeignKey(stream.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("key", sa.LargeBinary(16), primary_key=True),  # master.variant_key
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("fps", sa.Float, nullable=False),
)


def _copied(table: sa.Table, *names: str) -> list[sa.Column[Any]]:
    """Columns as they are in `table`, each of which may be missing."""
    return [sa.Column(name, table.c[name].type) for name in names]


staged = sa.Table(
    "playlist_staged",
    metadata,
    sa.Column("run", sa.String(100), primary_key=True),
    # in the list; of what is gone the stream's number, negative. Rows are written in this order: an index over keys, which are digests,
    # takes longer than all else
    sa.Column("place", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("feed_id", sa.ForeignKey(feed.c.id, ondelete="CASCADE"), nullable=False),
    sa.Column("kind", sa.String(1), nullable=False),  # n new, c changed, m moved, g gone
    *_copied(stream, "key", "ident", "hash", "position"),
    sa.Column("stream_id", sa.BigInteger),
    sa.Column("channel_id", sa.BigInteger),
    *_copied(channel, "name", "number", "grp", "logo", "guide_id", "search"),
    *_copied(stream, "url", "provider_id", "attributes", "expires", "playable"),
)

refresh_run = sa.Table(
    "playlist_run",
    metadata,
    sa.Column("id", sa.String(100), primary_key=True),
    sa.Column("feed_id", sa.ForeignKey(feed.c.id, ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("started_at", Moment, nullable=False),
    sa.Column("ended_at", Moment),
    sa.Column("rebuild", sa.Boolean, nullable=False),
    sa.Column("outcome", sa.String(20)),  # applied, unchanged, held, failed
    sa.Column("channels", sa.Integer),
    sa.Column("change", Json),  # of rules.ListChange
    sa.Column("reason", sa.String(500)),
)

programme = sa.Table(
    "playlist_programme",
    metadata,
    sa.Column("feed_id", sa.ForeignKey(feed.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("generation", sa.Integer, primary_key=True),
    sa.Column("guide_id", sa.String(MAX_NAME), primary_key=True),
    sa.Column("start", Moment, primary_key=True),
    sa.Column("stop", Moment, nullable=False),
    sa.Column("title", sa.String(MAX_NAME), nullable=False),
    sa.Column("body", sa.Text, nullable=False),  # the programme's child elements as XML
    sa.Column("attributes", sa.Text, nullable=False, server_default=sa.text("''")),  # of the programme, as XML
    sa.Index("ix_playlist_programme_stop", "feed_id", "stop"),
)

guide_channel = sa.Table(
    "playlist_guide_channel",
    metadata,
    sa.Column("feed_id", sa.ForeignKey(feed.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("generation", sa.Integer, primary_key=True),
    sa.Column("guide_id", sa.String(MAX_NAME), primary_key=True),
    sa.Column("name", sa.String(MAX_NAME), nullable=False),
    sa.Column("icon", sa.String(MAX_URL), nullable=False),
    sa.Column(
        "key", sa.String(MAX_NAME), nullable=False, index=True, server_default=sa.text("''")
    ),  # guide_matching.id_key
    sa.Column("body", sa.Text, nullable=False, server_default=sa.text("''")),  # its child elements as XML
)

guide_name = sa.Table(
    "playlist_guide_name",
    metadata,
    sa.Column("feed_id", sa.ForeignKey(feed.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("generation", sa.Integer, primary_key=True),
    sa.Column("key", sa.String(MAX_NAME), primary_key=True, index=True),  # guide_matching.NameKey
    sa.Column("bare", sa.Boolean, primary_key=True),
    sa.Column("guide_id", sa.String(MAX_NAME), nullable=False),  # empty where several channels of the guide have it
)


@dataclass(frozen=True, slots=True)
class Stream:
    """One address that can play a channel. `url` may hold placeholders for its source's secrets."""

    id: int
    channel_id: int
    feed_id: int
    source_id: int
    source: str
    url: str
    provider_id: str
    attributes: dict[str, str]
    expires: bool
    playable: bool
    score: float | None = None
    dead: bool = False
    place: int = UNPLACED
    profile: str | None = None

    @property
    def usable(self) -> bool:
        """Whether it can be played, and is not left out by an order."""
        return self.playable and self.place >= 0


@dataclass(frozen=True, slots=True)
class GuideMatch:
    """Where a channel's programmes come from: the guides' channel, its `key` over all guides, and how it was found.

    `icon_feed`: the guide that its icon is from.
    """

    key: str
    guide_id: str
    icon: str
    icon_feed: int
    by: Literal["id", "name"]


@dataclass(frozen=True, slots=True)
class Channel:
    """What a viewer picks, with a person's edits applied. `shift`: minutes by which its programmes are later than its guide says."""

    id: int
    region: str
    feed_id: int
    position: int
    name: str
    number: str
    group: str
    logo: str
    guide_id: str
    hidden: bool
    shift: int
    edited: tuple[str, ...]
    streams: tuple[Stream, ...] = ()
    guide: GuideMatch | None = None

    @property
    def served_guide_id(self) -> str:
        """The id under which its programmes are served, as one that is shifted has programmes of its own."""
        if self.guide is None:
            return self.guide_id
        return f"{self.guide.guide_id}@{self.shift:+}min" if self.shift else self.guide.guide_id

    @property
    def logo_feed(self) -> int:
        """The list or guide that its logo is from."""
        guide = self.guide
        if guide is not None and "logo" not in self.edited and self.logo == guide.icon:
            return guide.icon_feed
        return self.feed_id

    @property
    def logo_mark(self) -> str:
        """What tells its logo from others: the address, and whether a person has written it, or which list or guide."""
        who = "person" if "logo" in self.edited else self.logo_feed
        return hashlib.sha256(f"{who}\0{self.logo}".encode("utf-8", "surrogatepass")).hexdigest()[:32]

    @property
    def picture(self) -> str:
        """Where this node shows its logo; nothing where it has none."""
        return f"/channels/{self.id}/logo?v={self.logo_mark[:8]}" if is_web(self.logo) else ""
