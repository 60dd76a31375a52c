"""Commands about connections: outside services, and whether they work."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from typer import Argument, BadParameter, Option

from nightcrew.cli.rows import ConnectionJson, ConnectionTestedJson, KindJson
from nightcrew.cli.secrets import read_secrets
from nightcrew.client import DryRun, Failed, Out, Row, Server, Yes, carefully, given
from nightcrew.kernel.words import duration, parse_value

CONNECTIONS = "/api/v1/connections"

Named = Annotated[
    str, Argument(metavar="CONNECTION", help="Its number or its name, as `nightcrew connections list` says.")
]
Mirror = Annotated[
    list[str] | None,
    Option("--mirror", help="A further address with the same content. Can be repeated; replaces those before."),
]
Way = Annotated[
    str | None, Option("--route", help="The route that it takes, as `nightcrew routes list` says; direct: none.")
]
Set = Annotated[
    list[str] | None,
    Option("--set", metavar="FIELD=VALUE", help="A field of its kind that is not secret. Can be repeated."),
]
Secret = Annotated[
    list[str] | None,
    Option(
        "--secret",
        metavar="FIELD[=-]",
        help="A secret field: FIELD asks for it, FIELD=- reads a line from stdin. The secret itself is never an "
        "argument, since others on this machine can see those (ps). Can be repeated.",
    ),
]


def connections_list(server: Server, out: Out) -> None:
    """Outside services: how each stands and why, and when it is asked again."""
    columns = ["id", "name", "title", "url", "state", "reason", "again in", "worked_at"]
    out.table(server.rows(ConnectionJson, CONNECTIONS), columns, shown=_columns, empty="Nothing is connected.")


def _columns(one: ConnectionJson) -> Row:
    left = (datetime.fromisoformat(one["retry_at"]) - datetime.now(UTC)).total_seconds() if one["retry_at"] else None
    return {"state": _state(one), "again in": None if left is None else duration(max(0.0, left))}


def _state(one: ConnectionJson) -> str:
    from nightcrew.web.states import KERNEL

    return KERNEL[f"connection.{one['state']}"][1]


def connections_kinds(server: Server, out: Out) -> None:
    """What can be connected, with the fields of each kind."""
    columns = ["kind", "title", "address", "fields", "secrets"]
    rows = server.rows(KindJson, f"{CONNECTIONS}/kinds")
    out.table(rows, columns, shown=_fields, empty="No domain asks outside services.")


def _fields(kind: KindJson) -> Row:
    secret = _secrets(kind)
    shown = [name for name in kind["fields"]["properties"] if name not in secret]
    return {"address": kind["url"], "fields": ", ".join(shown), "secrets": ", ".join(secret)}


def _secrets(kind: KindJson) -> list[str]:
    return [name for name, field in kind["fields"]["properties"].items() if field.get("writeOnly")]


# -- adding and changing -----------------------------------------------------------------------------------------------


def connections_add(
    server: Server,
    out: Out,
    kind: Annotated[str, Argument(help="As `nightcrew connections kinds` says.")],
    name: Annotated[str, Option("--name", help="What it is called. Default: like its kind.")] = "",
    address: Annotated[str, Option("--address", help="Its address. Default: the one that its kind suggests.")] = "",
    mirror: Mirror = None,
    route: Way = None,
    set_: Set = None,
    secret: Secret = None,
) -> None:
    """Connect an outside service. On a terminal it asks for the secrets; they are never arguments."""
    found = _kind(server, kind)
    settings = _settings(found, set_ or [])
    settings |= read_secrets(secret or [], _secrets(found), ask_all=not out.as_json)
    body = {"kind": kind, "name": name or found["title"], "settings": settings}
    body |= given(url=address or None, mirrors=mirror or None, route=route)
    added = server.post(ConnectionJson, CONNECTIONS, body)
    tries = "grant access on the page Connections" if found["granted"] else "`nightcrew connections test` tries it"
    out.one(added, lambda one: f"{_line(one)}; {tries}")


def connections_change(
    server: Server,
    out: Out,
    connection: Named,
    name: Annotated[str | None, Option("--name", help="What it is called.")] = None,
    address: Annotated[str | None, Option("--address", help="Its address.")] = None,
    mirror: Mirror = None,
    route: Way = None,
    set_: Set = None,
    secret: Secret = None,
    enabled: Annotated[bool | None, Option("--on/--off", help="Switch it on or off.")] = None,
) -> None:
    """Change a connection. What is not named stays as it is, secrets too."""
    found = _find(server, connection)
    kind = _kind(server, found["kind"])
    settings = _settings(kind, set_ or []) | read_secrets(secret or [], _secrets(kind))
    changes = given(name=name, url=address, mirrors=mirror, route=route, settings=settings or None, enabled=enabled)
    if not changes:
        raise BadParameter("name something to change")
    out.one(server.patch(ConnectionJson, f"{CONNECTIONS}/{found['id']}", changes), _line)


def _kind(server: Server, name: str) -> KindJson:
    """The kind of this name. Raises `Failed`."""
    for kind in server.rows(KindJson, f"{CONNECTIONS}/kinds"):
        if kind["kind"] == name:
            return kind
    raise Failed(f"there is no kind of connection {name!r}; `nightcrew connections kinds` has all of them")


def _settings(kind: KindJson, pairs: Sequence[str]) -> Row:
    """What `--set` says: text where the field is text, else JSON. Raises `BadParameter`."""
    values: Row = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        field = kind["fields"]["properties"].get(name)
        if not equals or field is None:
            known = ", ".join(kind["fields"]["properties"]) or "none"
            raise BadParameter(f"{name!r} is not FIELD=VALUE; the fields of {kind['title']} are: {known}")
        if field.get("writeOnly"):
            raise BadParameter(f"{name} is secret: use --secret {name}, or --secret {name}=-")
        values[name] = value if _is_text(field) else parse_value(value)
    return values


def _is_text(field: Row) -> bool:
    return "string" in {field.get("type"), *(one.get("type") for one in field.get("anyOf", ()))}


def _line(one: ConnectionJson) -> str:
    reason = f" ({one['reason']})" if one["reason"] else ""
    return f"connection {one['id']} {one['name']} ({one['title']}, {one['url']}): {_state(one)}{reason}"


# -- testing and removing ----------------------------------------------------------------------------------------------


def connections_test(server: Server, out: Out, connection: Named) -> None:
    """Test a service now. Exit 1 when it does not work."""
    answer = server.post(ConnectionTestedJson, f"{CONNECTIONS}/{_find(server, connection)['id']}/test")
    if not out.data(answer) and answer["ok"]:
        out.say("\n".join((answer["message"], *answer["facts"])))
    if not answer["ok"]:
        raise Failed(answer["message"])


def connections_remove(server: Server, out: Out, connection: Named, dry_run: DryRun = False, yes: Yes = False) -> None:
    """Remove a connection with its secrets. Shows what would be deleted, and asks."""
    found = _find(server, connection)

    def remove(dry_run: bool) -> Row:
        if not dry_run:
            server.ask("DELETE", f"{CONNECTIONS}/{found['id']}")
        return {"dry_run": dry_run, "removed": found["id"], "name": found["name"]}

    def tell(_: Row) -> None:
        out.say(f"would remove {_line(found)}; its secrets are forgotten")

    if carefully(out, remove, tell, "Remove that?", dry_run=dry_run, yes=yes):
        out.say(f"{found['name']} was removed")


def _find(server: Server, text: str) -> ConnectionJson:
    return server.find(ConnectionJson, CONNECTIONS, text, "connection", "connections list")
