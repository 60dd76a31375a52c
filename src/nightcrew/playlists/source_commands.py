"""Commands about sources."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from nightcrew.client import DEFAULT_URL, AsJson, Failed, Key, Server, Url, show
from nightcrew.kernel.words import parse_value
from nightcrew.playlists.channel_commands import wait_for

SourceName = Annotated[
    str, typer.Argument(metavar="SOURCE", help="Its number or its name, as `nightcrew source list` says.")
]


def source_add(
    kind: Annotated[str, typer.Argument(help="m3u, xtream, catalogue or guide.")],
    name: str,
    address: Annotated[str, typer.Argument(metavar="URL", help="An address, or for m3u and guide a file.")],
    region: Annotated[
        str, typer.Option("--region", help="The region's name; default: made from the source's name.")
    ] = "",
    username: Annotated[str, typer.Option("--username", envvar="NIGHTCREW_SOURCE_USERNAME")] = "",
    password: Annotated[str, typer.Option("--password", envvar="NIGHTCREW_SOURCE_PASSWORD")] = "",
    config: Annotated[Path | None, typer.Option("--config", help="JSON file with further fields (catalogue).")] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the first refresh.")] = True,
    url: Url = DEFAULT_URL,
    api_key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Add a source, fetch it, and say how many channels it has."""
    body: dict[str, Any] = _read_config(config) if config else {}
    body |= {"kind": kind, "name": name, "url": _address(kind, address)}
    body |= {key: value for key, value in (("region", region), ("username", username), ("password", password)) if value}
    server = Server(url, api_key)
    source = server.ask("POST", "/api/v1/sources", json=body)
    if wait:
        jobs = [feed["run"] for feed in source["feeds"] if feed["run"]]
        try:
            _wait_quietly(server, jobs)
        finally:
            source = server.ask("GET", f"/api/v1/sources/{source['id']}")
    _print_source(source, as_json)
    if any(feed["error"] for feed in source["feeds"]):
        raise typer.Exit(1)


def _read_config(path: Path) -> dict[str, Any]:
    try:
        body = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as exc:
        raise Failed(f"{path} cannot be read as JSON: {exc}") from exc
    if not isinstance(body, dict):
        raise Failed(f"{path} must hold a JSON object")
    return body


def _address(kind: str, address: str) -> str:
    """A relative path is meant from here, not from where the server runs."""
    if kind in {"m3u", "guide", "xmltv"} and address and "://" not in address:
        return str(Path(address).expanduser().absolute())
    return address


def _wait_quietly(server: Server, jobs: list[str]) -> None:
    for job in jobs:
        while server.ask("GET", f"/api/v1/jobs/{job}")["state"] in {"queued", "running"}:
            time.sleep(0.2)


def _print_source(source: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(source, indent=2, ensure_ascii=False))
        return
    for feed in source["feeds"]:
        what = (
            f"region {feed['region']}: {feed['channels']} channels{_unplayable(feed)}"
            if feed["kind"] == "channels"
            else f"guide: {feed['streams']} programmes"
        )
        state = feed["status"] if source["enabled"] else "off"
        error = f": {feed['error']}" if feed["error"] else ""
        print(f"source {source['id']} {source['name']}, {what}, {state}{error}")


def _unplayable(feed: dict[str, Any]) -> str:
    lost = feed["channels"] - feed["resolved"]
    return f" ({lost} cannot be played: no usable address)" if lost else ""


def source_list(url: Url = DEFAULT_URL, api_key: Key = "", as_json: AsJson = False) -> None:
    """All sources with their feeds."""
    items = Server(url, api_key).ask("GET", "/api/v1/sources")["items"]
    rows = items if as_json else list(_flat(items))
    show(
        rows,
        ["id", "kind", "name", "region", "status", "channels", "age", "problem"],
        as_json=as_json,
        empty="No sources yet.",
    )


def _flat(items: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for source in items:
        for feed in source["feeds"]:
            held = f"held back: {feed['held']['reason']}" if feed["held"] else None
            yield {
                "id": source["id"],
                "kind": source["kind"],
                "name": source["name"],
                "region": feed["region"] or "(guide)",
                "status": feed["status"] if source["enabled"] else "off",
                "channels": feed["channels"],
                "age": feed["age"],
                "problem": feed["error"] or held,
            }


def source_edit(
    source: SourceName,
    field: Annotated[list[str], typer.Argument(help="field=value, one or more, for example name=News enabled=false.")],
    url: Url = DEFAULT_URL,
    api_key: Key = "",
) -> None:
    """Change fields of a source."""
    pairs = [text.partition("=") for text in field]
    changes = {
        key: parse_value(value) if key in {"enabled", "guide", "locales", "options"} else value
        for key, _, value in pairs
    }
    server = Server(url, api_key)
    _print_source(server.ask("PATCH", _path(server, source), json=changes), as_json=False)


def source_remove(
    source: SourceName,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    url: Url = DEFAULT_URL,
    api_key: Key = "",
) -> None:
    """Delete a source and the channels that only it can play."""
    server = Server(url, api_key)
    answer = server.ask("DELETE", _path(server, source), params={"dry_run": dry_run})
    print(
        f"{'would remove' if answer['dry_run'] else 'removed'} {answer['source']} and its {answer['channels']} channels"
    )


def source_refresh(
    source: SourceName,
    rebuild: Annotated[bool, typer.Option("--rebuild")] = False,
    url: Url = DEFAULT_URL,
    api_key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Refresh one source and wait for the end."""
    server = Server(url, api_key)
    started = server.ask("POST", f"{_path(server, source)}/refresh", params={"rebuild": rebuild})["jobs"]
    wait_for(server, started, as_json)


def source_accounts(url: Url = DEFAULT_URL, api_key: Key = "", as_json: AsJson = False) -> None:
    """The logins behind the sources, the connections that each allows, and who uses them now."""
    items = Server(url, api_key).ask("GET", "/api/v1/accounts")["items"]
    if as_json:
        show(items, [], as_json=True)
        return
    rows = [
        {
            "account": item["name"],
            "in use": f"{item['in_use']} of {item['max_streams'] or 'any number'}",
            "by": "; ".join(f"{holder['owner']} ({holder['purpose']})" for holder in item["holders"]),
        }
        for item in items
    ]
    show(rows, ["account", "in use", "by"], as_json=False, empty="No source has channels.")


def source_profiles(source: SourceName, url: Url = DEFAULT_URL, api_key: Key = "", as_json: AsJson = False) -> None:
    """The ways to use a source, in the order in which they are tried."""
    server = Server(url, api_key)
    items = server.ask("GET", f"{_path(server, source)}/profiles")["items"]
    show(items, ["name", "in_use", "max_streams"], as_json=as_json)


def source_add_profile(
    source: SourceName,
    name: str,
    max_streams: Annotated[int, typer.Option("--max-streams", min=0, help="Connections at a time; 0: any number.")] = 0,
    username: Annotated[str, typer.Option("--username", envvar="NIGHTCREW_SOURCE_USERNAME")] = "",
    password: Annotated[str, typer.Option("--password", envvar="NIGHTCREW_SOURCE_PASSWORD")] = "",
    search: Annotated[str, typer.Option("--search", help="Text in addresses that is replaced.")] = "",
    replace: Annotated[str, typer.Option("--replace", help="What takes its place.")] = "",
    own_login: Annotated[
        bool, typer.Option("--own-login", help="What is replaced is the login: its connections are counted apart.")
    ] = False,
    url: Url = DEFAULT_URL,
    api_key: Key = "",
) -> None:
    """Add another way to use a source: another login (panels), or a text to replace in addresses."""
    server = Server(url, api_key)
    body = {"name": name, "max_streams": max_streams, "search": search, "replace": replace, "own_login": own_login}
    body |= {"username": username, "password": password}
    server.ask("POST", f"{_path(server, source)}/profiles", json=body)
    print(f"profile {name} was added")


def source_remove_profile(source: SourceName, name: str, url: Url = DEFAULT_URL, api_key: Key = "") -> None:
    """Remove a profile of a source."""
    server = Server(url, api_key)
    server.ask("DELETE", f"{_path(server, source)}/profiles/{name}")
    print(f"profile {name} was removed")


def source_accept(source: SourceName, url: Url = DEFAULT_URL, api_key: Key = "") -> None:
    """Apply a held-back change."""
    server = Server(url, api_key)
    for change in server.ask("POST", f"{_path(server, source)}/held/accept")["accepted"]:
        print(f"accepted: {change['new']} new, {change['changed']} changed, {change['gone']} gone")


def source_reject(source: SourceName, url: Url = DEFAULT_URL, api_key: Key = "") -> None:
    """Forget a held-back change."""
    server = Server(url, api_key)
    server.ask("POST", f"{_path(server, source)}/held/reject")
    print("rejected")


def _path(server: Server, source: str) -> str:
    """The API's path of a source that is named by its number or its name. Raises `Failed`."""
    if source.isascii() and source.isdecimal():
        return f"/api/v1/sources/{source}"
    for item in server.ask("GET", "/api/v1/sources")["items"]:
        if item["name"].casefold() == source.casefold():
            return f"/api/v1/sources/{item['id']}"
    raise Failed(f"there is no source {source!r}; `nightcrew source list` has all of them")
