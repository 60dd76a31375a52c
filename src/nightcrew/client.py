"""How commands ask a running server over its HTTP API, and print a table for people or JSON for scripts.

Commands of every domain stand on it, so it imports little: a command starts quickly.
"""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import httpx2
import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

DEFAULT_URL = "http://127.0.0.1:8780"

Url = Annotated[str, typer.Option("--url", envvar="NIGHTCREW_URL", help="The server's address.")]
Key = Annotated[str, typer.Option("--api-key", envvar="NIGHTCREW_API_KEY", help="An API key, where a password is set.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Failed(Exception):
    """The server refused or cannot be reached; the message is for a person."""


class Unreachable(Failed):
    """Nobody answers at the server's address."""


class Server:
    """The API of one server."""

    def __init__(self, url: str, key: str) -> None:
        headers = {"Accept": "application/json", "User-Agent": "nightcrew-cli"}
        if key:
            headers["X-Api-Key"] = key
        self._url = url.rstrip("/")
        self._client = httpx2.Client(base_url=self._url, headers=headers, timeout=60, trust_env=False)

    def ask(self, method: str, path: str, **more: Any) -> Any:
        """The JSON answer, None where there is none. Raises `Failed` with the problem's sentence, `Unreachable`."""
        try:
            answer = self._client.request(method, path, **more)
        except httpx2.TransportError as exc:
            raise Unreachable(
                f"no Nightcrew answers at {self._url}: start it with `nightcrew serve`, or name another with --url"
            ) from exc
        if answer.status_code == 204:
            return None
        try:
            body = answer.json()
        except ValueError as exc:
            raise Failed(f"{self._url} does not speak Nightcrew's API (HTTP {answer.status_code})") from exc
        if answer.status_code >= 400 and path != "/health":
            raise Failed(str(body.get("detail") or f"HTTP {answer.status_code}"))
        return body

    def pages(self, path: str, limit: int, **params: Any) -> list[dict[str, Any]]:
        """Up to `limit` items over as many pages as that takes."""
        items: list[dict[str, Any]] = []
        cursor = None
        while len(items) < limit:
            query = {**params, "limit": min(1000, limit - len(items)), "cursor": cursor}
            body = self.ask("GET", path, params={k: v for k, v in query.items() if v is not None})
            items += body["items"]
            cursor = body.get("next")
            if cursor is None:
                break
        return items


def confirm(question: str) -> None:
    """Ask a person. Raises `Failed` when the answer is no, or when there is none."""
    try:
        agreed = typer.confirm(question, err=True)
    except typer.Abort as exc:
        print(file=sys.stderr)
        raise Failed("nobody answered, so nothing was done; --yes answers beforehand") from exc
    if not agreed:
        raise Failed("nothing was done")


def plain(value: object) -> str:
    """Text that moves no cursor and rings no bell: names and titles come from providers."""
    return "".join(sign if sign.isprintable() or sign == "\n" else " " for sign in str(value))


def show(rows: list[dict[str, Any]], columns: list[str], *, as_json: bool, empty: str = "Nothing there.") -> None:
    """A table for people, or everything as JSON."""
    if as_json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    if not rows:
        print(empty)
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if row.get(column) is None else plain(row[column])) for column in columns))
    Console(width=None if sys.stdout.isatty() else 200).print(table)
