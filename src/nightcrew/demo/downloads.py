"""What a download client has, and how it goes on: metadata, progress, stalls and errors over time. Nothing is really fetched."""

import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from .bencoding import decode
from .torrents import hashes_of


@dataclass
class DownloadPlan:
    """How a torrent goes. Parts of 1 say how far it comes; None: it does not happen."""

    metadata: float | None = 0.5
    """Seconds until the description of a magnet is there."""
    seconds: float = 5.0
    """For the whole of it."""
    seeds: int = 12
    stalls_at: float | None = None
    fails_at: float | None = None


@dataclass
class DemoDownload:
    """A torrent at the client. `data`: what it is made of, empty for a magnet whose torrent nobody has."""

    v1: str
    v2: str
    name: str
    data: bytes
    plan: DownloadPlan
    added: float
    category: str
    tags: list[str]
    stopped: bool
    stops_at_metadata: bool = False
    known: bool = True
    """Whether its description is there."""
    done: float = 0.0
    unwanted: set[int] = field(default_factory=set)
    looked: float = 0.0
    number: int = 0
    """Of the last change, for `sync/maindata`."""
    told: dict[str, object] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """As qBittorrent does: of a hybrid torrent the v2 hash."""
        return self.v2[:40] or self.v1

    @property
    def files(self) -> list[tuple[str, int]]:
        """Paths with the torrent's folder, and sizes."""
        if not self.data or not self.known:
            return []
        info = decode(self.data)[0][b"info"]
        name = info[b"name"].decode()
        if b"length" in info:
            return [(name, info[b"length"])]
        listed = [("/".join(part.decode() for part in one[b"path"]), one[b"length"]) for one in info.get(b"files", [])]
        return [(f"{name}/{path}", size) for path, size in listed]

    @property
    def size(self) -> int:
        """Bytes of all files that are wanted."""
        return sum(size for place, (_, size) in enumerate(self.files) if place not in self.unwanted)

    @property
    def failed(self) -> bool:
        """Whether it has come to its error."""
        return self.plan.fails_at is not None and self.done >= self.plan.fails_at

    @property
    def stalled(self) -> bool:
        """Whether nobody sends any more."""
        return not self.plan.seeds or (self.plan.stalls_at is not None and self.done >= self.plan.stalls_at)


_KEPT = ("v1", "v2", "name", "category", "tags", "stopped", "stops_at_metadata", "known", "done")


@dataclass
class Downloads:
    """The client's memory, with its switches. It outlives `restart`, and sessions do not."""

    version: str = "v4.6.7"
    """v4.6.7, v5.0.4 or v5.2.1: what it answers goes by it."""
    user: str = "demo"
    password: str = "demo-downloads"
    api_key: str = "qbt_demo-key-9d3f"
    most_failures: int = 3
    """Failed logins after which it bans whoever tries."""
    clock: Callable[[], float] = time.monotonic
    library: dict[str, bytes] = field(default_factory=dict)
    """Torrents that the swarm of a magnet has, by their v1 hash."""
    shared: Callable[[str], bytes | None] = lambda _: None
    """As `library`, for all others."""
    usual: DownloadPlan = field(default_factory=DownloadPlan)
    plans: dict[str, DownloadPlan] = field(default_factory=dict)
    """By v1 hash; others go as usual."""
    free: int = 500_000_000_000
    rows: dict[str, DemoDownload] = field(default_factory=dict)
    gone: list[tuple[int, str]] = field(default_factory=list)
    categories: dict[str, str] = field(default_factory=dict)
    sessions: set[str] = field(default_factory=set)
    failures: int = 0
    logins: int = 0
    """How often somebody tried to log in."""
    added: list[str] = field(default_factory=list)
    """Hashes of all that was taken, in order."""
    numbers: "count[int]" = field(default_factory=lambda: count(1))
    file: Path | None = None
    """Where it remembers what it has, over a start of the program; None: it does not."""
    written: float = 0.0

    @property
    def api(self) -> str:
        """The version of its API."""
        return {"v4.3.9": "2.8.2", "v4.6.7": "2.9.3", "v5.0.4": "2.11.3", "v5.2.1": "2.15.1"}[self.version]

    @property
    def newer(self) -> bool:
        """From 5.0 on."""
        return self.version >= "v5"

    @property
    def newest(self) -> bool:
        """From 5.2 on: other statuses, other answers."""
        return self.version >= "v5.2"

    @property
    def banned(self) -> bool:
        """Whether it lets nobody in."""
        return self.failures >= self.most_failures

    def restart(self) -> None:
        """As when the program is started again: sessions and bans are forgotten."""
        self.sessions.clear()
        self.failures = 0

    def expire(self) -> None:
        """All sessions are over."""
        self.sessions.clear()

    def remember(self, file: Path) -> None:
        """Keep what it has in a file, and take up what stands there."""
        self.file, now = file, self.clock()
        if not file.exists():
            return
        for row in json.loads(file.read_text()):
            data = base64.b64decode(row.pop("data"))
            plan = self.plans.get(row["v1"] or row["v2"][:40], self.usual)
            one = DemoDownload(**row, data=data, plan=plan, added=now, looked=now)
            self.rows[one.id] = one

    def _write(self) -> None:
        """Once a second at most."""
        now = self.clock()
        if self.file is None or now - self.written < 1.0:
            return
        self.written = now
        rows = [
            {name: getattr(one, name) for name in _KEPT} | {"data": base64.b64encode(one.data).decode()}
            for one in self.rows.values()
        ]
        beside = self.file.with_suffix(".new")
        beside.write_text(json.dumps(rows))
        beside.replace(self.file)

    def take(self, data: bytes, v1: str, v2: str, name: str, **more: Any) -> DemoDownload | None:
        """A new one; None when it has it."""
        plan, now = self.plans.get(v1 or v2[:40], self.usual), self.clock()
        one = DemoDownload(v1, v2, name, data, plan, now, looked=now, **more)
        if one.id in self.rows:
            return None
        self.rows[one.id] = one
        self.added.append(one.id)
        return one

    def remove(self, key: str) -> None:
        """Forget one."""
        if self.rows.pop(key, None):
            self.gone.append((next(self.numbers), key))

    def advance(self) -> None:
        """Let time pass."""
        now = self.clock()
        for one in list(self.rows.values()):
            passed, one.looked = now - one.looked, now
            if one.stopped or one.failed:
                continue
            if not one.known:
                self._describe(one, now)
            elif not one.stalled and one.size:
                most = one.plan.stalls_at if one.plan.stalls_at is not None else 1.0
                one.done = min(most, 1.0, one.done + passed / max(one.plan.seconds, 0.001))
        self._write()

    def _describe(self, one: DemoDownload, now: float) -> None:
        if one.plan.metadata is None or now - one.added < one.plan.metadata:
            return
        data = self.library.get(one.v1) or self.shared(one.v1)
        if data is None:
            return
        before = one.id
        one.data, one.known = data, True
        one.name = decode(data)[0][b"info"][b"name"].decode()
        one.v2 = hashes_of(data)[1] or ""
        if one.id != before:  # of a hybrid torrent the v2 hash is known now
            self.remove(before)
            self.rows[one.id] = one
        one.stopped = one.stopped or one.stops_at_metadata
