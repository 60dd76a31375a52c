"""Settings → Notifications: who is told of what, whether they are reached, and what they were told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import RedirectResponse, Response

from nightcrew.kernel.errors import Conflict, Invalid, NightcrewError
from nightcrew.kernel.notify import actions, notices_store, rules, targets_store
from nightcrew.kernel.notify.models import Target
from nightcrew.kernel.runtime import Runtime
from nightcrew.web import notify_api
from nightcrew.web.api import Node
from nightcrew.web.callers import Actor
from nightcrew.web.forms import checked, form_of, values_of
from nightcrew.web.notify_api import NewTarget, TargetChange, target_row
from nightcrew.web.render import PageRoute, done, is_fragment, note, render, render_part, texts

router = APIRouter(include_in_schema=False, route_class=PageRoute)

Id = Annotated[int, Path(ge=1, lt=2**63)]
HERE = "/settings/notifications"
TOLD = 30
"""Notices that the page shows."""
FIELDS = ("name", "kind", "address", "level", "quiet_from", "quiet_to", "loud", "wants")
CHANGED = tuple(name for name in FIELDS if name != "kind")


@router.get(HERE)
async def notifications(request: Request, node: Node) -> Response:
    """Who is told, and what they were told."""
    shown = await _targets(node) | await _deliveries(node)
    return render(request, "notifications.html", form=_form(), **shown)


@router.get("/fragments/notifications/targets")
async def targets_part(request: Request, node: Node) -> Response:
    """The table of targets."""
    return render(request, "fragments/notify_targets.html", **await _targets(node))


@router.get("/fragments/notifications/told")
async def told_part(request: Request, node: Node) -> Response:
    """What they were told."""
    return render(request, "fragments/notify_told.html", **await _deliveries(node))


@router.post(HERE)
async def add_target(request: Request, node: Node, actor: Actor) -> Response:
    """Tell somebody from now on."""
    typed = await texts(request)
    try:
        wanted = checked(NewTarget, values_of(NewTarget, typed, FIELDS))
        row = await notify_api.add(node, wanted, actor=actor)
    except (Invalid, Conflict) as exc:
        return _again(request, "Add a target", _form(typed=typed, error=exc))
    if not is_fragment(request):
        return RedirectResponse(HERE, 303)
    said = note(f"{row.name} will be notified from now on. Send a test to see whether it arrives.")
    return render(request, "fragments/notify_form.html", headers=said, form=_form())


@router.get(HERE + "/{target_id}/edit")
async def edit_target(request: Request, node: Node, target_id: Id) -> Response:
    """The form of a target. Its address is not shown."""
    target = await targets_store.get(node.store, target_id)
    title = f"Edit {target.name}"
    return render_part(request, "fragments/notify_form.html", title=title, form=_form(target))


@router.post(HERE + "/{target_id}/edit")
async def change_target(request: Request, node: Node, actor: Actor, target_id: Id) -> Response:
    """Save what was changed. An empty address stays as it is."""
    typed = await texts(request)
    target = await targets_store.get(node.store, target_id)
    try:
        changes = checked(TargetChange, values_of(NewTarget, typed, CHANGED, kept={"address"}))
        await notify_api.change(node, target_id, changes, actor=actor)
    except (Invalid, Conflict) as exc:
        return _again(request, f"Edit {target.name}", _form(target, typed=typed, error=exc))
    if not is_fragment(request):
        return RedirectResponse(HERE, 303)
    return Response("", headers=note("The target was saved."))


@router.post(HERE + "/{target_id}/test")
async def test_target(request: Request, node: Node, actor: Actor, target_id: Id) -> Response:
    """Send a test, and say what happened."""
    taken, said = await actions.test(node, target_id, actor=actor)
    return render_part(request, "fragments/notify_test.html", title="A test", taken=taken, said=said)


@router.post(HERE + "/{target_id}/enabled")
async def switch_target(request: Request, node: Node, actor: Actor, target_id: Id) -> Response:
    """Switch a target on or off. What waits for it is dropped."""
    on = bool((await texts(request)).get("on"))
    target = await actions.change(node, target_id, {"enabled": on}, actor=actor)
    return done(request, f"{target.name} is {'on again' if on else 'paused'}.", HERE)


@router.get(HERE + "/{target_id}/remove")
async def try_removal(request: Request, node: Node, target_id: Id) -> Response:
    """What a removal means. Nothing is changed."""
    target = await targets_store.get(node.store, target_id)
    return render_part(request, "fragments/notify_remove.html", title=f"Remove {target.name}?", target=target)


@router.post(HERE + "/{target_id}/remove")
async def remove_target(request: Request, node: Node, actor: Actor, target_id: Id) -> Response:
    """Tell it nothing any more."""
    target = await actions.remove(node, target_id, actor=actor)
    return done(request, f"{target.name} was removed.", HERE)


# -- what is shown -----------------------------------------------------------------------------------------------------


async def _targets(node: Runtime) -> dict[str, Any]:
    rows = [target_row(target) for target in await targets_store.every(node.store)]
    held = not node.health.keeps_all()
    return {"targets": rows, "titles": rules.TITLES, "held": held}


async def _deliveries(node: Runtime) -> dict[str, Any]:
    names = {target.id: target.name for target in await targets_store.every(node.store)}
    found = await notices_store.page(node.store, before=None, limit=TOLD)
    return {"told": [{"notice": one, "target": names.get(one.target_id, "")} for one in found]}


def _again(request: Request, title: str, form: dict[str, Any]) -> Response:
    return render_part(request, "fragments/notify_form.html", title=title, status_code=422, form=form)


def _form(
    target: Target | None = None, *, typed: Mapping[str, str] | None = None, error: NightcrewError | None = None
) -> dict[str, Any]:
    """What the form's template needs."""
    if target is None:
        return {"target": None, "form": form_of(NewTarget, FIELDS, typed=typed, error=error)}
    row = target_row(target)
    values = {key: row[key] or "" for key in ("name", "level", "quiet_from", "quiet_to")}
    values |= {"loud": "on" if row["loud"] else "", "wants": "\n".join(target.wants)}
    form = form_of(NewTarget, CHANGED, values=values, kept={"address": target.shown}, typed=typed, error=error)
    return {"target": target, "form": form}
