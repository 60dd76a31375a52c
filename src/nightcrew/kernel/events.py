"""What has changed, told to whoever listens now (pages through SSE). Nothing here is stored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

MAX_WAITING = 64
"""Topics are few and coalesce, so this many waiting means a dead listener; the oldest is dropped."""


class Bus:
    """Publish and subscribe within one process. A topic says what to look at again; it carries no data.

    Publishing never blocks. A slow listener gets each topic once, however often it was published meanwhile.
    """

    def __init__(self) -> None:
        self._listeners: set[_Listener] = set()
        self._closed = False

    def publish(self, topic: str) -> None:
        """Tell all listeners that `topic` has changed. Call on the event loop."""
        for listener in self._listeners:
            listener.put(topic)

    def close(self) -> None:
        """End all subscriptions, so that a server can stop."""
        self._closed = True
        for listener in self._listeners:
            listener.put("")

    async def listen(self, *, keepalive: float = 15.0) -> AsyncIterator[str | None]:
        """Yield topics as they are published, and None after `keepalive` seconds of silence."""
        listener = _Listener()
        self._listeners.add(listener)
        try:
            while not self._closed:
                try:
                    async with asyncio.timeout(keepalive):
                        await listener.wait()
                except TimeoutError:
                    yield None
                    continue
                for topic in listener.take():
                    if topic:
                        yield topic
        finally:
            self._listeners.discard(listener)


class _Listener:
    def __init__(self) -> None:
        self._topics: dict[str, None] = {}
        self._ready = asyncio.Event()

    def put(self, topic: str) -> None:
        self._topics[topic] = None
        if len(self._topics) > MAX_WAITING:
            self._topics.pop(next(iter(self._topics)))
        self._ready.set()

    async def wait(self) -> None:
        await self._ready.wait()

    def take(self) -> list[str]:
        self._ready.clear()
        topics, self._topics = list(self._topics), {}
        return topics
