"""Which domains there are. Adding one is its folder and its name here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nightcrew.kernel.commands import Commands
    from nightcrew.kernel.declare import Demo, Domain

FOLDERS = ("playlists", "checks", "recordings", "music", "movies")
"""In the order in which they start."""


def declared() -> tuple[Domain, ...]:
    """What each domain declares."""
    return tuple(import_module(f"nightcrew.{name}.domain").DOMAIN for name in FOLDERS)


def commands() -> list[Commands]:
    """What each domain adds to the command line; the domains themselves are not imported."""
    return [module.COMMANDS for module in _each("commands")]


def demos() -> list[Demo]:
    """What each domain adds to `nightcrew demo`."""
    return [module.DEMO for module in _each("demo")]


def at_world(every: Iterable[Domain], url: str) -> tuple[Domain, ...]:
    """The domains as `nightcrew demo` runs them: what would ask the internet asks the world at `url` instead."""
    there = {kind.name: kind for demo in demos() for kind in demo.kinds(url)}
    return tuple(
        replace(domain, connections=tuple(there.get(kind.name, kind) for kind in domain.connections))
        for domain in every
    )


def _each(file: str) -> list[Any]:
    """The modules of this name in the domains that have one."""
    names = [f"nightcrew.{name}.{file}" for name in FOLDERS]
    return [import_module(name) for name in names if find_spec(name)]
