"""Services that belong to something of a domain: their rows, made and removed in the transaction of what owns them.

An owner is written `domain:number/which`: "playlists:12/guide" is the guide of source 12. Address and login stay with the owner;
the row says how the service stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.connections.models import MAX_ADDRESS, MAX_NAME, connection, connection_detour
from nightcrew.kernel.connections.store import TOPIC, fresh
from nightcrew.kernel.routes import DIRECT
from nightcrew.kernel.store import Store, now_of, wake

NOTHING_ENTERED: dict[str, Any] = {"mirrors": [], "settings": {}, "sealed": "", "route": DIRECT}


@dataclass(frozen=True, slots=True)
class Owned:
    """One service as its owner describes it. `address` is shown: it has no login in it."""

    owner: str
    kind: str
    name: str
    address: str
    private: bool
    enabled: bool
    route: str = DIRECT


def number_of(owner: str) -> int:
    """The number of the thing that a service belongs to."""
    return int(owner.partition(":")[2].partition("/")[0])


async def settle(
    store: Store, writing: AsyncConnection, thing: str, wanted: Sequence[Owned], *, anew: bool = False
) -> None:
    """Make the services of `thing` ("playlists:12") the wanted ones. `anew`: what is known of how they stand holds no more."""
    mine = connection.c.owner.startswith(f"{thing}/", autoescape=True)
    known = {row.owner: row._mapping for row in await writing.execute(sa.select(connection).where(mine))}
    gone = known.keys() - {one.owner for one in wanted}
    await writing.execute(sa.delete(connection).where(connection.c.owner.in_(gone)))
    at = await now_of(writing)
    for one in wanted:
        values = asdict(one) | {"name": one.name[:MAX_NAME], "address": one.address[:MAX_ADDRESS]}
        before = known.get(one.owner)
        if before is None:
            row = {**NOTHING_ENTERED, **values, **fresh(at), "version": 1, "created_at": at}
            await writing.execute(store.upsert(connection).values(row).on_conflict_do_nothing())
        elif anew or any(before[key] != value for key, value in values.items()):
            if anew or before["address"] != values["address"]:
                values |= fresh(at)
                old = connection_detour.c.connection_id == before["id"]
                await writing.execute(sa.delete(connection_detour).where(old))
            row = {**values, "version": connection.c.version + 1}
            await writing.execute(sa.update(connection).where(connection.c.owner == one.owner).values(row))
    await wake(writing, TOPIC)
