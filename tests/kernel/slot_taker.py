"""Takes slots and connects to a source while it holds one, as a process of its own that a test may kill.

Arguments: database URL, node name, port of the counting source, limit, number of takers.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys

from nightcrew.kernel import slots
from nightcrew.kernel.events import Bus
from nightcrew.kernel.slots import Claim, Limit, Priority, Slots
from nightcrew.kernel.store import Store

slots.LIFETIME, slots.MARGIN, slots.RENEWAL, slots.LOOK = 2.0, 0.8, 0.4, 0.1


async def use(ledger: Slots, port: int, most: int, number: int) -> None:
    priority = Priority.USE if number % 3 == 0 else Priority.CHECK
    claim = Claim((Limit("account", most), Limit(f"profile-{number % 2}", most)), f"taker {number}", "test", priority)
    while True:
        patience = 1.0 if priority is Priority.USE else 0.0
        async with ledger.lease(claim, patience=patience) as lease:
            if lease is not None:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                try:
                    writer.write(b"x")
                    await reader.readexactly(1)  # the source has counted us
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(random.uniform(0.02, 0.6)):
                            await lease.over.wait()
                finally:
                    writer.close()
                    with contextlib.suppress(ConnectionError):
                        await writer.wait_closed()
                    await reader.read()  # until the source has hung up as well
        await asyncio.sleep(random.uniform(0, 0.05))


async def main(url: str, node: str, port: int, most: int, takers: int) -> None:
    store = Store(url)
    ledger = Slots(store, Bus(), node=node)
    await ledger.clear()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(ledger.run())
        for number in range(takers):
            tasks.create_task(use(ledger, port, most, number))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])))
