"""The form of a source: its fields, what stands in them, and what was typed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nightcrew.kernel.errors import Conflict, Invalid, NightcrewError
from nightcrew.kernel.redaction import credentials_in, redact
from nightcrew.playlists.actions import SECRET_FIELDS
from nightcrew.playlists.models import Source
from nightcrew.playlists.providers import KINDS


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a source's form. A secret one is never filled in again."""

    name: str
    label: str
    help: str = ""
    kind: str = "text"
    required: bool = False
    placeholder: str = ""
    choices: tuple[tuple[str, str], ...] = ()


AGENT = Field("user_agent", "User agent", "Some providers only answer known players. Empty: Nightcrew's own.")
REGION = Field(
    "region",
    "Region",
    "A short name for these channels; their playlist is /playlist/REGION.m3u. Empty: made from the name.",
    placeholder="DE",
)
LIMIT = Field(
    "max_streams",
    "Connections at a time",
    "How many the account allows. Empty or 0: as many as the panel says, else any number. Counts in the stream mode proxy.",
    kind="number",
    placeholder="0",
)
FIELDS: Mapping[str, tuple[Field, ...]] = {
    "m3u": (
        Field(
            "url",
            "Address or file",
            "http(s), or a path on this machine; plain or gzip.",
            required=True,
            placeholder="https://example.net/list.m3u",
        ),
        REGION,
        Field("guide_url", "Guide address", "An XMLTV guide that belongs to the list, if there is one."),
        LIMIT,
        AGENT,
    ),
    "xtream": (
        Field(
            "url",
            "Panel address",
            "Without player_api.php.",
            required=True,
            placeholder="http://panel.example.net:8080",
        ),
        Field("username", "User name", kind="password", required=True),
        Field("password", "Password", kind="password", required=True),
        REGION,
        Field("output", "Streams as", kind="select", choices=(("ts", "MPEG-TS (.ts)"), ("m3u8", "HLS (.m3u8)"))),
        Field("guide", "Fetch its programme guide too", kind="checkbox"),
        LIMIT,
        AGENT,
    ),
    "catalogue": (
        Field("url", "Base address", "Of the JSON interface.", required=True, placeholder="https://api.example.net/v1"),
        Field(
            "locales",
            "Locales",
            "Language:region pairs; the catalogue is fetched once for each. Empty: the setting LOCALES.",
            placeholder="de:DE, de:AT",
        ),
        LIMIT,
        Field("options", "Description of the interface", "JSON, as in the template beside it.", kind="textarea"),
    ),
    "guide": (
        Field(
            "url",
            "Address or file",
            "XMLTV; http(s), or a path on this machine; plain or gzip.",
            required=True,
            placeholder="https://example.net/guide.xml.gz",
        ),
        AGENT,
    ),
}
ABOUT: Mapping[str, str] = {
    "m3u": "A list by address or file, as most providers give out.",
    "xtream": "A panel with user name and password.",
    "catalogue": "A JSON interface that you describe.",
    "guide": "What runs when (XMLTV), for any channels.",
}


def describe_form(
    kind: str,
    source: Source | None = None,
    *,
    typed: Mapping[str, str] | None = None,
    error: NightcrewError | None = None,
) -> dict[str, Any]:
    """What the form's template needs."""
    wrong = (getattr(error, "field", None) or "").partition(".")[0] if error else ""
    if isinstance(error, Conflict):
        wrong = "name"
    name = Field("name", "Name", required=True, placeholder="My provider")
    fields = [_control(field, source, typed) for field in (name, *FIELDS[kind])]
    return {
        "kind": kind,
        "kinds": [(key, known.title, ABOUT[key]) for key, known in KINDS.items()],
        "source": source,
        "fields": fields,
        "wrong": wrong if wrong in {control["name"] for control in fields} else "",
        "error": _sentence(error, wrong) if error else "",
    }


def _sentence(error: NightcrewError, field: str) -> str:
    """The error without the name of the field that it stands beside."""
    text = str(error).removeprefix(f"{field}: ")
    return text[:1].upper() + text[1:]


def _control(field: Field, source: Source | None, typed: Mapping[str, str] | None) -> dict[str, Any]:
    secret = field.name in SECRET_FIELDS
    value, kept = "", ""
    if source is not None and not secret:
        value, kept = _shown(source, field)
    elif source is None and field.kind == "checkbox":
        value = "on"
    if typed is not None and not (secret and field.kind == "password"):
        value = typed.get(field.name, "")
    keeps = source is not None and (secret or bool(kept))
    return {
        "name": field.name,
        "label": field.label,
        "kind": field.kind,
        "help": f"{field.help} Empty: it stays as it is.".strip() if keeps else field.help,
        "required": field.required and not keeps,
        "placeholder": (kept or "stored, not shown") if keeps else field.placeholder,
        "choices": field.choices,
        "value": value,
    }


def _shown(source: Source, field: Field) -> tuple[str, str]:
    """A stored value for its control; an address with credentials only as a hint of what is kept."""
    if field.name == "name":
        return source.name, ""
    stored = stored_value(source, field.name)
    if field.name == "locales":
        return ", ".join(f"{lang}:{region}" for lang, region in stored or ()), ""
    if field.kind == "checkbox":
        return ("on" if stored else ""), ""
    text = str(stored or "")
    masked = redact(text, credentials_in(text))
    return (text, "") if masked == text else ("", masked)


def stored_value(source: Source, name: str) -> Any:
    """A field of a source's configuration as it is stored; None when it is not there."""
    return source.config.get(name)


def read_values(kind: str, form: Mapping[str, str], source: Source | None) -> dict[str, Any]:
    """The typed fields of a kind as its configuration takes them. Raises `Invalid`."""
    values: dict[str, Any] = {}
    for field in FIELDS[kind]:
        text = form.get(field.name, "").strip()
        if field.kind == "checkbox":
            values[field.name] = bool(text)
        elif not text and _stays(field, source):
            continue
        elif field.name == "locales":
            values[field.name] = _locales(text)
        elif field.name == "options":
            values[field.name] = _options(text)
        else:
            values[field.name] = text
    return values


def _stays(field: Field, source: Source | None) -> bool:
    """Whether an empty field leaves things as they are."""
    if source is None:
        return field.name in {"options", "output"}
    return field.name in SECRET_FIELDS or bool(_shown(source, field)[1])


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
    except ValueError as exc:
        raise Invalid(f"options: this is not JSON: {exc}", field="options") from exc
