"""All options in one form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from nightcrew.kernel.errors import Invalid
from nightcrew.kernel.runtime import Runtime
from nightcrew.web.access_page import access_context
from nightcrew.web.api import Actor, Node, apply_settings
from nightcrew.web.render import PageRoute, render, texts

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/settings")
async def settings(request: Request, node: Node, saved: Annotated[int, Query(ge=0, le=500)] = 0) -> Response:
    """All options in one form, and who may do what."""
    sentence = f"Saved {saved} {'setting' if saved == 1 else 'settings'}." if saved else ""
    return await _settings_page(request, node, sentence=sentence)


@router.post("/settings")
async def change_settings(request: Request, node: Node, actor: Actor) -> Response:
    """Save what differs from what was shown; `reset` names one option to take back to its default."""
    form = await texts(request)
    reset = form.pop("reset", None)
    options = node.settings.describe()
    try:
        changes = {option["key"]: typed_value(option, form) for option in options if _was_changed(option, form)}
        changed = await apply_settings(node, {reset: None} if reset else changes, actor)
    except Invalid as exc:
        key = next((o["key"] for o in options if (exc.field or "").startswith(o["key"])), "")
        sentence = str(exc).removeprefix(f"{key}: ")
        sentence = sentence[:1].upper() + sentence[1:]
        return await _settings_page(request, node, typed=form, errors={key: sentence}, status_code=422)
    if reset:
        kept = {name: text for name, text in form.items() if name not in {reset, f"was.{reset}"}}
        return await _settings_page(request, node, typed=kept, sentence=f"{reset} is back at its default.")
    return RedirectResponse(f"/settings?saved={len(changed)}", 303)


async def _settings_page(
    request: Request,
    node: Runtime,
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    sentence: str = "",
    status_code: int = 200,
) -> Response:
    titles = {domain.name: domain.title for domain in request.app.state.domains}
    groups: dict[str, list[dict[str, Any]]] = {}
    for option in node.settings.describe():
        groups.setdefault(titles.get(option["domain"], option["domain"]), []).append(_shown(option, typed))
    context = await access_context(request) | {"groups": groups, "errors": errors or {}, "sentence": sentence}
    return render(request, "settings.html", status_code=status_code, **context)


def control_of(option: Mapping[str, Any]) -> str:
    """The form control for an option."""
    if "enum" in option["bounds"]:
        return "select"
    if option["secret"]:
        return "password"
    return {"boolean": "checkbox", "integer": "number", "number": "number", "array": "lines"}.get(
        option["type"], "text"
    )


def text_of(option: Mapping[str, Any], value: Any) -> str:
    """A value as its form control holds it. Lists stand one entry a line, each plain or as JSON."""
    match control_of(option):
        case "checkbox":
            return "on" if value else ""
        case "password":
            return ""  # what is typed replaces it, and an empty field leaves it
        case "lines":
            return "\n".join(
                v if isinstance(v, str) and v[:1] not in '[{"' else json.dumps(v, ensure_ascii=False) for v in value
            )
    return str(value)


def typed_value(option: Mapping[str, Any], form: Mapping[str, str]) -> Any:
    """What a person typed for an option. What cannot be read is left as text, which the option's own check then refuses."""
    text = form.get(option["key"], "")
    match control_of(option):
        case "checkbox":
            return bool(text)
        case "number":
            return _read(int if option["type"] == "integer" else float, text.strip())
        case "lines":
            return [
                _read(json.loads, line) if line[0] in '[{"' else line
                for raw in text.splitlines()
                if (line := raw.strip())
            ]
    return text.strip()


def _read(how: Any, text: str) -> Any:
    try:
        return how(text)
    except ValueError:
        return text


def _was_changed(option: Mapping[str, Any], form: Mapping[str, str]) -> bool:
    before = form.get(f"was.{option['key']}", text_of(option, option["value"]))
    return _plain(form.get(option["key"], "")) != _plain(before)


def _plain(text: str) -> str:
    return "\n".join(text.split("\r\n")).strip()


def _shown(option: dict[str, Any], typed: Mapping[str, str] | None) -> dict[str, Any]:
    now = text_of(option, option["value"])
    shown = now if typed is None or f"was.{option['key']}" not in typed else typed.get(option["key"], "")
    name = option["name"]
    return option | {
        "label": name if len(name) <= 3 else name.replace("_", " ").lower().capitalize().replace(" url", " URL"),
        "control": control_of(option),
        "text": shown,
        "was": now,
        "usual": text_of(option, option["default"]),
    }
