"""A provider as many are: so many connections at a time and no more, HEAD refused, and a hang-up noticed late.

It stands before a `Counted` source, and passes on what that one sends.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from counted import Counted
from counter import numbers_of
from nightcrew.recorder import ledger
from nightcrew.recorder.wire import Order, ReadingStatus, read_pulse
from support import Node, until

BESIDE = b"""#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="Sound",LANGUAGE="de",DEFAULT=YES,AUTOSELECT=YES,URI="/sound/live.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=700000,RESOLUTION=384x64,AUDIO="a"
/live.m3u8
"""


@dataclass
class Stingy:
    """A request to `/moved/PATH` is sent on to `/PATH` with a token of its own, and each token is a viewer for good.

    `/beside.m3u8` is a picture with a sound that has a playlist of its own.
    """

    source: Counted
    most: int = 1
    linger: float = 3.0
    """Seconds for which a connection that was hung up still counts."""
    lag: float = 0.0
    """Seconds before each answer."""
    port: int = 0
    asked: list[tuple[str, str, int]] = field(default_factory=list)
    """Method, path and status of each request."""
    counted: int = 0
    """Connections that count now."""
    peak: int = 0
    """The most that have counted at a time, those that were refused among them."""
    tokens: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _forgotten: asyncio.Event = field(default_factory=asyncio.Event)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    @property
    def refused(self) -> int:
        """Requests that it had no connection for."""
        return sum(status == 403 for _, _, status in self.asked)

    def gets(self, path: str) -> int:
        """How often a path was asked for with success."""
        return sum(one == path and status == 200 for _, one, status in self.asked)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, with all that is asked over it."""
        counts = False
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
                path = target.partition("?")[0]
                status = self._status(method, path, counts=counts)
                self.asked.append((method, path, status))
                if status == 302:
                    self.tokens += 1
                    where = f"{path.removeprefix('/moved')}?token={self.tokens}"
                    writer.write(f"HTTP/1.1 302 Found\r\nLocation: {where}\r\nContent-Length: 0\r\n\r\n".encode())
                    continue
                if status != 200:
                    writer.write(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode())
                    continue
                if not counts:
                    counts = True
                    self.counted += 1
                    self.peak = max(self.peak, self.counted)
                await asyncio.sleep(self.lag)
                if path == "/beside.m3u8":
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(BESIDE), BESIDE))
                    continue
                await self._pass_on(head.replace(b" /sound/", b" /"), reader, writer)
        writer.close()
        if counts:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.linger):
                    await self._forgotten.wait()
            self.counted -= 1

    def _status(self, method: str, path: str, *, counts: bool) -> int:
        if method != "GET":
            return 405
        if path.startswith("/moved/"):
            return 302
        if self.tokens > self.most or (not counts and self.counted >= self.most):
            self.peak = max(self.peak, self.counted + 1)
            return 403
        return 200

    async def _pass_on(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Ask the source, and give its answer: that of a playlist or a segment has a length, that of a stream does not end."""
        theirs, ours = await asyncio.open_connection("127.0.0.1", int(self.source.url.split(":")[2].split("/")[0]))
        try:
            ours.write(head)
            answer = await theirs.readuntil(b"\r\n\r\n")
            writer.write(answer)
            lengths = [line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            if lengths:
                writer.write(await theirs.readexactly(int(lengths[0].partition(b":")[2])))
                await writer.drain()
                return
            gone = asyncio.ensure_future(reader.read(1))
            try:
                while True:
                    coming = asyncio.ensure_future(theirs.read(1 << 16))
                    await asyncio.wait({coming, gone}, return_when=asyncio.FIRST_COMPLETED)
                    if gone.done() or not coming.result():
                        coming.cancel()
                        raise ConnectionResetError
                    writer.write(coming.result())
                    await writer.drain()
            finally:
                gone.cancel()
        finally:
            ours.close()

    def forget(self) -> None:
        """Connections that were hung up count no more."""
        self._forgotten.set()
        self._forgotten = asyncio.Event()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A new connection."""
        task = asyncio.get_running_loop().create_task(self.serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """End all connections."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def stingy(source: Counted, *, most: int = 1, linger: float = 3.0) -> AsyncIterator[Stingy]:
    """A provider until the end of the block."""
    made = Stingy(source, most, linger)
    server = await asyncio.start_server(made.accept, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await made.close()


# -- who records from it -----------------------------------------------------------------------------------------------


@asynccontextmanager
async def recorder(folder: Path, *orders: Order) -> AsyncIterator[subprocess.Popen[bytes]]:
    """A recorder process with these orders, ended with the block."""
    for order in orders:
        order.save(folder)
    process = subprocess.Popen([sys.executable, "-m", "nightcrew.recorder", str(folder)])
    try:
        yield process
        process.terminate()
        await until(lambda: process.poll() is not None, 10)
    finally:
        process.kill()
        process.wait()


def order_for(folder: Path, number: int, url: str, **more: Any) -> Order:
    """An order for a recording in a folder of its own."""
    return Order(number, str(folder / f"out{number}"), "x", url, private=True, **more)


def status(folder: Path, number: int = 1) -> ReadingStatus | None:
    """How a recording stands in a recorder."""
    pulse = read_pulse(folder)
    return pulse.recordings.get(number) if pulse is not None else None


def pictures(folder: Path) -> list[int]:
    """The numbers of what a recording has on disk."""
    return numbers_of(*(folder / part.path for part in ledger.read(folder).parts))


async def channel_of(node: Node, folder: Path, url: str, *, most: int = 1) -> int:
    """A channel of an account that allows so many connections."""
    path = folder / "list.m3u"
    path.write_text(f'#EXTM3U\n#EXTINF:-1 tvg-id="k1",Kanal 1\n{url}\n')
    await node.add(kind="m3u", name="List", url=str(path), region="DE", max_streams=most)
    return int((await node.get("/api/v1/channels"))["items"][0]["id"])
