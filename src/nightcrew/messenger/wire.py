"""What the server and a messenger say to each other: one line of JSON there, one line back."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Literal

MAX_LINE = 64 << 10
"""Bytes of the longest line that is read."""

LOCAL = frozenset({"blink1", "dbus", "file", "gio", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows"})
"""Schemas that lead to this machine's own desktop, log or devices, and not over a network."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message for an address, or with `send` False the question whether the address can be used."""

    address: str
    title: str = ""
    text: str = ""
    tone: Literal["info", "success", "warning", "failure"] = "info"
    send: bool = True

    def line(self) -> bytes:
        """As the line that a messenger reads."""
        return json.dumps(asdict(self)).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Told:
    """What became of it. `reason` says why not, without any part of the address; `service` is its name, once known."""

    taken: bool
    reason: str = ""
    service: str = ""

    def line(self) -> bytes:
        """As the line that the server reads."""
        return json.dumps(asdict(self)).encode() + b"\n"


def schema_of(address: str) -> str:
    """The part before `://` in lower case; empty when there is none."""
    schema, separator, _ = address.strip().partition("://")
    return schema.lower() if separator else ""
