"""How a command ends: the codes that scripts go by. The page about the command line shows what stands here."""

from __future__ import annotations

from collections.abc import Mapping

DONE = 0
FAILED = 1
USAGE = 2
"""Typer ends with it by itself."""
INTERRUPTED = 130
"""As shells say it: 128 and the signal's number."""

MEANINGS: Mapping[int, str] = {
    DONE: "It is done.",
    FAILED: "It failed or was refused, no server answered, or a person said no. One sentence on stderr says which. Commands that "
    "wait for something to end, or ask how things are, also use it when that went badly; their help says so.",
    USAGE: "Wrong use: an unknown option, or a missing or impossible value. Nothing was done.",
    INTERRUPTED: "Interrupted with Ctrl-C. What a command was only following goes on.",
}
