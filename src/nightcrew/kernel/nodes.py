"""The machines that share the work: each holds its name, gives signs of life, tells the time by the database, and takes over
from those that are silent.
"""

from __future__ import annotations

import asyncio
import socket
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

import structlog

from nightcrew.kernel import clock, files, nodes_store
from nightcrew.kernel.activity import Activity
from nightcrew.kernel.declare import Need
from nightcrew.kernel.detached import boot_id
from nightcrew.kernel.errors import Conflict, NeedsUser, Retry
from nightcrew.kernel.forever import forever
from nightcrew.kernel.nodes_store import KnownNode, NameTaken
from nightcrew.kernel.store import Store, now_of
from nightcrew.kernel.words import duration

log = structlog.get_logger("nightcrew.nodes")

HEARTBEAT = 5.0
"""Seconds between two signs of life."""
ALONE = 20.0
"""The same on SQLite, where this node is the only one."""
SILENT = 60.0
"""Seconds without one after which a node is dead, and others take over what it had."""
LIMIT = 15.0
"""Seconds that a sign of life may take, with all that belongs to it: soon enough before others think this node dead."""
TAKING = 300.0
"""Seconds that taking over from dead nodes may take; then it is begun again, here or at another node."""
PROOF = 2.5 * HEARTBEAT
"""Seconds in which the other holder of a name has to give a sign of life, or it is dead."""
SKEWED = 2.0
"""Seconds by which a machine's clock may be wrong before a person should know."""
SLOW = 1.0
"""Seconds of an answer above which it does not say what time it is."""

OnGone = Callable[[KnownNode], Awaitable[list[str]]]
"""Takes over what a dead node had of one kind; returns that in sentences."""


class Nodes:
    """This node among the others. `known` is what was seen of all of them last."""

    def __init__(
        self,
        *,
        node: str,
        place: str,
        instance: str,
        store: Store,
        activity: Activity,
        alive: Path | None = None,
        page: str = "",
    ) -> None:
        self.node = node
        self._alive, self._page, self._signed = alive, page, False
        self._place, self._instance = place, instance
        self._store = store
        self._activity = activity
        self._on_gone: list[OnGone] = []
        self._skew: float | None = None
        self.known: list[KnownNode] = []
        self.usurped = asyncio.Event()
        """Set when another process holds this node's name: this one must stop."""

    def on_gone(self, take_over: OnGone) -> None:
        """Call `take_over(node)` once for each node that dies, on one of those that live."""
        self._on_gone.append(take_over)

    async def run(self) -> None:
        """Give signs of life and look for those who give none, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(forever("heartbeat", self._round), name="heartbeat")
            tasks.create_task(forever("take-over", self._look_for_silent, limit=TAKING), name="take-over")

    async def stop(self) -> None:
        """A person stops this node."""
        await nodes_store.stop(self._store, self.node, instance=self._instance)

    async def forget(self, node_id: str) -> None:
        """A dead node will not come back. Raises `Conflict` unless it is gone."""
        if not await nodes_store.forget(self._store, node_id):
            raise Conflict(f"{node_id} is not gone; only a node that is gone can be forgotten")
        await self._look()

    async def _round(self) -> float:
        try:
            async with asyncio.timeout(LIMIT):
                return await self._beat()
        except TimeoutError as exc:
            await self._store.renew()
            raise Retry("the database has not answered in time; reconnecting") from exc

    async def _beat(self) -> float:
        self._skew = await tell_time(self._store) if not self._store.is_sqlite else None
        held, was_gone = await nodes_store.beat(
            self._store, self.node, place=self._place, instance=self._instance, skew=self._skew
        )
        if not held:
            log.critical("another Nightcrew has taken this node's name", node=self.node)
            self.usurped.set()
            return HEARTBEAT
        if self._alive:
            try:
                await asyncio.to_thread(self._sign, self._alive)
            except OSError as exc:  # whoever watches the file takes this node for dead
                log.warning("the sign of life cannot be written", file=str(self._alive), reason=str(exc))
        if was_gone:
            await self._activity.record("node.back", f"{self.node} is back", subject=self.node)
        await self._look()
        return self._pause

    def _sign(self, alive: Path) -> None:
        """Written at once as a whole: who reads it meanwhile must not take a server for a worker."""
        if self._signed and alive.exists():
            alive.touch()
            return
        with files.replacing(alive) as file:
            file.write(self._page.encode())
        self._signed = True

    async def _look_for_silent(self) -> float:
        """Beside the heartbeat, which must not wait for it."""
        if not self.usurped.is_set():
            for silent in await nodes_store.take_silent(self._store, self.node, silent=SILENT):
                await self._take_over(silent)
                await self._look()
        return self._pause

    @property
    def _pause(self) -> float:
        return ALONE if self._store.is_sqlite else HEARTBEAT

    async def _look(self) -> None:
        self.known = await nodes_store.every(self._store)

    async def _take_over(self, silent: KnownNode) -> None:
        had: list[str] = []
        for take_over in self._on_gone:
            had += await take_over(silent)
        if await nodes_store.settle(self._store, silent, by=self.node, had=had, silent=SILENT):
            after = f"{silent.id} is silent: no sign of life for {duration(silent.silent)}"
            message = f"{after}; {self.node} takes over: {', '.join(had) or 'it had nothing to do'}"
            level = "info" if silent.stopped else "error"
            await self._activity.record("node.silent", message, level=level, subject=silent.id)

    def needs(self) -> list[Need]:
        """Dead nodes, with what they had, and clocks that are wrong."""
        found = [
            Need(
                "error",
                f"{row.id} has given no sign of life since {row.seen_at:%Y-%m-%d %H:%M} UTC. "
                f"{row.taken_by} took over: {', '.join(row.had) or 'it had nothing to do'}. Start it again, or forget it",
                "/#nodes",
            )
            for row in self.known
            if row.gone_at is not None
        ]
        return found + [
            Need(
                "warning",
                f"The clock of {row.id} is {duration(abs(row.skew))} {'ahead' if row.skew > 0 else 'behind'}. "
                "Nightcrew goes by the database's clock; have that machine's set by NTP",
                "/#nodes",
            )
            for row in self.known
            if row.skew is not None and abs(row.skew) > SKEWED and row.gone_at is None
        ]


async def tell_time(store: Store) -> float | None:
    """Take the time from the database; returns how many seconds this machine's clock is ahead. None: it answered too slowly."""
    async with store.read() as connection:
        began = clock.uptime()
        moment = await now_of(connection)
        ended = clock.uptime()
    if ended - began > SLOW:
        return None
    return clock.follow(moment, (began + ended) / 2)


async def hold_name(store: Store, data_dir: Path, *, instance: str) -> tuple[str, str]:
    """The name of this node, which it keeps over restarts, so that it resumes its own jobs; and the place that holds it.

    A data folder that was copied, or restored on another machine, has the name of a node that may still live: when that gives
    a sign of life, this one takes a new name.
    """
    folder = await asyncio.to_thread(data_dir.resolve)
    place = f"{boot_id()} {socket.gethostname()} {folder}"[:500]
    name = await asyncio.to_thread(name_of, data_dir)
    dead: datetime | None = None
    while True:
        try:
            await nodes_store.claim(store, name, place=place, instance=instance, silent=SILENT, dead=dead)
        except NameTaken as exc:
            dead = exc.seen_at
            if await _lives(store, name, exc.seen_at):
                fresh = await asyncio.to_thread(name_of, data_dir, anew=True)
                log.warning(
                    "the data folder is a copy of another node's and gets a name of its own", was=name, now=fresh
                )
                name, dead = fresh, None
        else:
            return name, place


async def _lives(store: Store, name: str, seen_at: datetime) -> bool:
    """Whether the node gives a sign of life after `seen_at`, in the time in which it would."""
    end = clock.uptime() + PROOF
    while clock.uptime() < end:
        await asyncio.sleep(min(1.0, PROOF))
        if any(row.id == name and row.seen_at != seen_at for row in await nodes_store.every(store)):
            return True
    return False


def name_of(data_dir: Path, *, anew: bool = False) -> str:
    """The name that the data folder has, made at its first use."""
    path = data_dir / "node-id"
    if anew or not path.exists():
        with files.replacing(path) as file:
            file.write(f"{socket.gethostname().split('.')[0][:40]}-{uuid.uuid4().hex[:6]}".encode())
    name = path.read_text("utf-8").strip()
    if not name or len(name) > 100:
        raise NeedsUser(f"{path} does not contain a valid node name. Delete it to give this node a new one")
    return name
