"""Scraping a tracker: how fast, beside other clients, and whether any number is given to another torrent.

1. opentracker (Debian's) on loopback, with swarms as they are: a few large ones, many small ones. Each client asks for all torrents, in
   turns in the same run, and the best round of each counts: Nightcrew; libtorrent (one hash a packet); npm's bittorrent-tracker by its
   `Client.scrape`, which is how its manual asks for many, and by the method of one client object that this is made of (74 hashes a packet).
   Peers have three numbers of questions at a time to choose from. Nightcrew's first round is with a tracker that it does not know, where
   every batch is asked for a third time.
2. The demo's tracker, which sorts, shuffles, turns round, swaps, or leaves out and fills up, always or in a part of its answers. All
   numbers that Nightcrew gives are held against the true ones.

    python bench/trackers.py [torrents, 30000]
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import uvloop

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import opentracker
from nightcrew.demo.swarms import Swarms, invented
from nightcrew.demo.tracking import DemoTracker, Habit, UdpServer
from nightcrew.kernel.http import Http
from nightcrew.movies.trackers import wire
from nightcrew.movies.trackers.rules import AnswerOrder, TrackerMemory
from nightcrew.movies.trackers.scraper import Scraper
from nightcrew.movies.trackers.survey import WINDOW
from nightcrew.movies.trackers.wire import Swarm

ROOT = Path(__file__).parents[1]
ROUNDS, TURNS = 4, 3
"""Rounds of one start of a client, and how often each of them is started, in turns."""
OF_LIBTORRENT = 6
"""The part of the torrents that libtorrent is asked for, as it is slow: one of so many."""
BAR, GOAL = 10, 3
"""Times libtorrent, and times npm's client."""
OURS = {"Nightcrew", "by its processor time"}
SHUFFLED = 1_500


def torrents(count: int) -> list[bytes]:
    """Hashes, the same in each client."""
    return [hashlib.sha1(b"%d" % number).digest() for number in range(count)]


def swarm(one: bytes) -> opentracker.Wanted:
    """One to 61 seeds, few of them often, and fewer leechers."""
    seeds = 1 + min(60, int(1.5 / (int.from_bytes(one[:4], "big") / 2**32 + 0.01)))
    return seeds, one[5] * seeds // 256, one[6] * (seeds + 1) // 256


def said(found: Mapping[str, Swarm], wanted: Mapping[bytes, tuple[int, int, int]]) -> int:
    """How many numbers are another's."""
    return sum((one.seeds, one.leechers, one.completed) != wanted[bytes.fromhex(text)] for text, one in found.items())


# -- speed -------------------------------------------------------------------------------------------------------------


async def ours(
    port: int, wanted: Mapping[bytes, opentracker.Wanted], memory: TrackerMemory
) -> tuple[list[float], list[float], TrackerMemory]:
    """Seconds and seconds of processor time of each round. Raises AssertionError for a wrong answer."""
    http = Http()
    scraper, hashes = Scraper(http, http.routes, allow_private=True), [one.hex() for one in wanted]
    seconds, work = list[float](), list[float]()
    for _ in range(ROUNDS):
        gc.collect()
        gc.freeze()  # as the server does
        began, busy = time.perf_counter(), time.process_time()
        found, memory = await scraper.scrape(f"udp://127.0.0.1:{port}/announce", hashes, memory=memory)
        seconds.append(time.perf_counter() - began)
        work.append(time.process_time() - busy)
        assert len(found) == len(wanted), "some were not answered"
        assert said(found, wanted) == 0, "a number is another's"
    await http.close()
    return seconds, work, memory


def peer(name: str, port: int, count: int) -> dict[str, list[float]]:
    """Seconds of each round by how many questions are asked at a time."""
    scripts: dict[str, list[str | Path]] = {
        "libtorrent": [
            ROOT / ".tools" / "libtorrent" / "bin" / "python",
            ROOT / "bench" / "peers" / "libtorrent_scrape.py",
        ],
        "npm": ["node", ROOT / ".tools" / "tracker_npm" / "scrape.js"],
    }
    command = [*map(str, scripts[name]), str(port), str(count), str(ROUNDS)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    found: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1])
    return found


class Bare(asyncio.DatagramProtocol):
    """Sends packets that are ready, `WINDOW` at a time, and only counts what comes back."""

    def __init__(self, packets: list[bytes]) -> None:
        self.left, self.awaited = packets, len(packets)
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = cast("asyncio.DatagramTransport", transport)
        for _ in range(min(WINDOW, len(self.left))):
            self.transport.sendto(self.left.pop())

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002 - asyncio gives it
        """Go on."""
        self.awaited -= 1
        if self.left:
            self.transport.sendto(self.left.pop())
        elif not self.awaited and not self.ended.done():
            self.ended.set_result(data)


async def bare(port: int, hashes: list[bytes]) -> float:
    """Seconds for all hashes, 72 a packet, each asked for once, with nothing made of the answers: what the tracker itself takes."""

    async def said(packets: list[bytes]) -> bytes:
        loop = asyncio.get_running_loop()
        transport, made = await loop.create_datagram_endpoint(lambda: Bare(packets), remote_addr=("127.0.0.1", port))
        answer: bytes = await asyncio.wait_for(made.ended, 30)
        transport.close()
        return answer

    names = [one.hex() for one in hashes]
    connection = wire.connection_id(await said([wire.connect_request(1)])) or 0
    packets = [wire.scrape_request(connection, at, names[at : at + 72]) for at in range(0, len(names), 72)]
    began = time.perf_counter()
    await said(packets)
    return time.perf_counter() - began


@dataclass(slots=True)
class Rates:
    """Hashes a second: of the first round of all, and of the best one."""

    first: float = 0.0
    best: float = 0.0

    def add(self, count: int, seconds: list[float]) -> None:
        """The rounds of one turn."""
        self.first = self.first or count / seconds[0]
        self.best = max(self.best, count / min(seconds))


def speed(count: int) -> bool:
    """Print the table, and whether the bars are held."""
    hashes = torrents(count)
    wanted = {one: swarm(one) for one in hashes}
    rates, memory = defaultdict[str, Rates](Rates), TrackerMemory()
    with tempfile.TemporaryDirectory() as folder, opentracker.running(Path(folder), hashes) as port:
        with opentracker.Announcer(port) as peers:
            peers.announce(wanted)
        for _ in range(TURNS):
            seconds, work, memory = uvloop.run(ours(port, wanted, memory))
            rates["Nightcrew"].add(count, seconds)
            rates["by its processor time"].add(count, work)
            few = count // OF_LIBTORRENT
            for window, rounds in peer("libtorrent", port, few).items():
                rates[f"libtorrent, {window} at a time"].add(few, rounds)
            rounds_of = peer("npm", port, count)
            rates["npm, by its manual"].add(count, rounds_of["manual"])
            rates["npm, one client"].add(count, rounds_of["method"])
            rates["a loop that makes nothing of it"].add(count, [uvloop.run(bare(port, hashes)) for _ in range(ROUNDS)])
    return table(count, rates)


def table(count: int, rates: dict[str, Rates]) -> bool:
    """Print it, and whether the bars are held."""
    mine = rates["Nightcrew"]
    print(
        f"{count} torrents of opentracker, hashes a second: first round, best of {ROUNDS * TURNS} or more, Nightcrew as a multiple"
    )
    for name, one in rates.items():
        times = f"{mine.first / one.first:6.1f} × {mine.best / one.best:6.1f} ×" if name not in OURS else ""
        print(f"  {name:32} {one.first:10,.0f} {one.best:10,.0f} {times}")
    libtorrent = max(one.best for name, one in rates.items() if name.startswith("libtorrent"))
    npm = rates["npm, by its manual"].best
    print(
        f"  libtorrent at its best: {mine.best / libtorrent:.1f} × (bar: {BAR} ×); npm: {mine.best / npm:.1f} × (goal: {GOAL} ×)"
    )
    return mine.best >= BAR * libtorrent


# -- whose numbers they are --------------------------------------------------------------------------------------------


async def mixed() -> int:
    """Print for each habit what was given, and how many numbers were another's; returns how many."""
    hashes = torrents(SHUFFLED)
    known = {one: invented(one) for number, one in enumerate(hashes) if number % 5}
    http, wrong = Http(), 0
    print(
        f"The demo's tracker: {SHUFFLED} torrents of which it knows {len(known)}, by habit and its share of the answers"
    )
    for habit in Habit:
        for share in (1.0, 0.5, 0.1, 0.02) if habit is not Habit.KEPT else (1.0,):
            for start in (TrackerMemory(), TrackerMemory(batch=72, good=72, order=AnswerOrder.KEPT)):
                tracker = DemoTracker(Swarms(known), habit=habit, share=share)
                server = await UdpServer.start(tracker)
                scraper = Scraper(http, http.routes, allow_private=True)
                found, memory = await scraper.scrape(tracker.udp, [one.hex() for one in hashes], memory=start)
                server.close()
                others = said(found, known)
                wrong += others
                trust = "known" if start.good else "new"
                print(
                    f"  {habit:9} {share:5.2f} {trust:6} {len(found):5} given, {others} another's; "
                    f"{len(tracker.scrapes):5} packets, order {memory.order}"
                )
    await http.close()
    return wrong


def main() -> None:
    """Print both tables, and end with an error when a bar is not held."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 30_000
    for tool in ("libtorrent", "tracker_npm"):
        if not (ROOT / ".tools" / tool / ".done").exists():
            subprocess.run(["make", f".tools/{tool}/.done"], cwd=ROOT, check=True)
    if opentracker.program() is None:
        sys.exit("opentracker is missing: install Debian's package of that name")
    held = speed(count)
    wrong = asyncio.run(mixed())
    print(f"{wrong} numbers were another's (bar: 0)")
    if wrong or not held:
        sys.exit("a bar is not held")


if __name__ == "__main__":
    main()
