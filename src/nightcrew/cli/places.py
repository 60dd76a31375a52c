"""Where a command on this machine finds everything: options that several have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Context, Option

from nightcrew.client.secrets import hint
from nightcrew.kernel.redaction import redact


def unseen(context: Context, url: str | None) -> str | None:
    """Warn of a database's password among the arguments."""
    source = context.get_parameter_source("database_url")
    if url and source is not None and source.name == "COMMANDLINE" and redact(url) != url:
        hint("--database-url", "use the environment variable NIGHTCREW_DATABASE_URL")
    return url


DataDir = Annotated[
    Path | None, Option("--data-dir", help="Where everything is kept. Default: ~/.local/share/nightcrew.")
]
Database = Annotated[
    str | None,
    Option(
        "--database-url",
        envvar="NIGHTCREW_DATABASE_URL",
        callback=unseen,
        help="postgresql://… to share the work between machines. With a password in it, use the environment variable.",
    ),
]


def folder_of(data_dir: Path | None) -> Path:
    """The data directory."""
    from nightcrew.machine import default_data_dir

    return (data_dir or default_data_dir()).expanduser().absolute()
