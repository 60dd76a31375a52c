"""Recordings beside the streamlink command line and ffmpeg: pictures lost and doubled, processor and memory.

A local live source sends a film whose pictures are numbered; afterwards all files are decoded and every number is looked for.

1. A rotation: Nightcrew cuts at a segment; `streamlink -o` is ended and started anew, as the seed did; `ffmpeg -f segment`
   cuts by itself, which is the peer to reach.
2. A death: the recorder gets SIGKILL. Nightcrew replaces it; streamlink and ffmpeg are started anew at once.
3. Processor and memory of the recorders for 1, 20 and 100 recordings.
4. The finished file: parts made into one with chapters, beside `ffmpeg -c copy` of the same bytes.

    python bench/recordings.py [seconds for each of the measurements of load, 20]
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from counted import Counted
from counter import FPS, Film, account, encode, numbers_of
from darkroom import Server, finished, kill, more, record, recorders, seconds, serving, wait_for
from nightcrew.demo.pictures import find_ffmpeg
from nightcrew.muxer.wire import ByteRange, FilmOrder
from nightcrew.recordings import filing, muxers
from nightcrew.recordings.runs import StreamRun

FILM_SECONDS = 400
WINDOW = 10


@dataclass(frozen=True, slots=True)
class Result:
    """Pictures that are missing and doubled between the first and the last, and how many there are."""

    lost: int
    doubled: int
    pictures: int

    def __str__(self) -> str:
        return f"{self.lost:5d} lost, {self.doubled:5d} doubled, of {self.pictures}"


def count(*paths: Path) -> Result:
    """Decode files, one behind the other."""
    found = numbers_of(*(path for path in paths if path.stat().st_size), skip_torn=True)
    seen = account(found)
    return Result(sum(last - first + 1 for first, last in seen.missing), len(seen.doubled), len(found))


# -- the peers ---------------------------------------------------------------------------------------------------------


def streamlink(url: str, path: Path) -> subprocess.Popen[bytes]:
    """The command line of streamlink, writing into one file."""
    command = [
        sys.executable,
        "-m",
        "streamlink",
        "--loglevel",
        "none",
        "--force",
        "-o",
        str(path),
        f"hls://{url}",
        "best",
    ]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet)


def ffmpeg(url: str, path: Path, cut: float) -> subprocess.Popen[bytes]:
    """ffmpeg, cutting by itself each `cut` seconds."""
    out = ["-c", "copy", "-f", "segment", "-segment_time", str(cut), "-segment_format", "mpegts", f"{path}%03d.ts"]
    return subprocess.Popen(["ffmpeg", "-nostdin", "-v", "quiet", "-y", "-i", url, *out], stdin=subprocess.DEVNULL)


async def peer_restarted(
    source: Counted, folder: Path, start: Callable[[str, Path], subprocess.Popen[bytes]], number: signal.Signals
) -> Result:
    """Record, end it, start it anew."""
    for part in ("a", "b"):
        process = start(source.url, folder / f"{part}.ts")
        await asyncio.sleep(12)
        process.send_signal(number if part == "a" else signal.SIGTERM)
        await asyncio.to_thread(process.wait)
    return count(*sorted(folder.iterdir()))


async def ffmpeg_cutting(source: Counted, folder: Path) -> Result:
    """Let ffmpeg cut while it runs."""
    process = ffmpeg(source.url, folder / "part", 8)
    await asyncio.sleep(24)
    process.terminate()
    await asyncio.to_thread(process.wait)
    return count(*sorted(folder.iterdir()))


# -- Nightcrew ---------------------------------------------------------------------------------------------------------


async def ours(server: Server, source: Counted, *, die: bool) -> Result:
    """Record, cut or kill, go on, finish."""
    row = await record(server, source.url)
    await seconds(server, row["id"], WINDOW + 6)
    if die:
        kill(server)
    else:
        await server.post(f"/api/v1/recordings/{row['id']}/rotate")
        await wait_for(server, row["id"], lambda now: now["parts"] == 2)
    await more(server, row["id"], 8)
    await server.post(f"/api/v1/recordings/{row['id']}/stop")
    done = await finished(server, row["id"])
    return count(Path(done["file"]))


async def loss(film: Film, folder: Path) -> bool:
    """Pictures lost and doubled; whether ours lost none."""
    print("A rotation and a death, pictures decoded afterwards")
    good = True
    async with serving(folder / "data") as server:
        for title, die in (("rotation", False), ("SIGKILL", True)):
            async with Counted(film, window=WINDOW) as source:
                mine = await ours(server, source, die=die)
            good &= mine.lost == mine.doubled == 0
            print(f"  {title:9} Nightcrew                 {mine}")
            number = signal.SIGKILL if die else signal.SIGTERM
            async with Counted(film, window=WINDOW) as source:
                made = folder / f"streamlink-{title}"
                made.mkdir()
                print(f"  {title:9} streamlink -o, restarted  {await peer_restarted(source, made, streamlink, number)}")
            async with Counted(film, window=WINDOW) as source:
                made = folder / f"ffmpeg-{title}"
                made.mkdir()
                if die:
                    found = await peer_restarted(source, made, lambda url, path: ffmpeg(url, path, 3600), number)
                    print(f"  {title:9} ffmpeg, restarted         {found}")
                else:
                    print(f"  {title:9} ffmpeg -f segment         {await ffmpeg_cutting(source, made)}")
    return good


# -- load --------------------------------------------------------------------------------------------------------------


def used(pids: list[int]) -> tuple[float, float]:
    """Processor seconds and megabytes (each page counted once: proportional set size) of processes."""
    cpu = memory = 0.0
    for pid in pids:
        process = psutil.Process(pid)
        times = process.cpu_times()
        cpu += times.user + times.system
        memory += process.memory_full_info().pss / 1e6
    return cpu, memory


async def load(film: Film, folder: Path, length: float) -> None:
    """Processor and memory of recorders and server for some numbers of recordings."""
    print(f"Load, {film.frames_per_segment / FPS:.0f} s segments of {len(film.segments[5]) * 8 / 1000:.0f} kbit")
    for many in (1, 20, 100):
        async with Counted(film, window=WINDOW) as source, serving(folder / f"load{many}") as server:
            rows = [await record(server, f"{source.url}?key={one}", name=f"R{one}") for one in range(many)]
            for row in rows:
                await seconds(server, row["id"], WINDOW + 2)
            assert server.process is not None
            pids, before = recorders(server), time.monotonic()
            cpu, memory = used(pids)
            cpu_server, _ = used([server.process.pid])
            await asyncio.sleep(length)
            after, _ = used(pids)
            after_server, memory_server = used([server.process.pid])
            passed = time.monotonic() - before
            print(
                f"  {many:3d} recordings: {len(pids)} processes, {memory:6.0f} MB, {(after - cpu) / passed:.3f} core; "
                f"server {memory_server:.0f} MB, {(after_server - cpu_server) / passed:.3f} core"
            )
            totals = [(await server.get(f"/api/v1/recordings/{row['id']}"))["gaps"] for row in rows]
            print(f"                  gaps in all of them together: {sum(totals)}")
        async with Counted(film, window=WINDOW) as source:
            if many <= 20:
                made = folder / f"streamlinks{many}"
                made.mkdir()
                peers = [streamlink(f"{source.url}?key={one}", made / f"{one}.ts") for one in range(many)]
                await asyncio.sleep(WINDOW + 6)
                before = time.monotonic()
                cpu, memory = used([one.pid for one in peers])
                await asyncio.sleep(length)
                after, _ = used([one.pid for one in peers])
                passed = time.monotonic() - before
                print(f"      streamlink -o: {many} processes, {memory:6.0f} MB, {(after - cpu) / passed:.3f} core")
                for one in peers:
                    one.terminate()
                    one.wait()


async def joining(film: Film, folder: Path) -> None:
    """One file of a recording's parts, and what ffmpeg alone takes for the same bytes."""
    part, output = folder / "part.ts", folder / "made.mp4"
    part.write_bytes(b"".join(film.segments))
    ranges = [ByteRange(str(part), 0, part.stat().st_size)]
    table = await muxers.look("mpegts", ranges)
    (made,) = filing.films([StreamRun("mpegts", table, 0.0, ranges=ranges)])
    order = FilmOrder(str(output), "mp4", tuple(made.slots), made.stretches())
    alone = [find_ffmpeg(), "-nostdin", "-v", "error", "-y", "-i", str(part), "-c", "copy", "-movflags", "+faststart"]
    ours, theirs, checks = list[float](), list[float](), list[float]()
    for _ in range(3):
        before = time.monotonic()
        await muxers.make(order, _nothing)
        between = time.monotonic()
        await asyncio.to_thread(subprocess.run, [*alone, str(folder / "alone.mp4")], check=True)
        ours.append(between - before)
        after = time.monotonic()
        theirs.append(after - between)
        await muxers.check(str(output), "mp4", _nothing)
        checks.append(time.monotonic() - after)
    length = len(film.segments) * film.segment_seconds
    print(
        f"One file of {length:.0f} s: {min(ours):.2f} s ({length / min(ours):.0f} times as fast as it was recorded), "
        f"`ffmpeg -c copy` {min(theirs):.2f} s: {min(ours) / min(theirs):.1f} times as long"
    )
    print(
        f"Every packet of it decoded: {min(checks):.2f} s ({length / min(checks):.0f} times as fast as it was recorded)"
    )


async def _nothing(_done: int) -> None:
    return None


async def main() -> int:
    """All of it; 1 when Nightcrew lost or doubled a picture."""
    os.environ.setdefault("NIGHTCREW_CHECK_NEW", "false")
    length = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    with tempfile.TemporaryDirectory(prefix="nightcrew-bench-") as name:
        film = encode(Path(name) / "film", seconds=FILM_SECONDS, segment=1.0)
        good = await loss(film, Path(name))
        await load(film, Path(name), length)
        await joining(film, Path(name))
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
