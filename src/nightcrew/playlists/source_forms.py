"""The form of a source: the fields of its kind, what stands in them, and what was typed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from nightcrew.kernel.errors import Invalid, NightcrewError
from nightcrew.kernel.redaction import credentials_in, redact
from nightcrew.kernel.runtime import Runtime
from nightcrew.playlists.models import Source
from nightcrew.playlists.providers import KINDS, SECRETS
from nightcrew.web.forms import Control, form_of, text_of, values_of, with_error

SELDOM = frozenset(["numbers", "headers", "guide_shift", "charset", "route"])
"""Fields that few people need."""
NAME = Control("name", "Name", required=True, placeholder="My provider", attributes={"maxlength": 100})


def describe_form(
    runtime: Runtime,
    kind: str,
    source: Source | None = None,
    *,
    typed: Mapping[str, str] | None = None,
    error: NightcrewError | None = None,
) -> dict[str, Any]:
    """What the form's template needs."""
    name = (source.name if source else "") if typed is None else typed.get("name", "")
    known = KINDS[kind]
    values, kept = _stored(kind, source)
    controls = form_of(known.config, known.fields, values=values, kept=kept, typed=typed).controls
    controls = tuple(map(_with_routes(runtime.http.routes.names), controls))
    return {
        "kind": kind,
        "kinds": [(key, one.title, one.about) for key, one in KINDS.items()],
        "source": source,
        "form": with_error((replace(NAME, value=name), *controls), error).folded(SELDOM, "More options"),
    }


def _with_routes(names: Sequence[str]) -> Callable[[Control], Control]:
    """The control of a route as a choice of those that there are, and of the one that is chosen and is not there any more."""

    def chosen(control: Control) -> Control:
        if control.name != "route":
            return control
        offered = dict.fromkeys([*names, *([control.value] if control.value else [])])
        return replace(control, kind="select", choices=tuple((name, name) for name in offered), attributes={})

    return chosen


def _stored(kind: str, source: Source | None) -> tuple[dict[str, str], dict[str, str]]:
    """The texts of what is stored, and of what is not shown a hint: an address with credentials without them."""
    values, kept = dict[str, str](), dict[str, str]()
    if source is None:
        return values, kept
    for name in KINDS[kind].fields:
        stored = stored_value(source, name)
        if stored is None:
            continue  # its default holds, as for a source that is older than the field
        text = ", ".join(f"{lang}:{region}" for lang, region in stored or ()) if name == "locales" else _text(stored)
        masked = redact(text, credentials_in(text))
        if name in SECRETS and not text:
            continue
        if name in SECRETS or masked != text:
            kept[name] = "" if name in SECRETS else masked
        else:
            values[name] = text
    return values, kept


def _text(stored: Any) -> str:
    return text_of("checkbox" if isinstance(stored, bool) else "lines" if isinstance(stored, list) else "text", stored)


def stored_value(source: Source, name: str) -> Any:
    """A field of a source's configuration as it is stored; None when it is not there."""
    return source.config.get(name)


def read_values(kind: str, form: Mapping[str, str], source: Source | None) -> dict[str, Any]:
    """The typed fields of a kind as its configuration takes them. Raises `Invalid`."""
    known = KINDS[kind]
    values = values_of(known.config, form, known.fields, kept=_stored(kind, source)[1])
    if "locales" in values:
        values["locales"] = _locales(values["locales"])
    if "options" in values:
        values["options"] = _options(values["options"])
    return values


def _locales(text: str) -> list[list[str]]:
    pairs = []
    for part in text.replace(",", " ").split():
        lang, colon, region = part.partition(":")
        if not (lang and colon and region):
            raise Invalid(f"locales: {part!r} is not a pair such as de:DE", field="locales")
        pairs.append([lang, region.upper()])
    return pairs


def _options(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise Invalid(f"options: this is not JSON: {exc}", field="options") from exc
