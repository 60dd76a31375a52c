"""Fields of a class that a person fills in: their label, help, unit and control are declared where the field is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


class _Secret:
    """Marks a field in its JSON schema: it can be written and is never shown."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core)
        schema["writeOnly"] = True
        return schema


FORM = "x-form"
"""Where a field's JSON schema says how its control looks."""
SECRET = _Secret()
Secret = Annotated[str, SECRET]
"""Text that no form, no answer and no log shows again."""


def _absolute(text: str) -> str:
    """Raises ValueError for a place that depends on where the program was started."""
    if not text:
        return text
    if not text.isprintable():
        raise ValueError(f"the folder {text!r} has control characters in its name")
    try:
        absolute = Path(text).expanduser().is_absolute()
    except RuntimeError as exc:
        raise ValueError(f"the folder {text!r} is in the home of a user who is not known here") from exc
    if not absolute:
        raise ValueError(f"the folder {text!r} is not an absolute path: begin it with / or ~/")
    return text


Folder = Annotated[str, AfterValidator(_absolute)]
"""An absolute path of a folder, or nothing. `~/` is the home of the user that Nightcrew runs as."""


def ask(
    default: Any = ...,
    *,
    label: str,
    help: str = "",  # noqa: A002
    control: str = "",
    unit: str = "",
    placeholder: str = "",
    choices: Sequence[tuple[str, str]] = (),
    rows: int = 0,
    **bounds: Any,
) -> Any:
    """One field of a form. `bounds` are pydantic's (`ge`, `max_length`, …); a field without a default is required.

    `control` is one of checkbox, checks, lines, number, password, select, text, textarea, time; without it the field's type decides.
    `choices` are pairs of value and words.
    """
    more = {"control": control, "placeholder": placeholder, "choices": [list(pair) for pair in choices], "rows": rows}
    drawn = {key: value for key, value in more.items() if value}
    extra: dict[str, Any] = ({"unit": unit} if unit else {}) | ({FORM: drawn} if drawn else {})
    return Field(default, title=label, description=help or None, json_schema_extra=extra, **bounds)


def secrets_of(model: Any) -> frozenset[str]:
    """The names of a class's fields that are secret."""
    properties = model.model_json_schema()["properties"]
    return frozenset(name for name, schema in properties.items() if schema.get("writeOnly"))
