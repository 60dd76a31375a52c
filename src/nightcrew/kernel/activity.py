"""What happened, append-only: the feed that the page, the API and notifications read."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.events import Bus
from nightcrew.kernel.redaction import redact
from nightcrew.kernel.store import Id, Moment, Store, metadata

log = structlog.get_logger("nightcrew.activity")

MAX_MESSAGE = 500
MAX_DATA = 8_000

activity = sa.Table(
    "activity",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("at", Moment, nullable=False, index=True),
    sa.Column("kind", sa.String(60), nullable=False, index=True),
    sa.Column("level", sa.String(10), nullable=False),
    sa.Column("actor", sa.String(100), nullable=False),
    sa.Column("subject", sa.String(200)),
    sa.Column("message", sa.String(MAX_MESSAGE), nullable=False),
    sa.Column("data", sa.Text),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. `level` is info, warning or error; `actor` is who did it ("system", "web", "api:<key>")."""

    id: int
    at: datetime
    kind: str
    level: str
    actor: str
    subject: str | None
    message: str
    data: dict[str, Any]


Also = Callable[[AsyncConnection, Entry], Awaitable[None]]
"""Writes what follows from an entry, in the same transaction."""
Provided = Callable[[AsyncConnection], Awaitable[bool]]
"""Whether an entry is to be written at all, asked in its transaction."""


def _of_kind(kind: str) -> sa.ColumnElement[bool]:
    begins = kind.endswith((".", "_"))
    return activity.c.kind.startswith(kind, autoescape=True) if begins else activity.c.kind == kind


class Activity:
    """Writes and reads the feed. Messages and data are redacted here, whoever wrote them."""

    def __init__(self, store: Store, bus: Bus) -> None:
        self._store = store
        self._bus = bus
        self._also: list[Also] = []

    def also(self, write: Also) -> None:
        """Call `write(connection, entry)` in the transaction of each entry: either both are stored, or neither."""
        self._also.append(write)

    async def record(
        self,
        kind: str,
        message: str,
        *,
        level: str = "info",
        actor: str = "system",
        subject: str | None = None,
        provided: Provided | None = None,
        **data: Any,
    ) -> None:
        """Append one entry, log it and tell the pages; nothing of it unless `provided` says so."""
        text = redact(message)[:MAX_MESSAGE]
        payload = redact(json.dumps(data, default=str)) if data else None
        if payload and len(payload) > MAX_DATA:
            payload = None
        row: dict[str, Any] = {
            "at": utcnow(),
            "kind": kind,
            "level": level,
            "actor": actor,
            "subject": subject,
            "message": text,
        }
        async with self._store.write() as connection:
            if provided is not None and not await provided(connection):
                return
            insert = sa.insert(activity).values(row | {"data": payload}).returning(activity.c.id)
            entry = Entry(**row, id=(await connection.execute(insert)).scalar_one(), data=data)
            for write in self._also:
                await write(connection, entry)
        getattr(log, level)(text, kind=kind, actor=actor)
        self._bus.publish("activity")

    async def page(self, *, kind: str | None = None, before: int | None = None, limit: int = 50) -> list[Entry]:
        """Newest first; `before` is the id to go on from. `kind`: several are separated by commas, and one that ends in `.` or `_`
        means all that begin with it."""
        query = sa.select(activity).order_by(activity.c.id.desc()).limit(limit)
        if kind:
            query = query.where(sa.or_(*(_of_kind(one) for one in kind.split(",") if one)))
        if before is not None:
            query = query.where(activity.c.id < before)
        async with self._store.read() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [Entry(**{**row, "data": json.loads(row["data"]) if row["data"] else {}}) for row in rows]

    async def prune(self, *, days: int) -> int:
        """Delete what is older than `days`; returns how many."""
        async with self._store.write() as connection:
            result = await connection.execute(
                sa.delete(activity).where(activity.c.at < utcnow() - timedelta(days=days))
            )
        return result.rowcount
