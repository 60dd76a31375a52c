"""Commands about notifications: who is told of what happens."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from nightcrew.client import DEFAULT_URL, AsJson, Failed, Key, Server, Url, plain, show

TARGETS = "/api/v1/notifications/targets"

Told = Annotated[str, typer.Argument(metavar="TARGET", help="Its number or its name, as `nightcrew notify list` says.")]


def notify_list(url: Url = DEFAULT_URL, api_key: Key = "", as_json: AsJson = False) -> None:
    """Who is told, of what, and whether they are reached."""
    items = Server(url, api_key).ask("GET", TARGETS)["items"]
    rows = items if as_json else [_row(item) for item in items]
    columns = ["id", "name", "kind", "address", "state", "wants", "level", "quiet", "waiting", "delivered_at", "error"]
    show(rows, columns, as_json=as_json, empty="Nobody is told. Add a target with `nightcrew notify add`.")


def notify_add(
    kind: Annotated[str, typer.Argument(help="apprise, webhook or heartbeat.")],
    name: str,
    address: Annotated[str, typer.Argument(help="tgram://… and others for apprise, else a web address.")],
    wants: Annotated[
        list[str] | None,
        typer.Option("--wants", help="broken, recovered, needs, failed or finished; may be said again. Without: all."),
    ] = None,
    level: Annotated[str, typer.Option("--level", help="The least it is told of: info, warning or error.")] = "info",
    quiet: Annotated[str, typer.Option("--quiet", help="Hours in which messages wait, such as 22:30-07:00.")] = "",
    loud: Annotated[bool, typer.Option("--loud", help="Errors do not wait in quiet hours.")] = False,
    url: Url = DEFAULT_URL,
    api_key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Tell somebody from now on. The address is stored encrypted, and not shown again."""
    body: dict[str, Any] = {"kind": kind, "name": name, "address": address, "level": level, "loud": loud}
    if wants:
        body["wants"] = wants
    if quiet:
        body["quiet_from"], _, body["quiet_to"] = (part.strip() for part in quiet.partition("-"))
    target = Server(url, api_key).ask("POST", TARGETS, json=body)
    if as_json:
        print(json.dumps(target, indent=2, ensure_ascii=False))
    else:
        print(plain(f"target {target['id']} {target['name']} is told from now on; `nightcrew notify test` tries it"))


def notify_test(target: Told, url: Url = DEFAULT_URL, api_key: Key = "", as_json: AsJson = False) -> None:
    """Send a test now. Exit 1 when it is not taken."""
    server = Server(url, api_key)
    found = _find(server, target)
    answer = server.ask("POST", f"{TARGETS}/{found['id']}/test")
    if as_json:
        print(json.dumps(answer, indent=2, ensure_ascii=False))
    elif answer["ok"]:
        print(plain(answer["message"]))
    if not answer["ok"]:
        raise Failed(answer["message"])


def notify_remove(target: Told, url: Url = DEFAULT_URL, api_key: Key = "", as_json: AsJson = False) -> None:
    """Tell it nothing any more. Its address and its history are forgotten."""
    server = Server(url, api_key)
    found = _find(server, target)
    server.ask("DELETE", f"{TARGETS}/{found['id']}")
    if as_json:
        print(json.dumps({"removed": found["id"]}))
    else:
        print(plain(f"{found['name']} is not told any more"))


def _row(target: dict[str, Any]) -> dict[str, Any]:
    """A target in columns."""
    hours = f"{target['quiet_from']}-{target['quiet_to']}" if target["quiet_from"] else None
    beats = target["kind"] == "heartbeat"
    return target | {
        "quiet": hours,
        "wants": None if beats else ", ".join(target["wants"]),
        "level": None if beats else target["level"],
    }


def _find(server: Server, text: str) -> dict[str, Any]:
    """The target that is named by its number or its name. Raises `Failed`."""
    items: list[dict[str, Any]] = server.ask("GET", TARGETS)["items"]
    for item in items:
        if text in {str(item["id"]), item["name"]}:
            return item
    raise Failed(f"there is no target {text!r}; `nightcrew notify list` has all of them")
