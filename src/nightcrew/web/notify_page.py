"""Settings → Notifications: who is told of what, whether they are reached, and what they were told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Path, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, ValidationError

from nightcrew.kernel.errors import Conflict, Invalid, NightcrewError
from nightcrew.kernel.notify import actions, notices_store, rules, targets_store
from nightcrew.kernel.notify.models import Target
from nightcrew.kernel.runtime import Runtime
from nightcrew.web import notify_api
from nightcrew.web.api import Actor, Node
from nightcrew.web.notify_api import NewTarget, TargetChange, target_row
from nightcrew.web.render import PageRoute, done, is_fragment, note, render, render_part, texts

router = APIRouter(include_in_schema=False, route_class=PageRoute)

Id = Annotated[int, Path(ge=1, lt=2**63)]
ModelT = TypeVar("ModelT", bound=BaseModel)
HERE = "/settings/notifications"
TOLD = 30
"""Notices that the page shows."""
KINDS = (
    ("apprise", "A service, through apprise"),
    ("webhook", "A web address that takes JSON"),
    ("heartbeat", "A heartbeat: an address that is called while all is well"),
)
LEVELS = (("info", "Everything"), ("warning", "Warnings and errors"), ("error", "Errors only"))
PILLS = {"off": "off", "failing": "bad", "works": "ok", "new": "off"}
STATES = {"waiting": "run", "sent": "ok", "failed": "bad", "dropped": "off"}
FIELDS = frozenset({"name", "address", "quiet_from", "quiet_to"})
"""Fields that show an error themselves."""


@router.get(HERE)
async def notifications(request: Request, node: Node) -> Response:
    """Who is told, and what they were told."""
    shown = await _targets(node) | await _told(node)
    return render(request, "notifications.html", form=_form(), **shown)


@router.get("/fragments/notifications/targets")
async def targets_part(request: Request, node: Node) -> Response:
    """The table of targets."""
    return render(request, "fragments/notify_targets.html", **await _targets(node))


@router.get("/fragments/notifications/told")
async def told_part(request: Request, node: Node) -> Response:
    """What they were told."""
    return render(request, "fragments/notify_told.html", **await _told(node))


@router.post(HERE)
async def add_target(request: Request, node: Node, actor: Actor) -> Response:
    """Tell somebody from now on."""
    typed = await texts(request)
    try:
        wanted = _checked(
            NewTarget, _values(typed) | {"kind": typed.get("kind", ""), "address": typed.get("address", "")}
        )
        row = await notify_api.add_target(node, actor, wanted)
    except (Invalid, Conflict) as exc:
        return _again(request, "Add a target", _form(typed=typed, error=exc))
    if not is_fragment(request):
        return RedirectResponse(HERE, 303)
    said = note(f"{row['name']} is told from now on. Send a test to see whether it arrives.")
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
        address = {"address": typed["address"]} if typed.get("address", "").strip() else {}
        changes = _checked(TargetChange, _values(typed) | address)
        await notify_api.change_target(node, actor, target_id, changes)
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
    return done(request, f"{target.name} is {'told again' if on else 'not told for now'}.", HERE)


@router.get(HERE + "/{target_id}/remove")
async def try_removal(request: Request, node: Node, target_id: Id) -> Response:
    """What a removal means. Nothing is changed."""
    target = await targets_store.get(node.store, target_id)
    return render_part(request, "fragments/notify_remove.html", title=f"Remove {target.name}?", target=target)


@router.post(HERE + "/{target_id}/remove")
async def remove_target(request: Request, node: Node, actor: Actor, target_id: Id) -> Response:
    """Tell it nothing any more."""
    target = await actions.remove(node, target_id, actor=actor)
    if not is_fragment(request):
        return RedirectResponse(HERE, 303)
    return Response("", headers=note(f"{target.name} is not told any more."))


# -- what is shown -----------------------------------------------------------------------------------------------------


async def _targets(node: Runtime) -> dict[str, Any]:
    rows = [target_row(target) for target in await targets_store.every(node.store)]
    held = not node.health.keeps_all()
    return {"targets": rows, "pills": PILLS, "kinds": dict(KINDS), "titles": rules.TITLES, "held": held}


async def _told(node: Runtime) -> dict[str, Any]:
    names = {target.id: target.name for target in await targets_store.every(node.store)}
    found = await notices_store.page(node.store, before=None, limit=TOLD)
    return {"told": [{"notice": one, "target": names.get(one.target_id, "")} for one in found], "states": STATES}


def _again(request: Request, title: str, form: dict[str, Any]) -> Response:
    return render_part(request, "fragments/notify_form.html", title=title, status_code=422, form=form)


def _form(
    target: Target | None = None, *, typed: Mapping[str, str] | None = None, error: NightcrewError | None = None
) -> dict[str, Any]:
    """What the form's template needs. An error without a field of its own is told above the form."""
    wrong = "name" if isinstance(error, Conflict) else getattr(error, "field", None) or ""
    sentence = str(error).removeprefix(f"{wrong}: ") if error else ""
    return {
        "target": target,
        "typed": dict(typed) if typed is not None else _typed(target),
        "wrong": wrong if wrong in FIELDS else "",
        "error": sentence[:1].upper() + sentence[1:],
        "kinds": KINDS,
        "levels": LEVELS,
        "groups": rules.TITLES,
    }


def _typed(target: Target | None) -> dict[str, str]:
    """A form as it would be sent to get this target; without one, a target that wants everything."""
    if target is None:
        return {"kind": "apprise", "level": "info", **{f"wants.{group}": "on" for group in rules.TITLES}}
    row = target_row(target)
    texts_of = {key: row[key] or "" for key in ("name", "kind", "level", "quiet_from", "quiet_to")}
    return texts_of | {"loud": "on" if row["loud"] else ""} | {f"wants.{group}": "on" for group in target.wants}


def _values(typed: Mapping[str, str]) -> dict[str, Any]:
    """As the JSON routes take it."""
    return {
        "name": typed.get("name", "").strip(),
        "wants": [group for group in rules.TITLES if typed.get(f"wants.{group}")],
        "level": typed.get("level", "info"),
        "quiet_from": typed.get("quiet_from", "").strip(),
        "quiet_to": typed.get("quiet_to", "").strip(),
        "loud": bool(typed.get("loud")),
    }


def _checked(model: type[ModelT], values: Mapping[str, Any]) -> ModelT:
    """The first thing that is wrong as one sentence. Raises `Invalid`."""
    try:
        return model.model_validate(values)
    except ValidationError as exc:
        first = exc.errors()[0]
        empty = first["type"] == "string_too_short"
        raise Invalid("it is needed" if empty else first["msg"], field=str(first["loc"][0])) from exc
