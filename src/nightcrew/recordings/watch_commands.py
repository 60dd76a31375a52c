"""Commands about watched streams: they are recorded whenever they are live, or in windows of time."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from nightcrew.client import DEFAULT_URL, AsJson, Failed, Key, Server, Url, plain, show
from nightcrew.recordings.recording_commands import Address, Channel, How, Quality, stream_of

Watched = Annotated[
    str, typer.Argument(metavar="WATCH", help="Its number or its name, as `nightcrew recordings watch list` says.")
]


def watch_add(
    address: Address = "",
    channel: Channel = "",
    name: Annotated[str, typer.Option("--name", help="Its folder's name; default: made from the address.")] = "",
    window: Annotated[
        list[str] | None,
        typer.Option("--window", help="When to record: 'mon-fri 20:00-22:15'. May be said again; without: when live."),
    ] = None,
    favourite: Annotated[bool, typer.Option("--favourite", help="Its recordings are kept for good.")] = False,
    keep_count: Annotated[
        int | None, typer.Option("--keep-count", min=1, max=100_000, help="Keep only so many recordings of it.")
    ] = None,
    quality: Quality = "best",
    kind: How = "auto",
    url: Url = DEFAULT_URL,
    api_key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Watch a stream: it is recorded whenever it is live, or in its windows of time. A channel needs windows."""
    server = Server(url, api_key)
    body = {"name": name, "windows": window or [], "favourite": favourite, "keep_count": keep_count}
    body |= {"quality": quality, "kind": kind}
    _print(server.ask("POST", "/api/v1/watches", json=stream_of(server, address, channel) | body), as_json)


def watch_list(url: Url = DEFAULT_URL, api_key: Key = "", as_json: AsJson = False) -> None:
    """All watched streams, by name."""
    items = Server(url, api_key).ask("GET", "/api/v1/watches")["items"]
    rows = items if as_json else [_row(item) for item in items]
    columns = ["id", "name", "state", "when", "keeps", "title", "looked_at", "next_look_at", "url", "error"]
    show(rows, columns, as_json=as_json, empty="No stream is watched.")


def _row(watch: dict[str, Any]) -> dict[str, Any]:
    """A watch in columns."""
    live = {True: "live", False: "offline", None: "on"}[watch["live"]]
    count = f"{watch['keep_count']} recordings" if watch["keep_count"] else None
    return watch | {
        "state": live if watch["enabled"] else "off",
        "when": _when(watch),
        "keeps": "everything" if watch["favourite"] else count,
    }


def watch_on(watch: Watched, url: Url = DEFAULT_URL, api_key: Key = "", as_json: AsJson = False) -> None:
    """Record it from now on, when its time comes."""
    _switch(Server(url, api_key), watch, on=True, as_json=as_json)


def watch_off(watch: Watched, url: Url = DEFAULT_URL, api_key: Key = "", as_json: AsJson = False) -> None:
    """Begin no recordings of it for now. One that goes on is not stopped."""
    _switch(Server(url, api_key), watch, on=False, as_json=as_json)


def watch_remove(watch: Watched, url: Url = DEFAULT_URL, api_key: Key = "", as_json: AsJson = False) -> None:
    """Watch it no longer; what was recorded stays."""
    server = Server(url, api_key)
    found = _find(server, watch)
    server.ask("DELETE", f"/api/v1/watches/{found['id']}")
    if as_json:
        print(json.dumps({"removed": found["id"]}))
    else:
        print(plain(f"{found['name']} is not watched any more; what was recorded stays"))


def _switch(server: Server, watch: str, *, on: bool, as_json: bool) -> None:
    path = f"/api/v1/watches/{_find(server, watch)['id']}"
    _print(server.ask("PATCH", path, json={"enabled": on}), as_json)


def _print(watch: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(watch, indent=2, ensure_ascii=False))
        return
    state = f"recorded {_when(watch)}" if watch["enabled"] else "off"
    print(plain(f"watch {watch['id']} {watch['name']}: {state}"))


def _when(watch: dict[str, Any]) -> str:
    return "; ".join(watch["windows"]) or "when live"


def _find(server: Server, text: str) -> dict[str, Any]:
    """The watch that is named by its number or its name. Raises `Failed`."""
    items: list[dict[str, Any]] = server.ask("GET", "/api/v1/watches")["items"]
    for item in items:
        if text in {str(item["id"]), item["name"]}:
            return item
    raise Failed(f"there is no watch {text!r}; `nightcrew recordings watch list` has all of them")
