"""Who waits for work is woken when there is some: in this process, and on PostgreSQL in all others by LISTEN and NOTIFY.

A topic says where to look; it carries nothing. What is missed (a connection that broke) costs a wait, for whoever waits looks
by itself now and then.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable

import psycopg
import structlog

from nightcrew.kernel.forever import forever
from nightcrew.kernel.store import CHANNEL, DatabaseAway, Store, wake

log = structlog.get_logger("nightcrew")

QUIET = 60.0
"""Seconds without a word after which the listener sees whether its connection still lives."""
LIMIT = 10.0
"""Seconds that the database has for an answer."""
AFTER = 5.0
"""Seconds before a listener that failed tries again."""


class Wakes:
    """Calls those who wait under a topic. One for each node."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: dict[str, list[Callable[[], None]]] = defaultdict(list)
        store.on_wake = self.ring

    def on(self, topic: str, call: Callable[[], None]) -> None:
        """Call this, on the event loop, whenever something becomes due under a topic."""
        self._waiting[topic].append(call)

    def ring(self, topic: str) -> None:
        """Wake who waits under a topic, in this process."""
        for call in self._waiting.get(topic, ()):
            call()

    async def tell(self, topic: str) -> None:
        """Wake who waits under a topic, here and at the other nodes; a database that is away costs those a wait."""
        if not self._store.is_sqlite:
            try:
                async with self._store.write() as connection:
                    await wake(connection, topic)
            except DatabaseAway as exc:
                log.info("other nodes could not be told", topic=topic, reason=str(exc))
            else:
                return
        self.ring(topic)

    async def run(self) -> None:
        """Hear what other nodes say, until cancelled. On SQLite there are none."""
        if self._store.is_sqlite:
            await asyncio.Event().wait()
        await forever("wakes", self._round, limit=None)

    async def _round(self) -> float:
        try:
            await self._listen()
        except (psycopg.Error, OSError, TimeoutError) as exc:
            log.info("other nodes cannot be heard now", reason=type(exc).__name__)
        return AFTER

    async def _listen(self) -> None:
        async with asyncio.timeout(LIMIT):
            connection = await psycopg.AsyncConnection.connect(self._store.conninfo(), autocommit=True)
        try:
            async with asyncio.timeout(LIMIT):
                await connection.execute(f"LISTEN {CHANNEL}")
            for topic in list(self._waiting):
                self.ring(topic)  # what was said while nobody listened
            while True:
                async for said in connection.notifies(timeout=QUIET):
                    sender, _, topic = said.payload.partition(" ")
                    if sender != self._store.identity:
                        self.ring(topic)
                async with asyncio.timeout(LIMIT):
                    await connection.execute("SELECT 1")
        finally:
            with contextlib.suppress(psycopg.Error, OSError, TimeoutError):
                async with asyncio.timeout(1):
                    await connection.close()
