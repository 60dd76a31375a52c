"""Holds connections as recordings will: a process of its own that takes slots of the ledger, connects, and hangs up.

Arguments: database URL, the source's address, its limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys

import httpx2

from nightcrew.kernel.events import Bus
from nightcrew.kernel.slots import GRACE, Claim, Limit, Priority, Slots, noticed
from nightcrew.kernel.store import Store


async def record(ledger: Slots, address: str, most: int) -> None:
    claim = Claim((Limit("source:1", most),), "a recording", "recording", Priority.USE)
    async with httpx2.AsyncClient(timeout=10, trust_env=False) as http:
        while True:
            async with ledger.lease(claim, patience=GRACE) as lease:
                if lease is not None:
                    async with noticed(lease):
                        with contextlib.suppress(httpx2.TransportError, TimeoutError):
                            async with http.stream("GET", f"{address}/login/recording.ts") as answer:
                                async with asyncio.timeout(random.uniform(0.5, 3.0)):
                                    async for _ in answer.aiter_raw():
                                        pass
            await asyncio.sleep(random.uniform(0.2, 1.0))


async def main(url: str, address: str, most: int) -> None:
    ledger = Slots(Store(url), Bus(), node="recorder")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(ledger.run())
        for _ in range(2):
            tasks.create_task(record(ledger, address, most))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
