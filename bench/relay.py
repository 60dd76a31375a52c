"""How soon a viewer sees something behind a stream that does not play, beside the same channel without it.

A source on loopback gives one good live stream and bad ones of each kind. Each bad one is the first stream of a channel
whose second is good; both channels are opened ten times through a Nightcrew in proxy mode, and directly.

    python bench/relay.py
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx2

from playlists import Server

PROMISE = 1.5
"""Seconds to the first byte, whatever the first stream does."""
TIMES = 10
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
    "403": forbidden,
    "404": missing,
    "html": page,
    "stalled": stalled,
    "hanging": hanging,
}


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
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
        with Server(folder / "data", PORT):
            missed = asyncio.run(run(folder))
    if missed:
        sys.exit(f"missed: {', '.join(missed)}")


async def run(folder: Path) -> list[str]:
    """Start the source, and measure."""
    origin = await asyncio.start_server(serve, "127.0.0.1", 0)
    base = f"http://127.0.0.1:{origin.sockets[0].getsockname()[1]}"
    bad = {kind: [f"{base}/{kind}"] for kind in SCRIPTS if kind != "good"}
    try:
        return await measure(folder, base, {"good alone": [], "refused": ["http://127.0.0.1:1/x"], **bad})
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


if __name__ == "__main__":
    main()
