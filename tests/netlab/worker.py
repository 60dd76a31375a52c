"""The program under test in the lab: routes, their looks, and work that takes them, in the host's namespace.

Started as `unshare -n -m python worker.py RESOLV_CONF`; takes one JSON object a line and answers one.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import ctypes
import json
import random
import signal
import sys

import uvloop

from nightcrew.kernel.errors import GiveUp, NightcrewError
from nightcrew.kernel.http import Http, Limits, Request
from nightcrew.kernel.routes import Direct, RouteDown, Routes, links
from nightcrew.kernel.routes.definition import checked, from_json
from nightcrew.kernel.routes.looks import RoutePace, build, unstopped
from nightcrew.kernel.routes.watch import RouteWatch
from nightcrew.kernel.routing.asks import LookHttp

PUBLIC, PUBLIC_SIX, LAN = "93.184.215.20", "2606:4700::20", "192.168.7.1"
QUICK = Limits(max_bytes=1 << 20, seconds=5)


class Work:
    """The routes of the lab, and what is done by them."""

    def __init__(self) -> None:
        self.routes = Routes(Direct())
        self.http = Http(routes=self.routes)
        self.watches: dict[str, RouteWatch] = {}
        self.tasks: list[asyncio.Task[None]] = []
        self.counts: collections.Counter[str] = collections.Counter()
        self.running: list[asyncio.Task[None]] = []
        self.number = 0
        self.generation = 0

    async def define(self, routes: list[dict[str, object]], patience: dict[str, float]) -> object:
        for one in routes:
            definition, pace = checked(from_json(one)), RoutePace(**patience)
            route = build(definition, pace)
            self.routes.put(route)
            watch = RouteWatch(definition, route, LookHttp(), self._told, pace)
            self.watches[definition.name] = watch
            self.tasks.append(asyncio.create_task(self._look(watch)))
        return True

    async def _told(self, before: object, after: object) -> None:
        pass

    async def _look(self, watch: RouteWatch) -> None:
        while True:
            await watch.once()

    def changed(self, gone: set[int]) -> None:
        for watch in self.watches.values():
            watch.glance(gone)

    async def generations(self, route: str) -> int:
        """How many there were since the last time that this was asked."""
        now = self.watches[route].route.generation
        before, self.generation = self.generation, now
        return now - before

    async def unstopped(self, device: str) -> str:
        """What a test of a route would say."""
        return unstopped(device)

    async def state(self, route: str) -> object:
        standing = self.watches[route].route.gate.standing
        return {
            "state": standing.state,
            "reason": standing.reason,
            "public": standing.public,
            "up": self.watches[route].route.is_up,
        }

    async def wait(self, route: str, states: list[str], seconds: float) -> object:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.watches[route].route.gate.standing.state.value not in states:
                    await asyncio.sleep(0.02)
        return await self.state(route)

    async def ops(self, n: int, kinds: list[str], route: str, at_once: int = 20, pause: float = 0.0) -> object:
        """So many operations; counts of what became of them, and of the errors."""
        counts: collections.Counter[str] = collections.Counter()
        places = asyncio.Semaphore(at_once)

        async def one(kind: str) -> None:
            async with places:
                counts[await self.op(kind, route)] += 1

        await asyncio.gather(*(one(kinds[i % len(kinds)]) for i in range(n)))
        return counts

    async def background(self, kinds: list[str], route: str, tasks: int) -> object:
        """Work that goes on and on, and when it is parked comes back by itself."""
        self.counts.clear()

        async def forever() -> None:
            while True:
                came = await self.op(random.choice(kinds), route)
                self.counts[came] += 1
                await asyncio.sleep(random.uniform(0.02, 0.1) if came == "parked" else 0.02)

        self.running = [asyncio.create_task(forever()) for _ in range(tasks)]
        return True

    async def tally(self, stop: bool = False) -> object:
        found = dict(self.counts)
        self.counts.clear()
        if stop:
            while self.running:
                for task in self.running:
                    task.cancel()
                _, left = await asyncio.wait(self.running, timeout=2)
                self.running = list(left)  # a cancel can be lost where a time-out ends at the same moment
        return found

    async def op(self, kind: str, route: str) -> str:
        self.number += 1
        try:
            said = await getattr(self, f"op_{kind}")(route, f"n{self.number}.example")
        except RouteDown:
            return "parked"
        except GiveUp:
            return "refused"
        except (NightcrewError, OSError, TimeoutError):
            if kind.startswith("debug"):
                raise
            return "failed"
        return said

    async def _get(self, url: str, route: str, **more: object) -> str:
        text, _ = await self.http.text(Request(url, route=route, attempts=1, **more), limits=QUICK)
        return text

    async def op_name(self, route: str, host: str) -> str:
        return await self._get(f"http://{host}/", route)

    async def op_big(self, route: str, host: str) -> str:
        return await self._get(f"http://big{host}/", route)

    async def op_literal(self, route: str, host: str) -> str:
        return await self._get(f"http://{PUBLIC}/", route)

    async def op_six(self, route: str, host: str) -> str:
        return await self._get(f"http://six{host}/", route)

    async def op_literal_six(self, route: str, host: str) -> str:
        return await self._get(f"http://[{PUBLIC_SIX}]/", route)

    async def op_lan(self, route: str, host: str) -> str:
        return await self._get(f"http://{LAN}/", route, allow_private=True)

    async def op_redirect(self, route: str, host: str) -> str:
        return await self._get(f"http://{LAN}/go/http://{host}/", route, allow_private=True)

    async def op_redirect_literal(self, route: str, host: str) -> str:
        return await self._get(f"http://{LAN}/go/http://{PUBLIC}/", route, allow_private=True)

    async def op_udp_literal(self, route: str, host: str) -> str:
        return await self.op_udp(route, PUBLIC)

    async def op_session(self, route: str, host: str) -> str:
        async with self.http.session() as own:
            text, _ = await own.text(Request(f"http://{host}/", route=route, attempts=1), limits=QUICK)
            return text

    async def op_live(self, route: str, host: str) -> str:
        async with asyncio.timeout(5), self.http.live(Request(f"http://{PUBLIC}/slow", route=route)) as live:
            async for _ in live.chunks:
                await asyncio.sleep(random.uniform(0, 0.2))
                break
        return "ok"

    async def tries(self, urls: list[str], route: str, private: bool) -> object:
        """What becomes of requests for these addresses."""
        found = []
        for url in urls:
            try:
                found.append(await self._get(url, route, allow_private=private))
            except NightcrewError as exc:
                found.append(f"{type(exc).__name__}: {exc}")
        return found

    async def op_dns(self, route: str, host: str) -> str:
        return "ok" if await self.routes.of(route).resolve(host) else "failed"

    async def op_udp(self, route: str, host: str, said: bytes = b"hello", wait: float = 3.0) -> str:
        way = self.routes.of(route)
        (address, *_) = await way.resolve(host)
        heard: asyncio.Queue[bytes] = asyncio.Queue()
        peer = await way.datagrams(address, 7777, heard.put_nowait)
        try:
            peer.send(said)
            answer = await asyncio.wait_for(heard.get(), wait)
        finally:
            await peer.close()
        return answer.split(b" ")[0].decode()

    async def op_udp_late(self, route: str, host: str) -> str:
        """Asks and goes away before the answer comes."""
        with contextlib.suppress(TimeoutError):
            await self.op_udp(route, host, b"late", 0.001)
        return "ok"

    async def do(self, asked: dict[str, object]) -> object:
        return await getattr(self, str(asked.pop("do")))(**asked)


def tell_where() -> None:
    for task in asyncio.all_tasks():
        task.print_stack(file=sys.stderr)


async def main() -> None:
    work = Work()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, tell_where)
    reader = asyncio.StreamReader(limit=1 << 20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    with links.watching(work.changed):
        while line := await reader.readline():
            print(json.dumps(await work.do(json.loads(line))), flush=True)
    for task in work.tasks + work.running:
        task.cancel()
    await asyncio.gather(*work.tasks, *work.running, return_exceptions=True)
    await work.http.close()


def mount_resolver(path: str) -> None:
    """Have the system's resolver ask the home exit's server: whoever uses it is seen there."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(path.encode(), b"/etc/resolv.conf", None, 4096, None):
        raise OSError(ctypes.get_errno(), "cannot mount resolv.conf")


if __name__ == "__main__":
    mount_resolver(sys.argv[1])
    uvloop.run(main())
