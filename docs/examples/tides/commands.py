"""The commands."""

from __future__ import annotations

from nightcrew.client import Out, Row, Server, named
from nightcrew.kernel.commands import CommandGroup, Commands


def tides_list(server: Server, out: Out) -> None:
    """All harbours with their last level."""
    rows = server.rows(Row, "/api/v1/tides")
    out.table(rows, ["harbour", "level", "measured_at", "error"], empty="No harbour is asked for.")


def tides_add(server: Server, harbour: str) -> None:
    """Ask for a harbour from now on."""
    server.post(Row, "/api/v1/tides", {"harbour": harbour})


COMMANDS = Commands(groups=(CommandGroup("tides", "Tides", named("tides", globals())),))
