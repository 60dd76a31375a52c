"""The last good JSON answers, so that a failing service can be bridged. Sealed: answers and addresses may be private."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.store import Moment, Store, metadata
from nightcrew.kernel.vault import Vault

MAX_KEPT = 4 << 20
"""Larger answers (bytes as they come, characters as they are sealed) are not kept."""
KEEP = timedelta(days=14)

http_cache = sa.Table(
    "http_cache",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("stored_at", Moment, nullable=False, index=True),
)


class HttpCache:
    """Answers by address."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store = store
        self._vault = vault

    async def get(self, url: str) -> Any:
        """The kept value, or None."""
        query = sa.select(http_cache.c.body).where(http_cache.c.key == _key(url))
        async with self._store.read() as connection:
            body = (await connection.execute(query)).scalar()
        return await asyncio.to_thread(self._vault.unseal, body) if body else None

    async def put(self, url: str, value: Any) -> None:
        """Keep a good answer."""
        sealed = await asyncio.to_thread(self._vault.seal, value)
        if len(sealed) > MAX_KEPT:
            return
        values = {"key": _key(url), "body": sealed, "stored_at": utcnow()}
        statement = self._store.upsert(http_cache).values(values)
        async with self._store.write() as connection:
            await connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=values))

    async def prune(self) -> None:
        """Forget what was not renewed for two weeks."""
        async with self._store.write() as connection:
            await connection.execute(sa.delete(http_cache).where(http_cache.c.stored_at < utcnow() - KEEP))


def _key(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()
