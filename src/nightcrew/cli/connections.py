"""Commands about connections: outside services, and whether they work."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from nightcrew.client import DEFAULT_URL, AsJson, Failed, Key, Server, Url, plain, show

CONNECTIONS = "/api/v1/connections"

Named = Annotated[
    str, typer.Argument(metavar="CONNECTION", help="Its number or its name, as `nightcrew connections list` says.")
]


def connections_list(url: Url = DEFAULT_URL, api_key: Key = "", as_json: AsJson = False) -> None:
    """Outside services, how they stand and why, and when they are asked again."""
    items = Server(url, api_key).ask("GET", CONNECTIONS)["items"]
    columns = ["id", "name", "title", "url", "state", "reason", "retry_at", "worked_at"]
    show(items, columns, as_json=as_json, empty="Nothing is connected.")


def connections_test(connection: Named, url: Url = DEFAULT_URL, api_key: Key = "", as_json: AsJson = False) -> None:
    """Test a service now. Exit 1 when it does not work."""
    server = Server(url, api_key)
    answer = server.ask("POST", f"{CONNECTIONS}/{_find(server, connection)['id']}/test")
    if as_json:
        print(json.dumps(answer, indent=2, ensure_ascii=False))
    elif answer["ok"]:
        for sentence in (answer["message"], *answer["facts"]):
            print(plain(sentence))
    if not answer["ok"]:
        raise Failed(answer["message"])


def _find(server: Server, text: str) -> dict[str, Any]:
    """The connection that is named by its number or its name. Raises `Failed`."""
    items: list[dict[str, Any]] = server.ask("GET", CONNECTIONS)["items"]
    for item in items:
        if text in {str(item["id"]), item["name"]}:
            return item
    raise Failed(f"there is no connection {text!r}; `nightcrew connections list` has all of them")
