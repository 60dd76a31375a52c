"""Forms from classes: what stands in each control, what was typed, and what is wrong with it. Pure; `parts/form.html` draws."""

from __future__ import annotations

import functools
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from nightcrew.kernel.errors import Conflict, Invalid, NightcrewError
from nightcrew.kernel.fields import FORM
from nightcrew.kernel.settings import invalid_from
from nightcrew.kernel.words import sentence

ModelT = TypeVar("ModelT", bound=BaseModel)
BY_TYPE = {"boolean": "checkbox", "integer": "number", "number": "number", "array": "lines", "object": "textarea"}
NOT_SHOWN = "stored, not shown"
KEPT = "Leave it empty to keep what is stored."
BOUNDS = {"minimum": "min", "maximum": "max", "maxLength": "maxlength"}
"""What JSON schema calls a bound, and what HTML calls it."""


@dataclass(frozen=True, slots=True)
class Control:
    """One control with its words. `attributes` are HTML's own, such as `min`."""

    name: str
    label: str
    kind: str = "text"
    value: str = ""
    help: str = ""
    error: str = ""
    required: bool = False
    placeholder: str = ""
    unit: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    rows: int = 4
    attributes: Mapping[str, Any] = field(default_factory=dict)
    number: type[int] | type[float] = float
    """What the text of a number is read as."""
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """Controls in their order; `error` is what is wrong with none of them alone. `more`: those that few need, folded away below
    the words `few`."""

    controls: tuple[Control, ...]
    error: str = ""
    more: tuple[Control, ...] = ()
    few: str = ""

    def folded(self, names: Collection[str], few: str) -> Form:
        """With some of the controls folded away."""
        shown = tuple(control for control in self.controls if control.name not in names)
        return replace(self, controls=shown, more=tuple(one for one in self.controls if one.name in names), few=few)


def form_of(
    model: type[BaseModel],
    fields: Collection[str] = (),
    *,
    values: Mapping[str, str] | None = None,
    kept: Mapping[str, str] | None = None,
    typed: Mapping[str, str] | None = None,
    error: NightcrewError | None = None,
) -> Form:
    """The form of a class, or of some of its fields in their order.

    `values` are the texts of what is stored. `kept` names stored fields that are not shown, with a hint of what they hold; such
    a field may stay empty. `typed` is what a person sent. A secret is never filled in again.
    """
    controls = [_filled(one, values or {}, kept or {}, typed) for one in chosen(model, fields)]
    return with_error(controls, error)


def chosen(model: type[BaseModel], fields: Collection[str] = ()) -> list[Control]:
    """The empty controls of a class, or of some of its fields in their order."""
    known = {control.name: control for control in controls_of(model)}
    return [known[name] for name in fields or known]


def with_error(controls: Iterable[Control], error: NightcrewError | None) -> Form:
    """The error beside its control, or above the form when it has none there. A name that is taken stands at the name."""
    known = tuple(controls)
    if error is None:
        return Form(known)
    where = "name" if isinstance(error, Conflict) else (getattr(error, "field", None) or "")
    wrong = where if any(control.name == where for control in known) else where.partition(".")[0]
    text = sentence(str(error).removeprefix(f"{where}: "))
    marked = tuple(replace(control, error=text) if control.name == wrong else control for control in known)
    return Form(marked, "" if marked != known else text)


@functools.cache
def controls_of(model: type[BaseModel]) -> tuple[Control, ...]:
    """The empty controls of a class, in the order of its fields."""
    whole = model.model_json_schema()
    needed = whole.get("required", ())
    return tuple(control_of(name, schema, required=name in needed) for name, schema in whole["properties"].items())


def control_of(name: str, schema: Mapping[str, Any], *, required: bool = False, label: str = "") -> Control:
    """The empty control of a field, from its JSON schema."""
    plain = _plain(schema)
    drawn: Mapping[str, Any] = plain.get(FORM, {})
    kind = str(drawn.get("control") or ("password" if plain.get("writeOnly") else ""))
    choices = drawn.get("choices") or [(value, value) for value in plain.get("enum", ())]
    kind = kind or ("select" if choices else BY_TYPE.get(str(plain.get("type")), "text"))
    bounds = {
        html: plain[key] for key, html in BOUNDS.items() if key in plain and kind in {"number", "text", "password"}
    }
    if plain.get("type") == "number":
        bounds["step"] = "any"
    return Control(
        name=name,
        label=label or str(plain.get("title", name)),
        kind=kind,
        help=str(plain.get("description", "")),
        required=required,
        placeholder=str(drawn.get("placeholder", "")),
        unit=str(plain.get("unit") or ""),
        choices=tuple((str(value), str(words)) for value, words in choices),
        rows=int(drawn.get("rows", 4)),
        attributes=bounds,
        value=text_of(kind, plain.get("default")),
        number=int if plain.get("type") == "integer" else float,
        secret=bool(plain.get("writeOnly")),
    )


def _plain(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """A field that may be null, as the type that it has otherwise."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind.get("type") != "null"]
    return {**schema, **kinds[0]} if len(kinds) == 1 else schema


def _filled(
    control: Control, values: Mapping[str, str], kept: Mapping[str, str], typed: Mapping[str, str] | None
) -> Control:
    if control.name in kept:
        help_text = f"{control.help} {KEPT}".strip()
        control = replace(control, required=False, help=help_text, placeholder=kept[control.name] or NOT_SHOWN)
    if typed is not None:
        value = "" if control.kind == "password" or control.secret else _sent(control, typed)
    else:
        value = "" if control.name in kept else values.get(control.name, control.value)
    return replace(control, value=value)


def _sent(control: Control, typed: Mapping[str, str]) -> str:
    """What was sent for a control; a group of checks sends one text for each."""
    if control.kind == "checks":
        return "\n".join(value for value, _ in control.choices if typed.get(f"{control.name}.{value}"))
    return typed.get(control.name, "")


# -- texts and values --------------------------------------------------------------------------------------------------


def text_of(kind: str, value: Any) -> str:
    """A value as its control holds it. Lists stand one entry a line, each plain or as JSON."""
    if value is None:
        return ""
    match kind:
        case "checkbox":
            return "on" if value else ""
        case "password":
            return ""  # what is typed replaces it, and an empty one leaves it
        case "lines" | "checks":
            return "\n".join(
                v if isinstance(v, str) and v[:1] not in '[{"' else json.dumps(v, ensure_ascii=False) for v in value
            )
        case "textarea" if not isinstance(value, str):
            return json.dumps(value, indent=2, ensure_ascii=False)
    return str(value)


def value_of(control: Control, typed: Mapping[str, str]) -> Any:
    """What a person typed for an empty control. What cannot be read is left as text, which the field's own check then refuses."""
    text = _sent(control, typed).strip()
    match control.kind:
        case "checkbox":
            return bool(text)
        case "number":
            return _read(control.number, text.replace(",", ".") or control.value)
        case "checks":
            return text.split()
        case "lines":
            return [
                _read(json.loads, line) if line[0] in '[{"' else line
                for raw in text.splitlines()
                if (line := raw.strip())
            ]
    return text


def values_of(
    model: type[BaseModel], typed: Mapping[str, str], fields: Collection[str] = (), *, kept: Collection[str] = ()
) -> dict[str, Any]:
    """What was typed, as the class takes it. Of what is empty, the default holds; what is `kept` and empty is left out."""
    found = {control.name: value_of(control, typed) for control in chosen(model, fields)}
    emptied = {one.name for one in chosen(model, fields) if one.kind in {"number", "textarea"}}
    return {name: value for name, value in found.items() if value != "" or name not in emptied | {*kept}}


def checked(model: type[ModelT], values: Mapping[str, Any]) -> ModelT:
    """Raises `Invalid` with the first thing that is wrong, as one sentence that names the field."""
    try:
        return model.model_validate(values)
    except ValidationError as exc:
        if exc.errors()[0]["type"] == "string_too_short":
            raise Invalid("this field is required", field=str(exc.errors()[0]["loc"][0])) from exc
        raise invalid_from(exc) from exc


def _read(how: Any, text: str) -> Any:
    try:
        return how(text)
    except (ValueError, RecursionError):
        return text
