"""The command line: `serve`, `worker`, `demo`, `doctor` and `passwd` run here; everything else asks a running server."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from functools import cache
from typing import Annotated

import typer

from nightcrew import __version__, domains
from nightcrew.cli import connections, local, notify, options, overview, routes, work
from nightcrew.client import Failed, bound, exits, named, note, say
from nightcrew.kernel.commands import CommandGroup, Commands
from nightcrew.kernel.errors import NightcrewError

OWN = Commands(
    top=(overview.status, overview.activity),
    groups=(
        CommandGroup("jobs", "Jobs", named("jobs", vars(work))),
        CommandGroup("workers", "Workers", named("workers", vars(work))),
        CommandGroup("settings", "Settings", named("settings", vars(options))),
        CommandGroup("token", "API keys and players' tokens", named("token", vars(options))),
        CommandGroup("connections", "Outside services", named("connections", vars(connections))),
        CommandGroup("routes", "Ways out that fail closed", named("routes", vars(routes))),
        CommandGroup("notify", "Notifications", named("notify", vars(notify))),
    ),
)
"""The commands that concern the whole. Domains add theirs."""
RARELY = 50_000
"""Objects after which a command that asks a server looks for garbage: most end before, and what they load is none."""


def _tell_version(wanted: bool) -> None:
    if wanted:
        say(f"nightcrew {__version__}")
        raise typer.Exit


def _root(
    _version: Annotated[
        bool,
        typer.Option("--version", "-V", callback=_tell_version, is_eager=True, help="Say which version this is."),
    ] = False,
) -> None:
    pass


def _made(word: str | None = None) -> typer.Typer:
    """All commands, or those that begin with this word."""
    made = typer.Typer(
        name="nightcrew",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # to load what draws frames takes a third of the time of a help page
        help="All the background work of a home media server in one supervised, durable, visible program.",
    )
    made.callback()(_root)
    for name, (command, about) in local.COMMANDS.items():
        if word in {None, name}:
            made.command(name, help=about)(command)
    for declared in (OWN, *(domains.commands() if word not in {*local.COMMANDS, *_words(OWN)} else ())):
        _register(made, declared, word)
    return made


def _words(declared: Commands) -> set[str]:
    return {command.__name__ for command in declared.top} | {group.name for group in declared.groups}


def _register(made: typer.Typer, declared: Commands, word: str | None) -> None:
    for command in declared.top:
        if word in {None, command.__name__}:
            made.command(help=command.__doc__)(bound(command))
    for group in declared.groups:
        if word in {None, group.name}:
            made.add_typer(_group(group), name=group.name)


def _group(declared: CommandGroup) -> typer.Typer:
    """Commands under one word, each by the name of its function behind the first `_`."""
    named = {command.__name__.partition("_")[2].replace("_", "-"): command for command in declared.commands}
    words = ", ".join([*named, *(group.name for group in declared.groups)])
    made = typer.Typer(help=f"{declared.help}: {words}.", no_args_is_help=True, rich_markup_mode=None)
    for name, command in named.items():
        made.command(name, help=command.__doc__)(bound(command))
    for group in declared.groups:
        made.add_typer(_group(group), name=group.name)
    return made


@cache
def whole() -> typer.Typer:
    """The whole command line."""
    return _made()


def wanted(arguments: Sequence[str]) -> typer.Typer:
    """As much of it as these arguments need: to put the rest together takes longer than most commands."""
    if not arguments or arguments[0].startswith("-") or "_NIGHTCREW_COMPLETE" in os.environ:
        return whole()
    part = _made(arguments[0])
    return part if part.registered_commands or part.registered_groups else whole()


def main() -> None:
    """End with one of `client/exits.py`, and one clear line on stderr where something is wrong."""
    usual = gc.get_threshold()
    if sys.argv[1:2] and sys.argv[1] not in local.COMMANDS:
        gc.set_threshold(RARELY, *usual[1:])
    try:
        wanted(sys.argv[1:])(prog_name="nightcrew")
    except (NightcrewError, Failed) as exc:
        note(f"nightcrew: {exc}")
        sys.exit(exits.FAILED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(exits.DONE)
    except KeyboardInterrupt:
        sys.exit(exits.INTERRUPTED)
    finally:
        gc.set_threshold(*usual)
