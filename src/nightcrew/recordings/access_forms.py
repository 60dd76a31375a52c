"""What a stream asks for, as the pages' forms have it: headers, cookies, options and a proxy, none of which is shown again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from nightcrew.kernel.errors import Invalid, NightcrewError
from nightcrew.kernel.fields import Secret, ask
from nightcrew.recorder.plugin_options import collected
from nightcrew.recordings.stream_access import AccessNames
from nightcrew.web.forms import Form, form_of, values_of

FIELDS = ("headers", "cookies", "options", "proxy")
REMOVED: dict[str, Any] = {"headers": {}, "cookies": "", "options": {}, "proxy": ""}


class AccessForm(BaseModel):
    """For subscribers' streams, and for who records through a proxy."""

    headers: Secret = ask(
        "",
        label="Headers",
        control="textarea",
        help="One per line. Logins go to the site of the address alone.",
        placeholder="Authorization: Bearer …",
        rows=2,
        max_length=20_000,
    )
    cookies: Secret = ask(
        "",
        label="Cookies",
        control="textarea",
        help="As your browser has them for that site.",
        placeholder="session=…; user=…",
        rows=2,
        max_length=20_000,
    )
    options: Secret = ask(
        "",
        label="streamlink options",
        control="textarea",
        help="One per line, for its plugins alone.",
        placeholder="twitch-api-header=Authorization=OAuth …",
        rows=2,
        max_length=20_000,
    )
    proxy: Secret = ask(
        "",
        label="Proxy",
        control="text",
        help="http, https or socks5. Everything goes through it, and nothing past it.",
        placeholder="socks5://name:password@host:1080",
        max_length=1000,
    )


class AccessChange(AccessForm):
    """What a watched stream asks for from now on."""

    remove: bool = ask(False, label="Remove all of these")


def access_values(typed: Mapping[str, str]) -> dict[str, Any]:
    """As the JSON routes take them; what is empty is left out. Raises `Invalid`."""
    found = values_of(AccessForm, typed, kept=FIELDS)
    if "headers" in found:
        found["headers"] = dict(_pairs("headers", str(found["headers"]), ":"))
    if "options" in found:
        found["options"] = collected(_pairs("options", str(found["options"]), "="))
    return found


def _pairs(field: str, text: str, sign: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for line in text.splitlines():
        name, between, value = line.partition(sign)
        if not line.strip():
            continue
        if not between and sign == ":":
            raise Invalid(f"{field}: write one per line, as NAME: VALUE", field=field)
        if sign == ":" and name.strip().lower() in {known.lower() for known, _ in found}:
            raise Invalid(f"{field}: one name is there twice", field=field)
        found.append((name.strip().removeprefix("--"), value.strip()))
    return found


def change_form(
    stored: AccessNames | None, typed: Mapping[str, str] | None = None, error: NightcrewError | None = None
) -> Form:
    """The form of a watched stream. Of what is stored only names are hinted at, and an empty field keeps it."""
    kept: dict[str, str] = {}
    if stored is not None:
        hints = {name: getattr(stored, name) for name in FIELDS}
        kept = {name: hint if isinstance(hint, str) else ", ".join(hint) for name, hint in hints.items() if hint}
    return form_of(AccessChange, (*FIELDS, "remove"), kept=kept, typed=typed, error=error)


def change_values(typed: Mapping[str, str]) -> dict[str, Any]:
    """As `requests.WatchChange` takes it. Raises `Invalid`."""
    return (REMOVED if typed.get("remove") else {}) | access_values(typed)
