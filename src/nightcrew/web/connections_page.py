"""The page Connections: outside services, how they stand, and the forms that connect them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from nightcrew.kernel.connections import actions, store
from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.connections.models import Connection
from nightcrew.kernel.declare import ConnectionKind
from nightcrew.kernel.errors import Conflict, Invalid, NightcrewError
from nightcrew.kernel.routes import DIRECT
from nightcrew.kernel.runtime import Runtime
from nightcrew.web import connections_api
from nightcrew.web.api import Node
from nightcrew.web.callers import Actor
from nightcrew.web.forms import Control, controls_of, form_of, text_of, values_of, with_error
from nightcrew.web.render import PageRoute, done, is_fragment, note, render, render_part, texts

router = APIRouter(include_in_schema=False, route_class=PageRoute)

Id = Annotated[int, Path(ge=1, lt=2**63)]
KindName = Annotated[str, Query(max_length=60)]
Part = Annotated[str, Query(max_length=8_000)]
HERE = "/connections"
COMMON = frozenset({"name", "address", "mirrors", "route"})
PREFIX = "settings."
"""Before the names of a kind's own fields in the form."""


@router.get(HERE)
async def connections(request: Request, node: Node) -> Response:
    """All connections, and what can be connected."""
    kinds = sorted(node.part(Connections).kinds.values(), key=lambda kind: kind.title)
    return render(request, "connections.html", kinds=kinds, **await _listed(node))


@router.get("/fragments/connections")
async def listed(request: Request, node: Node) -> Response:
    """The table of connections."""
    return render(request, "fragments/connections.html", **await _listed(node))


@router.get(HERE + "/new")
async def new(request: Request, node: Node, kind: KindName) -> Response:
    """The form of a kind."""
    return _form(request, node, node.part(Connections).kind_of(kind))


@router.post(HERE + "/new")
async def add(request: Request, node: Node, actor: Actor, kind: KindName) -> Response:
    """Connect a service."""
    wanted, typed = node.part(Connections).kind_of(kind), await texts(request)
    try:
        one = await actions.add(node, {**_values(wanted, typed), "kind": kind}, actor=actor)
    except (Invalid, Conflict) as exc:
        return _form(request, node, wanted, typed=typed, error=exc)
    if wanted.oauth is not None:
        return _to(request, f"{HERE}/{one.id}/grant")
    return _saved(request, f"{one.name} is connected.")


@router.post(HERE + "/try")
async def try_out(
    request: Request, node: Node, kind: KindName, of: Annotated[int | None, Query(ge=1)] = None
) -> Response:
    """Test what was entered, before it is saved."""
    wanted, typed = node.part(Connections).kind_of(kind), await texts(request)
    try:
        found = await actions.try_out(node, {**_values(wanted, typed), "kind": kind}, of=of)
    except (Invalid, Conflict) as exc:
        found = actions.Tested(False, str(exc))
    return render_part(request, "fragments/connection_tested.html", title="A test", found=found)


@router.get(HERE + "/{connection_id}/edit")
async def edit(request: Request, node: Node, connection_id: Id) -> Response:
    """The form of a connection. Its secrets are not shown."""
    one = await actions.entered_here(node, connection_id)
    return _form(request, node, node.part(Connections).kind_of(one.kind), one)


@router.post(HERE + "/{connection_id}/edit")
async def change(request: Request, node: Node, actor: Actor, connection_id: Id) -> Response:
    """Save what was changed. A secret that is left empty stays."""
    one, typed = await actions.entered_here(node, connection_id), await texts(request)
    kind = node.part(Connections).kind_of(one.kind)
    try:
        one = await actions.change(node, connection_id, _values(kind, typed), actor=actor)
    except (Invalid, Conflict) as exc:
        return _form(request, node, kind, one, typed=typed, error=exc)
    return _saved(request, f"{one.name} was saved.")


@router.post(HERE + "/{connection_id}/test")
async def test(request: Request, node: Node, actor: Actor, connection_id: Id) -> Response:
    """Test a connection now."""
    found = await actions.test(node, connection_id, actor=actor)
    return render_part(request, "fragments/connection_tested.html", title="A test", found=found)


@router.post(HERE + "/{connection_id}/enabled")
async def switch(request: Request, node: Node, actor: Actor, connection_id: Id) -> Response:
    """Switch a connection on or off."""
    on = bool((await texts(request)).get("on"))
    one = await actions.change(node, connection_id, {"enabled": on}, actor=actor)
    return done(request, f"{one.name} is switched {'on' if on else 'off'}.", HERE)


@router.get(HERE + "/{connection_id}/remove")
async def try_removal(request: Request, node: Node, connection_id: Id) -> Response:
    """What a removal means. Nothing is changed."""
    one = await actions.entered_here(node, connection_id)
    return render_part(request, "fragments/connection_remove.html", title=f"Remove {one.name}?", one=one)


@router.post(HERE + "/{connection_id}/remove")
async def remove(request: Request, node: Node, actor: Actor, connection_id: Id) -> Response:
    """Forget a connection."""
    one = await actions.remove(node, connection_id, actor=actor)
    return done(request, f"{one.name} was removed.", HERE)


# -- granting access ---------------------------------------------------------------------------------------------------


@router.get(HERE + "/{connection_id}/grant")
async def grant(request: Request, node: Node, connection_id: Id) -> Response:
    """The way to the service's own page, and back by hand where the browser cannot."""
    one = await store.get(node.store, connection_id)
    url, back = await actions.begin_grant(node, connection_id), actions.back_to(node)
    title = f"Access to {one.name}"
    return render_part(request, "fragments/connection_grant.html", title=title, one=one, url=url, back=back)


@router.get("/callback")
async def came_back(
    request: Request, node: Node, actor: Actor, state: Part = "", code: Part = "", error: Part = ""
) -> Response:
    """A browser comes back from the service's page."""
    one = await actions.finish_grant(node, state=state, code=code, error=error, actor=actor)
    return render(request, "connection_granted.html", one=one)


@router.post(HERE + "/granted")
async def pasted(request: Request, node: Node, actor: Actor) -> Response:
    """A person brings the address at which the browser ended."""
    state, code, error = connections_api.parts_of((await texts(request)).get("address", ""))
    one = await actions.finish_grant(node, state=state, code=code, error=error, actor=actor)
    return _saved(request, f"Access to {one.name} was granted.")


# -- what is shown -----------------------------------------------------------------------------------------------------


async def _listed(node: Runtime) -> dict[str, Any]:
    kinds = node.part(Connections).kinds
    rows = await connections_api.rows_of(node)
    granting = {row.id for row in rows if (kind := kinds.get(row.kind)) is not None and kind.oauth is not None}
    return {"rows": rows, "granting": granting}


def _saved(request: Request, sentence: str) -> Response:
    return Response("", headers=note(sentence)) if is_fragment(request) else RedirectResponse(HERE, 303)


def _to(request: Request, url: str) -> Response:
    return Response("", headers={"HX-Redirect": url}) if is_fragment(request) else RedirectResponse(url, 303)


def _form(
    request: Request,
    node: Runtime,
    kind: ConnectionKind,
    one: Connection | None = None,
    *,
    typed: Mapping[str, str] | None = None,
    error: NightcrewError | None = None,
) -> Response:
    """The form of a kind, empty, filled, or as it was typed with what is wrong with it."""
    stored = connections_api.stored_secrets(node, one) if one else []
    settings = one.settings if one else {}
    values = {
        known.name: text_of(known.kind, settings[known.name])
        for known in controls_of(kind.settings)
        if known.name in settings
    }
    own = form_of(
        kind.settings,
        values=values,
        kept=dict.fromkeys(stored, ""),
        typed=None if typed is None else _own(typed),
    )
    common = [
        control if typed is None else replace(control, value=typed.get(control.name, ""))
        for control in _common(node, kind, one)
    ]
    controls = [*common, *(replace(control, name=PREFIX + control.name) for control in own.controls)]
    return render_part(
        request,
        "fragments/connection_form.html",
        title=f"Edit {one.name}" if one else f"Connect {kind.title}",
        status_code=422 if error else 200,
        kind=kind,
        one=one,
        form=with_error(controls, _aimed(kind, error)),
    )


def _aimed(kind: ConnectionKind, error: NightcrewError | None) -> NightcrewError | None:
    """The error of a kind's own field, named as the form names it."""
    field = getattr(error, "field", None) or ""
    own = field.partition(".")[0]
    if own not in kind.settings.model_fields or own in COMMON:
        return error
    return Invalid(str(error).removeprefix(f"{field}: "), field=PREFIX + own)


def _common(node: Runtime, kind: ConnectionKind, one: Connection | None) -> list[Control]:
    """What every connection has."""
    address = one.address if one else kind.address
    controls = [
        Control("name", "Name", value=one.name if one else "", required=True, placeholder=kind.title),
        Control("address", "Address", value=address, required=True, placeholder="https://service.example.net"),
    ]
    if kind.mirrors:
        known = "\n".join(one.mirrors) if one else ""
        said = "Further addresses that answer alike, one per line. They are asked when the first one fails."
        controls.append(Control("mirrors", "Mirrors", "lines", value=known, help=said))
    if len(node.http.routes.names) > 1:
        choices = tuple((name, name) for name in node.http.routes.names)
        controls.append(Control("route", "Route", "select", value=one.route if one else DIRECT, choices=choices))
    return controls


def _own(typed: Mapping[str, str]) -> dict[str, str]:
    """What was typed for the kind's own fields, by their names."""
    return {name.removeprefix(PREFIX): text for name, text in typed.items() if name.startswith(PREFIX)}


def _values(kind: ConnectionKind, typed: Mapping[str, str]) -> dict[str, Any]:
    """What was typed, as the actions take it."""
    values: dict[str, Any] = {name: typed[name].strip() for name in ("name", "address", "route") if name in typed}
    if "mirrors" in typed:
        values["mirrors"] = typed["mirrors"].split()
    return values | {"settings": values_of(kind.settings, _own(typed))}
