"""The command line: `serve`, `worker`, `demo`, `doctor` and `passwd` run here; everything else asks a running server."""

from __future__ import annotations

import sys

import typer

from nightcrew import domains
from nightcrew.cli import connections, local, notify, options, overview, work
from nightcrew.client import Failed
from nightcrew.kernel.declare import CommandGroup, Commands
from nightcrew.kernel.errors import NightcrewError

app = typer.Typer(
    name="nightcrew",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="All the background work of a home media server in one supervised, durable, visible program.",
)


OWN = Commands(
    top=(overview.status, overview.activity),
    groups=(
        CommandGroup("jobs", "Jobs", (work.jobs_list, work.jobs_show, work.jobs_cancel, work.jobs_retry)),
        CommandGroup(
            "workers", "Workers", (work.workers_list, work.workers_run, work.workers_pause, work.workers_resume)
        ),
        CommandGroup(
            "settings",
            "Settings",
            (options.settings_list, options.settings_get, options.settings_set, options.settings_import),
        ),
        CommandGroup(
            "token", "API keys and players' tokens", (options.token_list, options.token_make, options.token_revoke)
        ),
        CommandGroup("connections", "Outside services", (connections.connections_list, connections.connections_test)),
        CommandGroup(
            "notify", "Notifications", (notify.notify_list, notify.notify_add, notify.notify_test, notify.notify_remove)
        ),
    ),
)
"""The commands that concern the whole. Domains add theirs."""


def _register(declared: Commands) -> None:
    for command in declared.top:
        app.command(help=command.__doc__)(command)
    for group in declared.groups:
        app.add_typer(_group(group), name=group.name)


def _group(declared: CommandGroup) -> typer.Typer:
    """Commands under one word, each by the name of its function behind the first `_`."""
    named = {command.__name__.partition("_")[2].replace("_", "-"): command for command in declared.commands}
    words = ", ".join([*named, *(group.name for group in declared.groups)])
    made = typer.Typer(help=f"{declared.help}: {words}.", no_args_is_help=True)
    for name, command in named.items():
        made.command(name, help=command.__doc__)(command)
    for group in declared.groups:
        made.add_typer(_group(group), name=group.name)
    return made


local.register(app)
for _declared in (OWN, *domains.commands()):
    _register(_declared)


def main() -> None:
    """Exit 0, 1 (failed) or 2 (wrong use), with one clear line on stderr."""
    try:
        app()
    except (NightcrewError, Failed) as exc:
        print(f"nightcrew: {exc}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except KeyboardInterrupt:
        sys.exit(130)
