"""HTTP trackers (BEP 48). Their answers name the hashes, so their order says nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from nightcrew.kernel.errors import GiveUp, Misread, NeedsUser, Retry
from nightcrew.kernel.http import Http, Limits, Request
from nightcrew.movies.torrents.errors import BadTorrent
from nightcrew.movies.trackers import rules, wire
from nightcrew.movies.trackers.rules import TrackerMemory
from nightcrew.movies.trackers.wire import HttpAnswer, Swarm

LONGEST = 2_000
"""Characters of an address that every server takes; one hash has up to 71."""
BYTES, BYTES_EACH = 4_096, 512
"""What an answer may have, altogether and for each hash that was asked for: more is a list of all that a tracker knows."""
SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class HttpTracker:
    """How one tracker is asked. `address` is its scrape address, `shown` is how an error names it."""

    http: Http
    address: str
    shown: str
    route: str
    allow_private: bool

    async def scrape(
        self, hashes: Sequence[str], memory: TrackerMemory, now: float
    ) -> tuple[dict[str, Swarm], TrackerMemory]:
        """What the tracker says, by hash, and what was learnt.

        One that wants a pause between questions is asked once, so what does not fit into that is missing. Raises `Retry` and `GiveUp`.
        """
        memory, found = rules.refreshed(memory, now), dict[str, Swarm | None]()
        left = list(dict.fromkeys(hashes))[::-1]
        while left:
            batch = self._next(left, memory)
            answer = await self._answered(batch)
            if answer is None or (answer.failure and len(batch) > 1):
                memory = replace(rules.short(memory, len(batch), now), batch=1)
                continue
            memory = rules.asked(memory, now, answer.interval)
            if answer.failure:
                raise Retry(f"{self.shown} answers: {answer.failure}", after=answer.interval or None)
            del left[-len(batch) :]
            found.update(answer.named)
            if answer.interval:
                break
            missing = [one for one in batch if one not in answer.named]
            if len(batch) <= memory.good or not (answer.named and missing):
                memory = rules.whole(memory, len(batch), rules.LARGEST) if not missing else memory
                continue
            more = await self._probe(missing, next(iter(answer.named)))
            if more is None:
                memory = rules.whole(memory, len(batch), rules.LARGEST)
            else:
                memory = rules.short(memory, len(batch), now)
                found.update(more)
                left += [one for one in missing if one not in more]
        return {one: swarm for one, swarm in found.items() if swarm}, memory

    async def _probe(self, missing: Sequence[str], known: str) -> Mapping[str, Swarm | None] | None:
        """Whether hashes are missing since the tracker takes few at once, and not since it does not know them: None when not.

        Those that are missing are asked for once more with a known one in the middle. Where that one is answered, and no other, it is the
        only one that the tracker knows of them.
        """
        half = len(missing) // 2
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
