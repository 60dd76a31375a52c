"""Commands about recordings."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import typer

from nightcrew.client import DEFAULT_URL, AsJson, Failed, Key, Server, Url, confirm, plain, show
from nightcrew.kernel.words import duration, size
from nightcrew.playlists.commands import channel_of
from nightcrew.recorder.wire import Kind
from nightcrew.recordings.following import OVER, check_success, clock, follow, gaps, line
from nightcrew.recordings.times import moment_of, seconds_of

SHOWN_GAPS = 100
"""Gaps that people are shown; scripts get all."""

Recorded = Annotated[int, typer.Argument(metavar="ID", min=1, help="Its number, as `nightcrew recordings list` says.")]
Address = Annotated[
    str, typer.Argument(metavar="URL", help="An address that streamlink knows, or of an HLS or plain stream.")
]
Channel = Annotated[str, typer.Option("--channel", help="A channel's number in the API, or words of its name.")]
Quality = Annotated[str, typer.Option("--quality", help="Such as best, worst or 720p; several with commas.")]
How = Annotated[Kind, typer.Option("--kind", help="How it is read.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def stream_of(server: Server, address: str, channel: str) -> dict[str, Any]:
    """What to record, for the API: an address, or a channel. Raises `Failed` for a channel that there is not."""
    if bool(address) == bool(channel):
        raise typer.BadParameter("say either an address or --channel")
    return {"channel": channel_of(server, channel)} if channel else {"url": address}


def record(
    address: Address = "",
    channel: Channel = "",
    name: Annotated[str, typer.Option("--name", help="Its folder's name; default: made from the address.")] = "",
    title: Annotated[str, typer.Option("--title", help="What it is called.")] = "",
    length: Annotated[str, typer.Option("--for", metavar="TIME", help="How long: 2h, 90m, 45s or 1h30m.")] = "",
    until: Annotated[str, typer.Option("--until", metavar="MOMENT", help="Until when: 2026-12-31T22:15.")] = "",
    quality: Quality = "best",
    kind: How = "auto",
    following: Annotated[bool, typer.Option("--follow", help="Show how it goes until it is over.")] = False,
    url: Url = DEFAULT_URL,
    api_key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Record a stream from now on; without --for or --until, to its end. With --follow, exit 1 when it failed."""
    server = Server(url, api_key)
    body = {"name": name, "title": title, "quality": quality, "kind": kind, **_end(length, until)}
    row = server.ask("POST", "/api/v1/recordings", json=stream_of(server, address, channel) | body)
    _tell(server, row, following=following, as_json=as_json)


def _end(length: str, until: str) -> dict[str, Any]:
    """When it ends, for the API."""
    if length and until:
        raise typer.BadParameter("say either --for or --until")
    try:
        if length:
            return {"seconds": seconds_of(length)}
        return {"until": moment_of(until).isoformat()} if until else {}
    except ValueError as exc:
        raise typer.BadParameter(str(exc), param_hint="--for" if length else "--until") from exc


def _tell(server: Server, row: dict[str, Any], *, following: bool, as_json: bool) -> None:
    """How a recording stands, at its end when it is followed."""
    if following:
        if not as_json and row["state"] not in OVER:
            print(line(row), flush=True)
        row = follow(server, row, quiet=as_json)
    _print(row, as_json)
    if following:
        check_success(row)


def _print(row: dict[str, Any], as_json: bool) -> None:
    print(json.dumps(row, indent=2, ensure_ascii=False) if as_json else line(row))


def recordings_list(
    show_only: Annotated[
        Literal["all", "now", "done", "failed"], typer.Option("--show", help="Which ones; now: those that go on.")
    ] = "all",
    name: Annotated[str | None, typer.Option("--name", help="Only those of this name.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000)] = 50,
    url: Url = DEFAULT_URL,
    api_key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Recordings, newest first."""
    rows = Server(url, api_key).pages("/api/v1/recordings", limit, show=show_only, name=name)
    if not as_json:
        rows = [
            row
            | {"length": clock(row["seconds"]), "size": size(row["bytes"]), "missing": gaps(row), "kept": _kept(row)}
            for row in rows
        ]
    columns = ["id", "name", "state", "started_at", "length", "size", "missing", "kept", "title", "reason"]
    show(rows, columns, as_json=as_json, empty="No recordings.")


def _kept(row: dict[str, Any]) -> str:
    return "for good" if row["favourite"] else ""


def recordings_show(recording: Recorded, url: Url = DEFAULT_URL, api_key: Key = "", as_json: AsJson = False) -> None:
    """One recording: facts, moves, parts and gaps."""
    server = Server(url, api_key)
    row = server.ask("GET", f"/api/v1/recordings/{recording}")
    ledger = server.ask("GET", f"/api/v1/recordings/{recording}/ledger")
    if as_json:
        print(json.dumps({**row, "ledger": ledger}, indent=2, ensure_ascii=False))
        return
    print(line(row))
    facts = (
        "title",
        "category",
        "url",
        "created_at",
        "started_at",
        "stop_at",
        "ended_at",
        "restarts",
        "node",
        "folder",
    )
    known = [{"fact": fact.replace("_", " "), "value": row[fact]} for fact in facts] + [
        {"fact": "kept", "value": _kept(row)}
    ]
    show([one for one in known if one["value"] not in {None, ""}], ["fact", "value"], as_json=False)
    show(row["moves"], ["at", "from", "to", "reason"], as_json=False)
    if len(row["titles"]) > 1:
        titles = [one | {"from": clock(one["start"])} for one in row["titles"]]
        show(titles, ["from", "title", "category"], as_json=False)
    parts = [
        one
        | {"part": one["number"], "length": clock(one["seconds"]), "size": size(one["bytes"]), "segments": _span(one)}
        for one in ledger["parts"]
    ]
    show(parts, ["part", "path", "length", "size", "segments", "frames"], as_json=False, empty="No parts yet.")
    _show_gaps(ledger["gaps"])


def _show_gaps(found: list[dict[str, Any]]) -> None:
    rows = [
        one | {"gap at": clock(one["start"]), "length": duration(one["seconds"]), "segments": _span(one)}
        for one in found[:SHOWN_GAPS]
    ]
    show(rows, ["gap at", "length", "segments", "reason"], as_json=False, empty="No gaps.")
    if len(found) > len(rows):
        print(f"{len(found) - len(rows)} more gaps; --json has all.")


def _span(one: dict[str, Any]) -> str:
    """First and last segment; empty where a stream has none."""
    first, last = one["first_sequence"], one["last_sequence"]
    if first is None:
        return ""
    return str(first) if first == last else f"{first} to {last}"


def recordings_stop(
    recording: Recorded,
    following: Annotated[bool, typer.Option("--follow", help="Wait for its file.")] = False,
    url: Url = DEFAULT_URL,
    api_key: Key = "",
    as_json: AsJson = False,
) -> None:
    """End a recording; what there is becomes a file. With --follow, exit 1 when it failed."""
    server = Server(url, api_key)
    _tell(server, _act(server, recording, "stop"), following=following, as_json=as_json)


def recordings_rotate(recording: Recorded, url: Url = DEFAULT_URL, api_key: Key = "", as_json: AsJson = False) -> None:
    """Go on in a new part; nothing is lost."""
    _print(_act(Server(url, api_key), recording, "rotate"), as_json)


def recordings_retry(recording: Recorded, url: Url = DEFAULT_URL, api_key: Key = "", as_json: AsJson = False) -> None:
    """Make the file of a failed recording anew."""
    _print(_act(Server(url, api_key), recording, "retry"), as_json)


def recordings_keep(recording: Recorded, url: Url = DEFAULT_URL, api_key: Key = "", as_json: AsJson = False) -> None:
    """Keep it for good, whatever the policies say."""
    _print(_act(Server(url, api_key), recording, "keep"), as_json)


def recordings_release(recording: Recorded, url: Url = DEFAULT_URL, api_key: Key = "", as_json: AsJson = False) -> None:
    """Undo a keep: it goes when the policies say so."""
    _print(_act(Server(url, api_key), recording, "release"), as_json)


def _act(server: Server, recording: int, action: str) -> dict[str, Any]:
    return dict(server.ask("POST", f"/api/v1/recordings/{recording}/{action}"))


# -- deleting ----------------------------------------------------------------------------------------------------------


def recordings_delete(
    recording: Recorded,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    yes: Yes = False,
    url: Url = DEFAULT_URL,
    api_key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Delete a recording with its files. Says what would go, and asks."""
    if as_json and not (yes or dry_run):
        raise typer.BadParameter("with --json nobody is asked: say --dry-run or --yes")
    server, path = Server(url, api_key), f"/api/v1/recordings/{recording}"
    if not as_json or dry_run:
        _print_deleted(server.ask("DELETE", path, params={"dry_run": True}), as_json)
    if dry_run:
        return
    if not yes:
        confirm("Delete that?")
    gone = server.ask("DELETE", path, params={"dry_run": False})
    if as_json:
        print(json.dumps(gone, indent=2, ensure_ascii=False))
    _check_deleted([gone])
    if not as_json:
        print(f"deleted: {size(gone['bytes'])} are free")


def _print_deleted(one: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(one, indent=2, ensure_ascii=False))
        return
    title = f", {one['title']}" if one["title"] else ""
    print(plain(f"would delete recording {one['recording']} {one['name']}{title}: {size(one['bytes'])}"))
    for path in one["removed"]:
        print(plain(f"  {path}"))
    for sentence in one["kept"]:
        print(plain(sentence))


def _check_deleted(gone: list[dict[str, Any]]) -> None:
    """Raises `Failed` when files stayed that should have gone."""
    errors = [f"recording {one['recording']}: {error}" for one in gone for error in one["errors"]]
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise Failed(plain(f"not everything could be deleted: {errors[0]}{more}"))


def recordings_retention(
    apply: Annotated[bool, typer.Option("--apply", help="Delete it; without this, it is only said.")] = False,
    yes: Yes = False,
    url: Url = DEFAULT_URL,
    api_key: Key = "",
    as_json: AsJson = False,
) -> None:
    """What the policies let go; with --apply it is deleted."""
    if as_json and apply and not yes:
        raise typer.BadParameter("with --json nobody is asked: say --yes too")
    server, path = Server(url, api_key), "/api/v1/recordings/retention"
    found = server.ask("GET", path)
    if as_json:
        answer = server.ask("POST", path, params={"dry_run": False}) if apply else found
        print(json.dumps(answer, indent=2, ensure_ascii=False))
        _check_deleted(answer["items"])
        return
    rows = [one | {"size": size(one["bytes"])} for one in found["items"]]
    show(rows, ["recording", "name", "title", "size", "reason"], as_json=False, empty="The policies let nothing go.")
    if not rows:
        return
    print(f"would delete {_count(rows)} of {size(found['bytes'])}")
    if apply:
        if not yes:
            confirm("Delete them?")
        gone = server.ask("POST", path, params={"dry_run": False})
        _check_deleted(gone["items"])
        print(f"deleted {_count(gone['items'])}: {size(gone['bytes'])} are free")


def _count(found: list[dict[str, Any]]) -> str:
    return f"{len(found)} recording{'s' * (len(found) != 1)}"


def recordings_stuck(
    apply: Annotated[bool, typer.Option("--apply", help="Finish them; without this, it is only said.")] = False,
    url: Url = DEFAULT_URL,
    api_key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Recordings that nobody works on any more; with --apply they are finished, and what there is becomes a file."""
    path = "/admin/recordings/cleanup-process-orphaned"
    answer = Server(url, api_key).ask("POST", path, params={"dry_run": not apply})
    if as_json:
        print(json.dumps(answer, indent=2, ensure_ascii=False))
    else:
        rows = [one | {"size": size(one["bytes"])} for one in answer["data"]["details"]]
        columns = ["recording_id", "name", "state", "progress_at", "size", "reason", "remedy"]
        if rows:
            show(rows, columns, as_json=False)
        print(answer["message"])
    if answer["data"]["errors"]:
        raise Failed("; ".join(answer["data"]["errors"]))
