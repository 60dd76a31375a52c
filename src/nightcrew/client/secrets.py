"""Secrets that a command is given: never as an argument, since all users of a machine see those of a process (ps)."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path
from typing import Annotated

from typer import BadParameter, Option

from nightcrew.client.out import note
from nightcrew.client.server import Failed

PasswordStdin = Annotated[bool, Option("--password-stdin", help="Read the password of its login from stdin, one line.")]
PasswordFile = Annotated[
    Path | None, Option("--password-file", help="A file whose first line is the password of its login.")
]
MOST = 16_384
"""Characters of a secret."""


def line_of_stdin(what: str) -> str:
    """The next line. Raises `Failed` when there is none."""
    line = sys.stdin.readline(MOST).rstrip("\r\n")
    if not line:
        raise Failed(f"stdin has no line for {what}")
    return line


def typed(what: str) -> str:
    """What a person types, unseen, or the next line where nobody sits at a terminal. Raises `Failed`."""
    return getpass.getpass(f"{what}: ") if sys.stdin.isatty() else line_of_stdin(what)


def password_of(argument: str, *, stdin: bool, file: Path | None, environment: str, ask: bool = False) -> str:
    """The password, in whichever way it was given; empty for none. With `ask` somebody at a terminal is asked for it.

    Raises `BadParameter` when it is given twice, and `Failed` for a file or stdin without one.
    """
    if sum((bool(argument), stdin, file is not None)) > 1:
        raise BadParameter("give the password once: --password-stdin, --password-file or the environment")
    if argument:
        exposed("--password", "use --password-stdin, --password-file or NIGHTCREW_SOURCE_PASSWORD")
        return argument
    if stdin:
        return line_of_stdin("the password")
    if file is not None:
        return first_line(file)
    if environment or not (ask and sys.stdin.isatty()):
        return environment
    return getpass.getpass("Password: ")


def address_of(text: str, what: str = "the address") -> str:
    """An address; `-` asks for it, since many have a login in them."""
    if text == "-":
        return typed(what)
    from nightcrew.kernel.redaction import redact

    if redact(text) != text:
        hint(what, "write - in its place and the address to stdin")
    return text


def exposed(what: str, instead: str) -> None:
    """Warn that a secret was an argument."""
    note(f"nightcrew: warning: all users of this machine can see {what} among the arguments; {instead}")


def hint(what: str, instead: str) -> None:
    """As `exposed`, where a person reads it: what scripts have always done stays as quiet as it was."""
    if is_seen():
        exposed(what, instead)


def is_seen() -> bool:
    """Whether what goes to stderr is on a terminal."""
    return sys.stderr.isatty()


def first_line(file: Path) -> str:
    """The secret that a file holds. Raises `Failed`."""
    try:
        with file.open(encoding="utf-8") as opened:
            line = opened.readline(MOST).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as exc:
        raise Failed(f"cannot read {file}: {getattr(exc, 'strerror', None) or 'it is no text'}") from exc
    if not line:
        raise Failed(f"{file} has no password in its first line")
    return line


def page_password() -> str | None:
    """The page's password: `NIGHTCREW_PASSWORD`, or the first line of the file that `NIGHTCREW_PASSWORD_FILE` names."""
    file = os.environ.get("NIGHTCREW_PASSWORD_FILE")
    given = os.environ.get("NIGHTCREW_PASSWORD")
    return first_line(Path(file)) if file and given is None else given
