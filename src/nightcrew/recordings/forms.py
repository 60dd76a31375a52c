"""The forms of the recordings' pages: what was typed, as the JSON routes take it, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from nightcrew.kernel.errors import Invalid, NightcrewError
from nightcrew.kernel.fields import ask
from nightcrew.recordings.access_forms import FIELDS, AccessForm, access_values
from nightcrew.recordings.windows import MAX_MARGIN
from nightcrew.web.forms import Form, form_of, values_of

QUALITIES = (
    ("best", "Best available"),
    ("1080p60,1080p,720p60,720p,best", "At most 1080p"),
    ("720p60,720p,480p,best", "At most 720p"),
    ("worst", "Smallest available"),
    ("audio_only,audio,worst", "Sound only"),
)


class StreamForm(BaseModel):
    """What is asked for every stream."""

    url: str = ask(
        label="Address",
        help="A page that streamlink knows, or the address of an HLS or other stream.",
        placeholder="https://…",
        max_length=4000,
    )
    name: str = ask(
        "", label="Name", help="Its folder in the library. Leave it empty to use the address.", max_length=200
    )


class RecordForm(StreamForm, AccessForm):
    """A stream to record now."""

    minutes: float | None = ask(
        None, label="Duration", help="Leave it empty to record until the stream ends.", unit="minutes", ge=0
    )
    quality: str = ask("best", label="Quality", choices=QUALITIES)


class WatchForm(StreamForm, AccessForm):
    """A stream to watch."""

    windows: list[str] = ask(
        [],
        label="When",
        help="One period per line: sat,sun 10:00-12:00, daily 23:30-00:30 or 2026-12-31 20:00-23:30. Leave it empty to record "
        "whenever the stream is live.",
        placeholder="mon-fri 20:00-22:15",
        rows=3,
    )
    start_early: int | None = ask(
        None,
        label="Start early",
        help="How long before each period. Leave it empty to use the setting.",
        unit="minutes",
        ge=0,
        le=MAX_MARGIN,
    )
    end_late: int | None = ask(
        None,
        label="End late",
        help="How long after each period. Leave it empty to use the setting.",
        unit="minutes",
        ge=0,
        le=MAX_MARGIN,
    )
    quality: str = ask("best", label="Quality", choices=QUALITIES)
    favourite: bool = ask(False, label="Keep its recordings forever")


FEW = "For subscribers' streams, or through a proxy"


def record_form(typed: Mapping[str, str] | None = None, error: NightcrewError | None = None) -> Form:
    """With what was typed and what is wrong with it."""
    if getattr(error, "field", None) == "seconds":
        error = Invalid(str(error).removeprefix("seconds: "), field="minutes")
    return form_of(RecordForm, _fields(RecordForm), typed=typed, error=error).folded(FIELDS, FEW)


def watch_form(typed: Mapping[str, str] | None = None, error: NightcrewError | None = None) -> Form:
    """With what was typed and what is wrong with it."""
    return form_of(WatchForm, _fields(WatchForm), typed=typed, error=error).folded(FIELDS, FEW)


def _fields(model: type[BaseModel]) -> tuple[str, ...]:
    """In the order in which a person fills them in: what few need comes last."""
    return (*(name for name in model.model_fields if name not in FIELDS), *FIELDS)


def recording_values(typed: Mapping[str, str]) -> dict[str, Any]:
    """As `requests.NewRecording` takes it. Raises `Invalid`."""
    values = values_of(RecordForm, typed)
    minutes = values.pop("minutes", None)
    if isinstance(minutes, str):
        raise Invalid("minutes: not a number", field="minutes")
    return _sent(values, typed) | ({} if minutes is None else {"seconds": minutes * 60})


def watch_values(typed: Mapping[str, str]) -> dict[str, Any]:
    """As `requests.NewWatch` takes it."""
    return _sent(values_of(WatchForm, typed), typed)


def _sent(values: dict[str, Any], typed: Mapping[str, str]) -> dict[str, Any]:
    """Without a quality that was not sent, and with what the stream asks for. Raises `Invalid`."""
    found = {name: value for name, value in values.items() if name not in FIELDS and (name != "quality" or value)}
    return found | access_values(typed)
