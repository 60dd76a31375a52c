"""The command line: `serve`, `worker`, `demo`, `doctor` and `passwd` run here; everything else asks a running server."""

from __future__ import annotations

import sys

import typer

from nightcrew.cli import client, local
from nightcrew.cli.client import Failed
from nightcrew.kernel.errors import NightcrewError

app = typer.Typer(
    name="nightcrew",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="All the background work of a home media server in one supervised, durable, visible program.",
)
local.register(app)
client.register(app)


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
