"""The command line: `serve`, `worker`, `demo`, `doctor` and `passwd` run here; everything else asks a running server."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

import typer

from nightcrew.cli import checks, local, notify, options, overview, recordings, sources, watches, work
from nightcrew.cli.client import Failed
from nightcrew.kernel.errors import NightcrewError

app = typer.Typer(
    name="nightcrew",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="All the background work of a home media server in one supervised, durable, visible program.",
)


def _register_clients() -> None:
    """Commands that ask a running server."""
    app.command(help="Is everything all right? Exit 1 when a worker broke its promise.")(overview.status)
    app.command(help="What happened.")(overview.activity)
    app.command(help="Refresh a region, or * for all, and wait for the end.")(overview.refresh)
    app.command(help="Channels.")(overview.channels)
    app.command(help="Check streams now, and wait for the end.")(checks.check)
    app.command(help=recordings.record.__doc__)(recordings.record)
    for name, text, commands in (
        (
            "jobs",
            "Jobs: list, show, cancel, retry.",
            (work.jobs_list, work.jobs_show, work.jobs_cancel, work.jobs_retry),
        ),
        (
            "workers",
            "Workers: list, run, pause, resume.",
            (work.workers_list, work.workers_run, work.workers_pause, work.workers_resume),
        ),
        (
            "settings",
            "Settings: list, get, set, import.",
            (options.settings_list, options.settings_get, options.settings_set, options.settings_import),
        ),
        (
            "source",
            "Sources of channels: add, list, edit, remove, refresh, accounts, profiles, accept, reject.",
            (
                sources.source_add,
                sources.source_list,
                sources.source_edit,
                sources.source_remove,
                sources.source_refresh,
                sources.source_accounts,
                sources.source_profiles,
                sources.source_add_profile,
                sources.source_remove_profile,
                sources.source_accept,
                sources.source_reject,
            ),
        ),
        (
            "checks",
            "Checks: list, show, runs, pause, resume, cancel.",
            (
                checks.checks_list,
                checks.checks_show,
                checks.checks_runs,
                checks.checks_pause,
                checks.checks_resume,
                checks.checks_cancel,
            ),
        ),
        (
            "token",
            "API keys and players' tokens: list, make, revoke.",
            (options.token_list, options.token_make, options.token_revoke),
        ),
        (
            "notify",
            "Notifications: list, add, test, remove.",
            (notify.notify_list, notify.notify_add, notify.notify_test, notify.notify_remove),
        ),
    ):
        app.add_typer(_group(text, commands), name=name)
    _register_recordings()


def _register_recordings() -> None:
    """A group with a group in it."""
    group = _group(
        "Recordings: list, show, stop, rotate, retry, keep, release, delete, retention, stuck, watch.",
        (
            recordings.recordings_list,
            recordings.recordings_show,
            recordings.recordings_stop,
            recordings.recordings_rotate,
            recordings.recordings_retry,
            recordings.recordings_keep,
            recordings.recordings_release,
            recordings.recordings_delete,
            recordings.recordings_retention,
            recordings.recordings_stuck,
        ),
    )
    watching = (
        watches.watch_add,
        watches.watch_list,
        watches.watch_on,
        watches.watch_off,
        watches.watch_remove,
    )
    group.add_typer(_group("Watched streams: add, list, on, off, remove.", watching), name="watch")
    app.add_typer(group, name="recordings")


def _group(text: str, commands: Iterable[Callable[..., None]]) -> typer.Typer:
    """Commands under one word, each by the name of its function behind the first `_`."""
    group = typer.Typer(help=text, no_args_is_help=True)
    for command in commands:
        group.command(command.__name__.partition("_")[2].replace("_", "-"), help=command.__doc__)(command)
    return group


local.register(app)
_register_clients()


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
