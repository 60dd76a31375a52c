"""The network behind the demo's slskd: searches that take their time, and transfers that go on whether or not anybody looks.

Its state lies in a file, so that it can be killed and started anew. Then it does what slskd does: it fails the transfers that were
going on, and enqueues them again under new ids without their batch.
"""

import json
import math
import re
import time
import unicodedata
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from .audio import Audio
from .songs import BLOCKED, DemoPeer, SharedFile, SongDefect, peers

BANNED_FROM, BANNED_WINDOW, BANNED_FOR = 35, 220.0, 1800.0
"""The network bans who searches so often within so many seconds."""
COMPLETE, STORED = 1.0, 1.4
"""Seconds after which a search says that it is complete, and after which its answers are stored."""
_TERM = re.compile(r"[^\W_]+")


@dataclass
class DemoSearch:
    id: str
    text: str
    began: float


@dataclass
class DemoTransfer:
    """A download. `begins`: when its peer begins to send it; `place`: in the peer's queue, as far as it was asked for."""

    id: str
    batch: str | None
    peer: str
    path: str
    size: int
    requested: float
    begins: float
    speed: int
    state: str = "Queued, Remotely"
    bytes: int = 0
    place: int | None = None
    ended: float | None = None
    problem: str = ""


@dataclass
class Soulseek:
    """`clock` gives seconds since 1970. `searched`: when searches came in, which tests count."""

    clock: Callable[[], float] = time.time
    version: str = "0.26.0"
    connected: bool = True
    busy: bool = False
    stuck: bool = False
    """Whether no transfer moves."""
    untold: bool = False
    """Whether peers say nothing of how long their files are, and how good."""
    delay: float = 1.0
    """How long everything takes, against what it usually takes."""
    folder: Path = Path()
    network: tuple[DemoPeer, ...] = field(default_factory=peers)
    blocked: tuple[str, ...] = BLOCKED
    """Words for which nothing is found, without a word about it."""
    searches: dict[str, DemoSearch] = field(default_factory=dict)
    transfers: list[DemoTransfer] = field(default_factory=list)
    batches: dict[str, list[str]] = field(default_factory=dict)
    events: list[dict[str, object]] = field(default_factory=list)
    searched: list[float] = field(default_factory=list)
    banned_until: float = 0.0
    _audio: Audio | None = None

    def begin(self, folder: Path, audio: Path | None = None) -> None:
        """Take up what lies in a folder. `audio`: where the files of the peers are made, else in the same."""
        self.folder = folder
        self._audio = Audio(audio or folder / "shared")
        (folder / "downloads").mkdir(parents=True, exist_ok=True)
        state = folder / "state.json"
        if state.exists():
            said = json.loads(state.read_text("utf-8"))
            self.searches = {one["id"]: DemoSearch(**one) for one in said["searches"]}
            self.transfers = [DemoTransfer(**one) for one in said["transfers"]]
            self.batches, self.events, self.searched = said["batches"], said["events"], said["searched"]
            self.restart()

    def save(self) -> None:
        """Have it on disk."""
        if self.folder == Path():
            return
        said = {
            "searches": [asdict(one) for one in self.searches.values()],
            "transfers": [asdict(one) for one in self.transfers],
            "batches": self.batches,
            "events": self.events,
            "searched": self.searched,
        }
        beside = self.folder / "state.tmp"
        beside.write_text(json.dumps(said), "utf-8")
        beside.replace(self.folder / "state.json")

    def restart(self) -> None:
        """What slskd does when it starts: what was going on has failed, and is enqueued again under a new id."""
        now = self.clock()
        for one in [one for one in self.transfers if one.ended is None]:
            one.state, one.ended, one.problem = "Completed, Errored", now, "Application shut down"
            again = DemoTransfer(
                str(uuid.uuid4()), None, one.peer, one.path, one.size, now, now + 0.5 * self.delay, one.speed
            )
            self.transfers.append(again)
        self.save()

    # -- searching -----------------------------------------------------------------------------------------------------

    def search(self, number: str, text: str) -> None:
        now = self.clock()
        self.searched.append(now)
        recent = [at for at in self.searched if at > now - BANNED_WINDOW]
        if len(recent) >= BANNED_FROM:
            self.banned_until = now + BANNED_FOR
        self.searches[number] = DemoSearch(number, text, now)
        self.save()

    def answers(self, search: DemoSearch) -> Iterator[tuple[DemoPeer, list[SharedFile]]]:
        """Which files of which peers a search finds, as the network reads its text."""
        if self.clock() < self.banned_until:
            return
        terms = [term for term in search.text.lower().split() if len(term) > 1 or not term.isascii()]
        out = [term[1:] for term in terms if term.startswith("-")]
        asked = [term for term in terms if not term.startswith("-")]
        if not asked or any(name in asked for name in self.blocked):
            return
        for peer in self.network:
            found = [one for one in peer.files if _matches(one.path, asked, out)]
            if found:
                yield peer, found

    # -- downloading ---------------------------------------------------------------------------------------------------

    def peer(self, name: str) -> DemoPeer | None:
        return next((one for one in self.network if one.name == name), None)

    def shared(self, peer: DemoPeer, path: str) -> SharedFile | None:
        return next((one for one in peer.files if one.path == path and not one.locked), None)

    def enqueue(self, peer: DemoPeer, file: SharedFile, size: int, batch: str | None) -> DemoTransfer:
        now = self.clock()
        made = DemoTransfer(
            str(uuid.uuid4()), batch, peer.name, file.path, size, now, now + (0.3 + peer.queue) * self.delay, peer.speed
        )
        if peer.refuses:
            made.state, made.ended, made.problem = "Completed, Rejected", now, "File not shared."
        self.transfers.append(made)
        self.save()
        return made

    def ask_place(self, one: DemoTransfer) -> int | None:
        """Where a transfer waits in the queue of its peer, which slskd then remembers; None for one that does not wait."""
        if one.ended is not None or one.state != "Queued, Remotely":
            return None
        one.place = max(1, math.ceil((one.begins - self.clock()) / (self.delay or 1.0)))
        return one.place

    async def advance(self) -> None:
        """Bring the transfers to where they are by now. Raises OSError when a file cannot be made."""
        now, moved = self.clock(), False
        for one in self.transfers:
            if one.ended is not None or self.stuck or now < one.begins:
                continue
            moved = True
            one.bytes = min(one.size, int((now - one.begins) * one.speed))
            one.state = "InProgress"
            if one.bytes >= one.size:
                await self._finish(one, now)
        if moved:
            self.save()

    async def _finish(self, one: DemoTransfer, now: float) -> None:
        peer = self.peer(one.peer)
        file = self.shared(peer, one.path) if peer else None
        if file is None:
            one.state, one.ended, one.problem = "Completed, Errored", now, "The peer went away"
            return
        made = await self._made(file)
        folder, _, name = one.path.rpartition("\\")
        place = self.folder / "downloads" / (folder.rpartition("\\")[2] or "files")
        place.mkdir(parents=True, exist_ok=True)
        target = place / name
        if target.exists():
            target = place / f"{target.stem}_{int(now * 1000)}{target.suffix}"
        beside = target.with_name(f".{target.name}.tmp")
        beside.write_bytes(made.read_bytes())
        beside.replace(target)
        one.state, one.ended, one.bytes = "Completed, Succeeded", now, one.size
        transfer = {"id": one.id, "username": one.peer, "filename": one.path, "size": one.size, "state": one.state}
        data = {
            "type": "DownloadFileComplete",
            "version": 0,
            "localFilename": str(target),
            "remoteFilename": one.path,
            "transfer": transfer,
        }
        event: dict[str, object] = {
            "timestamp": moment(now),
            "type": "DownloadFileComplete",
            "data": json.dumps(data),
            "id": str(uuid.uuid4()),
        }
        self.events.insert(0, event)

    async def size_of(self, file: SharedFile) -> int:
        """How many bytes its peer says that a file has: a truncated one has had more."""
        size = (await self._made(file)).stat().st_size
        return int(size / 0.6) if file.defect is SongDefect.TRUNCATED else size

    async def _made(self, file: SharedFile) -> Path:
        if self._audio is None:
            raise OSError("the network has no folder yet")
        return await self._audio.file(file)


def moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def _matches(path: str, asked: list[str], out: list[str]) -> bool:
    words = _TERM.findall(unicodedata.normalize("NFC", path.lower()))
    if any(term in words for term in out):
        return False
    return all(any(_term_matches(term, word) for word in words) for term in asked)


def _term_matches(term: str, word: str) -> bool:
    return word.endswith(term[1:]) if term.startswith("*") else word == term
