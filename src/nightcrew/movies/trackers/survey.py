"""Asking a UDP tracker for any number of torrents, so that no number is given to another torrent than it belongs to.

A batch is asked for in two orders, three while it is small or the tracker is new, and counts when the numbers agree and prove
the order (`order.py`). Asking once, and trusting a tracker that had kept the order before, gave wrong numbers to torrents where a tracker
began to exchange a few neighbours: whatever is not asked for twice is not known. Nothing is given before all is asked: where one
batch is found to be mixed up, none of them counts, and every hash is asked for alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from nightcrew.kernel.errors import Retry
from nightcrew.kernel.routes import RouteDown
from nightcrew.movies.trackers import order, rules, wire
from nightcrew.movies.trackers.order import OrderProof, Orders, Rearranged
from nightcrew.movies.trackers.rules import AnswerOrder, TrackerMemory
from nightcrew.movies.trackers.wire import EACH, NOTHING, Numbers, Swarm

WINDOW = 32
"""Packets on the way to one tracker at a time."""


class Declined(Retry):
    """The tracker answered with an error."""


class Silent(Retry):
    """The tracker did not answer."""

    unreached = True


Ask = Callable[[Sequence[str], bool], Awaitable[bytes | None]]
"""Asks for hashes in one packet; the numbers as they came (`wire.body_of`). True: silence is not waited out.

Raises `Declined`, `Silent` or `RouteDown`."""


class Survey:
    """One question for many hashes. `memory` is what is known of the tracker, before and after."""

    def __init__(
        self,
        ask: Ask,
        memory: TrackerMemory,
        *,
        most: int,
        now: float,
        orders: Orders,
        window: int = WINDOW,
    ) -> None:
        self.memory = rules.refreshed(memory, now)
        self._ask, self._most, self._now, self._orders, self._window = ask, most, now, orders, window
        self._left: list[str] = []
        self._sure: dict[str, bytes] = {}
        self._batched: list[tuple[list[str], bytes]] = []
        self._mixed = False
        self._failure: Retry | None = None

    async def run(self, hashes: Iterable[str], until: float | None = None) -> dict[str, Swarm]:
        """What the tracker says, by hash; what it does not know, or did not answer, is missing.

        `until`: when what is not answered is left out, on the event loop's clock. Raises `RouteDown`, and another `Retry` when it answered
        nothing at all.
        """
        self._left = list(dict.fromkeys(hashes))[::-1]
        every = self._left[:]
        try:
            async with asyncio.timeout_at(until):
                if self.memory.order is not AnswerOrder.MIXED:
                    await self._take()  # the first batch alone: it shows what the tracker bears
                    await self._together(self._take, len(self._left))
                self._drop_mixed(every)
                if self.memory.order is AnswerOrder.MIXED:
                    await self._together(self._take_alone, len(self._left))
        except TimeoutError:
            self._failure = self._failure or Silent("the tracker does not answer in time")
            self._drop_mixed(every)
        if isinstance(self._failure, RouteDown) or (self._failure and not self._batched and not self._sure):
            raise self._failure
        found = dict[str, Swarm]()
        for batch, body in (*self._batched, (list(self._sure), b"".join(self._sure.values()))):
            found.update(wire.swarms(batch, body))
        return found

    def _drop_mixed(self, every: Sequence[str]) -> None:
        """Where one batch was mixed up, none of them counts."""
        if self._mixed and self.memory.order is not AnswerOrder.MIXED:
            self.memory = rules.mixed_up(self.memory, self._now)
            self._batched, self._left = [], [one for one in every if one not in self._sure]

    async def _together(self, take: Callable[[], Awaitable[None]], most: int) -> None:
        """Take on what is left, some at a time."""

        async def work() -> None:
            while self._left and not self._failure and not (self._mixed and take == self._take):
                await take()

        async with asyncio.TaskGroup() as tasks:
            for _ in range(min(self._window, most)):
                tasks.create_task(work(), name="scrape")

    # -- batches -------------------------------------------------------------------------------------------------------

    async def _take(self) -> None:
        """Take the next batch from what is left, and ask for it. What is left is shared out evenly when full batches teach nothing."""
        if not self._left or self._mixed or self._failure:
            return
        count = min(len(self._left), rules.size(self.memory, self._most))
        if rules.grown(self.memory, self._most) is self.memory or len(self._left) - count <= order.FEW:
            batches = -(-len(self._left) // count)
            count = -(-len(self._left) // batches)
        batch = self._left[: -count - 1 : -1]
        del self._left[-count:]
        try:
            await (self._alone(batch) if len(batch) <= order.FEW else self._twice(batch))
        except Retry as exc:
            self._failure = self._failure or exc

    async def _twice(self, batch: list[str]) -> None:
        """In several orders: as it is, by chance, and from behind while the tracker is new."""
        orders = self._orders.some(len(batch), is_new=self.memory.order is AnswerOrder.UNKNOWN)
        body = await self._whole(batch)
        if body is None:
            return
        answers = [tuple(wire.numbers(body))]
        for one in orders:
            more = await self._whole(batch, one)
            if more is None:
                return
            answers.append(one.back(wire.numbers(more)))
        verdict = order.judge(answers)
        if verdict is OrderProof.MIXED:
            self._mixed = True
        elif verdict is OrderProof.KEPT:
            await self._agreed(batch, answers, body)
        else:
            await self._doubted(batch, answers)

    async def _agreed(self, batch: list[str], answers: list[tuple[Numbers, ...]], body: bytes) -> None:
        """What is the same in all orders counts. What moved meanwhile is asked for alone."""
        self.memory = rules.in_order(self.memory)
        first = answers[0]
        moved = {at for other in answers[1:] if other != first for at, one in enumerate(other) if one != first[at]}
        if moved:
            kept = [at for at in range(len(batch)) if at not in moved]
            self._batched.append(([batch[at] for at in kept], wire.body([first[at] for at in kept])))
            await self._alone([batch[at] for at in sorted(moved)])
        else:
            self._batched.append((batch, body))

    async def _doubted(self, batch: list[str], answers: list[tuple[Numbers, ...]]) -> None:
        """The numbers prove no order: what the tracker seems to know is asked for alone, and shows whether they were mixed up."""
        by_hash = {one: [answer[at] for answer in answers] for at, one in enumerate(batch)}
        seen = [one for one, said in by_hash.items() if any(numbers != NOTHING for numbers in said)]
        await self._alone(seen)
        for one in seen:
            if one in self._sure:
                [sure] = wire.numbers(self._sure[one])
                self._mixed |= not all(order.is_near(sure, numbers) for numbers in by_hash[one])

    # -- packets -------------------------------------------------------------------------------------------------------

    async def _whole(self, batch: list[str], arranged: Rearranged | None = None) -> bytes | None:
        """The answer to one packet. None when it is short, and the batch goes back to what is left: it is no part of the answer, since
        nobody knows which hashes it is about."""
        count, body = len(batch), None
        is_larger = count > max(1, self.memory.good)
        try:
            body = await self._ask(arranged.there(batch) if arranged else batch, is_larger and self.memory.good > 0)
        except Declined:
            pass
        except Silent:
            if not is_larger:
                raise
            self.memory = rules.lost(self.memory, count, self._now)
            self._left += batch
            return None
        if body is None or len(body) != count * EACH:
            self.memory = rules.short(self.memory, count, self._now)
            self._left += batch
            return None
        self.memory = rules.whole(self.memory, count, self._most)
        return body

    async def _alone(self, hashes: Iterable[str]) -> None:
        """One hash a packet: its answer can be about no other one."""
        known = True
        for one in hashes:
            known &= await self._ask_alone(one)
        if known and rules.size(self.memory, self._most) <= order.FEW:
            self.memory = rules.grown(self.memory, self._most)

    async def _take_alone(self) -> None:
        try:
            await self._ask_alone(self._left.pop())
        except Retry as exc:
            self._failure = self._failure or exc

    async def _ask_alone(self, one: str) -> bool:
        """Whether the tracker answered with numbers."""
        body = await self._ask([one], False)
        if body == b"":
            self.memory = rules.empty(self.memory)
        if body is None or len(body) != EACH:
            return False
        self.memory = rules.whole(self.memory, 1, self._most)
        self._sure[one] = body
        return True
