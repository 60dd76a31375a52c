"""How soon a viewer sees something behind a stream that does not play, and what twenty viewers of one channel cost.

A source on loopback gives one good live stream and bad ones of each kind. Each bad one is the first stream of a channel
whose second is good; both channels are opened ten times through a Nightcrew in proxy mode, and directly.
Then twenty viewers watch one channel of 8 Mbit/s: connections to the source, the server's CPU and memory beside one viewer's.

    python bench/relay.py
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx2
import psutil

from playlists import Server

PROMISE = 1.5
"""Seconds to the first byte, whatever the first stream does."""
TIMES = 10
VIEWERS, SECONDS, RATE = 20, 15.0, 1_000_000
"""Viewers of one channel, how long they watch, and its bytes a second."""
MOST_CPU = 0.2
"""Of a core, for all of them."""
PORT = 18_790
PACKET = b"\x47\x1f\xff\x10" + bytes(184)

Script = Callable[[asyncio.StreamWriter], Awaitable[None]]


def head(writer: asyncio.StreamWriter, status: str = "200 OK", kind: str = "video/mp2t") -> None:
    writer.write(f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n".encode())


async def good(writer: asyncio.StreamWriter) -> None:
    """Seven packets forty times a second, about 420 kbit/s."""
    head(writer)
    while True:
        writer.write(PACKET * 7)
        await writer.drain()
        await asyncio.sleep(0.025)


async def heavy(writer: asyncio.StreamWriter) -> None:
    """Eight megabits a second, in real time."""
    head(writer)
    began, sent = time.monotonic(), 0
    while True:
        due = int((time.monotonic() - began + 0.2) * RATE)
        while sent < due:
            writer.write(PACKET * 70)
            sent += 70 * len(PACKET)
        await writer.drain()
        await asyncio.sleep(0.04)


async def forbidden(writer: asyncio.StreamWriter) -> None:
    head(writer, "403 Forbidden", "text/plain")


async def missing(writer: asyncio.StreamWriter) -> None:
    head(writer, "404 Not Found", "text/plain")


async def page(writer: asyncio.StreamWriter) -> None:
    head(writer, kind="text/html")
    writer.write(b"<!doctype html><h1>Your plan has ended</h1>")


async def stalled(writer: asyncio.StreamWriter) -> None:
    head(writer)
    await writer.drain()
    await asyncio.sleep(60)


async def hanging(_writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


SCRIPTS: dict[str, Script] = {
    "good": good,
    "heavy": heavy,
    "403": forbidden,
    "404": missing,
    "html": page,
    "stalled": stalled,
    "hanging": hanging,
}


OPEN = dict[str, int]()


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        OPEN[path] = OPEN.get(path, 0) + 1
        script = asyncio.ensure_future(SCRIPTS[path.strip("/")](writer))
        gone = asyncio.ensure_future(reader.read())
        await asyncio.wait({script, gone}, return_when=asyncio.FIRST_COMPLETED)
        script.cancel()
        gone.cancel()
        await asyncio.gather(script, gone, return_exceptions=True)
    except ConnectionError:
        pass
    finally:
        writer.close()


async def first_byte(client: httpx2.AsyncClient, url: str) -> float:
    """Seconds until the first byte of the body."""
    began = time.perf_counter()
    async with client.stream("GET", url) as answer:
        assert answer.status_code == 200, await answer.aread()
        async for _ in answer.aiter_raw():
            return time.perf_counter() - began
    raise AssertionError("the stream has ended")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="nightcrew-bench-") as temporary:
        folder = Path(temporary)
        with Server(folder / "data", PORT) as server:
            missed = asyncio.run(run(folder, server))
    if missed:
        sys.exit(f"missed: {', '.join(missed)}")


async def run(folder: Path, server: Server) -> list[str]:
    """Start the source, and measure."""
    origin = await asyncio.start_server(serve, "127.0.0.1", 0)
    base = f"http://127.0.0.1:{origin.sockets[0].getsockname()[1]}"
    bad = {kind: [f"{base}/{kind}"] for kind in SCRIPTS if kind not in {"good", "heavy"}}
    try:
        missed = await measure(folder, base, {"good alone": [], "refused": ["http://127.0.0.1:1/x"], **bad})
        return missed + await crowd(folder, base, server)
    finally:
        await asyncio.sleep(0.3)  # until the last connections have ended
        origin.close()


async def measure(folder: Path, base: str, kinds: dict[str, list[str]]) -> list[str]:
    """Print a line for each kind; returns those that were too slow."""
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{PORT}", timeout=30, trust_env=False) as client:
        await client.patch("/api/v1/settings", json={"stream_mode": "proxy"})
        for rank in range(2):
            lines = [
                f'#EXTINF:-1 tvg-id="{kind}.x",{kind}\n{([*bad, f"{base}/good"])[rank]}\n'
                for kind, bad in kinds.items()
                if rank <= len(bad)
            ]
            path = folder / f"{rank}.m3u"
            path.write_text("#EXTM3U\n" + "".join(lines))
            body = {"kind": "m3u", "name": f"S{rank}", "url": str(path), "region": "X"}
            source = (await client.post("/api/v1/sources", json=body)).json()
            while (await client.get(f"/api/v1/sources/{source['id']}")).json()["feeds"][0]["refreshed_at"] is None:
                await asyncio.sleep(0.1)
        ids = {item["name"]: item["id"] for item in (await client.get("/api/v1/channels")).json()["items"]}
        direct = statistics.median([await first_byte(client, f"{base}/good") for _ in range(TIMES)])
        print(f"the source itself: {direct * 1e3:.1f} ms to the first byte")
        missed = []
        for kind in kinds:
            taken = sorted([await first_byte(client, f"/play/{ids[kind]}") for _ in range(TIMES)])
            slow = taken[-1] > PROMISE
            missed += [kind] if slow else []
            said = "" if kind == "good alone" else f", promised {PROMISE:g} s{'  MISSED' if slow else ''}"
            print(f"  {kind:12} median {statistics.median(taken) * 1e3:7.1f} ms, worst {taken[-1] * 1e3:7.1f} ms{said}")
        return missed


async def crowd(folder: Path, base: str, server: Server) -> list[str]:
    """Print what one viewer and what twenty of one channel cost; returns what was too much."""
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{PORT}", timeout=30, trust_env=False) as client:
        path = folder / "heavy.m3u"
        path.write_text(f'#EXTM3U\n#EXTINF:-1 tvg-id="h.x",Heavy\n{base}/heavy\n')
        body = {"kind": "m3u", "name": "H", "url": str(path), "region": "Y", "max_streams": 1}
        source = (await client.post("/api/v1/sources", json=body)).json()
        while (await client.get(f"/api/v1/sources/{source['id']}")).json()["feeds"][0]["refreshed_at"] is None:
            await asyncio.sleep(0.1)
        found = (await client.get("/api/v1/channels", params={"region": "Y"})).json()["items"]
    process = psutil.Process(server.process.pid)
    copying = await copied()
    print(
        f"one channel of {RATE * 8 / 1e6:g} Mbit/s; only copying it to {VIEWERS} sockets takes {copying:.1%} of a core"
    )
    shares = {}
    for viewers in (1, VIEWERS):
        OPEN.clear()
        before, began = sum(process.cpu_times()[:2]), time.monotonic()
        told = await asyncio.gather(*(watched(found[0]["id"]) for _ in range(viewers)))
        shares[viewers] = (sum(process.cpu_times()[:2]) - before) / (time.monotonic() - began)
        least = min(told) / SECONDS / RATE
        memory = process.memory_info().rss / 1e6
        print(
            f"  {viewers:2} viewer{'s' if viewers > 1 else ' '}: {OPEN.get('/heavy', 0)} connection, {shares[viewers]:.1%} of a core, "
            f"{memory:.0f} MB, each got at least {least:.0%}"
        )
    return [f"{VIEWERS} viewers"] if shares[VIEWERS] > MOST_CPU or OPEN["/heavy"] != 1 else []


async def watched(channel: int) -> int:
    """How many bytes one viewer got in the time."""
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    writer.write(f"GET /play/{channel} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    got = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SECONDS):
            while chunk := await reader.read(1 << 18):
                got += len(chunk)
    writer.close()
    return got


async def copied() -> float:
    """The share of a core that it takes to copy the same bytes to as many sockets, and to do nothing else."""
    peer = str(Path(__file__).parent / "peers" / "copier.py")
    process = await asyncio.create_subprocess_exec(
        sys.executable, peer, str(VIEWERS), str(RATE), stdout=asyncio.subprocess.PIPE
    )
    found, _ = await process.communicate()
    return float(found)


if __name__ == "__main__":
    main()
