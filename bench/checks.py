"""Checks a minute, and what each costs, beside what people use today; and whether the verdicts are right.

A source in a process of its own sends a 1080p broadcast of 4 Mbit/s as fast as it is played. Ten checks run at a time
against it, through a whole Nightcrew; then ten `ffmpeg -re` of 30 seconds, as the original does it, and ten `ffprobe` at a
time, with its defaults and with `-scan_all_pmts 0`. Then the demo's workbench, where each stream fails in its own way.

    python bench/checks.py
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psutil

from nightcrew.demo.workbench import GOOD, KINDS, PATHS
from playlists import Server

WORKERS = 10
ACCOUNTS = 12
STREAMS = 20
"""Of each account."""
LIMITED = 10
"""Streams of the account that allows two connections."""
PROMISED_FACTS, PROMISED_FULL = 400, 120
PORT = 18_791
FFMPEG_SECONDS = 30


@dataclass(frozen=True)
class Rate:
    """How many in how many seconds, and the CPU seconds of all of them."""

    name: str
    count: int
    seconds: float
    cpu: float
    wrong: int

    @property
    def a_minute(self) -> float:
        """As a rate."""
        return self.count / self.seconds * 60

    def line(self) -> str:
        """For a person."""
        cpu = self.cpu / self.count * 1000
        return (
            f"{self.name:38} {self.a_minute:6.0f} a minute {cpu:7.0f} ms CPU each {self.wrong:4} wrong of {self.count}"
        )


def main() -> None:
    cache = Path(tempfile.gettempdir()) / "nightcrew-bench-pictures"
    cache.mkdir(exist_ok=True)
    missed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="nightcrew-bench-") as temporary:
        with helper([str(Path(__file__).with_name("sources") / "paced.py"), str(cache)]) as source:
            with Server(Path(temporary) / "data", PORT) as server:
                full, facts, refused = ours(server, source)
            peers = [ffmpeg(source), *(ffprobe(source, extra) for extra in ((), ("-scan_all_pmts", "0")))]
        for rate in (full, facts, *peers):
            print(rate.line())
        print(f"connections beyond an account's limit of 2: {refused}")
        plain, quick = facts.a_minute / peers[1].a_minute, facts.a_minute / peers[2].a_minute
        print(f"full checks: {full.a_minute / peers[0].a_minute:.1f} × ffmpeg -re")
        print(f"headers: {plain:.1f} × ffprobe, {quick:.1f} × ffprobe -scan_all_pmts 0")
        missed += [f"{rate.name}: wrong verdicts" for rate in (full, facts) if rate.wrong]
        missed += [] if refused == 0 else ["connections beyond a limit"]
        missed += [] if full.a_minute >= PROMISED_FULL else [f"{PROMISED_FULL} full checks a minute"]
        missed += [] if facts.a_minute >= PROMISED_FACTS else [f"{PROMISED_FACTS} headers a minute"]
        world_of = ["-m", "nightcrew.demo", "--streams", str(cache)]
        with helper(world_of) as world, Server(Path(temporary) / "verdicts", PORT) as server:
            wrong = verdicts(server, world)
        missed += [] if not wrong else [f"verdicts: {', '.join(wrong)}"]
    if missed:
        sys.exit(f"missed: {', '.join(missed)}")


@contextmanager
def helper(arguments: list[str]) -> Iterator[str]:
    """A process that prints its address, until the end of the block."""
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


# -- ours --------------------------------------------------------------------------------------------------------------


def ours(server: Server, source: str) -> tuple[Rate, Rate, int]:
    """All streams looked at closely, then twice only their headers; and a source that allows two connections."""
    ask(server, "PATCH", "/api/v1/settings", {"checks.check_new": False, "checks.concurrency": WORKERS})
    for number in range(ACCOUNTS):
        add_list(server, source, f"Account {number}", f"account-{number}", {})
    add_list(server, source, "Limited", "limited-2", {"max_streams": 2}, LIMITED)
    everything = ACCOUNTS * STREAMS
    warm = checks(server, {"source": "Account 0", "full": True}, "warm-up", STREAMS)
    assert warm.wrong == 0, "the broadcast is not good"
    full = [checks(server, {"region": "DE", "full": True}, "Nightcrew, full checks", everything)]
    facts = [checks(server, {"region": "DE", "full": False}, "Nightcrew, headers only", everything) for _ in range(2)]
    limited = checks(server, {"source": "Limited", "full": True}, "limited", LIMITED)
    refused = int(httpx2.get(f"{source}/refused", trust_env=False).text) + limited.wrong
    return total(full), total(facts), refused


def add_list(server: Server, source: str, name: str, login: str, more: dict[str, Any], count: int = STREAMS) -> None:
    lines = ["#EXTM3U"]
    for number in range(count):
        lines += [f"#EXTINF:-1,{name} {number}", f"{source}/{login}/{number}.ts"]
    path = server.folder / f"{login}.m3u"
    path.write_text("\n".join(lines))
    region = "LIMITED" if more else "DE"
    body = {"kind": "m3u", "name": name, "url": str(path), "region": region, "private": True, **more}
    feeds = ask(server, "POST", "/api/v1/sources", body)["feeds"]
    while ask(server, "GET", f"/api/v1/jobs/{feeds[0]['run']}")["state"] in {"queued", "running"}:
        time.sleep(0.1)


def checks(server: Server, what: dict[str, Any], name: str, expected: int) -> Rate:
    """One run to its end."""
    before, began = all_cpu(server), time.monotonic()
    run = ask(server, "POST", "/api/v1/checks", what)
    while run["state"] == "running":
        time.sleep(0.1)
        run = ask(server, "GET", f"/api/v1/checks/runs/{run['id']}")
    seconds = time.monotonic() - began
    assert run["total"] == expected, run
    return Rate(name, run["total"], seconds, all_cpu(server) - before, run["total"] - run["ok"])


def total(rates: list[Rate]) -> Rate:
    return Rate(
        rates[0].name,
        sum(rate.count for rate in rates),
        sum(rate.seconds for rate in rates),
        sum(rate.cpu for rate in rates),
        sum(rate.wrong for rate in rates),
    )


def all_cpu(server: Server) -> float:
    """CPU seconds of the server and its probers, those that have ended too."""
    parent = psutil.Process(server.process.pid)
    own = parent.cpu_times()
    used = own.user + own.system + own.children_user + own.children_system
    for child in parent.children(recursive=True):
        times = child.cpu_times()
        used += times.user + times.system
    return float(used)


def ask(server: Server, method: str, path: str, body: Any = None) -> Any:
    answer = server.client.request(method, path, json=body)
    assert answer.status_code < 300, f"{path}: {answer.status_code} {answer.text[:300]}"
    return answer.json()


# -- what people use today ---------------------------------------------------------------------------------------------


def ffmpeg(source: str) -> Rate:
    """Ten at a time, 30 s each: one round is enough to know."""
    decode = ["ffmpeg", "-nostdin", "-v", "error", "-re", "-i", f"{source}/peer/1.ts", "-t", str(FFMPEG_SECONDS)]
    return peers("ffmpeg -re, 30 s", [*decode, "-f", "null", "-"], WORKERS, lambda done: done.returncode != 0)


def ffprobe(source: str, extra: tuple[str, ...]) -> Rate:
    """Ten at a time, forty in all."""
    command = ["ffprobe", "-v", "error", *extra, "-show_streams", "-of", "json", f"{source}/peer/1.ts"]
    return peers(" ".join(("ffprobe", *extra)), command, 4 * WORKERS, lambda done: not shows_picture(done.stdout))


def shows_picture(text: bytes) -> bool:
    """Whether a picture of the right size was found."""
    try:
        return any(stream.get("height") == 1080 for stream in json.loads(text).get("streams", ()))
    except ValueError:
        return False


def peers(name: str, command: list[str], count: int, is_wrong: Any) -> Rate:
    """Run a command many times, ten at a time."""

    async def run() -> int:
        places = asyncio.Semaphore(WORKERS)

        async def one() -> bool:
            async with places:
                done = await asyncio.to_thread(subprocess.run, command, capture_output=True, check=False)
                return bool(is_wrong(done))

        return sum(await asyncio.gather(*(one() for _ in range(count))))

    before, began = children_cpu(), time.monotonic()
    wrong = asyncio.run(run())
    return Rate(name, count, time.monotonic() - began, children_cpu() - before, wrong)


def children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


# -- verdicts ----------------------------------------------------------------------------------------------------------


def verdicts(server: Server, world: str) -> list[str]:
    """Which streams of the workbench are judged wrongly with default settings; beside them, what ffprobe says."""
    ask(server, "PATCH", "/api/v1/settings", {"checks.check_new": False})
    while httpx2.head(f"{world}/workbench/fmp4/0.m4s", trust_env=False).is_error:
        time.sleep(0.5)  # the pictures are being encoded
    body = {"kind": "m3u", "name": "Workbench", "url": f"{world}/workbench/list.m3u", "region": "LAB"}
    source = ask(server, "POST", "/api/v1/sources", body)
    while ask(server, "GET", f"/api/v1/sources/{source['id']}")["channels"] < len(KINDS):
        time.sleep(0.2)
    began = time.monotonic()
    checks(server, {"all": True}, "workbench", len(KINDS))
    seconds = time.monotonic() - began
    items = ask(server, "GET", "/api/v1/checks/streams")["items"]
    found = {item["channel_name"]: item for item in items}
    wrong = [kind for kind, name in KINDS.items() if (found[name]["verdict"] == "ok") != (kind in GOOD)]
    peer = [kind for kind in KINDS if probed(f"{world}/workbench/{PATHS.get(kind, f'{kind}.ts')}") != (kind in GOOD)]
    print(f"wrong verdicts on {len(KINDS)} kinds of streams: Nightcrew {len(wrong)}, in {seconds:.0f} s")
    print(f"  ffprobe {len(peer)}: {', '.join(peer)}")
    for kind, name in KINDS.items():
        print(f"  {kind:12} {found[name]['verdict']:8} {found[name]['reason'] or ''}")
    return wrong


def probed(url: str) -> bool:
    """Whether ffprobe finds a picture or sound within fifteen seconds."""
    command = ["ffprobe", "-v", "error", "-show_streams", "-of", "json", url]
    try:
        done = subprocess.run(
            command, capture_output=True, check=False, timeout=15, env={**os.environ, "no_proxy": "*"}
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0 and b'"codec_type"' in done.stdout


if __name__ == "__main__":
    main()
