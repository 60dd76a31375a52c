"""Which options stand for the parts that a command asks for by type. They stand behind the command's own.

A command is written `def sources(server: Server, out: Out, region: Region = "")`, and has `--region`, `--url`, `--api-key` and
`--json`.
"""

from __future__ import annotations

import contextlib
import inspect
import json
from collections.abc import Callable, Mapping
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from nightcrew.client.out import Out
from nightcrew.client.server import DEFAULT_URL, Failed, Server

T = TypeVar("T")

Url = Annotated[str, typer.Option("--url", envvar="NIGHTCREW_URL", help="The server's address.")]
Key = Annotated[
    str, typer.Option("--api-key", envvar="NIGHTCREW_API_KEY", help="An API key; needed where a password is set.")
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1_000_000, help="Show at most this many.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _option(name: str, annotation: Any, default: object) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


PARTS: Mapping[Any, tuple[Parameter, ...]] = {
    Server: (_option("url", Url, DEFAULT_URL), _option("api_key", Key, "")),
    Out: (_option("as_json", AsJson, False),),
}
"""The options of each part, in the order of its arguments."""


def bound(command: Callable[..., None]) -> Callable[..., None]:
    """The command as Typer takes it."""
    wanted = inspect.signature(command, eval_str=True).parameters
    own = [one.replace(kind=Parameter.KEYWORD_ONLY) for one in wanted.values() if one.annotation not in PARTS]
    parts = {part: name for part in PARTS for name, one in wanted.items() if one.annotation is part}

    def run(**given: Any) -> None:
        made = {name: part(*(given.pop(one.name) for one in PARTS[part])) for part, name in parts.items()}
        with contextlib.ExitStack() as closing:
            for part in made.values():
                if isinstance(part, Server):
                    closing.callback(part.close)
            command(**made, **given)

    parameters = [*own, *(one for part in parts for one in PARTS[part])]
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run


def described(command: Callable[..., None], name: str, about: str) -> Callable[..., None]:
    """A command that was made, with its name and its help."""
    command.__name__, command.__doc__ = name, about
    return command


def named(word: str, module: Mapping[str, Any]) -> tuple[Callable[..., None], ...]:
    """The commands of a module that stand below a word, in their order: `source_add` is one below "source"."""
    here = [value for value in module.values() if getattr(value, "__module__", None) == module["__name__"]]
    return tuple(value for value in here if value.__name__.startswith(f"{word}_"))


def read_by(reader: Callable[[str], T]) -> Callable[[str], T]:
    """A parser for an option: what its `reader` finds wrong, with a ValueError, is wrong use."""

    def parse(text: str) -> T:
        try:
            return reader(text)
        except ValueError as exc:
            raise typer.BadParameter(str(exc)) from exc

    return parse


def read_json(path: Path) -> Any:
    """What is in a file that was named. Raises `Failed`."""
    try:
        return json.loads(path.read_text("utf-8"))
    except OSError as exc:
        raise Failed(f"{path} cannot be read: {exc.strerror}") from exc
    except ValueError as exc:
        raise Failed(f"{path} is not valid JSON: {exc}") from exc
