"""Commands about recordings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal

import typer

from nightcrew.client import DryRun, Failed, Limit, Out, Row, Server, Yes, carefully, described, given, plain, read_by
from nightcrew.kernel.words import counted, hms, size
from nightcrew.playlists.commands import Channel, channel_of
from nightcrew.recorder.wire import Kind
from nightcrew.recordings import rows
from nightcrew.recordings.following import follow
from nightcrew.recordings.rows import RecordingJson, line
from nightcrew.recordings.times import moment_of, seconds_of

RECORDINGS = "/api/v1/recordings"
SHOWN_GAPS = 100
"""Gaps that people are shown; scripts get all."""
Recorded = Annotated[int, typer.Argument(metavar="ID", min=1, help="Its number, as `nightcrew recordings list` says.")]
Address = Annotated[
    str, typer.Argument(metavar="URL", help="An address that streamlink knows, or of an HLS or plain stream.")
]
Name = Annotated[str, typer.Option("--name", help="Its folder's name; default: made from the address.")]
Quality = Annotated[str, typer.Option("--quality", help="Such as best, worst or 720p; several with commas.")]
Length = Annotated[
    float | None,
    typer.Option("--for", metavar="TIME", parser=read_by(seconds_of), help="How long: 2h, 90m, 45s or 1h30m."),
]
Until = Annotated[
    datetime | None,
    typer.Option("--until", metavar="MOMENT", parser=read_by(moment_of), help="Until when: 2026-12-31T22:15."),
]
How = Annotated[Kind, typer.Option("--kind", help="How it is read.")]


def stream_of(server: Server, address: str, channel: str) -> Row:
    """What to record, for the API: an address, or a channel. Raises `Failed` for a channel that there is not."""
    if bool(address) == bool(channel):
        raise typer.BadParameter("say either an address or --channel")
    return {"channel": channel_of(server, channel)} if channel else {"url": address}


def record(
    server: Server,
    out: Out,
    address: Address = "",
    channel: Channel = "",
    name: Name = "",
    title: Annotated[str, typer.Option("--title", help="What it is called.")] = "",
    length: Length = None,
    until: Until = None,
    quality: Quality = "best",
    kind: How = "auto",
    following: Annotated[bool, typer.Option("--follow", help="Show how it goes until it is over.")] = False,
) -> None:
    """Record a stream from now on; without --for or --until, to its end. With --follow, exit 1 when it failed."""
    if length and until:
        raise typer.BadParameter("say either --for or --until")
    end = given(seconds=length, until=until.isoformat() if until else None)
    body = {
        "name": name,
        "title": title,
        "quality": quality,
        "kind": kind,
        **end,
        **stream_of(server, address, channel),
    }
    row = server.post(RecordingJson, RECORDINGS, body)
    follow(server, out, row) if following else out.one(row, line)


def recordings_list(
    server: Server,
    out: Out,
    show_only: Annotated[
        Literal["all", "now", "done", "failed"], typer.Option("--show", help="Which ones; now: those that go on.")
    ] = "all",
    name: Annotated[str | None, typer.Option("--name", help="Only those of this name.")] = None,
    limit: Limit = 50,
) -> None:
    """Recordings, newest first."""
    found = server.rows(RecordingJson, RECORDINGS, limit, show=show_only, name=name)
    out.table(found, rows.LISTED, shown=rows.columns, empty="No recordings.")


def recordings_show(server: Server, out: Out, recording: Recorded) -> None:
    """One recording: facts, moves, parts and gaps."""
    row = server.get(rows.DetailJson, f"{RECORDINGS}/{recording}")
    ledger = server.get(rows.LedgerJson, f"{RECORDINGS}/{recording}/ledger")
    if out.data({**row, "ledger": ledger}):
        return
    out.say(line(row))
    out.facts({**row, **rows.columns(row)}, rows.FACTS)
    out.table(row["moves"], ["at", "from", "to", "reason"])
    if len(row["titles"]) > 1:
        out.table(row["titles"], ["from", "title", "category"], shown=lambda one: {"from": hms(one["start"])})
    out.table(ledger["parts"], rows.PART, shown=rows.part_columns, empty="No parts yet.")
    out.table(ledger["gaps"][:SHOWN_GAPS], rows.GAP, shown=rows.gap_columns, empty="No gaps.")
    if (more := len(ledger["gaps"]) - SHOWN_GAPS) > 0:
        out.say(f"{more} more gaps; --json has all.")


def recordings_stop(
    server: Server,
    out: Out,
    recording: Recorded,
    following: Annotated[bool, typer.Option("--follow", help="Wait for its file.")] = False,
) -> None:
    """End a recording; what there is becomes a file. With --follow, exit 1 when it failed."""
    row = _act(server, recording, "stop")
    follow(server, out, row) if following else out.one(row, line)


def _act(server: Server, recording: int, verb: str) -> RecordingJson:
    return server.post(RecordingJson, f"{RECORDINGS}/{recording}/{verb}")


def _action(verb: str, about: str) -> Callable[..., None]:
    def command(server: Server, out: Out, recording: Recorded) -> None:
        out.one(_act(server, recording, verb), line)

    return described(command, f"recordings_{verb}", about)


recordings_rotate = _action("rotate", "Go on in a new part; nothing is lost.")
recordings_retry = _action("retry", "Make the file of a failed recording anew.")
recordings_keep = _action("keep", "Keep it for good, whatever the policies say.")
recordings_release = _action("release", "Undo a keep: it goes when the policies say so.")


# -- deleting ----------------------------------------------------------------------------------------------------------


def recordings_delete(server: Server, out: Out, recording: Recorded, dry_run: DryRun = False, yes: Yes = False) -> None:
    """Delete a recording with its files. Says what would go, and asks."""

    def delete(dry_run: bool) -> rows.DeletedJson:
        return server.delete(rows.DeletedJson, f"{RECORDINGS}/{recording}", dry_run=dry_run)

    def tell(one: rows.DeletedJson) -> None:
        out.say(f"would delete {rows.deletion(one)}")

    if gone := carefully(out, delete, tell, "Delete that?", dry_run=dry_run, yes=yes):
        _check_deleted([gone])
        out.say(f"deleted: {size(gone['bytes'])} are free")


def _check_deleted(gone: list[rows.DeletedJson]) -> None:
    """Raises `Failed` when files stayed that should have gone."""
    if errors := [f"recording {one['recording']}: {error}" for one in gone for error in one["errors"]]:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise Failed(plain(f"not everything could be deleted: {errors[0]}{more}"))


def recordings_retention(
    server: Server,
    out: Out,
    apply: Annotated[bool, typer.Option("--apply", help="Delete it; without this, it is only said.")] = False,
    yes: Yes = False,
) -> None:
    """What the policies let go; with --apply it is deleted."""

    def delete(dry_run: bool) -> rows.RetentionJson:
        path = f"{RECORDINGS}/retention"
        return server.get(rows.RetentionJson, path) if dry_run else server.post(rows.RetentionJson, path, dry_run=False)

    def tell(found: rows.RetentionJson) -> None:
        out.table(found["items"], rows.DELETED, shown=rows.sized, empty="The policies let nothing go.")
        if found["items"]:
            out.say(f"would delete {_count(found)} of {size(found['bytes'])}")

    means = {"dry_run": not apply, "yes": yes}
    if gone := carefully(out, delete, tell, "Delete them?", **means, worth=_any, instead="--yes too"):
        _check_deleted(gone["items"])
        out.say(f"deleted {_count(gone)}: {size(gone['bytes'])} are free")


def _any(found: rows.RetentionJson) -> bool:
    return bool(found["items"])


def _count(found: rows.RetentionJson) -> str:
    return counted(len(found["items"]), "recording")


def recordings_stuck(
    server: Server,
    out: Out,
    apply: Annotated[bool, typer.Option("--apply", help="Finish them; without this, it is only said.")] = False,
) -> None:
    """Recordings that nobody works on any more; with --apply they are finished, and what there is becomes a file."""
    answer = server.post(Row, "/admin/recordings/cleanup-process-orphaned", dry_run=not apply)
    found, errors = answer["data"]["details"], answer["data"]["errors"]
    if not out.data(answer):
        if found:
            out.table(found, rows.STUCK, shown=rows.sized)
        out.say(answer["message"])
    if errors:
        raise Failed("; ".join(errors))
