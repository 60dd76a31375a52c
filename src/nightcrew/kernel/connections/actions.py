"""What a person or a script may do with connections. Each change is in the activity feed, without secrets."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.connections import rules, store
from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.connections.models import MAX_ADDRESS, MAX_MIRRORS, MAX_NAME, Connection, ConnectionStanding
from nightcrew.kernel.connections.owned import number_of
from nightcrew.kernel.declare import ConnectionKind
from nightcrew.kernel.errors import Conflict, Invalid, NeedsUser, NightcrewError, Retry
from nightcrew.kernel.fields import secrets_of
from nightcrew.kernel.redaction import credentials_in, redact
from nightcrew.kernel.routes import DIRECT
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.settings import invalid_from
from nightcrew.kernel.targets import is_web_address
from nightcrew.kernel.words import plain

TEST = 30.0
"""Seconds that a test may take."""


@dataclass(frozen=True, slots=True)
class Tested:
    """What a test found, in sentences: whether it works, and more about it."""

    ok: bool
    message: str
    facts: tuple[str, ...] = ()


async def add(runtime: Runtime, values: Mapping[str, Any], *, actor: str) -> Connection:
    """A new connection. `values`: kind, name, address, mirrors, route, enabled, settings. Raises `Invalid` and `Conflict`."""
    row = await _row(runtime, values)
    kind = _part(runtime).kind_of(row["kind"])
    one = await store.add(runtime.store, row, rules.UNGRANTED if kind.oauth else ConnectionStanding())
    said = f"Connection {one.name} ({kind.title}) was added"
    await runtime.activity.record("connection.added", said, actor=actor, subject=one.name)
    runtime.bus.publish("connections")
    return one


async def change(runtime: Runtime, connection_id: int, values: Mapping[str, Any], *, actor: str) -> Connection:
    """Change some of it; its kind stays. A secret that is empty or missing stays as it is. Raises `NotFound`, `Invalid`, `Conflict`."""
    before = await entered_here(runtime, connection_id)
    row = await _row(runtime, values, before)
    granted = _part(runtime).kind_of(before.kind).oauth is None or before.tokens is not None
    other = row["settings"].get("client_id") != before.settings.get("client_id")
    standing = ConnectionStanding() if granted and not other else rules.UNGRANTED
    one = await store.change(runtime.store, connection_id, row, forget_grant=other, standing=standing)
    _part(runtime).forget(connection_id)
    named = ", ".join(sorted(values))
    said = f"Connection {one.name} was changed: {named}"
    await runtime.activity.record("connection.changed", said, actor=actor, subject=one.name)
    runtime.bus.publish("connections")
    return one


async def remove(runtime: Runtime, connection_id: int, *, actor: str) -> Connection:
    """Forget a connection and its secrets. Raises `NotFound`."""
    await entered_here(runtime, connection_id)
    gone = await store.remove(runtime.store, connection_id)
    _part(runtime).forget(connection_id)
    said = f"Connection {gone.name} was removed"
    await runtime.activity.record("connection.removed", said, actor=actor, subject=gone.name)
    runtime.bus.publish("connections")
    return gone


# -- trying out --------------------------------------------------------------------------------------------------------


async def try_out(runtime: Runtime, values: Mapping[str, Any], *, of: int | None = None) -> Tested:
    """Test what was entered before it is saved; nothing is stored. `of`: the connection whose secrets stand in for empty ones.

    Raises `NotFound` and `Invalid`.
    """
    before = None if of is None else await store.get(runtime.store, of)
    row = await _row(runtime, values, before)
    now = utcnow()
    blank = Connection(
        **{**row, "mirrors": tuple(row["mirrors"])},
        id=before.id if before else 0,
        standing=ConnectionStanding(),
        since=now,
        version=0,
        created_at=now,
        worked_at=None,
        tokens=None,
        granted_at=None,
    )
    found, _ = await _tested(runtime, blank)
    return found


async def test(runtime: Runtime, connection_id: int, *, actor: str) -> Tested:
    """Test a connection as it is stored, and note when it works, or needs a person. Raises `NotFound`."""
    found, error = await _tested(runtime, await store.get(runtime.store, connection_id))
    one = await store.get(runtime.store, connection_id)  # as it stands after the test
    if error is None:
        _part(runtime).forget(connection_id)
        await _part(runtime).ground.note(one, ConnectionStanding(), worked=True)
    elif isinstance(error, NeedsUser) and not one.owner:
        now = await store.now(runtime.store)
        final = error.status is None
        await _part(runtime).ground.note(one, rules.refused(one.standing, now, found.message, final=final))
    said = f"{one.name} was tested: {found.message}"
    level = "info" if found.ok else "warning"
    await runtime.activity.record("connection.tested", said, level=level, actor=actor, subject=one.name)
    runtime.bus.publish("connections")
    return found


async def _tested(runtime: Runtime, one: Connection) -> tuple[Tested, NightcrewError | None]:
    """What a test found, and what went wrong."""
    part = _part(runtime)
    try:
        async with asyncio.timeout(TEST):
            first, *more = await part.test(one)
    except NightcrewError as exc:
        return Tested(False, redact(str(exc))), exc
    except TimeoutError:
        late = Retry(f"it did not answer within {TEST:.0f} s")
        return Tested(False, str(late)), late
    return Tested(True, first, tuple(more)), None


# -- granting access ---------------------------------------------------------------------------------------------------


def back_to(runtime: Runtime) -> str:
    """Where a browser comes back to from a service's page: its app there has to know this redirect address."""
    return f"http://127.0.0.1:{runtime.address.rpartition(':')[2]}/callback"


async def begin_grant(runtime: Runtime, connection_id: int) -> str:
    """The address of the service's page where a person grants access. Raises `NotFound`, `Conflict`."""
    one, kind, settings = await _opened(runtime, connection_id)
    return await _part(runtime).tokens.begin(one, kind, settings, back_to(runtime))


async def finish_grant(runtime: Runtime, *, state: str, code: str, error: str = "", actor: str) -> Connection:
    """A browser comes back from the service's page. Raises `Invalid`, `NeedsUser`, `Retry`."""
    part = _part(runtime)
    one, kind, settings = await _opened(runtime, await part.tokens.whose(state))
    if error or not code:
        raise NeedsUser(f"access to {one.name} was not granted: {_why_not(error)}")
    await part.tokens.finish(one, kind, settings, state, code)
    part.forget(one.id)
    await part.ground.note(one, ConnectionStanding())
    said = f"Access to {one.name} was granted"
    await runtime.activity.record("connection.granted", said, actor=actor, subject=one.name)
    runtime.bus.publish("connections")
    return one


def _why_not(error: str) -> str:
    """In words what a service's page brings back in the place of a code (RFC 6749, 4.1.2.1)."""
    if error == "access_denied":
        return (
            "it was declined on the service's page (access_denied). Begin again on the page Connections when you like"
        )
    return f"the service's page says {plain(error)[:100]}" if error else "no code came back"


async def _opened(runtime: Runtime, connection_id: int) -> tuple[Connection, ConnectionKind, BaseModel]:
    one = await entered_here(runtime, connection_id)
    kind = _part(runtime).kind_of(one.kind)
    return one, kind, _part(runtime).ground.settings_of(kind, one)


# -- what was entered --------------------------------------------------------------------------------------------------


async def _row(runtime: Runtime, values: Mapping[str, Any], before: Connection | None = None) -> dict[str, Any]:
    """As the store takes it: everything checked, secrets sealed."""
    kind = _part(runtime).kind_of(before.kind if before else str(values.get("kind", "")))
    known = _entered(before) if before else {"address": kind.address, "mirrors": [], "route": DIRECT, "enabled": True}
    merged = {**known, **{key: value for key, value in values.items() if key not in {"kind", "settings"}}}
    addresses = [_address("address", merged["address"])]
    mirrors = [_address("mirrors", mirror) for mirror in _mirrors(kind, merged["mirrors"])]
    shown, sealed = _settings(runtime, kind, values.get("settings", {}), before)
    if merged["route"] not in runtime.http.routes.names:
        raise Invalid(f"route: there is no route {merged['route']!r}", field="route")
    way = _part(runtime).ground.way_of(kind, merged["route"])
    return {
        "kind": kind.name,
        "name": _name(merged.get("name", "")),
        "address": addresses[0],
        "mirrors": mirrors,
        "settings": shown,
        "sealed": sealed,
        "route": merged["route"],
        "enabled": bool(merged["enabled"]),
        "private": await _is_private(runtime, way, [*addresses, *mirrors]),
    }


async def entered_here(runtime: Runtime, connection_id: int) -> Connection:
    """A connection that is changed here. Raises `NotFound`, and `Conflict` for what belongs to something else."""
    one = await store.get(runtime.store, connection_id)
    if page := page_of(runtime, one):
        raise Conflict(f"{one.name} is changed and removed on the page {page.partition('#')[0]}")
    return one


def page_of(runtime: Runtime, one: Connection) -> str | None:
    """Where people change it, if that is not the page of connections."""
    kind = _part(runtime).owned.get(one.kind) if one.owner else None
    return kind.page.format(number_of(one.owner)) if kind else None


def _entered(one: Connection) -> dict[str, Any]:
    return {
        "name": one.name,
        "address": one.address,
        "mirrors": one.mirrors,
        "route": one.route,
        "enabled": one.enabled,
    }


def _name(text: object) -> str:
    name = " ".join(plain(str(text)).split())
    if not 1 <= len(name) <= MAX_NAME:
        raise Invalid(f"name: a connection needs a name of 1 to {MAX_NAME} characters", field="name")
    return name


def _mirrors(kind: ConnectionKind, mirrors: Sequence[str]) -> list[str]:
    found = [text for mirror in mirrors if (text := str(mirror).strip())]
    if found and not kind.mirrors:
        raise Invalid(f"mirrors: {kind.title} can have one address only", field="mirrors")
    if len(found) > MAX_MIRRORS:
        raise Invalid(f"mirrors: at most {MAX_MIRRORS}", field="mirrors")
    return list(dict.fromkeys(found))


def _address(field: str, text: object) -> str:
    """An address that may be shown. Raises `Invalid`."""
    address = str(text).strip().rstrip("/")
    if not is_web_address(address) or plain(address) != address or " " in address or len(address) > MAX_ADDRESS:
        raise Invalid(f"{field}: it is not an http or https address", field=field)
    if credentials_in(address):
        raise Invalid(f"{field}: leave the login out of the address; it has fields of its own", field=field)
    return address


def _settings(
    runtime: Runtime, kind: ConnectionKind, given: Mapping[str, Any], before: Connection | None
) -> tuple[dict[str, Any], str]:
    """The fields that may be shown, and the others, sealed. Raises `Invalid`."""
    secret = secrets_of(kind.settings)
    known = {**before.settings, **runtime.vault.unseal(before.sealed)} if before else {}
    fresh = {key: value for key, value in given.items() if not (key in secret and value in ("", None))}
    try:
        checked = kind.settings.model_validate({**known, **fresh})
    except ValidationError as exc:
        raise invalid_from(exc) from exc
    whole = checked.model_dump(mode="json")
    sealed = runtime.vault.seal({key: value for key, value in whole.items() if key in secret})
    return {key: value for key, value in whole.items() if key not in secret}, sealed


async def _is_private(runtime: Runtime, route: str, addresses: Sequence[str]) -> bool:
    return any([await runtime.http.routes.points_private(route, address) for address in addresses])


def _part(runtime: Runtime) -> Connections:
    return runtime.part(Connections)
