"""The forms of the recordings' pages: what was typed, as the JSON routes take it, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from nightcrew.kernel.errors import Conflict, Invalid, NightcrewError

QUALITIES = (
    ("best", "The best there is"),
    ("1080p60,1080p,720p60,720p,best", "At most 1080p"),
    ("720p60,720p,480p,best", "At most 720p"),
    ("worst", "The smallest"),
    ("audio_only,audio,worst", "Sound only"),
)
FIELDS = {"seconds": "minutes"}
"""Names of fields that are others in the JSON routes."""

Model = TypeVar("Model", bound=BaseModel)


def described(typed: Mapping[str, str] | None = None, error: NightcrewError | None = None) -> dict[str, Any]:
    """What a form's template needs. An error without a field of its own is told above the form."""
    wrong = (getattr(error, "field", None) or "").partition(".")[0]
    wrong = "name" if isinstance(error, Conflict) else FIELDS.get(wrong, wrong)
    sentence = str(error) if error else ""
    return {
        "typed": dict(typed or {}),
        "wrong": wrong,
        "error": sentence[:1].upper() + sentence[1:],
        "qualities": QUALITIES,
    }


def recording_values(typed: Mapping[str, str]) -> dict[str, Any]:
    """As `api.NewRecording` takes it. Raises `Invalid`."""
    values: dict[str, Any] = {"url": typed.get("url", ""), "name": typed.get("name", "")}
    if minutes := typed.get("minutes", "").strip():
        values["seconds"] = _number(minutes, "minutes") * 60
    return values | _quality(typed)


def watch_values(typed: Mapping[str, str]) -> dict[str, Any]:
    """As `watch_api.NewWatch` takes it. Raises `Invalid`."""
    windows = [line.strip() for line in typed.get("windows", "").splitlines()]
    return {
        "url": typed.get("url", ""),
        "name": typed.get("name", ""),
        "windows": [line for line in windows if line],
        "favourite": bool(typed.get("favourite")),
        **_quality(typed),
    }


def checked(model: type[Model], values: Mapping[str, Any]) -> Model:
    """The first thing that is wrong as one sentence. Raises `Invalid`."""
    try:
        return model.model_validate(values)
    except ValidationError as exc:
        first = exc.errors()[0]
        raise Invalid(first["msg"].removeprefix("Value error, "), field=str(first["loc"][0])) from exc


def _quality(typed: Mapping[str, str]) -> dict[str, str]:
    return {"quality": typed["quality"]} if typed.get("quality") else {}


def _number(text: str, field: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError as exc:
        raise Invalid(f"{field}: not a number", field=field) from exc
