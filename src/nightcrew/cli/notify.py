"""Commands about notifications: who is told of what happens."""

from __future__ import annotations

from typing import Annotated

from typer import Argument, Option

from nightcrew.cli.rows import TargetJson, TestedJson
from nightcrew.client import Failed, Out, Row, Server
from nightcrew.client.secrets import address_of, hint

TARGETS = "/api/v1/notifications/targets"

Told = Annotated[str, Argument(metavar="TARGET", help="Its number or its name, as `nightcrew notify list` says.")]


def notify_list(server: Server, out: Out) -> None:
    """Who is told of what, and whether messages arrive."""
    columns = ["id", "name", "kind", "address", "state", "wants", "level", "quiet", "waiting", "delivered_at", "error"]
    empty = "Nobody is told. Add a target with `nightcrew notify add`."
    out.table(server.rows(TargetJson, TARGETS), columns, shown=_columns, empty=empty)


def _columns(target: TargetJson) -> Row:
    beats = target["kind"] == "heartbeat"
    return {
        "quiet": f"{target['quiet_from']}-{target['quiet_to']}" if target["quiet_from"] else None,
        "wants": None if beats else ", ".join(target["wants"]),
        "level": None if beats else target["level"],
    }


def notify_add(
    server: Server,
    out: Out,
    kind: Annotated[str, Argument(help="apprise, webhook or heartbeat.")],
    name: Annotated[str, Argument(help="What it is called.")],
    address: Annotated[
        str,
        Argument(help="For apprise tgram://… and the like, else a web address. - asks for it, as it holds a secret."),
    ],
    wants: Annotated[
        list[str] | None,
        Option("--wants", help="broken, recovered, needs, failed or finished. Can be repeated. Default: all."),
    ] = None,
    level: Annotated[str, Option("--level", help="The lowest level it is told of: info, warning or error.")] = "info",
    quiet: Annotated[str, Option("--quiet", help="Quiet hours, in which messages wait: for example 22:30-07:00.")] = "",
    loud: Annotated[bool, Option("--loud", help="Send errors in quiet hours too.")] = False,
) -> None:
    """Add a target: somebody who is told. The address is stored encrypted, and never shown again."""
    body: Row = {"kind": kind, "name": name, "address": _unseen(kind, address), "level": level, "loud": loud}
    if wants:
        body["wants"] = wants
    if quiet:
        body["quiet_from"], _, body["quiet_to"] = (part.strip() for part in quiet.partition("-"))
    out.one(server.post(TargetJson, TARGETS, body), _added)


def _unseen(kind: str, address: str) -> str:
    """The address, asked for where it is `-`. One of apprise has a token in it, whatever it looks like."""
    if kind == "apprise" and address != "-":
        hint("the address", "write - in its place and the address to stdin")
        return address
    return address_of(address)


def _added(target: TargetJson) -> str:
    return f"target {target['id']} {target['name']} will be notified from now on; `nightcrew notify test` tries it"


def notify_test(server: Server, out: Out, target: Told) -> None:
    """Send a test message now. Exit 1 when it does not arrive."""
    answer = server.post(TestedJson, f"{_path(server, target)}/test")
    if not out.data(answer) and answer["ok"]:
        out.say(answer["message"])
    if not answer["ok"]:
        raise Failed(answer["message"])


def notify_remove(server: Server, out: Out, target: Told) -> None:
    """Remove a target. Its address and its history are deleted."""
    found = _find(server, target)
    server.ask("DELETE", f"{TARGETS}/{found['id']}")
    if not out.data({"removed": found["id"]}):
        out.say(f"{found['name']} is not told any more")


def _path(server: Server, target: str) -> str:
    return f"{TARGETS}/{_find(server, target)['id']}"


def _find(server: Server, text: str) -> TargetJson:
    return server.find(TargetJson, TARGETS, text, "target", "notify list")
