"""A Nightcrew and a slskd of the demo's network, each a process that can be killed at any moment. Used by tests and benches."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

import programs
from nightcrew.demo import __main__ as demo
from nightcrew.demo.songs import SharedFile, many
from nightcrew.kernel.store import Store, database_url, now_of
from nightcrew.music import payload
from nightcrew.music.models import WantedState
from nightcrew.music.rules import key_of
from nightcrew.music.slskd.shapes import FoundFile
from nightcrew.music.store import listings, offers, wanted
from nightcrew.music.store.listings import NewTrack
from support import free_port

QUIET = {"NIGHTCREW_LOG_LEVEL": "WARNING", "NIGHTCREW_RECORDINGS_WATCH": "false"}


@dataclass
class Rig:
    """Both, on free ports, with their folders below one."""

    folder: Path
    tracks: int
    server_port: int = field(default_factory=free_port)
    slskd_port: int = field(default_factory=free_port)
    second_port: int = field(default_factory=free_port)
    database_url: str | None = None
    _processes: dict[str, programs.AnyProgram] = field(default_factory=dict)

    def start(self, name: str) -> None:
        """Start `server`, a `second` one on the same database, or `slskd`, and wait until it answers."""
        if name != "slskd":
            port = self.server_port if name == "server" else self.second_port
            folder = self.folder / ("data" if name == "server" else name)
            folder.mkdir(exist_ok=True)
            args = ["serve", "--data-dir", str(folder), "--port", str(port)]
            args += ["--database-url", self.database_url] if self.database_url else []
            if name == "second":
                self._same_key(folder)
            url = f"http://127.0.0.1:{port}/health"
        else:
            streams = str(self.folder / "world")
            args = [demo.__file__, "--music", str(self.tracks), "--port", str(self.slskd_port), "--streams", streams]
            url = f"http://127.0.0.1:{self.slskd_port}/"
        log = self.folder / f"{name}.log"
        process = self._processes[name] = programs.start(*args, log=log, **QUIET)
        end = time.monotonic() + 240
        while True:
            try:
                httpx2.get(url, timeout=10, trust_env=False)
                return
            except httpx2.TransportError:
                if time.monotonic() > end or process.poll() is not None:
                    said = log.read_text("utf-8", "replace")[-2000:]
                    raise RuntimeError(f"{name} does not answer: {said}") from None
                time.sleep(0.05)

    def _same_key(self, folder: Path) -> None:
        """What is sealed in the database is opened with one key."""
        folder.mkdir(exist_ok=True)
        if not (folder / "secret.key").exists():
            (folder / "secret.key").write_bytes((self.folder / "data" / "secret.key").read_bytes())

    def kill(self, name: str) -> None:
        """Pull its plug."""
        process = self._processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def close(self) -> None:
        """End both."""
        for process in self._processes.values():
            process.kill()
            process.wait()
        self._processes.clear()

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """JSON of the server's answer."""
        url = f"http://127.0.0.1:{self.server_port}{path}"
        answer = httpx2.request(method, url, json=body, timeout=60, trust_env=False)
        assert answer.status_code < 300, answer.text[:300]
        return answer.json() if answer.content else None

    def connect(self) -> int:
        """Tell the server of slskd; returns the connection."""
        body = {
            "kind": "slskd",
            "name": "slskd",
            "url": f"http://127.0.0.1:{self.slskd_port}/slskd",
            "settings": {"api_key": "demo-slskd-key"},
        }
        return int(self.ask("POST", "/api/v1/connections", body)["id"])

    def seed(self, connection: int) -> None:
        """Want all tracks, as if each search had just found its files: the network's limit would make it hours."""
        asyncio.run(self._seed(connection))

    async def _seed(self, connection_id: int) -> None:
        store = Store(database_url(self.folder / "data", None))
        by_song: dict[str, list[tuple[str, SharedFile]]] = {}
        for peer in many(self.tracks):
            for file in peer.files:
                by_song.setdefault(file.song.title, []).append((peer.name, file))
        size = next((self.folder / "world" / "slskd" / "shared").glob("*.mp3")).stat().st_size
        tracks = []
        for found in by_song.values():
            song = found[0][1].song
            tracks.append(
                NewTrack(key_of(song.title, song.artist), song.title, (song.artist,), 10, song.album, song.seconds)
            )
        await listings.take(store, "list:bench", "Bench", tracks, whole=False, due=False)
        entries = {one.title: one for one in await wanted.unowned(store)}
        async with store.write() as connection:
            await now_of(connection)
            for title, found in by_song.items():
                entry = entries[title]
                rows = [
                    FoundFile(peer, file.path, size, float(file.song.seconds), 192, True, 0, 400_000)
                    for peer, file in found
                ]
                text = payload.written(payload.Search(entry.id, connection_id, f"seed-{entry.id}"), rows)
                since = {WantedState.MISSING}
                await wanted.move_in(connection, entry.id, since=since, state=WantedState.MATCHING)
                await offers.queue(connection, entry.id, text)
        await store.close()

    def pull_plugs(self, kills: int, *, least: float, most: float, seed: int) -> Counter[str]:
        """Kill one of both at random moments, and start it again; returns how often which."""
        chance, done = random.Random(seed), Counter[str]()
        for _ in range(kills):
            time.sleep(chance.uniform(least, most))
            name = chance.choice(("server", "slskd"))
            self.kill(name)
            self.start(name)
            done[name] += 1
        return done

    def states(self) -> Counter[str]:
        """How many tracks stand how."""
        found: Counter[str] = Counter()
        for state in WantedState:
            cursor = ""
            while True:
                page = self.ask("GET", f"/api/v1/music/wanted?state={state.value}&limit=200{cursor}")
                found[state.value] += len(page["items"])
                if page["next"] is None:
                    break
                cursor = f"&cursor={page['next']}"
        return +found

    def wait(self, limit: float) -> Counter[str]:
        """Wait until nothing is under way; returns how the tracks stand."""
        end = time.monotonic() + limit
        while True:
            found = self.states()
            if not found.keys() & {"searching", "matching", "downloading"} or time.monotonic() > end:
                return found
            time.sleep(1.0)

    @property
    def library(self) -> Counter[str]:
        """The files in the library, by name."""
        root = self.folder / "data" / "music"
        return Counter(path.name for path in root.rglob("*.mp3"))

    def fetched(self) -> Counter[tuple[str, str]]:
        """How often slskd has fetched which file to its end."""
        said = json.loads((self.folder / "world" / "slskd" / "state.json").read_text("utf-8"))
        return Counter(
            (one["peer"], one["path"]) for one in said["transfers"] if one["state"] == "Completed, Succeeded"
        )

    def titles_fetched(self) -> Counter[str]:
        """How often slskd has fetched a file of which track, from whichever peer."""
        found: Counter[str] = Counter()
        for (_, path), count in self.fetched().items():
            found[path.rpartition("\\")[2]] += count
        return found
