"""JSON routes for connections: outside services, how they stand, and whether they work."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import parse_qs, urlsplit

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from nightcrew.kernel.clock import iso
from nightcrew.kernel.connections import actions, detours_store, rules, store
from nightcrew.kernel.connections.actions import Tested
from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.connections.mirrors import Mirrors
from nightcrew.kernel.connections.models import (
    MAX_ADDRESS,
    MAX_MIRRORS,
    MAX_NAME,
    Connection,
    ConnectionStanding,
    Detour,
    DetourKind,
)
from nightcrew.kernel.connections.row_calls import RowCalls
from nightcrew.kernel.errors import Invalid
from nightcrew.kernel.fields import secrets_of
from nightcrew.kernel.redaction import redact
from nightcrew.kernel.routes import DIRECT
from nightcrew.kernel.runtime import Runtime
from nightcrew.web.answers import Seconds
from nightcrew.web.api import Node
from nightcrew.web.callers import Actor, Admin

router = APIRouter(prefix="/api/v1/connections", tags=["connections"])

ConnectionId = Annotated[int, Path(ge=1, lt=2**63)]
Address = Annotated[str, Field(max_length=MAX_ADDRESS)]
StateName = Literal["new", "ok", "limited", "away", "cooling", "person", "off"]


class NewConnection(BaseModel):
    """An outside service. `settings` are the fields of its kind; secret ones are sealed and not shown again."""

    model_config = ConfigDict(extra="forbid")

    kind: str = Field(max_length=60)
    name: str = Field(max_length=MAX_NAME)
    url: Address | None = Field(None, description="Without it the address that the kind begins with.")
    mirrors: list[Address] = Field([], max_length=MAX_MIRRORS, description="Further addresses that answer alike.")
    route: str = Field(DIRECT, max_length=60)
    enabled: bool = True
    settings: dict[str, Any] = Field({}, max_length=50)


class ConnectionChange(BaseModel):
    """What to change. A secret that is empty or not named stays as it is."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(None, max_length=MAX_NAME)
    url: Address | None = None
    mirrors: list[Address] | None = Field(None, max_length=MAX_MIRRORS)
    route: str | None = Field(None, max_length=60)
    enabled: bool | None = None
    settings: dict[str, Any] | None = Field(None, max_length=50)


class TryOut(NewConnection):
    """What to test before it is saved. `id`: the connection whose secrets stand in for those that are not entered anew."""

    id: int | None = Field(None, ge=1, lt=2**63)


class CameBack(BaseModel):
    """The address at which the browser ended after the service's own page."""

    model_config = ConfigDict(extra="forbid")

    address: str = Field(max_length=8_000)


class KindRow(BaseModel):
    """A kind of service that can be connected. `fields` is the JSON schema of its settings; `writeOnly` ones are secret."""

    kind: str
    title: str
    help: str
    url: str = Field(description="The address that it begins with.")
    mirrors: bool = Field(description="Whether there may be further addresses.")
    granted: bool = Field(description="Whether a person grants access at the service's own page.")
    fields: dict[str, Any]


class BudgetRow(BaseModel):
    """At most `most` requests in any `seconds` seconds; `used` are counted now, over all nodes."""

    most: int
    seconds: Seconds
    used: int


class AddressRow(BaseModel):
    """One address of a connection, as this node finds it."""

    url: str
    used: bool = Field(description="Whether it answered last.")
    failures: int = Field(description="How often it failed since it last worked for a while.")
    reason: str = Field(description="Why it failed last; empty while it works.")
    retry_at: str | None = Field(
        description="Others are asked in its place until then; the next request after that probes it."
    )


class DetourRow(BaseModel):
    """How requests get on when the first address does not answer as it should: the last time, over or not."""

    kind: Literal["mirror", "stale", "skip"] = Field(
        description="Another address answers, the last good answer is used, or the round goes on without one."
    )
    reason: str
    began_at: str | None
    last_at: str | None
    over_at: str | None = Field(description="When that was over; null: it still is so.")
    count: int = Field(description="Requests of which that is known; the last seconds may be missing.")


class ConnectionRow(BaseModel):
    """A connection as scripts see it. Times are ISO 8601 in UTC."""

    id: int
    kind: str
    title: str = Field(description="Of its kind.")
    name: str
    url: str
    page: str | None = Field(description="Where it is changed, if it belongs to something of a domain: a source, say.")
    mirrors: list[str]
    route: str
    enabled: bool
    settings: dict[str, Any]
    secrets: list[str] = Field(description="Secret fields that are stored.")
    state: StateName
    reason: str = Field(description="Why it stands so, without secrets; empty when it works.")
    retry_at: str | None = Field(description="It is not asked before.")
    since: str | None = Field(description="It stands so since then.")
    worked_at: str | None
    created_at: str | None
    granted_at: str | None = Field(description="When a person granted access.")
    grant_ends_at: str | None = Field(description="When it has to be granted anew.")
    budget: BudgetRow | None
    addresses: list[AddressRow] = Field(description="The first address and its mirrors.")
    failure_rate: float | None = Field(
        description="The part of its last calls from this node that failed, 0–1; null before the first one."
    )
    detours: list[DetourRow]


class ConnectionList(BaseModel):
    """All of them; `next` is always null."""

    items: list[ConnectionRow]
    next: str | None = None


class KindList(BaseModel):
    """All kinds; `next` is always null."""

    items: list[KindRow]
    next: str | None = None


class TestedRow(BaseModel):
    """What a test found, in sentences."""

    ok: bool
    message: str
    facts: list[str]


class GrantRow(BaseModel):
    """Where a person grants access."""

    url: str


@router.get("")
async def list_connections(node: Node) -> ConnectionList:
    """All connections, by name, and how they stand."""
    return ConnectionList(items=await rows_of(node))


@router.get("/kinds")
async def list_kinds(node: Node) -> KindList:
    """What can be connected."""
    kinds = node.part(Connections).kinds.values()
    rows = [
        KindRow(
            kind=kind.name,
            title=kind.title,
            help=kind.help,
            url=kind.address,
            mirrors=kind.mirrors,
            granted=kind.oauth is not None,
            fields=kind.settings.model_json_schema(),
        )
        for kind in kinds
    ]
    return KindList(items=rows)


@router.post("", dependencies=[Admin], status_code=201)
async def add_connection(node: Node, actor: Actor, wanted: NewConnection) -> ConnectionRow:
    """Connect a service. It is not asked for anything yet; `POST …/test` before or after says whether it works."""
    return await row_of(node, await actions.add(node, values_of(wanted), actor=actor))


@router.post("/test", dependencies=[Admin])
async def try_connection(node: Node, wanted: TryOut) -> TestedRow:
    """Whether it would work, before it is saved. Nothing is stored."""
    values = values_of(wanted)
    number = values.pop("id", None)
    return tested_row(await actions.try_out(node, values, of=number))


@router.post("/granted", dependencies=[Admin])
async def came_back(node: Node, actor: Actor, back: CameBack) -> ConnectionRow:
    """Finish what a browser could not: the address at which it ended has the code."""
    state, code, error = parts_of(back.address)
    return await row_of(node, await actions.finish_grant(node, state=state, code=code, error=error, actor=actor))


@router.get("/{connection_id}")
async def get_connection(node: Node, connection_id: ConnectionId) -> ConnectionRow:
    """One connection."""
    return await row_of(node, await store.get(node.store, connection_id))


@router.patch("/{connection_id}", dependencies=[Admin])
async def change_connection(
    node: Node, actor: Actor, connection_id: ConnectionId, changes: ConnectionChange
) -> ConnectionRow:
    """Change some of it; its kind stays. It stands as a new one does."""
    return await row_of(node, await actions.change(node, connection_id, values_of(changes), actor=actor))


@router.delete("/{connection_id}", dependencies=[Admin], status_code=204)
async def remove_connection(node: Node, actor: Actor, connection_id: ConnectionId) -> None:
    """Forget a connection, its secrets and what was granted."""
    await actions.remove(node, connection_id, actor=actor)


@router.post("/{connection_id}/test")
async def test_connection(node: Node, actor: Actor, connection_id: ConnectionId) -> TestedRow:
    """Whether it works now, however it stands. One that does is asked again at once."""
    return tested_row(await actions.test(node, connection_id, actor=actor))


@router.post("/{connection_id}/grant", dependencies=[Admin])
async def begin_grant(node: Node, connection_id: ConnectionId) -> GrantRow:
    """The address of the service's page where a person grants access. The browser comes back to /callback."""
    return GrantRow(url=await actions.begin_grant(node, connection_id))


def values_of(wanted: BaseModel) -> dict[str, Any]:
    """As the actions take it."""
    given = {key: value for key, value in wanted.model_dump(exclude_unset=True).items() if value is not None}
    if "url" in given:
        given["address"] = given.pop("url")
    return given


def parts_of(address: str) -> tuple[str, str, str]:
    """State, code and error of an address that a browser came back to. Raises `Invalid`."""
    try:
        query = parse_qs(urlsplit(address.strip()).query)
    except ValueError as exc:
        raise Invalid("address: it cannot be read", field="address") from exc
    state, code, error = (query.get(key, [""])[0] for key in ("state", "code", "error"))
    if not state:
        raise Invalid(
            "address: it has no state; copy the whole address of the page that could not be shown", field="address"
        )
    return state, code, error


def tested_row(found: Tested) -> TestedRow:
    """What a test found, as scripts see it."""
    return TestedRow(ok=found.ok, message=found.message, facts=list(found.facts))


async def rows_of(node: Runtime) -> list[ConnectionRow]:
    """All connections, by name."""
    now, detours = await store.now(node.store), await detours_store.every(node.store)
    return [await row_of(node, one, now, detours.get(one.id, {})) for one in await store.every(node.store)]


async def row_of(
    node: Runtime,
    one: Connection,
    now: datetime | None = None,
    detours: Mapping[DetourKind, Detour] | None = None,
) -> ConnectionRow:
    """A connection as scripts see it."""
    part = node.part(Connections)
    now = now or await store.now(node.store)
    if detours is None:
        detours = await detours_store.of(node.store, one.id)
    asked = part.asked(one)
    kind = part.kinds.get(one.kind)
    known = kind or part.owned.get(one.kind)
    budget = known.allowance.budget if known else None
    used = await store.spent(node.store, one.id, budget) if budget else 0
    ends = rules.granted_until(one.granted_at, kind.oauth.lifetime_days) if kind and kind.oauth else None
    return ConnectionRow(
        id=one.id,
        kind=one.kind,
        title=known.title if known else one.kind,
        name=one.name,
        url=one.address,
        page=actions.page_of(node, one),
        mirrors=list(one.mirrors),
        route=one.route,
        enabled=one.enabled,
        settings=one.settings,
        secrets=stored_secrets(node, one),
        state=_state(one),
        reason=one.standing.reason,
        retry_at=iso(_future(one.standing.until, now)),
        since=iso(one.since),
        worked_at=iso(one.worked_at),
        created_at=iso(one.created_at),
        granted_at=iso(one.granted_at),
        grant_ends_at=iso(ends),
        budget=BudgetRow(most=budget.most, seconds=budget.seconds, used=used) if budget else None,
        addresses=_addresses(one, asked, now),
        failure_rate=asked.window.rate if asked and asked.window.calls else None,
        detours=[_detour(detour) for detour in detours.values()],
    )


def stored_secrets(node: Runtime, one: Connection) -> list[str]:
    """The names of the secret fields of a connection that are filled."""
    kind = node.part(Connections).kinds.get(one.kind)
    if kind is None:
        return []
    known = node.vault.unseal(one.sealed)
    return sorted(name for name in secrets_of(kind.settings) if known.get(name))


def _state(one: Connection) -> StateName:
    """How it stands, in a word; a new one was not asked yet."""
    if not one.enabled:
        return "off"
    return "new" if one.standing == ConnectionStanding() and one.worked_at is None else one.standing.state.value


def _addresses(one: Connection, asked: RowCalls | None, now: datetime) -> list[AddressRow]:
    mirrors, tick = asked.mirrors if asked else Mirrors(), asyncio.get_running_loop().time()
    rows = []
    for url in (one.address, *one.mirrors):
        known = mirrors.of(url)
        left = known.until - tick if known and one.mirrors else 0.0
        row = AddressRow(
            url=url,
            used=url == mirrors.last,
            failures=known.failures if known else 0,
            reason=redact(known.reason) if known and not known.answers else "",
            retry_at=iso(now + timedelta(seconds=left)) if left > 0 else None,
        )
        rows.append(row)
    return rows


def _detour(detour: Detour) -> DetourRow:
    return DetourRow(
        kind=detour.kind.value,
        reason=detour.reason,
        began_at=iso(detour.began_at),
        last_at=iso(detour.last_at),
        over_at=iso(detour.over_at),
        count=detour.count,
    )


def _future(moment: datetime | None, now: datetime) -> datetime | None:
    return moment if moment is not None and moment > now else None
