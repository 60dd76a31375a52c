"""What a domain may add to the command line. Apart from its other declarations, as each command loads this."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CommandGroup:
    """Commands under one word. Each is called like its function behind the first `_`: `source_add` is `nightcrew source add`."""

    name: str
    help: str
    commands: tuple[Callable[..., None], ...]
    groups: tuple[CommandGroup, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of the API, at `path`, that `nightcrew status` shows under `key`; `empty` is said where there are none."""

    key: str
    path: str
    columns: tuple[str, ...]
    empty: str


@dataclass(frozen=True, slots=True)
class Commands:
    """What a domain adds to the command line: `COMMANDS` in its commands.py. They ask a running server over its API.

    That file is read without the rest of the domain, so that a command starts quickly.
    """

    top: tuple[Callable[..., None], ...] = ()
    groups: tuple[CommandGroup, ...] = ()
    status: tuple[Table, ...] = ()
