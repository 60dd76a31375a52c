"""The command line: `serve`, `worker`, `demo`, `doctor` and `passwd` run here; everything else asks a running server."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from nightcrew import __version__, domains
from nightcrew.cli import connections, local, notify, options, overview, work
from nightcrew.client import Failed, bound, exits, named, note, say
from nightcrew.kernel.declare import CommandGroup, Commands
from nightcrew.kernel.errors import NightcrewError

app = typer.Typer(
    name="nightcrew",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # to import what draws frames takes a third of the time of a help page
    help="All the background work of a home media server in one supervised, durable, visible program.",
)


def _tell_version(wanted: bool) -> None:
    if wanted:
        say(f"nightcrew {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool,
        typer.Option("--version", "-V", callback=_tell_version, is_eager=True, help="Say which version this is."),
    ] = False,
) -> None:
    pass


OWN = Commands(
    top=(overview.status, overview.activity),
    groups=(
        CommandGroup("jobs", "Jobs", named("jobs", vars(work))),
        CommandGroup("workers", "Workers", named("workers", vars(work))),
        CommandGroup("settings", "Settings", named("settings", vars(options))),
        CommandGroup("token", "API keys and players' tokens", named("token", vars(options))),
        CommandGroup("connections", "Outside services", named("connections", vars(connections))),
        CommandGroup("notify", "Notifications", named("notify", vars(notify))),
    ),
)
"""The commands that concern the whole. Domains add theirs."""


def _register(declared: Commands) -> None:
    for command in declared.top:
        app.command(help=command.__doc__)(bound(command))
    for group in declared.groups:
        app.add_typer(_group(group), name=group.name)


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


local.register(app)
for _declared in (OWN, *domains.commands()):
    _register(_declared)


def main() -> None:
    """End with one of `client/exits.py`, and one clear line on stderr where something is wrong."""
    try:
        app(prog_name="nightcrew")
    except (NightcrewError, Failed) as exc:
        note(f"nightcrew: {exc}")
        sys.exit(exits.FAILED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(exits.DONE)
    except KeyboardInterrupt:
        sys.exit(exits.INTERRUPTED)
