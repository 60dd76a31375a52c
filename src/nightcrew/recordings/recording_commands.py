"""Commands about recordings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal

from typer import Argument, BadParameter, Option

from nightcrew.client import DryRun, Failed, Limit, Out, Row, Server, Yes, carefully, described, given, plain, read_by
from nightcrew.kernel.words import counted, hms, size
from nightcrew.playlists.commands import Channel, channel_of
from nightcrew.recorder.wire import Kind
from nightcrew.recordings import rows
from nightcrew.recordings.access_options import CookiesFile, CookiesStdin, Header, ProxyOption, Setting, access_of
from nightcrew.recordings.following import follow
from nightcrew.recordings.rows import RecordingJson, line
from nightcrew.recordings.times import moment_of, seconds_of

RECORDINGS = "/api/v1/recordings"
SHOWN_GAPS = 100
"""Gaps that people are shown; scripts get all."""

Recorded = Annotated[int, Argument(metavar="ID", min=1, help="Its number, as `nightcrew recordings list` says.")]
Address = Annotated[
    str, Argument(metavar="URL", help="An address that streamlink knows, or that of an HLS or plain stream.")
]
Name = Annotated[str, Option("--name", help="The name of its folder. Default: made from the address.")]
Quality = Annotated[str, Option("--quality", help="For example best, worst or 720p; several are separated by commas.")]
Length = Annotated[
    float | None,
    Option("--for", metavar="TIME", parser=read_by(seconds_of), help="For how long: 2h, 90m, 45s or 1h30m."),
]
Until = Annotated[
    datetime | None,
    Option("--until", metavar="MOMENT", parser=read_by(moment_of), help="Until when, for example 2026-12-31T22:15."),
]
How = Annotated[Kind, Option("--kind", help="How the stream is read.")]


def stream_of(server: Server, address: str, channel: str) -> Row:
    """What to record, for the API: an address, or a channel. Raises `Failed` for a channel that there is not."""
    if bool(address) == bool(channel):
        raise BadParameter("give either an address or --channel")
    return {"channel": channel_of(server, channel)} if channel else {"url": address}


def record(
    server: Server,
    out: Out,
    address: Address = "",
    channel: Channel = "",
    name: Name = "",
    title: Annotated[str, Option("--title", help="What it is called.")] = "",
    length: Length = None,
    until: Until = None,
    quality: Quality = "best",
    kind: How = "auto",
    header: Header = None,
    cookies_stdin: CookiesStdin = False,
    cookies_file: CookiesFile = None,
    option: Setting = None,
    proxy: ProxyOption = None,
    following: Annotated[bool, Option("--follow", help="Follow it to its end.")] = False,
) -> None:
    """Record a stream from now on, to its end unless --for or --until say otherwise. With --follow, exit 1 when it fails."""
    if length and until:
        raise BadParameter("give either --for or --until")
    end = given(seconds=length, until=until and until.isoformat())
    body = {"name": name, "title": title, "quality": quality, "kind": kind, **end}
    body |= access_of(header, cookies_stdin, cookies_file, option, proxy)
    row = server.post(RecordingJson, RECORDINGS, body | stream_of(server, address, channel))
    follow(server, out, row) if following else out.one(row, line)


def recordings_list(
    server: Server,
    out: Out,
    show_only: Annotated[
        Literal["all", "now", "done", "failed"],
        Option("--show", help="Which ones; now: still going on."),
    ] = "all",
    name: Annotated[str | None, Option("--name", help="Only those with this name.")] = None,
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
    out.facts({**row, **rows.columns(row), "access": rows.access_words(row["access"])}, rows.FACTS)
    out.table(row["moves"], ["at", "from", "to", "reason"])
    if len(row["titles"]) > 1:
        out.table(row["titles"], ["from", "title", "category"], shown=lambda one: {"from": hms(one["start"])})
    if len(row["films"]) > 1:
        out.table(row["films"], rows.FILM, shown=rows.film_columns)
    if row["streams"]:
        out.table(row["streams"], rows.STREAM, shown=rows.stream_columns)
    out.table(ledger["parts"], rows.PART, shown=rows.part_columns, empty="No parts yet.")
    out.table(ledger["gaps"][:SHOWN_GAPS], rows.GAP, shown=rows.gap_columns, empty="No gaps.")
    if (more := len(ledger["gaps"]) - SHOWN_GAPS) > 0:
        out.say(f"{more} more gaps; --json has all.")


def recordings_stop(
    server: Server,
    out: Out,
    recording: Recorded,
    following: Annotated[bool, Option("--follow", help="Wait until its file is there.")] = False,
) -> None:
    """Stop a recording; what was recorded becomes a file. With --follow, exit 1 when that fails."""
    row = _act(server, recording, "stop")
    follow(server, out, row) if following else out.one(row, line)


def _act(server: Server, recording: int, verb: str) -> RecordingJson:
    return server.post(RecordingJson, f"{RECORDINGS}/{recording}/{verb}")


def _action(verb: str, about: str) -> Callable[..., None]:
    def command(server: Server, out: Out, recording: Recorded) -> None:
        out.one(_act(server, recording, verb), line)

    return described(command, f"recordings_{verb}", about)


recordings_rotate = _action("rotate", "Continue a recording in a new part; nothing is lost.")


def recordings_retry(
    server: Server,
    out: Out,
    recording: Recorded,
    container: Annotated[
        Literal["auto", "mp4", "mkv"] | None,
        Option("--container", help="The file format to make, instead of the one in the settings."),
    ] = None,
) -> None:
    """Try again to make the file of a failed recording."""
    query = f"?container={container}" if container else ""
    out.one(server.post(RecordingJson, f"{RECORDINGS}/{recording}/retry{query}"), line)


recordings_keep = _action("keep", "Keep a recording for good, whatever the policies say.")
recordings_release = _action("release", "Undo keep: the policies may delete the recording again.")


# -- deleting ----------------------------------------------------------------------------------------------------------


def recordings_delete(server: Server, out: Out, recording: Recorded, dry_run: DryRun = False, yes: Yes = False) -> None:
    """Delete a recording with its files. Shows what would be deleted, and asks."""

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
    apply: Annotated[bool, Option("--apply", help="Delete it. Without this, nothing is deleted.")] = False,
    yes: Yes = False,
) -> None:
    """Show what the policies would delete; --apply deletes it."""

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
    apply: Annotated[bool, Option("--apply", help="Finish them. Without this, nothing is changed.")] = False,
) -> None:
    """Show recordings that nothing works on any more; --apply finishes them, and what was recorded becomes a file."""
    answer = server.post(Row, "/admin/recordings/cleanup-process-orphaned", dry_run=not apply)
    found, errors = answer["data"]["details"], answer["data"]["errors"]
    if not out.data(answer):
        if found:
            out.table(found, rows.STUCK, shown=rows.sized)
        out.say(answer["message"])
    if errors:
        raise Failed("; ".join(errors))
