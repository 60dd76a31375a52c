"""All options in one form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from nightcrew.kernel.errors import Invalid
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.words import counted, sentence
from nightcrew.web.access_page import access_context
from nightcrew.web.actions import apply_settings
from nightcrew.web.api import Node
from nightcrew.web.callers import Actor
from nightcrew.web.forms import Control, control_of, text_of, value_of
from nightcrew.web.render import PageRoute, number, render, texts

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/settings")
async def settings(request: Request, node: Node, saved: Annotated[int, Query(ge=0, le=500)] = 0) -> Response:
    """All options in one form, and who may do what."""
    return await _settings_page(request, node, said=f"Saved {counted(saved, 'setting')}." if saved else "")


@router.post("/settings")
async def change_settings(request: Request, node: Node, actor: Actor) -> Response:
    """Save what differs from what was shown; `reset` names one option to take back to its default."""
    form = await texts(request)
    reset = form.pop("reset", None)
    options = node.settings.describe()
    try:
        changes = {
            option["key"]: value_of(control_for(option), form) for option in options if _was_changed(option, form)
        }
        changed = await apply_settings(node, {reset: None} if reset else changes, actor)
    except Invalid as exc:
        key = next((o["key"] for o in options if (exc.field or "").startswith(o["key"])), "")
        errors = {key: sentence(str(exc).removeprefix(f"{key}: "))}
        return await _settings_page(request, node, typed=form, errors=errors, status_code=422)
    if reset:
        kept = {name: text for name, text in form.items() if name not in {reset, f"was.{reset}"}}
        return await _settings_page(request, node, typed=kept, said=f"{reset} is back at its default.")
    return RedirectResponse(f"/settings?saved={len(changed)}", 303)


async def _settings_page(
    request: Request,
    node: Runtime,
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    said: str = "",
    status_code: int = 200,
) -> Response:
    titles = {domain.name: domain.title for domain in request.app.state.domains}
    groups: dict[str, list[dict[str, Any]]] = {}
    for option in node.settings.describe():
        groups.setdefault(titles.get(option["domain"], option["domain"]), []).append(
            _shown(option, typed, (errors or {}).get(option["key"], ""))
        )
    context = await access_context(request) | {"groups": groups, "errors": errors or {}, "sentence": said}
    return render(request, "settings.html", status_code=status_code, **context)


def _was_changed(option: Mapping[str, Any], form: Mapping[str, str]) -> bool:
    before = form.get(f"was.{option['key']}", text_of(control_for(option).kind, option["value"]))
    return _plain(form.get(option["key"], "")) != _plain(before)


def _plain(text: str) -> str:
    return "\n".join(text.split("\r\n")).strip()


def control_for(option: Mapping[str, Any]) -> Control:
    """The control of an option, named by its key."""
    name = option["name"]
    label = name if len(name) <= 3 else name.replace("_", " ").lower().capitalize().replace(" url", " URL")
    schema = {"type": option["type"], "unit": option["unit"], "description": option["help"], **option["bounds"]}
    schema["writeOnly"] = option["secret"]
    control = control_of(option["key"], schema, label=label)
    return replace(control, attributes={**control.attributes, "readonly": "readonly"}) if option["fixed"] else control


def _shown(option: dict[str, Any], typed: Mapping[str, str] | None, error: str) -> dict[str, Any]:
    control = control_for(option)
    now = text_of(control.kind, option["value"])
    text = now if typed is None or f"was.{option['key']}" not in typed else typed.get(option["key"], "")
    rows = max(len(text.splitlines()) + 1, 3)
    return option | {
        "control": replace(control, value=text, error=error, rows=rows),
        "was": now,
        "usual": text_of(control.kind, option["default"]),
        "range": _range(option["bounds"]) if control.kind == "number" else "",
    }


def _range(bounds: Mapping[str, Any]) -> str:
    """What a number may be, in words."""
    least, most = bounds.get("minimum"), bounds.get("maximum")
    if least is not None and most is not None:
        return f"{number(least)} to {number(most)}"
    return f"At least {number(least)}" if least is not None else f"At most {number(most)}" if most is not None else ""
