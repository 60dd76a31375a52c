"""The post office of a node: takes in what targets are to be told, sends it, and calls heartbeat addresses.

What is to be told is stored with what happened, in one transaction. Each target has a task of its own while there is something to
send, so that one that hangs holds up no other; a lease in the database keeps other nodes from sending the same.
"""

from __future__ import annotations

import functools

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.activity import Entry
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.declare import Need
from nightcrew.kernel.errors import NightcrewError, Retry
from nightcrew.kernel.notify import notices_store, rules, targets_store, ways
from nightcrew.kernel.notify.models import Message, Target
from nightcrew.kernel.runtime import KernelSettings, Runtime
from nightcrew.kernel.tasks import Tasks

log = structlog.get_logger("nightcrew.notify")

LEASE = ways.LIMIT + 10.0
"""Seconds for which a node has a target while it sends one message: when it dies, another one sends after as long."""
TROUBLED = 300.0
"""Seconds of failures after which a target needs a person."""
GONE = 120.0
"""Seconds after which a need that no node sees has gone away."""


class Post:
    """Kept in the runtime by `work.start`."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.known = {one.kind: one for domain in runtime.hooks.domains for one in domain.notices}
        self._tasks = Tasks()
        self._busy: set[int] = set()
        self._looked = False

    async def close(self) -> None:
        """End what is being sent. It is sent again after the next start."""
        await self._tasks.close()

    async def enter(self, connection: AsyncConnection, entry: Entry) -> None:
        """Write a notice for each target that wants to be told of an entry, in the entry's transaction."""
        declared = self.known.get(entry.kind)
        if declared is None:
            return
        key = rules.key_of(entry.kind, entry.subject, entry.message, by_subject=declared.by_subject)
        window = self._options.notify_repeat
        for target in await targets_store.listeners(connection):
            itself = entry.subject == rules.page_of(target.id)
            if rules.is_wanted(target, declared.group, entry.level) and not itself:
                await notices_store.add(connection, target.id, entry, key=key, node=self._runtime.node, window=window)

    # -- sending -------------------------------------------------------------------------------------------------------

    async def look(self) -> None:
        """Begin to send what is due, to each target by itself."""
        well = self._runtime.health.keeps_all()
        if not well:
            await targets_store.hold_beats(self._runtime.store, interval=self._options.heartbeat_interval)
        for due in await targets_store.due(self._runtime.store):
            if due.id in self._busy or (due.heartbeat and not well):
                continue
            self._busy.add(due.id)
            work = self._call(due.id) if due.heartbeat else self._serve(due.id)
            task = self._tasks.spawn(work, f"notify {due.id}", functools.partial(self._broke, due.id))
            task.add_done_callback(functools.partial(self._over, due.id))

    def _over(self, target_id: int, _task: object) -> None:
        self._busy.discard(target_id)

    async def _broke(self, target_id: int, error: Exception) -> None:
        """Sending to a target did not even fail in order: it is seen there, and tried again."""
        said = f"Nightcrew itself could not send ({type(error).__name__}); the log says why"
        await targets_store.broke(self._runtime.store, target_id, said, gate=rules.GATE)

    async def _serve(self, target_id: int) -> None:
        """Send all that is due to a target, until nothing is left or something was not taken."""
        store = self._runtime.store
        while True:
            target = await targets_store.get(store, target_id)
            quiet_until = rules.quiet_until(utcnow(), target.quiet)
            loud = target.quiet is not None and target.quiet.loud
            claimed = await notices_store.claim(store, target_id, lease=LEASE, quiet_until=quiet_until, loud=loud)
            if claimed is None:
                return
            error = await self._attempt(target, rules.composed(claimed.notices, self.known))
            if error is None:
                await notices_store.sent(store, target_id, claimed)
                self._count(target, "sent")
            else:
                await self._not_taken(target, claimed, error)
            self._runtime.bus.publish("notifications")
            if error is not None:
                return

    async def _not_taken(self, target: Target, claimed: notices_store.Claimed, error: NightcrewError) -> None:
        """Those that were tried least say when they are tried again."""
        least = min(one.attempts for one in claimed.notices) + 1
        said = error.after or 0.0 if isinstance(error, Retry) else 0.0
        given_up = await notices_store.failed(
            self._runtime.store,
            target.id,
            claimed,
            str(error),
            pause=max(rules.pause(least), said),
            gate=max(rules.gate(target.failures + 1), said),
            lasting=rules.LASTING,
        )
        self._count(target, "failed")
        log.warning("a message was not taken", target=target.name, reason=str(error))
        if given_up:
            self._count(target, "given_up")
            lost = rules.given_up(target, given_up, str(error))
            await self._runtime.activity.record(
                "notify.given_up", lost, level="error", subject=rules.page_of(target.id)
            )

    async def _call(self, target_id: int) -> None:
        """Call a heartbeat address, unless another node does."""
        store = self._runtime.store
        if not await targets_store.take_beat(store, target_id, interval=self._options.heartbeat_interval):
            return
        target = await targets_store.get(store, target_id)
        error = await self._attempt(target, rules.test_message(self._runtime.node, utcnow()))
        await targets_store.beat_done(store, target_id, None if error is None else str(error))
        self._count(target, "sent" if error is None else "failed")
        self._runtime.bus.publish("notifications")

    async def test(self, target_id: int) -> tuple[Target, NightcrewError | None]:
        """Send a test now; returns the target, and why it was not taken. Raises `NotFound`."""
        target = await targets_store.get(self._runtime.store, target_id)
        error = await self._attempt(target, rules.test_message(self._runtime.node, utcnow()))
        if error is None:
            await targets_store.tested(self._runtime.store, target_id)
        self._count(target, "sent" if error is None else "failed")
        self._runtime.bus.publish("notifications")
        return target, error

    async def _attempt(self, target: Target, message: Message) -> NightcrewError | None:
        """Why a message was not taken, None when it was. No sentence shows a part of the address that may be a secret."""
        try:
            address = str(self._runtime.vault.unseal(target.sealed))
            await ways.send(self._runtime.http, target.kind, address, message, base_url=self._runtime.base_url())
        except NightcrewError as exc:
            return exc
        return None

    def _count(self, target: Target, outcome: str) -> None:
        self._runtime.health.metrics.notifications.labels(target.kind, outcome).inc()

    # -- needs ---------------------------------------------------------------------------------------------------------

    async def compare_needs(self) -> None:
        """Tell of what needs a person and did not before. It is told again only after it went away."""
        store = self._runtime.store
        if not await targets_store.any_listener(store):
            return
        if not self._looked:
            await notices_store.keep_needs(store)
        self._looked = True
        found = rules.keyed(await self._runtime.health.needs())
        for key in await notices_store.see(store, list(found)):
            need = found[key]
            await self._runtime.activity.record(
                "need.new",
                need.message,
                level=need.level,
                subject=need.href[:200],
                provided=functools.partial(notices_store.first, store=store, key=key),
            )
        await notices_store.forget_needs(store, gone=GONE)

    async def needs(self) -> list[Need]:
        """Targets that do not work for a while."""
        now = utcnow()
        return [
            Need("warning", rules.trouble(target, now), rules.page_of(target.id), key=f"notify target {target.id}")
            for target in await targets_store.every(self._runtime.store)
            if target.enabled and target.failing_since and (now - target.failing_since).total_seconds() >= TROUBLED
        ]

    @property
    def _options(self) -> KernelSettings:
        return self._runtime.settings.of(KernelSettings)
