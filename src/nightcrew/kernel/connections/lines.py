"""All connections of a node, and the kinds that its domains declare. Kept in the runtime."""

from __future__ import annotations

from collections.abc import Mapping
from weakref import WeakValueDictionary

from nightcrew.kernel.connections import store
from nightcrew.kernel.connections.ground import Ground
from nightcrew.kernel.connections.line import Line
from nightcrew.kernel.connections.models import Connection
from nightcrew.kernel.connections.question import Reach
from nightcrew.kernel.connections.row_calls import OwnedCalls, RowCalls, insisted
from nightcrew.kernel.connections.tokens import Tokens
from nightcrew.kernel.declare import ConnectionKind, OwnedKind
from nightcrew.kernel.errors import Invalid, NeedsUser
from nightcrew.kernel.http import Jar
from nightcrew.kernel.runtime import Runtime


class Connections:
    """Gives each connection its line."""

    def __init__(self, runtime: Runtime) -> None:
        self.kinds: Mapping[str, ConnectionKind] = {
            kind.name: kind for domain in runtime.hooks.domains for kind in domain.connections
        }
        self.owned: Mapping[str, OwnedKind] = {
            kind.name: kind for domain in runtime.hooks.domains for kind in domain.owned
        }
        self.tokens = Tokens(runtime.store, runtime.http, runtime.vault)
        self._runtime = runtime
        self._store = runtime.store
        self._ground = Ground(
            store=runtime.store,
            http=runtime.http,
            vault=runtime.vault,
            activity=runtime.activity,
            bus=runtime.bus,
            tokens=self.tokens,
            settings=runtime.settings,
        )
        self._lines: dict[int, Line] = {}
        self._own: WeakValueDictionary[str, OwnedCalls] = WeakValueDictionary()

    def kind_of(self, name: str) -> ConnectionKind:
        """A kind by its name. Raises `Invalid`."""
        if name not in self.kinds:
            known = ", ".join(self.kinds) or "none"
            raise Invalid(f"kind: there is no kind of connection {name!r}; known are {known}", field="kind")
        return self.kinds[name]

    async def of_kind(self, name: str) -> list[Connection]:
        """The connections of a kind that are switched on, by name."""
        return [one for one in await store.every(self._store) if one.kind == name and one.enabled]

    async def line(self, connection_id: int) -> Line:
        """What asks a connection. Raises `NotFound`, and `NeedsUser` when what was entered cannot be used any more."""
        if connection_id not in self._lines:
            one = await store.get(self._store, connection_id)
            self._lines[connection_id] = Line(self._ground, self._known(one), one)
        return self._lines[connection_id]

    def own(self, owner: str, kind: str, reach: Reach, jar: Jar) -> OwnedCalls:
        """What asks a service that belongs to something of a domain, which knows where it is and has its cookies."""
        made = self._own[owner] = OwnedCalls(self._ground, owner, self.owned[kind].allowance, reach, jar)
        return made

    def asked(self, one: Connection) -> RowCalls | None:
        """What has asked a connection on this node, if anything has: it knows its addresses and how often it failed."""
        return self._own.get(one.owner) if one.owner else self._lines.get(one.id)

    async def test(self, one: Connection) -> list[str]:
        """What works, in sentences. Raises what does not."""
        if one.owner:
            with insisted():
                return await self.owned[one.kind].test(self._runtime, one.owner)
        return await self.kind_of(one.kind).test(self.trial(one))

    def trial(self, one: Connection) -> Line:
        """What tries a connection out, stored or not. Raises `NeedsUser`."""
        return Line(self._ground, self._known(one), one, trial=True)

    def forget(self, connection_id: int) -> None:
        """It was changed or removed: its cookies, and what is known of its failures, belong to something else."""
        self._lines.pop(connection_id, None)

    @property
    def ground(self) -> Ground:
        """What they stand on."""
        return self._ground

    def _known(self, one: Connection) -> ConnectionKind:
        if one.kind not in self.kinds:
            raise NeedsUser(f"{one.name} is of the kind {one.kind!r}, which no longer exists")
        return self.kinds[one.kind]
