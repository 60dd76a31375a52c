"""Secrets that a command needs: asked for on a terminal, or read from stdin; never an argument, which others can see."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Sequence

import typer

from nightcrew.client import Failed
from nightcrew.client.secrets import line_of_stdin


def read_secrets(given: Sequence[str], known: Sequence[str], *, ask_all: bool = False) -> dict[str, str]:
    """The values of secret fields. `given` is `field`, which asks for it, or `field=-`, which reads a line of stdin.

    With `ask_all` a terminal is asked for those of the `known` ones too that were not given, and an empty answer leaves one out.
    Raises `BadParameter` and `Failed`.
    """
    values: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if name not in known:
            raise typer.BadParameter(f"{name!r} is not a secret field; those are: {', '.join(known) or 'none'}")
        if equals and value != "-":
            raise typer.BadParameter(
                f"a secret is never an argument, since others on this machine can see those: use --secret {name}, "
                f"or --secret {name}=- and write it to stdin"
            )
        values[name] = line_of_stdin(name) if equals else _answer(name)
    if ask_all and sys.stdin.isatty():
        asked = {name: getpass.getpass(f"{name} (empty: none): ") for name in known if name not in values}
        values |= {name: value for name, value in asked.items() if value}
    return values


def _answer(name: str) -> str:
    """Raises `Failed` where nobody can be asked."""
    if not sys.stdin.isatty():
        raise Failed(f"nobody can be asked for {name}: write it to stdin, and use --secret {name}=-")
    return getpass.getpass(f"{name}: ")
