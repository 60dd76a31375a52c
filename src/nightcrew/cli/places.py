"""Where a command on this machine finds everything: options that several have."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from typer import Context, Option

from nightcrew.client.secrets import hint
from nightcrew.kernel.errors import NeedsUser


def unseen(context: Context, url: str | None) -> str | None:
    """Warn of a database's password among the arguments."""
    from nightcrew.kernel.redaction import redact

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


def default_data_dir() -> Path:
    """`NIGHTCREW_DATA_DIR`, else `~/.local/share/nightcrew` (XDG)."""
    given = os.environ.get("NIGHTCREW_DATA_DIR")
    if given:
        folder = Path(given).expanduser()
        if not folder.is_absolute():
            raise NeedsUser(f"NIGHTCREW_DATA_DIR: {given!r} is not an absolute path: begin it with / or ~/")
        return folder
    base = Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share").expanduser()
    if not base.is_absolute():  # the XDG specification says to ignore it
        base = Path("~/.local/share").expanduser()
    return base / "nightcrew"


def folder_of(data_dir: Path | None) -> Path:
    """The data directory."""
    return (data_dir or default_data_dir()).expanduser().absolute()
