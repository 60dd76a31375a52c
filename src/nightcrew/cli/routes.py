"""Commands about routes: ways out of this network that fail closed."""

from __future__ import annotations

from typing import Annotated

from typer import Argument, Option

from nightcrew.cli.rows import ConnectionTestedJson, RouteJson
from nightcrew.cli.secrets import read_secrets
from nightcrew.client import DryRun, Failed, Out, Row, Server, Yes, carefully, given

ROUTES = "/api/v1/routes"
SECRETS = ("password", "gluetun_key")

Named = Annotated[str, Argument(metavar="ROUTE", help="Its name, as `nightcrew routes list` says.")]


def routes_list(server: Server, out: Out) -> None:
    """Routes: what each is, how it stands and why, and what takes it."""
    columns = ["name", "spec", "state", "reason", "since", "canary", "public", "parked", "used by"]
    empty = "There are no routes; everything goes out directly."
    out.table(server.rows(RouteJson, ROUTES), columns, shown=_columns, empty=empty)


def _columns(one: RouteJson) -> Row:
    took = None if one["canary_s"] is None else f"{1000 * one['canary_s']:.0f} ms"
    return {"state": _state(one), "canary": took, "used by": ", ".join(one["used_by"])}


def _state(one: RouteJson) -> str:
    from nightcrew.web.states import KERNEL

    return KERNEL[f"route.{one['state']}"][1]


def routes_add(
    server: Server,
    out: Out,
    name: Annotated[str, Argument(help="What connections and settings call it: a-z, 0-9, - and _.")],
    spec: Annotated[str, Argument(help="interface:<device> or socks5h://user@host:port, without the password.")],
    dns: Annotated[
        list[str] | None,
        Option("--dns", help="A DNS server that is asked through the device. A device needs one. Can be repeated."),
    ] = None,
    canary: Annotated[str, Option("--canary", help="host:port that answers through it. A proxy needs one.")] = "",
    ask: Annotated[str, Option("--ask", help="A web address that answers the caller's public address.")] = "",
    gluetun: Annotated[str, Option("--gluetun", help="The address of gluetun's control server.")] = "",
    secret: Annotated[
        list[str] | None,
        Option(
            "--secret",
            metavar="FIELD[=-]",
            help="password or gluetun_key: FIELD asks for it, FIELD=- reads a line from stdin. Can be repeated.",
        ),
    ] = None,
    strays: Annotated[
        bool, Option("--strays", help="Accept that the kernel may answer late packets past the device.")
    ] = False,
    anyway: Annotated[bool, Option("--anyway", help="Save it even when its test fails.")] = False,
) -> None:
    """Define a route. It is tested first, and closed until it leads somewhere."""
    body = {"name": name, "spec": spec, "strays": strays, "anyway": anyway}
    body |= given(dns=dns or None, canary=canary or None, ask=ask or None, gluetun=gluetun or None)
    body |= read_secrets(secret or [], SECRETS)
    out.one(server.post(RouteJson, ROUTES, body), _line)


def _line(one: RouteJson) -> str:
    reason = f" ({one['reason']})" if one["reason"] else ""
    parked = f", {one['parked']} requests wait" if one["parked"] and one["state"] != "up" else ""
    return f"route {one['name']} ({one['spec']}): {_state(one)}{reason}{parked}"


def routes_test(server: Server, out: Out, route: Named) -> None:
    """Look at a route now. Exit 1 when it leads nowhere."""
    answer = server.post(ConnectionTestedJson, f"{ROUTES}/{route}/test")
    if not out.data(answer) and answer["ok"]:
        out.say("\n".join((answer["message"], *answer["facts"])))
    if not answer["ok"]:
        raise Failed(answer["message"])


def routes_remove(server: Server, out: Out, route: Named, dry_run: DryRun = False, yes: Yes = False) -> None:
    """Remove a route with its secrets. One that something takes stays."""
    found = next((one for one in server.rows(RouteJson, ROUTES) if one["name"] == route), None)
    if found is None:
        raise Failed(f"there is no route {route!r}; `nightcrew routes list` has all of them")

    def remove(dry_run: bool) -> Row:
        if not dry_run:
            server.ask("DELETE", f"{ROUTES}/{route}")
        return {"dry_run": dry_run, "removed": route}

    def tell(_: Row) -> None:
        out.say(f"would remove {_line(found)}")

    if carefully(out, remove, tell, "Remove that?", dry_run=dry_run, yes=yes):
        out.say(f"{route} was removed")
