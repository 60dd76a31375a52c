"""A source of live streams in a process of its own, for bench/checks.py: one 1080p broadcast, sent as fast as it is played.

Each connection begins at a random moment of the broadcast, inside of a picture, and gets nothing in advance: what a probe
sees of a channel that was already on. Arguments: the folder of the encoded broadcast. Prints its address.

`/<login>/<number>.ts` plays; with a login `limited-N` a connection beyond N is answered 403. `/refused` says how many were.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import random
import subprocess
import sys
import time
from pathlib import Path

SECONDS = 120
KBPS = 4_000
STEP = 0.05


def encode(folder: Path) -> Path:
    """The broadcast, encoded once: 1080p25, a key frame every two seconds, a tone."""
    path = folder / f"broadcast-{KBPS}-{SECONDS}.ts"
    if not path.exists():
        rate = f"{KBPS}k"
        picture = [
            "-f",
            "lavfi",
            "-i",
            "testsrc2=size=1920x1080:rate=25",
            "-f",
            "lavfi",
            "-i",
            "sine=440:sample_rate=48000",
        ]
        video = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "50", "-keyint_min", "50"]
        video += ["-sc_threshold", "0", "-b:v", rate, "-minrate", rate, "-maxrate", rate, "-bufsize", rate]
        command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *picture, "-t", str(SECONDS), *video, "-c:a", "aac"]
        subprocess.run([*command, "-b:a", "128k", "-f", "mpegts", str(path)], check=True)
    return path


class Broadcast:
    """Serves one file to many."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.rate = len(data) / SECONDS
        self.open: collections.Counter[str] = collections.Counter()
        self.refused = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
            login = path.strip("/").partition("/")[0]
            if login == "refused":
                writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + str(self.refused).encode())
            elif login.startswith("limited-") and self.open[login] >= int(login.removeprefix("limited-")):
                self.refused += 1
                writer.write(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            else:
                await self._play(login, reader, writer)
        writer.close()

    async def _play(self, login: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open[login] += 1
        gone = asyncio.ensure_future(reader.read())
        try:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\nConnection: close\r\n\r\n")
            at = begin = random.randrange(int(self.rate * SECONDS / 2))
            started = time.monotonic()
            while not gone.done():
                due = begin + int((time.monotonic() - started) * self.rate)
                writer.write(self.data[at:due])
                at = due
                await writer.drain()
                await asyncio.sleep(STEP)
        finally:
            self.open[login] -= 1
            gone.cancel()


async def main(folder: Path) -> None:
    broadcast = Broadcast(encode(folder).read_bytes())
    server = await asyncio.start_server(broadcast.serve, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
