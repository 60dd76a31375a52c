"""The scout of this node: one process that knows streamlink's plugins and tells whether streams are live. It opens none."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from dataclasses import asdict

from pydantic import TypeAdapter

from nightcrew.kernel.errors import Retry
from nightcrew.kernel.pool import Pool
from nightcrew.kernel.processes import Child, Command
from nightcrew.kernel.tasks import Tasks
from nightcrew.recorder.wire import LiveStatus, Order
from nightcrew.recordings.stream_ref import StreamRef

LIMIT = 45.0
"""Seconds that an answer may take."""
LOOKS = 2000
"""Answers after which the process makes room for a new one, so that what plugins leak stays small."""
MEMORY = 512 << 20
"""Bytes that it may hold after an answer, or it makes room too."""
_FINDING: TypeAdapter[LiveStatus] = TypeAdapter(LiveStatus)


class Scout(Pool):
    """Asks the process, which is started when it is needed."""

    def __init__(self) -> None:
        super().__init__("scout", tasks=LOOKS, memory=MEMORY)
        self._command = Command((sys.executable, "-m", "nightcrew.recorder.scout"), grace=1)
        self._waiting: dict[int, tuple[Child, asyncio.Future[LiveStatus]]] = {}
        self._numbers = itertools.count(1)
        self._heard: Child | None = None
        self._listening = Tasks()

    async def look(self, target: StreamRef, *, recorded: bool = False) -> LiveStatus:
        """Whether a stream is live. One that is `recorded` is not opened for that. Raises `Retry` when the scout does not answer."""
        number = next(self._numbers)
        order = Order(
            0,
            "",
            "",
            target.url,
            target.kind,
            dict(target.headers),
            target.quality,
            private=target.private,
            proxy=target.proxy,
            options=dict(target.options),
        )
        try:
            async with self.shared(self._command, limit=LIMIT) as child:
                coming = self._expect(number, child)
                child.stdin.write(json.dumps({"id": number, "recorded": recorded, **asdict(order)}).encode() + b"\n")
                await child.stdin.drain()
                return await coming
        except TimeoutError as exc:  # whatever hangs there takes one of its places for good
            raise Retry(f"could not find out within {LIMIT:.0f} s whether it is live") from exc
        except OSError as exc:
            raise Retry("the scout process has ended") from exc
        finally:
            self._waiting.pop(number, None)

    async def close(self) -> None:
        """End the process."""
        await self._listening.close()
        await super().close()

    def _expect(self, number: int, child: Child) -> asyncio.Future[LiveStatus]:
        coming: asyncio.Future[LiveStatus] = asyncio.get_running_loop().create_future()
        self._waiting[number] = child, coming
        if self._heard is not child:
            self._heard = child
            self._listening.spawn(self._listen(child), "scout")
        return coming

    async def _listen(self, child: Child) -> None:
        try:
            while line := await child.stdout.readline():
                found = _FINDING.validate_json(line)
                _, coming = self._waiting.get(found.id, (child, None))
                if coming is not None and not coming.done():
                    coming.set_result(found)
        except ValueError:
            await child.end()
        for asked, coming in self._waiting.values():
            if asked is child and not coming.done():
                coming.set_exception(Retry("the scout process has ended"))
