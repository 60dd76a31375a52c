"""The task that follows hand-overs: it sends, looks, lets go what was looked into, and takes the next source where one fails."""

from __future__ import annotations

import functools
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from nightcrew.kernel import recovery
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.connections.calls import Paused
from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.connections.models import Connection
from nightcrew.kernel.declare import Tick
from nightcrew.kernel.due import earliest
from nightcrew.kernel.errors import GiveUp, NeedsUser, NightcrewError, NotFound
from nightcrew.kernel.hands import Hands
from nightcrew.kernel.routes import RouteDown
from nightcrew.kernel.runtime import Runtime
from nightcrew.movies.clients import CLIENTS
from nightcrew.movies.clients.base import TAG, Client, ClientKind, KnownClients, Rejected
from nightcrew.movies.clients.remote import RemoteTorrent
from nightcrew.movies.handover import ends as handover_ends
from nightcrew.movies.handover import rules as handover_rules
from nightcrew.movies.handover import torrents as handover_torrents
from nightcrew.movies.handover.models import HandoverEntry
from nightcrew.movies.handover.rules import Act, Cause, HandoverPatience, HandoverState, HandoverVerdict, HandoverWatch
from nightcrew.movies.settings import MovieSettings
from nightcrew.movies.store import handovers, sources

BY_KIND: dict[str, ClientKind] = {one.kind.name: one for one in CLIENTS}
BUSY, AT_ONCE = 4, 100
"""How many clients are asked at a time, and how many hand-overs are looked at in one go."""
SOON, LATER, LATEST = 2.0, 10.0, 60.0
"""Seconds until the next look: before it is let go, while it comes, and while it does not."""
AWAY, ASLEEP = 30.0, 300.0
"""Seconds until a client is asked again that could not be, or that needs a person."""
UNSEEN = frozenset({HandoverState.CHOSEN, HandoverState.SENT, HandoverState.METADATA, HandoverState.CHECKING})
"""States of what was not let go yet."""


@dataclass(slots=True)
class HandoverCrew:
    """Kept in the runtime from start to stop."""

    hands: Hands
    clients: KnownClients = field(default_factory=KnownClients)


async def start(runtime: Runtime) -> None:
    """Called once at the start of a node, before its workers."""
    hands = Hands(runtime, handovers.HANDOVERS, BUSY, functools.partial(_failed, runtime))
    runtime.add(HandoverCrew(hands))
    await handovers.HANDOVERS.give_back(runtime.store, by=runtime.node)  # what it held when it was killed


async def stop(runtime: Runtime) -> None:
    """Called at the end of a node."""
    await runtime.part(HandoverCrew).hands.close()


async def follow(runtime: Runtime) -> None:
    """The cycle: what is due is looked at, all of a client in one question."""
    hands = runtime.part(HandoverCrew).hands
    await hands.keep()
    if not hands.free:
        return
    due: dict[int, list[HandoverEntry]] = defaultdict(list)
    for entry in await handovers.claim(runtime.store, by=runtime.node, limit=AT_ONCE):
        due[entry.connection_id].append(entry)
    for number, entries in due.items():
        hands.take([one.id for one in entries], _look(runtime, number, entries), f"hand-overs at client {number}")


async def next_at(runtime: Runtime) -> datetime | None:
    """When there is something to do."""
    hands = runtime.part(HandoverCrew).hands
    due = await handovers.HANDOVERS.soonest(runtime.store) if hands.free else None
    return earliest((due, hands.next_at))


async def clients(runtime: Runtime) -> list[Connection]:
    """The download clients that people connected and did not switch off, of all kinds, by name."""
    known = runtime.part(Connections)
    return sorted(
        [one for name in BY_KIND for one in await known.of_kind(name)], key=lambda one: (one.name.casefold(), one.id)
    )


def patience(runtime: Runtime) -> HandoverPatience:
    """How long is waited, as the settings say."""
    options, usual = runtime.settings.of(MovieSettings), HandoverPatience()
    progress = options.stalled_minutes * 60.0
    return replace(
        usual,
        metadata=options.metadata_minutes * 60.0,
        progress=progress,
        hopeless=max(usual.hopeless, progress),
        stalled=options.next_source_minutes * 60.0,
    )


async def client_of(runtime: Runtime, number: int) -> Client:
    """The client of a connection. Raises `NotFound`, `NeedsUser`."""
    line = await runtime.part(Connections).line(number)
    if line.kind.name not in BY_KIND:
        raise NotFound(f"{line.name} is no download client")
    return runtime.part(HandoverCrew).clients.of(number, line, BY_KIND[line.kind.name])


async def _look(runtime: Runtime, number: int, entries: list[HandoverEntry]) -> None:
    try:
        client = await client_of(runtime, number)
    except NotFound:
        for entry in entries:
            await handover_ends.without_client(runtime, entry)
        return
    except NightcrewError as exc:
        for entry in entries:
            await _put_off(runtime, entry, exc)
        return
    try:
        seen = await client.look([one.swarm for one in entries])
    except NightcrewError as exc:
        for entry in entries:
            await _put_off(runtime, entry, exc)
        return
    for entry in entries:
        try:
            await _one(runtime, client, entry, seen.get(entry.swarm))
        except NightcrewError as exc:
            await _put_off(runtime, entry, exc)


async def _one(runtime: Runtime, client: Client, entry: HandoverEntry, remote: RemoteTorrent | None) -> None:
    """One look. What it does is done before it is written down: after a crash it is done again, which changes nothing."""
    if entry.ended_at is not None:
        await handover_ends.clear(runtime, client, entry, remote)
        return
    known = entry.watch
    if entry.state is not HandoverState.STALLED:  # why the client could not be asked before
        known = replace(known, reason="")
    verdict = handover_rules.judge(known, remote, utcnow(), patience(runtime))
    watch = await _act(runtime, client, entry, verdict, remote)
    if watch.state in handover_rules.OPEN:
        due_at = utcnow() + timedelta(seconds=_pause(watch))
        if not await handovers.settle(
            runtime.store, entry, watch, by=runtime.node, due_at=due_at, failures=0, **handover_ends.figures(remote)
        ):
            await handovers.clear_again(runtime.store, entry.id)
            return
        if watch.state is HandoverState.STALLED is not entry.state:
            await handover_ends.tell(runtime, entry, "movie.handover_stalled", f"stalls: {watch.reason}", warn=True)
    else:
        await handover_ends.over(runtime, entry, watch, remote)
    if watch.state is not entry.state or watch.got != entry.got:
        runtime.bus.publish("movies")


async def _act(
    runtime: Runtime, client: Client, entry: HandoverEntry, verdict: HandoverVerdict, remote: RemoteTorrent | None
) -> HandoverWatch:
    """Do what was decided; returns how it stands then."""
    act = verdict.act
    if act is Act.SEND:
        return await _send(runtime, client, entry, verdict.watch)
    if remote is None:
        return verdict.watch
    if act is Act.PAUSE and (TAG not in remote.tags or await _is_let_go(runtime, entry)):
        act = Act.INSPECT  # it is somebody else's: it goes on while it is looked into
    if act is Act.PAUSE:
        await client.pause(entry.swarm)
    elif act is Act.INSPECT:
        return await _inspect(runtime, client, entry, verdict.watch, remote)
    return verdict.watch


async def _is_let_go(runtime: Runtime, entry: HandoverEntry) -> bool:
    """Whether the same torrent is fetched for another film already: stopping it would stop that one."""
    return any(one.state not in UNSEEN for one in await handovers.sharing(runtime.store, entry))


async def _send(runtime: Runtime, client: Client, entry: HandoverEntry, watch: HandoverWatch) -> HandoverWatch:
    try:
        source = await sources.get(runtime.store, entry.source_id)
    except NotFound:
        return watch.fail(Cause.REJECTED, "its source is not known any more")
    try:
        torrent = await handover_torrents.fetch(runtime, source, entry.swarm, entry.failures)
    except GiveUp as exc:
        return watch.fail(Cause.REJECTED, str(exc))
    try:
        await client.add(torrent, swarm=entry.swarm, category=client.category, tags=(TAG,), held=True)
    except Rejected as exc:
        return watch.fail(Cause.REJECTED, str(exc))
    return handover_rules.sent(watch)


async def _inspect(
    runtime: Runtime, client: Client, entry: HandoverEntry, watch: HandoverWatch, remote: RemoteTorrent
) -> HandoverWatch:
    refused = await handover_torrents.refused(runtime, client, entry, remote)
    if refused is None:  # it has not said yet what files there are
        return watch
    found = handover_rules.inspected(watch, refused)
    if found.state is HandoverState.DOWNLOADING:
        await client.resume(entry.swarm)
    return found


def _pause(watch: HandoverWatch) -> float:
    if watch.state is HandoverState.STALLED:
        return LATEST
    return LATER if watch.state is HandoverState.DOWNLOADING else SOON


async def _put_off(runtime: Runtime, entry: HandoverEntry, exc: NightcrewError) -> None:
    """It could not be looked at: that says nothing of the source, and no time counts until the next look is due."""
    after = getattr(exc, "after", None)
    if isinstance(exc, RouteDown | Paused):  # neither is an attempt
        wait, failures = after or recovery.parked(), entry.failures
    else:
        wait = (
            ASLEEP
            if isinstance(exc, NeedsUser | NotFound)
            else max(after or 0.0, min(AWAY * 2**entry.failures, ASLEEP))
        )
        failures = min(entry.failures + 1, 10)
    due_at = utcnow() + timedelta(seconds=min(wait, 3600.0))
    values: dict[str, Any] = {"failures": failures}
    if entry.ended_at is None:
        values |= {"reason": str(exc)[:500], "looked_at": due_at}
    if not await handovers.HANDOVERS.park(runtime.store, by=runtime.node, key=entry.id, until=due_at, values=values):
        await handovers.clear_again(runtime.store, entry.id)


async def _failed(runtime: Runtime, number: Any, exc: Exception) -> None:
    """What nobody expected: it is looked at again later. Why one has ended stays."""
    values = {"reason": handovers.unless_ended(f"an error in Nightcrew: {type(exc).__name__}")}
    later = utcnow() + timedelta(seconds=ASLEEP)
    await handovers.HANDOVERS.park(runtime.store, by=runtime.node, key=number, until=later, values=values)


TICK = Tick(
    "movies.handover",
    follow,
    every=1.0,
    promise=900.0,
    time_limit=60.0,
    help="Hands sources over to download clients, and follows them.",
    next_at=next_at,
    topics=(handovers.HANDOVERS.topic, "connections"),
)
