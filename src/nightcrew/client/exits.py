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
    FAILED: "It failed or was refused, nobody answered at the address, or a person said no. One sentence on stderr says which. "
    "Commands that wait for an end, or look whether all is well, end with it when something is not, and say so in their help.",
    USAGE: "Wrong use: an option, an argument or a value that there is not. Nothing was done.",
    INTERRUPTED: "Interrupted with Ctrl-C. What a command only followed goes on.",
}
