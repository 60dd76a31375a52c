"""What every domain has to withstand: `kill -9` at random moments, a database that is away, each outside service away in turn.

A domain brings a `Case` in `ordeal/NAME.py`: how its work begins, when it has ended, and that nothing was lost or done twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import httpx2

from darkroom import Server
from support import patient, pauses

AWAY = 2.0
"""Seconds for which something is away."""
LIMIT = 90.0
Answer = Callable[[str], "bytes | int"]


class Outside:
    """A service on loopback. While it is away it cuts every connection without an answer."""

    def __init__(self, name: str, answer: Answer) -> None:
        """`answer` gets a path with its query, and gives the body or another status."""
        self.name = name
        self.asked: Counter[str] = Counter()
        self._answer = answer
        self._away = False
        self.url = ""

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[Outside]:
        async with await asyncio.start_server(self._serve, "127.0.0.1", 0) as server:
            self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            yield self

    @contextlib.contextmanager
    def gone(self) -> Iterator[None]:
        self._away = True
        try:
            yield
        finally:
            self._away = False

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
            if not self._away:
                self.asked[path] += 1
                found = self._answer(path)
                status, body = ("200 OK", found) if isinstance(found, bytes) else (f"{found} No", b"")
                head = f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body)
                await writer.drain()
        writer.close()


@dataclass
class Case:
    """The work of one domain. Rounds are numbered from 1 on; a fault comes at a random moment after `work`."""

    domain: str
    outsides: list[Outside] = field(default_factory=list)

    async def begin(self, server: Server) -> None:
        """What it needs, before the first round."""

    async def work(self, server: Server, number: int) -> None:
        """Begin the work of a round."""
        raise NotImplementedError

    async def ended(self, server: Server, number: int) -> bool:
        """Whether that has come to its end. What a person would do after an outage is done here too."""
        raise NotImplementedError

    async def check(self, server: Server, number: int) -> None:
        """Nothing is lost, half done, or done twice."""
        raise NotImplementedError

    async def close(self, server: Server) -> None:
        """After the last round."""


async def torment(
    server: Server,
    cases: Sequence[Case],
    *,
    kills: int,
    seed: int,
    away: Callable[[], AbstractContextManager[None]] | None = None,
) -> None:
    """Let all of it happen to all of them at once. `away`: in its block there is no database."""
    chance = random.Random(seed)
    numbers = iter(range(1, 1000))

    async def again(fault: Callable[[], Awaitable[None]]) -> None:
        number = next(numbers)
        for case in cases:
            await case.work(server, number)
        await asyncio.sleep(chance.uniform(0, 0.7))
        await fault()
        for case in cases:
            await _until_ended(server, case, number)
            await case.check(server, number)

    async def killed() -> None:
        server.kill()
        await server.start()

    async def without_database() -> None:
        assert away is not None
        with await asyncio.to_thread(_entered, stack := contextlib.ExitStack(), away):
            await asyncio.sleep(AWAY)
            await asyncio.to_thread(stack.close)

    async with contextlib.AsyncExitStack() as services:
        outsides = [await services.enter_async_context(one.serving()) for case in cases for one in case.outsides]
        for case in cases:
            await case.begin(server)
        for _ in range(kills):
            await again(killed)
        if away is not None:
            await again(without_database)
        for outside in outsides:

            async def gone(outside: Outside = outside) -> None:
                with outside.gone():
                    await asyncio.sleep(AWAY)
                await _test_all(server)

            await again(gone)
        for case in cases:
            await case.close(server)
        await _promises_are_kept(server, cases)


async def loaded(server: Server, source: dict[str, Any]) -> None:
    """Wait until the first refresh of a source is over."""
    for pause in pauses():
        if (await server.get(f"/api/v1/jobs/{source['feeds'][0]['run']}"))["state"] == "done":
            return
        await asyncio.sleep(pause)


def _entered(stack: contextlib.ExitStack, away: Callable[[], AbstractContextManager[None]]) -> contextlib.ExitStack:
    stack.enter_context(away())
    return stack


async def _test_all(server: Server) -> None:
    """Do what a person does when a service is back: its test ends the pause."""
    for one in (await server.get("/api/v1/connections"))["items"]:
        await server.http.post(f"/api/v1/connections/{one['id']}/test")


async def _until_ended(server: Server, case: Case, number: int) -> None:
    why = ""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patient(LIMIT)):
            for pause in pauses():
                try:
                    if await case.ended(server, number):
                        return
                    why = "it has not ended"
                except (AssertionError, httpx2.TransportError) as exc:  # a database that was away a moment ago
                    why = str(exc)
                await asyncio.sleep(pause)
    raise AssertionError(f"{case.domain}, round {number}: {why}\n{server.log()[-3000:]}")


async def _promises_are_kept(server: Server, cases: Sequence[Case]) -> None:
    """Every worker of these domains is on time, and nothing is told to be wrong."""
    broken: list[str] = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patient(LIMIT)):
            for pause in pauses():
                workers = (await server.get("/api/v1/workers"))["items"]
                mine = [one for one in workers if one["domain"] in {case.domain for case in cases}]
                broken = [f"{one['name']}: {one['error']}" for one in mine if not one["fresh"] or one["failures"]]
                report = (await server.http.get("/health")).json()
                if mine and not broken and not report["failed"] and not report["problems"]:
                    return
                broken += [*report["failed"], *report["problems"]]
                await asyncio.sleep(pause)
    raise AssertionError(f"promises are still broken: {broken}")
