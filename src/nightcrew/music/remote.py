"""slskd as one cycle sees it: what it transfers, whether it is on the network, and the places in the queues of peers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from nightcrew.kernel.errors import NightcrewError
from nightcrew.music.models import TrackDownload
from nightcrew.music.slskd.client import Slskd
from nightcrew.music.slskd.shapes import Transfer
from nightcrew.music.slskd.states import waits_at_peer

OFF_NETWORK = "slskd is not connected to the network"
ASKED_EVERY = 60.0
"""Seconds between two questions for one place: slskd passes each on to the peer."""
ASKED_AT_ONCE = 3
"""Questions for places in one cycle: a peer that is away lets each wait for some seconds."""


@dataclass(slots=True)
class PlaceAsks:
    """When this node has asked for the place of each download, in seconds of the loop's clock."""

    at: dict[int, float] = field(default_factory=dict)

    def due(self, rows: Collection[TrackDownload]) -> list[TrackDownload]:
        """Those whose place is to be asked for now, the one that was asked for longest ago first. They count as asked."""
        now = asyncio.get_running_loop().time()
        self.at = {number: at for number, at in self.at.items() if now - at < ASKED_EVERY}
        found = [row for row in rows if row.id not in self.at][:ASKED_AT_ONCE]
        self.at |= {row.id: now for row in found}
        return found


@dataclass(slots=True)
class Remote:
    """One slskd in one cycle. `places`: those that it has just told, by download."""

    client: Slskd
    transfers: Sequence[Transfer]
    online: bool
    places: dict[int, int] = field(default_factory=dict)

    @classmethod
    async def seen(cls, client: Slskd, rows: Collection[TrackDownload]) -> Remote:
        """As it is now. Raises as `Line.ask` does."""
        return cls(client, await client.transfers({row.peer for row in rows}), await client.online())

    async def lost(self) -> bool:
        """Whether it is off the network by now, which is asked anew: then nobody else is to blame for an error."""
        if self.online:
            try:
                self.online = await self.client.online()
            except NightcrewError:
                self.online = False
        return not self.online

    async def ask_places(self, rows: Collection[TrackDownload], asks: PlaceAsks) -> None:
        """Ask where files wait: slskd knows a place only when it was asked for. One that is not told is asked for later."""
        if not self.online:
            return
        async with asyncio.TaskGroup() as group:
            for row in asks.due([row for row in rows if row.remote_id and waits_at_peer(row.remote_state)]):
                group.create_task(self._ask_place(row), name=f"place of {row.id}")

    async def _ask_place(self, row: TrackDownload) -> None:
        with contextlib.suppress(NightcrewError):
            place = await self.client.place(row.peer, row.remote_id or "")
            if place is not None:
                self.places[row.id] = place
