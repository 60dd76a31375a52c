"""Asking trackers how many share a torrent."""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from binascii import unhexlify
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from urllib.parse import SplitResult, urlsplit

from nightcrew.kernel.errors import GiveUp, Invalid, Retry
from nightcrew.kernel.http import Http
from nightcrew.kernel.routes import DIRECT, Route, Routes
from nightcrew.movies.trackers import reaching, rules, wire
from nightcrew.movies.trackers.http import HttpTracker
from nightcrew.movies.trackers.order import Orders
from nightcrew.movies.trackers.rules import TrackerMemory
from nightcrew.movies.trackers.survey import Silent, Survey
from nightcrew.movies.trackers.udp import FIRST_WAIT, Peer
from nightcrew.movies.trackers.wire import Swarm

MAX_ADDRESS = 1_000
NEW = TrackerMemory()


class Scraper:
    """Asks a tracker by the address that a torrent names. It keeps no socket: each question has its own, and closes it."""

    def __init__(
        self,
        http: Http,
        routes: Routes,
        *,
        allow_private: bool = False,
        first_wait: float = FIRST_WAIT,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._http, self._routes = http, routes
        self._allow_private, self._first_wait, self._now = allow_private, first_wait, now
        self._orders = Orders(random.Random(secrets.randbits(128)))

    async def scrape(
        self,
        tracker: str,
        hashes: Sequence[str],
        *,
        route: str = DIRECT,
        memory: TrackerMemory = NEW,
        allow_private: bool = False,
        patience: float | None = None,
    ) -> tuple[dict[str, Swarm], TrackerMemory]:
        """What a tracker says, by hash (40 hex digits), and what was learnt about it.

        A hash that is missing is one that it does not know, or did not answer for: no statement. `allow_private` is for an address
        that a person entered: others may not lead into a private network. `patience`: seconds after which the rest is left out. Raises
        `Retry` when it answers nothing (with `after`, when the tracker said so), `GiveUp` for what cannot be scraped, `RouteDown`, and
        `Invalid` for what is no hash.
        """
        now = self._now()
        parts, shown = _parts(tracker)
        if now < memory.not_before <= now + wire.MAX_SECONDS:
            raise Retry(f"{shown} wants a pause", after=memory.not_before - now)
        wanted, is_plain = _read(hashes)
        is_allowed, way = allow_private or self._allow_private, self._routes.of(route)
        until = None if patience is None else asyncio.get_running_loop().time() + patience
        if not wanted:
            return {}, memory
        if parts.scheme == "udp":
            found, memory = await self._udp(parts, shown, wanted, way, memory, until, allow_private=is_allowed)
        else:
            address = wire.scrape_address(tracker)
            if address is None:
                raise GiveUp(f"{shown} has no address for scraping: its path does not end with announce")
            peer = HttpTracker(self._http, address, shown, route, is_allowed)
            found, memory = await peer.scrape(wanted, memory, now, until)
        return found if is_plain else {one: found[one.lower()] for one in hashes if one.lower() in found}, memory

    async def _udp(
        self,
        parts: SplitResult,
        shown: str,
        hashes: Iterable[str],
        route: Route,
        memory: TrackerMemory,
        until: float | None,
        *,
        allow_private: bool,
    ) -> tuple[dict[str, Swarm], TrackerMemory]:
        try:
            async with asyncio.timeout_at(until):
                found = await reaching.addresses(route, parts.hostname or "", shown, allow_private=allow_private)
                peer, address = await reaching.reach(
                    route, found, parts.port or 0, lambda: Peer(shown, first_wait=self._first_wait)
                )
        except TimeoutError as exc:
            raise Silent(f"{shown} does not answer in time") from exc
        try:
            most = rules.limit(ipv6=":" in address, tunnel=route.name != DIRECT)
            survey = Survey(peer.ask, memory, most=most, now=self._now(), orders=self._orders)
            said = await survey.run(hashes, until)
        finally:
            await peer.close()
        return said, replace(survey.memory, not_before=0.0)


def _parts(tracker: str) -> tuple[SplitResult, str]:
    """A tracker's address in parts, and as an error may show it: without path, which may hold a personal key."""
    try:
        parts = urlsplit(tracker)
        host, port = parts.hostname, parts.port
    except ValueError as exc:
        raise GiveUp("the tracker's address cannot be read") from exc
    if parts.scheme not in {"udp", "http", "https"} or not host or len(tracker) > MAX_ADDRESS:
        raise GiveUp("the tracker has no address that can be scraped: only udp, http and https can")
    if parts.scheme == "udp" and not port:
        raise GiveUp(f"the address of {host} names no port")
    return parts, f"{parts.scheme}://{host}" + (f":{port}" if port else "")


def _read(hashes: Sequence[str]) -> tuple[list[str], bool]:
    """Each hash once, in small letters, and whether all are written so. They are checked together: there may be many."""
    every = "".join(hashes)
    try:
        unhexlify(every)
    except ValueError:  # it is no hex, or not in pairs
        every = ""
    if len(every) != wire.DIGITS * len(hashes) or set(map(len, hashes)) - {wire.DIGITS}:
        raise Invalid("a torrent is named by 40 hex digits", field="hashes")
    is_plain = every == every.lower()
    return list(dict.fromkeys(hashes if is_plain else [one.lower() for one in hashes])), is_plain
