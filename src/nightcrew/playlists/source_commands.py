"""Commands about sources."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from typer import Argument, Exit, Option

from nightcrew.client import DryRun, Failed, Out, Row, Server, exits, follow_jobs, given, read_json
from nightcrew.client.secrets import PasswordFile, PasswordStdin, address_of, exposed, password_of, typed
from nightcrew.kernel.words import counted, parse_value
from nightcrew.playlists.channel_commands import Rebuild, wait_for
from nightcrew.playlists.rows import JobsJson, SourceJson, by_feed, lines, use

SOURCES = "/api/v1/sources"
WRITTEN_AS_JSON = frozenset({"enabled", "films", "guide", "locales", "only", "options", "without"})
"""Fields of a source that are no text."""

Named = Annotated[str, Argument(metavar="SOURCE", help="Its number or its name, as `nightcrew source list` says.")]
Username = Annotated[str, Option("--username", envvar="NIGHTCREW_SOURCE_USERNAME", help="The user name of its login.")]
Password = Annotated[
    str,
    Option(
        "--password",
        help="Deprecated, since all users of this machine can see it. A terminal is asked for the password of a login; else use "
        "--password-stdin, --password-file or the environment variable NIGHTCREW_SOURCE_PASSWORD.",
    ),
]


def source_add(
    server: Server,
    out: Out,
    kind: Annotated[str, Argument(help="m3u, xtream, catalogue or guide.")],
    name: Annotated[str, Argument(help="What it is called.")],
    address: Annotated[
        str,
        Argument(metavar="URL", help="A web address, or a file for m3u and guide. - asks for one with a login."),
    ],
    region: Annotated[
        str, Option("--region", help="The name of its region. Default: made from the source's name.")
    ] = "",
    username: Username = "",
    password: Password = "",
    password_stdin: PasswordStdin = False,
    password_file: PasswordFile = None,
    config: Annotated[Path | None, Option("--config", help="A JSON file with more fields (for a catalogue).")] = None,
    route: Annotated[
        str, Option("--route", help="The route that all its requests take. Its channels cannot be recorded then.")
    ] = "",
    wait: Annotated[bool, Option("--wait/--no-wait", help="Wait for the first refresh.")] = True,
) -> None:
    """Add a source, fetch it, and say how many channels it has."""
    body = read_json(config) if config else {}
    if not isinstance(body, dict):
        raise Failed(f"{config} must hold a JSON object")
    body |= {"kind": kind, "name": name, "url": _address(kind, address_of(address))}
    secret = _password(password, password_stdin, password_file, ask=bool(username) and "password" not in body)
    body |= given(region=region or None, username=username or None, password=secret or None, route=route or None)
    source = server.post(SourceJson, SOURCES, body)
    if wait:
        follow_jobs(server, [feed["run"] for feed in source["feeds"] if feed["run"]])
        source = server.get(SourceJson, f"{SOURCES}/{source['id']}")
    out.one(source, lines)
    if any(feed["error"] for feed in source["feeds"]):
        raise Exit(exits.FAILED)


def _password(argument: str, stdin: bool, file: Path | None, *, ask: bool) -> str:
    environment = os.environ.get("NIGHTCREW_SOURCE_PASSWORD", "")
    return password_of(argument, stdin=stdin, file=file, environment=environment, ask=ask)


def _address(kind: str, address: str) -> str:
    """A relative path is meant from here, not from where the server runs."""
    if kind in {"m3u", "guide", "xmltv"} and address and "://" not in address:
        return str(Path(address).expanduser().absolute())
    return address


def source_list(server: Server, out: Out) -> None:
    """All sources with their feeds."""
    items = server.rows(SourceJson, SOURCES)
    if not out.data(items):
        columns = ["id", "kind", "name", "region", "status", "channels", "age", "problem"]
        out.table(by_feed(items), columns, empty="No sources yet.")


def source_edit(
    server: Server,
    out: Out,
    source: Named,
    field: Annotated[
        list[str],
        Argument(help="One or more of field=value, such as name=News. password=- and url=- ask for it."),
    ],
) -> None:
    """Change fields of a source."""
    pairs = [text.partition("=") for text in field]
    changes = {key: parse_value(value) if key in WRITTEN_AS_JSON else _unseen(key, value) for key, _, value in pairs}
    out.one(server.patch(SourceJson, _path(server, source), changes), lines)


def _unseen(key: str, value: str) -> str:
    """The value of a field; of one that holds a login, `-` asks for it, and any other is warned of."""
    if key in {"url", "guide_url"}:
        return address_of(value, key)
    if key != "password":
        return value
    if value == "-":
        return typed("password")
    exposed("password=", "write password=- and the password to stdin")
    return value


def source_remove(server: Server, out: Out, source: Named, dry_run: DryRun = False) -> None:
    """Delete a source and the channels that only it can play."""
    out.one(server.delete(Row, _path(server, source), dry_run=dry_run), _removal)


def _removal(answer: Row) -> str:
    done = "would remove" if answer["dry_run"] else "removed"
    return f"{done} {answer['source']} and its {counted(answer['channels'], 'channel')}"


def source_refresh(server: Server, out: Out, source: Named, rebuild: Rebuild = False) -> None:
    """Refresh one source and wait for the end. Exit 1 when a refresh fails."""
    wait_for(server, out, server.post(JobsJson, f"{_path(server, source)}/refresh", rebuild=rebuild)["jobs"])


def source_accounts(server: Server, out: Out) -> None:
    """The logins behind the sources, how many connections each allows, and who is using them now."""
    items = server.rows(Row, "/api/v1/accounts")
    out.table(items, ["account", "in use", "by"], shown=use, empty="No source has channels.")


def source_profiles(server: Server, out: Out, source: Named) -> None:
    """The ways to use a source, in the order in which they are tried."""
    out.table(server.rows(Row, f"{_path(server, source)}/profiles"), ["name", "in_use", "max_streams"])


def source_add_profile(
    server: Server,
    out: Out,
    source: Named,
    name: Annotated[str, Argument(help="What the profile is called.")],
    max_streams: Annotated[int, Option("--max-streams", min=0, help="Connections at a time; 0: any number.")] = 0,
    username: Username = "",
    password: Password = "",
    password_stdin: PasswordStdin = False,
    password_file: PasswordFile = None,
    search: Annotated[str, Option("--search", help="Text to replace in addresses.")] = "",
    replace: Annotated[str, Option("--replace", help="What takes its place.")] = "",
    own_login: Annotated[
        bool, Option("--own-login", help="What is replaced is the login: its connections are counted apart.")
    ] = False,
) -> None:
    """Add another way to use a source: another login (panels), or text to replace in addresses."""
    body = {"name": name, "max_streams": max_streams, "search": search, "replace": replace, "own_login": own_login}
    secret = _password(password, password_stdin, password_file, ask=bool(username))
    body |= {"username": username, "password": secret}
    out.one(server.post(Row, f"{_path(server, source)}/profiles", body), lambda _: f"profile {name} was added")


def source_remove_profile(
    server: Server, out: Out, source: Named, name: Annotated[str, Argument(help="The profile's name.")]
) -> None:
    """Remove a profile of a source."""
    answer = server.delete(Row, f"{_path(server, source)}/profiles/{name}")
    out.one(answer, lambda _: f"profile {name} was removed")


def source_accept(server: Server, out: Out, source: Named) -> None:
    """Apply a held-back change."""
    out.one(server.post(Row, f"{_path(server, source)}/held/accept"), _accepted)


def _accepted(answer: Row) -> str:
    changes = answer["accepted"]
    return "\n".join(f"accepted: {one['new']} new, {one['changed']} changed, {one['gone']} gone" for one in changes)


def source_reject(server: Server, out: Out, source: Named) -> None:
    """Discard a held-back change."""
    out.one(server.post(Row, f"{_path(server, source)}/held/reject"), lambda _: "rejected")


def _path(server: Server, source: str) -> str:
    """The API's path of a source that is named by its number or its name. Raises `Failed`."""
    if source.isascii() and source.isdecimal():
        return f"{SOURCES}/{source}"
    return f"{SOURCES}/{server.find(SourceJson, SOURCES, source, 'source', 'source list')['id']}"
