"""HTTP trackers (BEP 48). Their answers name the hashes, so their order says nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from nightcrew.kernel.errors import GiveUp, Misread, NeedsUser, Retry
from nightcrew.kernel.http import Http, Limits, Request
from nightcrew.kernel.routes import RouteDown
from nightcrew.movies.torrents.errors import BadTorrent
from nightcrew.movies.trackers import rules, wire
from nightcrew.movies.trackers.rules import TrackerMemory
from nightcrew.movies.trackers.wire import HttpAnswer, Swarm

LONGEST = 2_000
"""Characters of an address that every server takes; one hash has up to 71."""
BYTES, BYTES_EACH = 4_096, 512
"""What an answer may have, altogether and for each hash that was asked for: more is a list of all that a tracker knows."""
SECONDS = 30.0


@dataclass(slots=True)
class _Asked:
    """How far a question for many hashes has come."""

    memory: TrackerMemory
    left: list[str]
    found: dict[str, Swarm | None] = field(default_factory=dict)
    is_over: bool = False


@dataclass(frozen=True, slots=True)
class HttpTracker:
    """How one tracker is asked. `address` is its scrape address, `shown` is how an error names it."""

    http: Http
    address: str
    shown: str
    route: str
    allow_private: bool

    async def scrape(
        self, hashes: Sequence[str], memory: TrackerMemory, now: float, until: float | None = None
    ) -> tuple[dict[str, Swarm], TrackerMemory]:
        """What the tracker says, by hash, and what was learnt.

        One that wants a pause between questions is asked once, so what does not fit into that is missing, as is what is not answered at
        `until`, on the event loop's clock, or before it fails. Raises `Retry` and `GiveUp` when it answers nothing.
        """
        asked = _Asked(rules.refreshed(memory, now), list(dict.fromkeys(hashes))[::-1])
        try:
            async with asyncio.timeout_at(until):
                while asked.left and not asked.is_over:
                    await self._go_on(asked, now)
        except RouteDown:
            raise
        except TimeoutError as exc:
            if not asked.found:
                raise Retry(f"{self.shown} does not answer in time") from exc
        except (Retry, GiveUp) as exc:
            if not asked.found:
                raise
            asked.memory = rules.asked(asked.memory, now, (exc.after or 0.0) if isinstance(exc, Retry) else 0.0)
        return {one: swarm for one, swarm in asked.found.items() if swarm}, asked.memory

    async def _go_on(self, asked: _Asked, now: float) -> None:
        """Ask for the next batch of what is left."""
        batch = self._next(asked.left, asked.memory)
        answer = await self._answered(batch)
        if answer is None or (answer.failure and len(batch) > 1):
            asked.memory = replace(rules.short(asked.memory, len(batch), now), batch=1)
            return
        asked.memory = rules.asked(asked.memory, now, answer.interval)
        if answer.failure:
            raise Retry(f"{self.shown} answers: {answer.failure}", after=answer.interval or None)
        del asked.left[-len(batch) :]
        asked.found.update(answer.named)
        if answer.interval:
            asked.is_over = True
            return
        missing = [one for one in batch if one not in answer.named]
        if len(batch) <= asked.memory.good or not (answer.named and missing):
            asked.memory = rules.whole(asked.memory, len(batch), rules.LARGEST) if not missing else asked.memory
            return
        more = await self._probe(missing, next(iter(answer.named)))
        if more is None:
            asked.memory = rules.whole(asked.memory, len(batch), rules.LARGEST)
        else:
            asked.memory = rules.short(asked.memory, len(batch), now)
            asked.found.update(more)
            asked.left += [one for one in missing if one not in more]

    async def _probe(self, missing: Sequence[str], known: str) -> Mapping[str, Swarm | None] | None:
        """Whether hashes are missing since the tracker takes few at once, and not since it does not know them: None when not.

        Those that are missing are asked for once more with a known one in the middle. Where that one is answered, and no other, it is the
        only one that the tracker knows of them. It is never the first one, which a tracker answers that takes one at a time.
        """
        half = -(-len(missing) // 2)
        answer = await self._answered([*missing[:half], known, *missing[half:]])
        if answer is None or answer.failure:
            return {}
        return None if answer.named.keys() == {known} else answer.named

    async def _answered(self, batch: Sequence[str]) -> HttpAnswer | None:
        """None: so many at once do not work. The tracker may have sent all that it knows, as if no hash had been named."""
        try:
            return await self._ask(batch)
        except Misread:
            if len(batch) == 1:
                raise
        except GiveUp as exc:
            if len(batch) == 1 or exc.status not in {None, 400, 413, 414}:
                raise
        return None

    def _next(self, left: Sequence[str], memory: TrackerMemory) -> list[str]:
        """As many as may be asked for, and as fit into an address."""
        batch = list(left[: -rules.size(memory, len(left)) - 1 : -1])
        while len(batch) > 1 and len(wire.scrape_question(self.address, batch)) > LONGEST:
            batch = batch[: len(batch) * 9 // 10]
        return batch

    async def _ask(self, batch: Sequence[str]) -> HttpAnswer:
        url = wire.scrape_question(self.address, batch)
        request = Request(url, route=self.route, allow_private=self.allow_private, attempts=1)
        limits = Limits(max_bytes=BYTES + BYTES_EACH * len(batch), seconds=SECONDS)
        try:
            reply = await self.http.ask(request, limits=limits)
        except NeedsUser as exc:
            error = GiveUp(f"{self.shown} refuses to be scraped")
            error.status = exc.status
            raise error from exc
        try:
            return wire.http_answer(reply.body, batch)
        except BadTorrent as exc:
            looks = "a web page" if reply.body.lstrip()[:1] == b"<" else f"no answer of a tracker ({exc})"
            raise Misread(f"{self.shown} answers {looks}") from exc
