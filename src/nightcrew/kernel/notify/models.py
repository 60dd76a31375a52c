"""Tables of the notifications, and the frozen rows that leave their stores."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum
from typing import Literal

import sqlalchemy as sa

from nightcrew.kernel.activity import MAX_MESSAGE
from nightcrew.kernel.declare import Group
from nightcrew.kernel.store import Id, Moment, metadata

MAX_NAME = 100
MAX_ADDRESS = 4_000
MAX_ERROR = 500

Kind = Literal["apprise", "webhook", "heartbeat"]
Level = Literal["info", "warning", "error"]

notify_target = sa.Table(
    "notify_target",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("name", sa.String(MAX_NAME), nullable=False, unique=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("sealed", sa.Text, nullable=False),  # its address, which may hold a login
    sa.Column("shown", sa.String(300), nullable=False),  # what may be seen of the address
    sa.Column("wants", sa.Text, nullable=False),  # JSON list of declare.Group
    sa.Column("level", sa.String(10), nullable=False),  # the least that it is told of
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("quiet_from", sa.String(5)),  # HH:MM, local time
    sa.Column("quiet_to", sa.String(5)),
    sa.Column("loud", sa.Boolean, nullable=False),  # errors pass in quiet hours
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("next_at", Moment),  # nothing is sent before: the pause after a failure, or the next heartbeat
    sa.Column("busy_until", Moment),  # the lease of the node that sends to it now
    sa.Column("failures", sa.Integer, nullable=False),  # in a row
    sa.Column("failing_since", Moment),
    sa.Column("error", sa.String(MAX_ERROR)),
    sa.Column("delivered_at", Moment),
)

notice = sa.Table(
    "notice",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("target_id", Id, sa.ForeignKey("notify_target.id", ondelete="CASCADE"), nullable=False),
    sa.Column("kind", sa.String(60), nullable=False),
    sa.Column("level", sa.String(10), nullable=False),
    sa.Column("key", sa.String(64), nullable=False),  # the same for what need not be told twice
    sa.Column("subject", sa.String(200)),
    sa.Column("message", sa.String(MAX_MESSAGE), nullable=False),
    sa.Column("node", sa.String(100), nullable=False),
    sa.Column("batch", sa.String(60), nullable=False),  # what is sent together: its kind, or what a quiet time left
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("last_at", Moment, nullable=False),  # of those that it stands for
    sa.Column("repeats", sa.Integer, nullable=False),  # how many it stands for
    sa.Column("due_at", Moment, nullable=False),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("tried_at", Moment),  # the first time
    sa.Column("sent_at", Moment),
    sa.Column("error", sa.String(MAX_ERROR)),
    sa.Index("ix_notice_target_id_state_due_at", "target_id", "state", "due_at"),
    sa.Index("ix_notice_target_id_key", "target_id", "key"),
    sa.Index("ix_notice_last_at", "last_at"),
)

need_told = sa.Table(
    "need_told",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("seen_at", Moment, nullable=False),
)


class NoticeState(StrEnum):
    """Of a notice. It waits until it is sent, given up after a day of failures, or dropped since nobody wants it any more."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours of each day in which messages wait, in local time. They may go over midnight. `loud`: errors do not wait."""

    begin: time
    end: time
    loud: bool


@dataclass(frozen=True, slots=True)
class Target:
    """Where somebody is told. `waiting`: how many notices are not sent yet."""

    id: int
    name: str
    kind: Kind
    sealed: str
    shown: str
    wants: frozenset[Group]
    level: Level
    enabled: bool
    quiet: Quiet | None
    created_at: datetime
    next_at: datetime | None
    failures: int
    failing_since: datetime | None
    error: str | None
    delivered_at: datetime | None
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that a target is told of, or several that are the same."""

    id: int
    target_id: int
    kind: str
    level: Level
    subject: str | None
    message: str
    node: str
    batch: str
    created_at: datetime
    last_at: datetime
    repeats: int
    due_at: datetime
    state: NoticeState
    attempts: int
    tried_at: datetime | None
    sent_at: datetime | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: one notice, or many in one. `count`: of how many events it tells."""

    kind: str
    level: Level
    title: str
    text: str
    at: datetime
    subject: str | None = None
    node: str = ""
    page: str = "/activity"
    count: int = 1
    good: bool = False
    """Whether it is good news: something works again, or is finished."""
