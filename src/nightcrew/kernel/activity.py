"""What happened, append-only: the feed that the page, the API and notifications read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog

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


class Activity:
    """Writes and reads the feed. Messages and data are redacted here, whoever wrote them."""

    def __init__(self, store: Store, bus: Bus) -> None:
        self._store = store
        self._bus = bus

    async def record(
        self,
        kind: str,
        message: str,
        *,
        level: str = "info",
        actor: str = "system",
        subject: str | None = None,
        **data: Any,
    ) -> None:
        """Append one entry, log it and tell the pages."""
        text = redact(message)[:MAX_MESSAGE]
        payload = redact(json.dumps(data, default=str)) if data else None
        if payload and len(payload) > MAX_DATA:
            payload = None
        async with self._store.write() as connection:
            await connection.execute(
                sa.insert(activity).values(
                    at=utcnow(), kind=kind, level=level, actor=actor, subject=subject, message=text, data=payload
                )
            )
        getattr(log, level)(text, kind=kind, actor=actor)
        self._bus.publish("activity")

    async def page(self, *, kind: str | None = None, before: int | None = None, limit: int = 50) -> list[Entry]:
        """Newest first; `before` is the id to go on from. A kind ending in `.` means all that begin with it."""
        query = sa.select(activity).order_by(activity.c.id.desc()).limit(limit)
        if kind:
            query = query.where(
                activity.c.kind.startswith(kind, autoescape=True) if kind.endswith(".") else activity.c.kind == kind
            )
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
