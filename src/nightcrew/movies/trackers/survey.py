"""Asking a UDP tracker for any number of torrents, so that no number is given to another torrent than it belongs to.

A batch is asked for in two orders, three while the tracker is new, and counts when the numbers agree and prove the order
(`order.py`). Once many batches in a row did, further ones are asked for once, each with a few known hashes at random places; one
of 16 is asked for in two orders still. Nothing is given before all is asked: where one batch is found to be mixed up, none of
them counts, and every hash is asked for alone.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence

from nightcrew.kernel.errors import Retry
from nightcrew.kernel.routes import RouteDown
from nightcrew.movies.trackers import order, rules, wire
from nightcrew.movies.trackers.order import Verdict
from nightcrew.movies.trackers.rules import Order, TrackerMemory
from nightcrew.movies.trackers.wire import EACH, NOTHING, Numbers, Swarm

WINDOW = 16
"""Packets on the way to one tracker at a time."""


class Refused(Retry):
    """The tracker answered with an error."""


class Silent(Retry):
    """The tracker did not answer."""

    unreached = True


Ask = Callable[[Sequence[str], bool], Awaitable[bytes | None]]
"""Asks for hashes in one packet; the numbers as they came (`wire.body_of`). True: silence is not waited out.

Raises `Refused`, `Silent` or `RouteDown`."""


class Survey:
    """One question for many hashes. `memory` is what is known of the tracker, before and after."""

    def __init__(
        self,
        ask: Ask,
        memory: TrackerMemory,
        *,
        most: int,
        now: float,
        chance: random.Random,
        window: int = WINDOW,
    ) -> None:
        self.memory = rules.refreshed(memory, now)
        self._ask, self._most, self._now, self._chance, self._window = ask, most, now, chance, window
        self._left: list[str] = []
        self._sure: dict[str, bytes] = {}
        self._batched: list[tuple[list[str], bytes]] = []
        self._anchors: dict[str, bytes] = {}
        self._since_check = 0
        self._mixed = False
        self._failure: Retry | None = None

    async def run(self, hashes: Iterable[str]) -> dict[str, Swarm]:
        """What the tracker says, by hash; what it does not know, or did not answer, is missing.

        Raises `RouteDown`, and another `Retry` when it answered nothing at all.
        """
        self._left = list(dict.fromkeys(hashes))[::-1]
        every = self._left[:]
        if self.memory.order is not Order.MIXED:
            await self._take()  # the first batch alone: it shows what the tracker bears
            await self._together(self._take, len(self._left))
        if self._mixed:
            self.memory = rules.mixed_up(self.memory, self._now)
            self._batched, self._left = [], [one for one in every if one not in self._sure]
        if self.memory.order is Order.MIXED:
            await self._together(self._take_alone, len(self._left))
        if isinstance(self._failure, RouteDown) or (self._failure and not self._batched and not self._sure):
            raise self._failure
        found = dict[str, Swarm]()
        for batch, body in (*self._batched, (list(self._sure), b"".join(self._sure.values()))):
            found.update(wire.swarms(batch, body))
        return found

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
        """Take the next batch from what is left, and ask for it. What is left is shared out evenly."""
        if not self._left or self._mixed or self._failure:
            return
        room = rules.size(self.memory, self._most)
        is_proven = self.memory.in_order == rules.PROVEN and bool(self._anchors)
        if room > 2 * order.FEW and is_proven:
            room -= order.ANCHORS
        batches = -(-len(self._left) // room)
        count = -(-len(self._left) // batches)
        batch = self._left[: -count - 1 : -1]
        del self._left[-count:]
        try:
            if len(batch) <= order.FEW:
                await self._alone(batch)
            elif is_proven and self._since_check < rules.SPOT_CHECK:
                self._since_check += 1
                await self._once(batch)
            else:
                self._since_check = 0
                await self._twice(batch)
        except Retry as exc:
            self._failure = self._failure or exc

    async def _once(self, batch: list[str]) -> None:
        """With known hashes among them."""
        anchors, chance = self._anchors, self._chance.random
        share = (len(batch) + len(anchors)) / len(anchors)
        places = [int((number + chance()) * share) for number in range(len(anchors))]  # one in each part of the packet
        asked = batch[:]
        for place, anchor in zip(places, anchors, strict=True):
            asked.insert(place, anchor)
        body = await self._whole(asked)
        if body is None:
            self._left += batch
        elif order.anchored(body, places, list(anchors.values())):
            ends = [*(place * EACH for place in places), len(body)]
            begins = [0, *((place + 1) * EACH for place in places)]
            self._batched.append((batch, b"".join([body[a:b] for a, b in zip(begins, ends, strict=True)])))
        else:
            await self._twice(batch)

    async def _twice(self, batch: list[str]) -> None:
        """In several orders: as it is, from behind while the tracker is new, and by chance."""
        orders = [list(range(len(batch))), self._chance.sample(range(len(batch)), len(batch))]
        if self.memory.order is Order.UNKNOWN:
            orders.insert(1, orders[0][::-1])
        answers = []
        for places in orders:
            body = await self._whole([batch[at] for at in places])
            if body is None:
                self._left += batch
                return
            by_place = dict(zip(places, wire.numbers(body), strict=True))
            answers.append([by_place[at] for at in range(len(batch))])
        verdict = order.judge(answers)
        if verdict is Verdict.MIXED:
            self._mixed = True
        elif verdict is Verdict.KEPT:
            await self._agreed(batch, answers)
        else:
            await self._doubted(batch, answers)

    async def _agreed(self, batch: list[str], answers: list[list[Numbers]]) -> None:
        """What is the same in all orders counts. What moved meanwhile is asked for alone."""
        self.memory = rules.in_order(self.memory)
        first = answers[0]
        moved = {at for other in answers[1:] for at, numbers in enumerate(other) if numbers != first[at]}
        kept = [at for at in range(len(batch)) if at not in moved]
        self._batched.append(([batch[at] for at in kept], wire.body([first[at] for at in kept])))
        self._anchors = {batch[at]: wire.body([first[at]]) for at in order.anchors(first) if at not in moved}
        await self._alone([batch[at] for at in sorted(moved)])

    async def _doubted(self, batch: list[str], answers: list[list[Numbers]]) -> None:
        """The numbers prove no order: what the tracker seems to know is asked for alone, and shows whether they were mixed up."""
        by_hash = {one: [answer[at] for answer in answers] for at, one in enumerate(batch)}
        seen = [one for one, said in by_hash.items() if any(numbers != NOTHING for numbers in said)]
        await self._alone(seen)
        for one in seen:
            if one in self._sure:
                [sure] = wire.numbers(self._sure[one])
                self._mixed |= not all(order.is_near(sure, numbers) for numbers in by_hash[one])

    # -- packets -------------------------------------------------------------------------------------------------------

    async def _whole(self, asked: list[str]) -> bytes | None:
        """The answer to one packet, None when it is short: it is no part of the answer, since nobody knows which hashes it is about."""
        is_larger = len(asked) > max(1, self.memory.good)
        try:
            body = await self._ask(asked, is_larger and self.memory.good > 0)
        except Refused:
            if len(asked) == 1:
                raise
            body = None
        except Silent:
            if not is_larger:
                raise
            self.memory = rules.lost(self.memory, len(asked), self._now)
            return None
        if body is None or len(body) != len(asked) * EACH:
            self.memory = rules.short(self.memory, len(asked), self._now)
            return None
        self.memory = rules.whole(self.memory, len(asked), self._most)
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
