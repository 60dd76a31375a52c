"""The page Routes: ways out of this network that fail closed, how they stand, and who takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from nightcrew.kernel.errors import Conflict, Invalid, NightcrewError
from nightcrew.kernel.routing import actions, store
from nightcrew.kernel.routing.lookout import Lookout
from nightcrew.kernel.runtime import Runtime
from nightcrew.web import routes_api
from nightcrew.web.api import Node
from nightcrew.web.callers import Actor
from nightcrew.web.forms import Form, checked, form_of, text_of, values_of
from nightcrew.web.render import PageRoute, done, is_fragment, note, render, render_part, texts
from nightcrew.web.routes_api import NewRoute, RouteChange, RouteRow

router = APIRouter(include_in_schema=False, route_class=PageRoute)

Name = Annotated[str, Path(max_length=40)]
Of = Annotated[str, Query(max_length=40)]
HERE = "/routes"
FIELDS = ("name", "spec", "password", "dns", "canary", "ask", "gluetun", "gluetun_key", "strays", "anyway")
CHANGED = FIELDS[1:]
RARE = frozenset({"gluetun", "gluetun_key", "strays", "anyway"})


@router.get(HERE)
async def routes(request: Request, node: Node) -> Response:
    """All routes, and the form of a new one."""
    return render(request, "routes.html", rows=await routes_api.rows_of(node), form=_form(), row=None)


@router.get("/fragments/routes")
async def listed(request: Request, node: Node) -> Response:
    """The table of routes."""
    return render(request, "fragments/routes.html", rows=await routes_api.rows_of(node))


@router.post(HERE)
async def add(request: Request, node: Node, actor: Actor) -> Response:
    """Define a route."""
    typed = await texts(request)
    try:
        wanted = checked(NewRoute, values_of(NewRoute, typed, FIELDS))
        row = await actions.add(node, wanted.model_dump(), actor=actor, anyway=wanted.anyway)
    except (Invalid, Conflict) as exc:
        return _again(request, "Add a route", None, _form(typed=typed, error=exc))
    if not is_fragment(request):
        return RedirectResponse(HERE, 303)
    said = note(f"The route {row.name} was added. Connections can take it now.")
    return render(request, "fragments/route_form.html", headers=said, form=_form(), row=None)


@router.post(HERE + "/try")
async def try_out(request: Request, node: Node, of: Of = "") -> Response:
    """Test what was entered, before it is saved."""
    typed = await texts(request)
    try:
        if of:
            wanted = checked(RouteChange, values_of(NewRoute, typed, CHANGED)).model_dump() | {"name": of}
        else:
            wanted = checked(NewRoute, values_of(NewRoute, typed, FIELDS)).model_dump()
        found = await actions.try_out(node, wanted, of=of)
    except (Invalid, Conflict) as exc:
        found = actions.RouteTested(False, str(exc))
    return render_part(request, "fragments/connection_tested.html", title="A test", found=found)


@router.get(HERE + "/{name}/edit")
async def edit(request: Request, node: Node, name: Name) -> Response:
    """The form of a route. Its secrets are not shown."""
    row = await _row(node, name)
    return render_part(request, "fragments/route_form.html", title=f"Edit {name}", form=_form(row), row=row)


@router.post(HERE + "/{name}/edit")
async def change(request: Request, node: Node, actor: Actor, name: Name) -> Response:
    """Save what was changed."""
    row, typed = await _row(node, name), await texts(request)
    try:
        wanted = checked(RouteChange, values_of(NewRoute, typed, CHANGED))
        await actions.change(node, name, wanted.model_dump(), actor=actor, anyway=wanted.anyway)
    except (Invalid, Conflict) as exc:
        return _again(request, f"Edit {name}", row, _form(row, typed=typed, error=exc))
    if not is_fragment(request):
        return RedirectResponse(HERE, 303)
    return Response("", headers=note(f"The route {name} was saved."))


@router.post(HERE + "/{name}/test")
async def test(request: Request, node: Node, actor: Actor, name: Name) -> Response:
    """Look at a route now."""
    found = await actions.test(node, name, actor=actor)
    return render_part(request, "fragments/connection_tested.html", title="A test", found=found)


@router.get(HERE + "/{name}/remove")
async def try_removal(request: Request, node: Node, name: Name) -> Response:
    """What a removal means. Nothing is changed."""
    await store.get(node.store, name)
    used = await node.part(Lookout).users(name)
    return render_part(request, "fragments/route_remove.html", title=f"Remove {name}?", route=name, used=used)


@router.post(HERE + "/{name}/remove")
async def remove(request: Request, node: Node, actor: Actor, name: Name) -> Response:
    """Forget a route."""
    await actions.remove(node, name, actor=actor)
    return done(request, f"The route {name} was removed.", HERE)


# -- what is shown -----------------------------------------------------------------------------------------------------


async def _row(node: Runtime, name: str) -> RouteRow:
    return await routes_api.row_of(node, await store.get(node.store, name))


def _again(request: Request, title: str, row: RouteRow | None, form: Form) -> Response:
    return render_part(request, "fragments/route_form.html", title=title, status_code=422, form=form, row=row)


def _form(
    row: RouteRow | None = None, *, typed: Mapping[str, str] | None = None, error: NightcrewError | None = None
) -> Form:
    """The form, empty, filled, or as it was typed with what is wrong with it."""
    if row is None:
        whole = form_of(NewRoute, FIELDS, typed=typed, error=error)
    else:
        shown: dict[str, Any] = row.model_dump(include={"spec", "canary", "ask", "gluetun"})
        shown |= {"dns": text_of("lines", row.dns), "strays": text_of("checkbox", row.strays)}
        kept = dict.fromkeys(row.secrets, "")
        whole = form_of(NewRoute, CHANGED, values=shown, kept=kept, typed=typed, error=error)
    return whole.folded(RARE, "gluetun, and what few need")
