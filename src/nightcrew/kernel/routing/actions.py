"""What a person or a script may do with routes. Each change is in the activity feed, without secrets."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpcore2

from nightcrew.kernel.errors import Conflict, Invalid, NightcrewError
from nightcrew.kernel.redaction import redact
from nightcrew.kernel.routes.definition import INTERFACE, RouteDefinition, checked, with_password
from nightcrew.kernel.routes.looks import build, carries_udp, unstopped
from nightcrew.kernel.routes.states import RouteSeen, RouteSight, RouteStanding
from nightcrew.kernel.routes.watch import RouteWatch
from nightcrew.kernel.routing import store
from nightcrew.kernel.routing.asks import LookHttp
from nightcrew.kernel.routing.lookout import Lookout
from nightcrew.kernel.routing.models import DefinedRoute
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.words import plain

TEST = 30.0
"""Seconds that a test may take."""


@dataclass(frozen=True, slots=True)
class RouteTested:
    """What a test found, in sentences: whether the route leads somewhere, and more about it."""

    ok: bool
    message: str
    facts: tuple[str, ...] = ()


async def add(runtime: Runtime, values: Mapping[str, Any], *, actor: str, anyway: bool = False) -> DefinedRoute:
    """A new route, tested first: one that leads nowhere is only kept with `anyway`. Raises `Invalid`, `Conflict`."""
    one = _defined(values)
    await _proven(one, anyway=anyway)
    row = await store.add(runtime.store, one.name, **_row(runtime, one))
    await _changed(runtime, "added", f"The route {one.name} ({one.shown}) was added", one.name, actor)
    return row


async def change(
    runtime: Runtime, name: str, values: Mapping[str, Any], *, actor: str, anyway: bool = False
) -> DefinedRoute:
    """Define a route anew; its name stays, and so do secrets that are not entered anew. Raises `NotFound`, `Invalid`."""
    before = _part(runtime).definition(await store.get(runtime.store, name))
    one = _defined({**values, "name": name}, before)
    await _proven(one, anyway=anyway)
    row = await store.change(runtime.store, name, **_row(runtime, one))
    await _changed(runtime, "changed", f"The route {name} was changed: {one.shown}", name, actor)
    return row


async def remove(runtime: Runtime, name: str, *, actor: str) -> None:
    """Forget a route. Raises `NotFound`, and `Conflict` while something takes it."""
    await store.get(runtime.store, name)
    if users := await _part(runtime).users(name):
        raise Conflict(f"{name} is in use by {', '.join(users[:5])}; choose another route there first")
    await store.remove(runtime.store, name)
    await _changed(runtime, "removed", f"The route {name} was removed", name, actor)


async def try_out(runtime: Runtime, values: Mapping[str, Any], *, of: str = "") -> RouteTested:
    """Test what was entered before it is saved. `of`: the route whose secrets stand in for empty ones. Raises `Invalid`."""
    before = _part(runtime).definition(await store.get(runtime.store, of)) if of else None
    return await tested(_defined(values, before))


async def test(runtime: Runtime, name: str, *, actor: str) -> RouteTested:
    """Test a route as it is stored; its looks go on beside that. Raises `NotFound`, `NeedsUser`."""
    found = await tested(_part(runtime).definition(await store.get(runtime.store, name)))
    await _part(runtime).look_now(name)
    said = f"The route {name} was tested: {found.message}"
    level = "info" if found.ok else "warning"
    await runtime.activity.record("route.tested", said, level=level, actor=actor, subject=name)
    return found


async def tested(one: RouteDefinition) -> RouteTested:
    """Look at a route as it is defined, from this node."""
    route = build(one)
    watch = RouteWatch(one, route, LookHttp(), _nobody)
    facts: list[str] = []
    try:
        async with asyncio.timeout(TEST):
            sight = await watch.sight()
            if sight.seen is RouteSeen.GOOD:
                facts.append(
                    "it carries UDP" if await carries_udp(route) else "it carries no UDP, and nothing else does instead"
                )
    except TimeoutError:
        sight = RouteSight(RouteSeen.BAD, f"it did not answer within {TEST:.0f} s")
    except (httpcore2.NetworkError, OSError) as exc:
        facts.append(f"whether it carries UDP is not known: {exc}")
    except NightcrewError as exc:
        sight = RouteSight(RouteSeen.BAD, str(exc))
    finally:
        route.gate.retire()
    if sight.seen is not RouteSeen.GOOD:
        return RouteTested(False, redact(sight.reason, one.secrets))
    if sight.public:
        facts.append(f"its public address is {sight.public}, and home's is another")
    elif not one.ask:
        facts.append("whether it leads out elsewhere than home is not checked: no address that tells was given")
    if one.kind == INTERFACE and (warning := unstopped(one.device)):
        facts.append(warning)
    took = f"its canary answered in {1000 * (sight.canary_s or 0):.0f} ms"
    return RouteTested(True, took, tuple(facts))


async def _nobody(before: RouteStanding, after: RouteStanding) -> None:
    """Is told nothing."""


async def _proven(one: RouteDefinition, *, anyway: bool) -> None:
    if anyway:
        return
    found = await tested(one)
    if not found.ok:
        raise Invalid(f"{found.message}. Nothing was saved", field="anyway")


def _defined(values: Mapping[str, Any], before: RouteDefinition | None = None) -> RouteDefinition:
    known = {name: values[name] for name in RouteDefinition.__dataclass_fields__ if values.get(name) is not None}
    for field, value in known.items():
        if isinstance(value, str) and plain(value) != value:
            raise Invalid(f"{field}: it has characters that cannot be seen", field=field)
    spec = str(known.get("spec", "")) or (before.shown if before else "")
    known |= {
        "spec": with_password(spec, str(values.get("password") or ""), before),
        "dns": tuple(known.get("dns", ())),
    }
    return checked(RouteDefinition(**known), before)


def _row(runtime: Runtime, one: RouteDefinition) -> dict[str, str]:
    return {"kind": one.kind, "shown": one.shown, "sealed": runtime.vault.seal(one.as_json())}


async def _changed(runtime: Runtime, what: str, said: str, name: str, actor: str) -> None:
    await runtime.activity.record(f"route.{what}", said, actor=actor, subject=name)
    await _part(runtime).load()
    runtime.bus.publish("routes")
    runtime.bus.publish("connections")


def _part(runtime: Runtime) -> Lookout:
    return runtime.part(Lookout)
