"""Commands about indexers. They are connections, so `nightcrew connections` changes and removes them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from typer import Argument, Option

from nightcrew.client import Failed, Out, Server, given
from nightcrew.client.secrets import typed
from nightcrew.kernel.words import duration
from nightcrew.movies.sources.rows import IndexerJson, IndexerTestedJson

CONNECTIONS = "/api/v1/connections"
KINDS = ("torznab", "list_movies")

Indexer = Annotated[
    str, Argument(metavar="INDEXER", help="Its number or name, as `nightcrew movies indexer list` says.")
]


def indexer_list(server: Server, out: Out) -> None:
    """The indexers: how each stands, why, and when it is asked again."""
    rows = [one for one in server.rows(IndexerJson, CONNECTIONS) if one["kind"] in KINDS]
    columns = ["id", "name", "url", "state", "reason", "again in"]
    out.table(rows, columns, shown=_shown, empty="No indexer is connected.")


def _shown(one: IndexerJson) -> dict[str, Any]:
    left = (datetime.fromisoformat(one["retry_at"]) - datetime.now(UTC)).total_seconds() if one["retry_at"] else None
    return {"again in": None if left is None else duration(max(0.0, left))}


def indexer_add(
    server: Server,
    out: Out,
    address: Annotated[str, Argument(help="Its address. For list_movies what stands before list_movies.json.")],
    kind: Annotated[Literal["torznab", "list_movies"], Option("--kind", help="What it speaks.")] = "torznab",
    name: Annotated[str, Option("--name", help="What it is called.")] = "",
    mirror: Annotated[
        list[str] | None, Option("--mirror", help="A further address that answers alike. Can be repeated.")
    ] = None,
    key: Annotated[bool, Option("--key/--no-key", help="Whether it has an API key, which is asked for.")] = True,
) -> None:
    """Connect an indexer. Its API key is typed, or read from stdin; it is never an argument."""
    settings = {"api_key": typed("API key")} if key and kind == "torznab" else {}
    body = {"kind": kind, "name": name or kind, "url": address, "settings": settings} | given(mirrors=mirror or None)
    found = server.post(IndexerJson, CONNECTIONS, body)
    out.one(found, lambda one: f"{one['name']} is connected; `nightcrew movies indexer test {one['id']}` tries it")


def indexer_test(server: Server, out: Out, indexer: Indexer) -> None:
    """Ask an indexer what it can do. Exit 1 when it does not work."""
    one = server.find(IndexerJson, CONNECTIONS, indexer, "indexer", "nightcrew movies indexer list")
    found = server.post(IndexerTestedJson, f"{CONNECTIONS}/{one['id']}/test")
    if not out.data(found) and found["ok"]:
        out.say("\n".join((found["message"], *found["facts"])))
    if not found["ok"]:
        raise Failed(found["message"])
