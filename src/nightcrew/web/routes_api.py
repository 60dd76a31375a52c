"""JSON routes for routes: ways out of this network that fail closed, and how they stand."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict

from nightcrew.kernel import fields
from nightcrew.kernel.clock import iso
from nightcrew.kernel.errors import NeedsUser
from nightcrew.kernel.fields import Secret
from nightcrew.kernel.routes.definition import INTERFACE, RouteDefinition
from nightcrew.kernel.routing import actions, store
from nightcrew.kernel.routing.actions import RouteTested
from nightcrew.kernel.routing.lookout import Lookout
from nightcrew.kernel.routing.models import DefinedRoute, RouteAtNode
from nightcrew.kernel.runtime import Runtime
from nightcrew.web.answers import Seconds
from nightcrew.web.api import Node
from nightcrew.web.callers import Actor, Admin

router = APIRouter(prefix="/api/v1/routes", tags=["routes"])

RouteName = Annotated[str, Path(max_length=40, pattern=r"^[a-z0-9][a-z0-9_-]*$")]
StateName = Literal["unknown", "up", "suspect", "down", "recovering"]


class RouteChange(BaseModel):
    """A route as it is to be. Secrets that are empty stay as they are while the rest that they belong to is the same."""

    model_config = ConfigDict(extra="forbid")

    spec: str = fields.ask(
        label="Way out",
        help="A network device, such as that of a WireGuard tunnel, or a SOCKS 5 proxy.",
        placeholder="interface:wg0 or socks5h://user@192.168.1.2:1080",
        min_length=1,
        max_length=800,
    )
    password: Secret = fields.ask(
        "", label="Password of the proxy", help="Stored encrypted and never shown again.", max_length=255
    )
    dns: list[str] = fields.ask(
        [],
        label="DNS servers",
        help="For a device: the servers that are asked through it, such as the tunnel's own, one per line. The system's is never asked. "
        "A proxy looks names up by itself.",
        placeholder="10.64.0.1",
        rows=2,
        max_length=4,
    )
    canary: str = fields.ask(
        "",
        label="Canary",
        help="host:port of something outside that answers a TCP connection. A proxy needs one; a device's DNS server is asked anyway.",
        placeholder="example.net:443",
        max_length=300,
    )
    ask: str = fields.ask(
        "",
        label="What tells the public address",
        help="A web address that answers the caller's own IP address, as text or JSON. It is asked through the route and from home: "
        "where both are the same, the route is closed.",
        placeholder="https://ip.example.net/",
        max_length=500,
    )
    gluetun: str = fields.ask(
        "",
        label="gluetun's control server",
        help="Its address in this network. It can only say that the VPN is down.",
        placeholder="http://gluetun:8000",
        max_length=300,
    )
    gluetun_key: Secret = fields.ask("", label="gluetun's API key", max_length=255)
    strays: bool = fields.ask(
        False,
        label="Accept late packets",
        help="Use a device although the kernel itself may answer late packets of closed connections past it. "
        "Better is a rule: see the page about routes in the documentation.",
    )
    anyway: bool = fields.ask(
        False, label="Save it even when its test fails", help="It stays closed until it leads somewhere."
    )


class NewRoute(RouteChange):
    """A way out of this network. It is tested before it is saved."""

    name: str = fields.ask(
        label="Name",
        help="What connections and settings call it. It stays.",
        placeholder="vpn",
        min_length=1,
        max_length=40,
    )


class TryRoute(NewRoute):
    """What to test before it is saved. `of`: the route whose secrets stand in for empty ones."""

    of: str = fields.ask("", label="Of", max_length=40)


class AtNode(BaseModel):
    """How a route stands at one node. Times are ISO 8601 in UTC."""

    node: str
    state: StateName
    reason: str
    since: str | None
    seen_at: str | None
    canary_s: Seconds | None = None
    canary_at: str | None
    public: str
    parked: int
    parked_at: str | None


class RouteRow(BaseModel):
    """A route as scripts see it, and how it stands at the node that answers; `nodes` has all of them."""

    name: str
    kind: str
    spec: str
    secrets: list[str]
    dns: list[str]
    canary: str
    ask: str
    gluetun: str
    strays: bool
    state: StateName
    reason: str
    since: str | None
    canary_s: Seconds | None
    canary_at: str | None
    public: str
    parked: int
    parked_at: str | None
    used_by: list[str]
    created_at: str | None
    nodes: list[AtNode]


class RouteList(BaseModel):
    """All of them; `next` is always null."""

    items: list[RouteRow]
    next: str | None = None


class RouteTestedRow(BaseModel):
    """What a test found, in sentences."""

    ok: bool
    message: str
    facts: list[str]


@router.get("")
async def list_routes(node: Node) -> RouteList:
    """All routes but `direct`, which is always there, and how they stand."""
    return RouteList(items=await rows_of(node))


@router.post("", dependencies=[Admin], status_code=201)
async def add_route(node: Node, actor: Actor, wanted: NewRoute) -> RouteRow:
    """Define a route. It is tested first; one that leads nowhere is kept with `anyway` alone, and stays closed until it does."""
    row = await actions.add(node, wanted.model_dump(), actor=actor, anyway=wanted.anyway)
    return await row_of(node, row)


@router.post("/test", dependencies=[Admin])
async def try_route(node: Node, wanted: TryRoute) -> RouteTestedRow:
    """Whether it would lead somewhere, before it is saved. Nothing is stored."""
    return tested_row(await actions.try_out(node, wanted.model_dump(), of=wanted.of))


@router.get("/{name}")
async def get_route(node: Node, name: RouteName) -> RouteRow:
    """One route."""
    return await row_of(node, await store.get(node.store, name))


@router.put("/{name}", dependencies=[Admin])
async def change_route(node: Node, actor: Actor, name: RouteName, wanted: RouteChange) -> RouteRow:
    """Define a route anew. All that is open through it ends, and it is closed until it was looked at."""
    row = await actions.change(node, name, wanted.model_dump(), actor=actor, anyway=wanted.anyway)
    return await row_of(node, row)


@router.delete("/{name}", dependencies=[Admin], status_code=204)
async def remove_route(node: Node, actor: Actor, name: RouteName) -> None:
    """Forget a route. One that something takes stays (409)."""
    await actions.remove(node, name, actor=actor)


@router.post("/{name}/test", dependencies=[Admin])
async def test_route(node: Node, actor: Actor, name: RouteName) -> RouteTestedRow:
    """Look at a route now, from the node that answers."""
    return tested_row(await actions.test(node, name, actor=actor))


def tested_row(found: RouteTested) -> RouteTestedRow:
    """What a test found, as scripts see it."""
    return RouteTestedRow(ok=found.ok, message=found.message, facts=list(found.facts))


async def rows_of(node: Runtime) -> list[RouteRow]:
    """All routes, by name."""
    standing, _ = await store.standing(node.store)
    return [await row_of(node, row, standing) for row in await store.every(node.store)]


async def row_of(node: Runtime, row: DefinedRoute, standing: list[RouteAtNode] | None = None) -> RouteRow:
    """A route as scripts see it."""
    part = node.part(Lookout)
    if standing is None:
        standing, _ = await store.standing(node.store)
    here = next((one for one in part.here() if one.route == row.name), None)
    others = [one for one in standing if one.route == row.name and one.node != node.node]
    nodes = [*([here] if here else []), *others]
    first: Any = _at_node(nodes[0]).model_dump() if nodes else _NOWHERE
    try:
        one, why = part.definition(row), ""
    except NeedsUser as exc:
        one, why = RouteDefinition(row.name, row.shown), str(exc)
    return RouteRow(
        name=row.name,
        kind=row.kind,
        spec=row.shown,
        secrets=_secrets(one),
        dns=list(one.dns),
        canary=one.canary,
        ask=one.ask,
        gluetun=one.gluetun,
        strays=one.strays,
        used_by=await part.users(row.name),
        created_at=iso(row.created_at),
        nodes=[_at_node(one) for one in nodes],
        **{key: value for key, value in first.items() if key not in {"node", "seen_at"}}
        | ({"reason": why} if why else {}),
    )


_NOWHERE = {
    "state": "unknown",
    "reason": "nobody has looked at it yet",
    "since": None,
    "canary_s": None,
    "canary_at": None,
    "public": "",
    "parked": 0,
    "parked_at": None,
}


def _at_node(one: RouteAtNode) -> AtNode:
    return AtNode(
        node=one.node,
        state=one.state.value,
        reason=one.reason,
        since=iso(one.since),
        seen_at=iso(one.seen_at),
        canary_s=None if one.canary_s is None else round(one.canary_s, 4),
        canary_at=iso(one.canary_at),
        public=one.public,
        parked=one.parked,
        parked_at=iso(one.parked_at),
    )


def _secrets(one: RouteDefinition) -> list[str]:
    """The names of the secret fields that are filled."""
    password = ["password"] if one.kind != INTERFACE and one.login[1] else []
    return [*(["gluetun_key"] if one.gluetun_key else []), *password]
