"""Tables of the connections, and the frozen rows that leave their store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from nightcrew.kernel.rows import Json
from nightcrew.kernel.store import Id, Moment, metadata

MAX_NAME = 100
MAX_ADDRESS = 2_000
MAX_REASON = 500
MAX_MIRRORS = 20

connection = sa.Table(
    "connection",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("kind", sa.String(60), nullable=False),
    sa.Column("name", sa.String(MAX_NAME), nullable=False),
    sa.Column("address", sa.String(MAX_ADDRESS), nullable=False),
    sa.Column("mirrors", Json, nullable=False),  # further addresses
    sa.Column("settings", Json, nullable=False),  # the fields that may be shown
    sa.Column("sealed", sa.Text, nullable=False),  # the secret fields
    sa.Column("route", sa.String(60), nullable=False),
    sa.Column("private", sa.Boolean, nullable=False),  # it may lead into a private network
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("reason", sa.String(MAX_REASON), nullable=False),
    sa.Column("until", Moment),  # it is not asked before
    sa.Column("pauses", sa.Integer, nullable=False),  # how often it was paused since it last worked for a while
    sa.Column("since", Moment, nullable=False),  # it stands so
    sa.Column("version", sa.Integer, nullable=False),  # grows with each change of how it stands
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("worked_at", Moment),
    sa.Column("tokens", sa.Text),  # sealed: what a person granted (OAuth)
    sa.Column("granted_at", Moment),
    sa.Column("refreshing", sa.String(40)),  # who fetches new tokens now
    sa.Column("refreshing_until", Moment),
    sa.Column("owner", sa.String(60), nullable=False, default=""),  # see `owned`; empty: a person entered it
    sa.UniqueConstraint("name", "owner", name="uq_connection_name_owner"),
    sa.Index(
        "uq_connection_owner",
        "owner",
        unique=True,
        sqlite_where=sa.text("owner <> ''"),
        postgresql_where=sa.text("owner <> ''"),
    ),
)

connection_call = sa.Table(
    "connection_call",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("connection_id", Id, nullable=False),  # which may be gone
    sa.Column("at", Moment, nullable=False),
    sa.Column("address", sa.String(2000), nullable=False),
    sa.Index("ix_connection_call_connection_id_at", "connection_id", "at"),
)
"""Requests that a budget counts, for as long as it counts them. The service at an address counts them too, whoever removes its row."""

connection_grant = sa.Table(
    "connection_grant",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),  # SHA-256 of the state that the browser brings back
    sa.Column("connection_id", Id, sa.ForeignKey("connection.id", ondelete="CASCADE"), nullable=False),
    sa.Column("sealed", sa.Text, nullable=False),  # the verifier, and where the browser is sent back to
    sa.Column("expires_at", Moment, nullable=False),
)
"""People who are at a service's page to grant access."""

connection_detour = sa.Table(
    "connection_detour",
    metadata,
    sa.Column("connection_id", Id, sa.ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("kind", sa.String(10), primary_key=True),
    sa.Column("began_at", Moment, nullable=False),
    sa.Column("last_at", Moment, nullable=False),
    sa.Column("over_at", Moment),
    sa.Column("count", sa.Integer, nullable=False),  # requests since it began
    sa.Column("times", sa.Integer, nullable=False),  # how often it began again soon after it was over
    sa.Column("reason", sa.String(MAX_REASON), nullable=False),
)
"""What a connection does while its first address does not answer, by kind; the last one of each kind is kept."""


class ConnectionState(StrEnum):
    """How a connection stands. `rules` says what leads from one to another."""

    OK = "ok"
    LIMITED = "limited"
    """It asked us to wait."""
    AWAY = "away"
    """There is no connection to it."""
    COOLING = "cooling"
    """It answers, but wrongly, so it is left alone for a while."""
    PERSON = "person"
    """It needs a person: a login is refused, or access has to be granted."""


class DetourKind(StrEnum):
    """How requests get on when the first address does not answer as it should."""

    MIRROR = "mirror"
    """Another address answers."""
    STALE = "stale"
    """The last good answer is used."""
    SKIP = "skip"
    """The round goes on without an answer."""


@dataclass(frozen=True, slots=True)
class Detour:
    """Requests of one connection that all got on in the same way: why, from when to when, and how many."""

    kind: DetourKind
    reason: str
    began_at: datetime
    last_at: datetime
    over_at: datetime | None = None
    count: int = 1
    times: int = 0
    """How often it began again soon after it was over: one that flaps is over only after a longer quiet."""


@dataclass(frozen=True, slots=True)
class ConnectionStanding:
    """How a connection stands: why, until when it is not asked, and how often it was paused since it last worked for a while."""

    state: ConnectionState = ConnectionState.OK
    reason: str = ""
    until: datetime | None = None
    pauses: int = 0


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection as it is stored. `settings` are the fields that may be shown; `sealed` the others.

    A domain's own has neither: `owner` says what it belongs to (see `owned`).
    """

    id: int
    kind: str
    name: str
    address: str
    mirrors: tuple[str, ...]
    settings: dict[str, Any]
    sealed: str
    route: str
    private: bool
    enabled: bool
    standing: ConnectionStanding
    since: datetime
    version: int
    created_at: datetime
    worked_at: datetime | None
    tokens: str | None
    granted_at: datetime | None
    owner: str = ""
