"""What the kernel declares of connections: what people are told, and what needs one of them."""

from __future__ import annotations

from datetime import timedelta

from nightcrew.kernel.connections import rules, store
from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.connections.models import Connection, ConnectionState
from nightcrew.kernel.declare import Need, NoticeKind
from nightcrew.kernel.runtime import Runtime

LASTING = 4
"""Pauses after which a service that is away needs a person's eyes: some four minutes."""
PAGE = "/connections"

NOTICES = (
    NoticeKind("connection.away", "failed", "A service is away", "services are away", by_subject=True),
    NoticeKind("connection.back", "recovered", "A service works again", "services work again", by_subject=True),
)


async def start(runtime: Runtime) -> None:
    """Put the connections into the runtime."""
    runtime.add(Connections(runtime))


async def needs(runtime: Runtime) -> list[Need]:
    """Connections that wait for a person, that are away for long, and grants that end soon."""
    part = runtime.part(Connections)
    now = await store.now(runtime.store)
    found: list[Need] = []
    for one in await store.every(runtime.store):
        kind = part.kinds.get(one.kind)
        days = (kind.oauth.lifetime_days, kind.oauth.warn_days) if kind and kind.oauth else (None, 0)
        until = rules.granted_until(one.granted_at, days[0])
        if (need := _trouble(one)) is not None:
            found.append(need)
        elif one.enabled and until is not None and until - now < timedelta(days=days[1]):
            said = f"Access to {one.name} ends on {until:%Y-%m-%d}. Grant it again before then"
            found.append(Need("warning", said, f"{PAGE}#connection-{one.id}", key=f"grant {one.id}"))
    return found


def _trouble(one: Connection) -> Need | None:
    if one.owner:  # what it belongs to says what it needs
        return None
    where, key = f"{PAGE}#connection-{one.id}", f"connection {one.id}"
    if one.enabled and one.standing.state is ConnectionState.PERSON:
        return Need("error", rules.in_words(one), where, key=key)
    if (
        one.enabled
        and one.standing.state in {ConnectionState.AWAY, ConnectionState.COOLING}
        and one.standing.pauses >= LASTING
    ):
        return Need("warning", rules.in_words(one), where, key=key)
    return None
