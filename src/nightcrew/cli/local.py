"""Commands that run on this machine."""

from __future__ import annotations

import contextlib
import gc
import getpass
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nightcrew.cli.backup import backup, restore
from nightcrew.cli.places import Database, DataDir, folder_of, unseen
from nightcrew.client import Failed, Out, bound, exits, note, say
from nightcrew.client.secrets import page_password
from nightcrew.kernel.errors import NightcrewError

if TYPE_CHECKING:
    import asyncio

    from nightcrew.app import Config
    from nightcrew.kernel.runtime import Runtime

Host = Annotated[str, typer.Option("--host", envvar="NIGHTCREW_HOST", help="Address to listen on.")]
Port = Annotated[int, typer.Option("--port", envvar="NIGHTCREW_PORT", min=1, max=65535, help="Port to listen on.")]


def serve(
    data_dir: DataDir = None,
    host: Host = "127.0.0.1",
    port: Port = 8780,
    database_url: Database = None,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Only the page and the API, no workers.")] = False,
) -> None:
    """Run until stopped."""
    _run(_ready_for(data_dir, database_url, host=host, port=port, work=not no_worker), _announce)


def worker(
    database_url: Annotated[
        str,
        typer.Option(
            "--database-url",
            envvar="NIGHTCREW_DATABASE_URL",
            callback=unseen,
            help="postgresql://… With a password in it, use the environment variable.",
        ),
    ],
    data_dir: DataDir = None,
) -> None:
    """Run until stopped."""
    _run(_ready_for(data_dir, database_url, web=False), lambda node: say(f"Working as {node.node}."))


def demo(
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", help="Where the demo is kept. Default: .demo in the current folder.")
    ] = None,
    host: Host = "127.0.0.1",
    port: Port = 8780,
    database_url: Database = None,
) -> None:
    """A server and a local world of sources."""
    config = _ready_for(data_dir or Path.cwd() / ".demo", database_url, host=host, port=port)
    from nightcrew.cli.demo import run_demo

    loop_run(run_demo(config, _announce))


def doctor(
    out: Out, data_dir: DataDir = None, host: Host = "127.0.0.1", port: Port = 8780, database_url: Database = None
) -> None:
    """Check this machine."""
    from nightcrew.cli import looks, wheels

    loaded = wheels.findings()
    findings = [*looks.at_once(folder_of(data_dir), database_url=database_url), *loaded]
    if all(finding.ok or finding.what in wheels.ELSEWHERE for finding in loaded):
        from nightcrew.cli.doctor import examine

        findings += examine(_config(data_dir, database_url, host=host, port=port))
    if not out.data([asdict(finding) for finding in findings]):
        for finding in findings:
            mark = "ok     " if finding.ok else "MISSING" if finding.needed else "note   "
            out.say(f"{mark} {finding.what}: {finding.detail}")
    if any(finding.needed and not finding.ok for finding in findings):
        raise typer.Exit(exits.FAILED)


def passwd(data_dir: DataDir = None, database_url: Database = None) -> None:
    """Ask for a password twice and store it."""
    from nightcrew import app as composition

    first = getpass.getpass("New password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if sys.stdin.isatty() and getpass.getpass("Again: ") != first:
        raise Failed("the two passwords differ")

    async def store() -> None:
        async with composition.node(_config(data_dir, database_url)) as (_runtime, access):
            await access.set_password(first)

    import asyncio

    asyncio.run(store())
    say("The password is set. It holds from the next start on.")


def _ready_for(data_dir: Path | None, database_url: str | None, **more: Any) -> Config:
    """The node's configuration, once it is said what this machine lacks. Raises `Failed` when none can run here."""
    from nightcrew.cli import looks

    found = [*looks.at_once(folder_of(data_dir), database_url=database_url), looks.ffmpeg()]
    missing = [one for one in found if not one.ok]
    for finding in missing:
        if looks.stops(finding):
            raise Failed(f"{finding.what}: {finding.detail}")
    for finding in missing:
        note(f"nightcrew: {finding.what}: {finding.detail}")
    config = _config(data_dir, database_url, **more)
    from nightcrew.cli.doctor import libraries

    with contextlib.suppress(NightcrewError):  # a setting that is wrong ends the start with its own sentence
        for finding in libraries(config, stored=not database_url):
            if not finding.ok:
                note(f"nightcrew: {finding.what}: {finding.detail}")
    return config


def _config(data_dir: Path | None, database_url: str | None, **more: Any) -> Config:
    gc.disable()  # what is imported stays: to look through it for garbage again and again took a quarter of a start
    try:
        from nightcrew.app import Config
        from nightcrew.machine import configure_logging
    except ImportError as exc:
        raise Failed(f"Nightcrew cannot be loaded: {exc}. `nightcrew doctor` says what this machine lacks") from exc

    gc.freeze()
    gc.enable()

    configure_logging(level=os.environ.get("NIGHTCREW_LOG_LEVEL", "INFO"))
    return Config(
        data_dir=folder_of(data_dir),
        database_url=database_url,
        password=page_password(),
        **more,
    )


def _announce(node: Runtime) -> None:
    say(f"Nightcrew is ready: {node.address}/")


def _run(config: Config, ready: Callable[[Runtime], None]) -> None:
    from nightcrew.app import serve as run_node

    loop_run(run_node(config, ready=ready))


def loop_run(work: Awaitable[None]) -> None:
    """Run on uvloop where it is installed. An error of a person's making is raised bare, not inside of a group."""
    import asyncio

    try:
        import uvloop

        factory: Callable[[], asyncio.AbstractEventLoop] | None = uvloop.new_event_loop
    except ImportError:
        factory = None

    async def main() -> None:
        await work

    with asyncio.Runner(loop_factory=factory) as runner:
        try:
            runner.run(main())
        except* NightcrewError as group:
            raise group.exceptions[0] from None


COMMANDS: dict[str, tuple[Callable[..., None], str]] = {
    "serve": (serve, "Start Nightcrew: the page, the API and all workers."),
    "worker": (worker, "Run workers only, without a page: one more machine for the same database."),
    "demo": (demo, "Start Nightcrew with a small world of local sources to try it on."),
    "doctor": (bound(doctor), "Look for what is missing on this machine, and say how to get it."),
    "passwd": (passwd, "Set the password that the page asks for."),
    "backup": (bound(backup), "Save databases, key and configuration into one file, also while the server runs."),
    "restore": (bound(restore), "Restore a backup."),
}
"""The commands and their help."""
