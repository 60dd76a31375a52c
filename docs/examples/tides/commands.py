"""The commands."""

from __future__ import annotations

from nightcrew.client import DEFAULT_URL, AsJson, Key, Server, Url, show
from nightcrew.kernel.declare import CommandGroup, Commands


def tides_list(url: Url = DEFAULT_URL, api_key: Key = "", as_json: AsJson = False) -> None:
    """All harbours with their last level."""
    rows = Server(url, api_key).ask("GET", "/api/v1/tides")["items"]
    show(rows, ["harbour", "level", "measured_at", "error"], as_json=as_json, empty="No harbour is asked for.")


def tides_add(harbour: str, url: Url = DEFAULT_URL, api_key: Key = "") -> None:
    """Ask for a harbour from now on."""
    Server(url, api_key).ask("POST", "/api/v1/tides", json={"harbour": harbour})


COMMANDS = Commands(groups=(CommandGroup("tides", "Tides", (tides_list, tides_add)),))
