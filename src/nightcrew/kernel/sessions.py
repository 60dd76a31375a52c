"""Who is logged in: a row for each browser, so that one can be ended from another, and a logout ends it for good.

The cookie is a random text of which only a hash is stored. What is known is kept in memory too, so that people stay logged in
while the database is away; `Access` reads it anew twice a minute.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import NotFound
from nightcrew.kernel.store import DatabaseAway, Id, Moment, Store, metadata

SESSION_SECONDS = 30 * 86_400
MOST = 100
"""Sessions; a further one ends the one that was not used for longest."""
SEEN = timedelta(minutes=5)
"""How old "last used" may be."""

access_session = sa.Table(
    "access_session",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("hash", sa.String(64), nullable=False, unique=True),
    sa.Column("password", sa.String(16), nullable=False),
    sa.Column("address", sa.String(60), nullable=False),
    sa.Column("agent", sa.String(200), nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("seen_at", Moment, nullable=False),
    sa.Column("until", Moment, nullable=False),
)
_table = access_session


@dataclass(frozen=True, slots=True)
class Session:
    """One browser that is logged in. `address` and `agent`: from where, and what it says that it is."""

    id: int
    address: str
    agent: str
    created_at: datetime
    seen_at: datetime
    until: datetime
    password: str
    """Which password it was opened with; it ends with that."""


_COLUMNS = [_table.c[name] for name in Session.__slots__]


class Sessions:
    """All of them. `password` gives a fingerprint of the present password: a session of another one is none."""

    def __init__(self, store: Store, password: Callable[[], str]) -> None:
        self._store = store
        self._password = password
        self._known: dict[str, Session] = {}

    async def load(self) -> None:
        """Read what there is."""
        async with self._store.read() as connection:
            rows = (await connection.execute(sa.select(_table.c.hash, *_COLUMNS))).all()
        self._known = {row[0]: Session(*row[1:]) for row in rows}

    async def open(self, *, address: str = "", agent: str = "") -> str:
        """A new session; returns the text of its cookie, which is known only now. By the rest people tell them apart."""
        now, text, password = utcnow(), secrets.token_urlsafe(32), self._password()
        row = {"hash": digest(text), "password": password, "address": address[:60], "agent": agent[:200]}
        times = {"created_at": now, "seen_at": now, "until": now + timedelta(seconds=SESSION_SECONDS)}
        newest = sa.select(_table.c.id).order_by(_table.c.seen_at.desc(), _table.c.id.desc()).limit(MOST).subquery()
        async with self._store.write() as connection:
            await connection.execute(sa.insert(_table).values(**row, **times))
            await connection.execute(
                sa.delete(_table).where(
                    sa.or_(
                        _table.c.until < now,
                        _table.c.password != password,
                        _table.c.id.not_in(sa.select(newest.c.id)),
                    )
                )
            )
        await self.load()
        return text

    async def find(self, text: str | None) -> Session | None:
        """The session of a cookie: one that is not over, and was opened with the present password."""
        if not text or not text.isascii() or len(text) > 100:
            return None
        hashed, now = digest(text), utcnow()
        session = self._known.get(hashed) or await self._look(hashed)
        if session is None or session.until < now or session.password != self._password():
            return None
        if now - session.seen_at > SEEN:
            await self._seen(hashed, session, now)
        return session

    async def all(self) -> list[Session]:
        """Those that are valid, the one that was used last first."""
        await self.load()
        now, password = utcnow(), self._password()
        valid = [one for one in self._known.values() if one.until >= now and one.password == password]
        return sorted(valid, key=lambda one: one.seen_at, reverse=True)

    async def end(self, session_id: int) -> None:
        """End one. Raises `NotFound`."""
        async with self._store.write() as connection:
            done = await connection.execute(sa.delete(_table).where(_table.c.id == session_id))
        await self.load()
        if not done.rowcount:
            raise NotFound(f"there is no session {session_id}")

    async def end_others(self, kept: int | None = None) -> int:
        """End all but one; returns how many."""
        query = sa.delete(_table) if kept is None else sa.delete(_table).where(_table.c.id != kept)
        async with self._store.write() as connection:
            done = await connection.execute(query)
        await self.load()
        return int(done.rowcount)

    async def _look(self, hashed: str) -> Session | None:
        """One that another node has opened a moment ago."""
        with contextlib.suppress(DatabaseAway):
            async with self._store.read() as connection:
                row = (await connection.execute(sa.select(*_COLUMNS).where(_table.c.hash == hashed))).first()
            if row is not None:
                self._known[hashed] = Session(*row)
        return self._known.get(hashed)

    async def _seen(self, hashed: str, session: Session, now: datetime) -> None:
        self._known[hashed] = replace(session, seen_at=now)
        with contextlib.suppress(DatabaseAway):
            async with self._store.write(durable=False) as connection:
                await connection.execute(sa.update(_table).where(_table.c.id == session.id).values(seen_at=now))


def digest(text: str) -> str:
    """What is stored of a text that only its owner knows."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
