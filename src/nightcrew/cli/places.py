"""Where a command on this machine finds everything: options that several have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option

DataDir = Annotated[
    Path | None, Option("--data-dir", help="Where everything is kept. Default: ~/.local/share/nightcrew.")
]
Database = Annotated[
    str | None,
    Option(
        "--database-url", envvar="NIGHTCREW_DATABASE_URL", help="postgresql://… to share the work between machines."
    ),
]


def folder_of(data_dir: Path | None) -> Path:
    """The data directory."""
    from nightcrew.machine import default_data_dir

    return (data_dir or default_data_dir()).expanduser().absolute()
