"""Commands about music."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Exit

from nightcrew.client import Out, Server, read_json
from nightcrew.kernel.declare import CommandGroup, Commands
from nightcrew.music.rows import DecisionJson


def music_match(
    server: Server,
    out: Out,
    file: Annotated[
        Path, Argument(help='JSON: {"track": {"title", "artists", …}, "candidates": [{"path", "seconds"}, …]}.')
    ],
) -> None:
    """Show which files may be a wanted recording, and why. Exit 1 when none is taken. Nothing is stored or fetched."""
    found = server.post(DecisionJson, "/api/v1/music/match", read_json(file))
    if not out.data(found):
        rows = [
            {
                "confidence": f"{one['confidence']:.2f}",
                "file": one["path"],
                "why": one["explanation"].partition(": ")[2],
            }
            for one in found["ranked"]
        ]
        rows += [{"confidence": "no", "file": one["path"], "why": one["reason"]} for one in found["refused"]]
        out.table(rows, ["confidence", "file", "why"], empty="There are no files.")
        out.say(found["reason"])
    if found["picked"] is None:
        raise Exit(1)


COMMANDS = Commands(groups=(CommandGroup("music", "Find out which file is the wanted recording.", (music_match,)),))
