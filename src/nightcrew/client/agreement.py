"""Whether a person means it: a command shows what it would do, and asks."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated, TypeVar

import typer

from nightcrew.client.out import Out
from nightcrew.client.server import Failed

T = TypeVar("T")

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be deleted.")]


def confirm(question: str) -> None:
    """Ask a person. Raises `Failed` when the answer is no, or when there is none."""
    try:
        agreed = typer.confirm(question, err=True)
    except typer.Abort as exc:
        print(file=sys.stderr)
        raise Failed("nobody answered, so nothing was done; --yes answers beforehand") from exc
    if not agreed:
        raise Failed("nothing was done")


def carefully(
    out: Out,
    act: Callable[[bool], T],
    tell: Callable[[T], None],
    question: str,
    *,
    dry_run: bool,
    yes: bool,
    worth: Callable[[T], bool] = lambda _: True,
    instead: str = "--dry-run or --yes",
) -> T | None:
    """Say what would be done, ask whether that is meant, and do it. Returns what was done, None where nothing was.

    `act` is called with whether it is a dry run; `tell` says to people what one has found. People are not asked about what is not
    `worth` it, scripts never: they have to say `instead`.
    """
    if out.as_json and not (yes or dry_run):
        raise typer.BadParameter(f"with --json nobody is asked: say {instead}")
    if dry_run or not out.as_json:
        would = act(True)
        if not out.data(would):
            tell(would)
        if dry_run or not worth(would):
            return None
        if not yes:
            confirm(question)
    done = act(False)
    out.data(done)
    return done
