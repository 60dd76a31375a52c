"""The scout of this node: one process that knows streamlink's plugins and tells whether streams are live. It opens none."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict

from pydantic import TypeAdapter

from nightcrew.kernel.errors import Retry
from nightcrew.kernel.processes import Child, Command, start
from nightcrew.recorder.wire import Finding, Order
from nightcrew.recordings.target import Target

LIMIT = 45.0
"""Seconds that an answer may take."""
LOOKS = 2000
"""Answers after which the process makes room for a new one, so that what plugins leak stays small."""
_FINDING: TypeAdapter[Finding] = TypeAdapter(Finding)


class Scout:
    """Asks the process, which is started when it is needed."""

    def __init__(self) -> None:
        self._child: Child | None = None
        self._listening: asyncio.Task[None] | None = None
        self._waiting: dict[int, asyncio.Future[Finding]] = {}
        self._number = 0
        self._worn = False
        """Whether it is to be replaced as soon as nobody waits for it."""
        self._starting = asyncio.Lock()

    async def look(self, target: Target) -> Finding:
        """Whether a stream is live. Raises `Retry` when the scout does not answer."""
        child = await self._running()
        self._number += 1
        number = self._number
        coming: asyncio.Future[Finding] = asyncio.get_running_loop().create_future()
        self._waiting[number] = coming
        order = Order(0, "", "", target.url, target.kind, dict(target.headers), target.quality, private=target.private)
        try:
            child.stdin.write(json.dumps({"id": number, **asdict(order)}).encode() + b"\n")
            async with asyncio.timeout(LIMIT):
                await child.stdin.drain()
                return await coming
        except TimeoutError as exc:
            self._worn = True  # whatever hangs there takes one of its places for good
            raise Retry(f"it could not be told in {LIMIT:.0f} s whether it is live") from exc
        except OSError as exc:
            raise Retry("the scout has ended") from exc
        finally:
            self._waiting.pop(number, None)

    async def close(self) -> None:
        """End the process."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        if self._child is not None:
            await self._child.end()
            self._child = None

    async def _running(self) -> Child:
        async with self._starting:
            worn = (self._worn or self._number > LOOKS) and not self._waiting
            if self._child is not None and (not self._child.alive or worn):
                await self.close()
                self._number, self._worn = 0, False
            if self._child is None:
                try:
                    self._child = await start(Command((sys.executable, "-m", "nightcrew.recorder.scout"), grace=1))
                except OSError as exc:
                    raise Retry(f"the scout cannot be started: {exc.strerror}") from exc
                self._listening = asyncio.create_task(self._listen(self._child), name="scout")
            return self._child

    async def _listen(self, child: Child) -> None:
        try:
            while line := await child.stdout.readline():
                found = _FINDING.validate_json(line)
                coming = self._waiting.get(found.id)
                if coming is not None and not coming.done():
                    coming.set_result(found)
        except ValueError:
            await child.end()
        for coming in self._waiting.values():
            if not coming.done():
                coming.set_exception(Retry("the scout has ended"))
