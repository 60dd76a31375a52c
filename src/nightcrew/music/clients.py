"""The slskd that this installation uses, asked through its connection."""

from __future__ import annotations

from dataclasses import dataclass, field

from nightcrew.kernel.connections.line import Line
from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.runtime import Runtime
from nightcrew.music.models import TrackDownload
from nightcrew.music.slskd.client import Slskd
from nightcrew.music.slskd.kind import NAME, SlskdLogin
from nightcrew.music.slskd.states import find


@dataclass(slots=True)
class Clients:
    """One client for each connection, kept with what it knows of its version."""

    _known: dict[int, Slskd] = field(default_factory=dict)

    def of(self, number: int, line: Line) -> Slskd:
        """The client of a connection. One that a person has changed is another one."""
        known = self._known.get(number)
        if known is None or known.line is not line:
            known = self._known[number] = Slskd(line)
        return known


async def slskd(runtime: Runtime) -> tuple[int, Slskd] | None:
    """The first slskd that is connected, with the number of its connection; None when there is none."""
    connections = runtime.part(Connections)
    found = await connections.of_kind(NAME)
    if not found:
        return None
    return found[0].id, await client_of(runtime, found[0].id)


async def client_of(runtime: Runtime, number: int) -> Slskd:
    """The client of one connection. Raises `NotFound`, `NeedsUser`."""
    line = await runtime.part(Connections).line(number)
    return runtime.part(Clients).of(number, line)


async def call_off(client: Slskd, row: TrackDownload, remote_id: str | None) -> None:
    """Have slskd end a download of ours, also one whose id it has not told us yet."""
    if remote_id is None:
        known = await client.transfers({row.peer})
        found = find(known, peer=row.peer, path=row.path, remote_id=None, earlier=row.earlier)
        remote_id = None if found is None else found.id
    if remote_id is not None:
        await client.cancel(row.peer, remote_id)


def folders_of(client: Slskd) -> tuple[str, str]:
    """slskd's download folder as it names it, and as this machine does."""
    login = client.line.settings
    if not isinstance(login, SlskdLogin):
        raise TypeError(f"{client.line.name} is no slskd")
    return login.remote_folder, login.local_folder
