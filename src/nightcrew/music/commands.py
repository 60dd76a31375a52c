"""Commands about music."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from typer import Argument, Exit, Option

from nightcrew.client import Failed, Limit, Out, Row, Server, follow_jobs, given, named, note, plain, read_json
from nightcrew.kernel.commands import CommandGroup, Commands
from nightcrew.kernel.words import counted
from nightcrew.music.rows import (
    AutosyncJson,
    DecisionJson,
    DownloadJson,
    ListJson,
    OfferJson,
    WantedDetailJson,
    WantedJson,
)

WANTED = "/api/v1/music/wanted"
DOWNLOADS = "/api/v1/music/downloads"
MOST_BYTES = 4 << 20

Download = Annotated[int, Argument(metavar="DOWNLOAD", min=1, help="Its number, as `nightcrew music downloads` says.")]
Track = Annotated[int, Argument(metavar="ID", min=1, help="Its number, as `nightcrew music wanted list` says.")]


def music_match(
    server: Server,
    out: Out,
    file: Annotated[
        Path, Argument(help='JSON: {"track": {"title", "artists", …}, "candidates": [{"path", "seconds"}, …]}.')
    ],
) -> None:
    """Show which files may be a wanted recording, and why. Exit 1 when none is taken. Nothing is stored or fetched."""
    found = server.post(DecisionJson, "/api/v1/music/match", read_json(file))
    if not out.data(found):
        rows = [
            {
                "confidence": f"{one['confidence']:.2f}",
                "file": one["path"],
                "why": one["explanation"].partition(": ")[2],
            }
            for one in found["ranked"]
        ]
        rows += [{"confidence": "no", "file": one["path"], "why": one["reason"]} for one in found["refused"]]
        out.table(rows, ["confidence", "file", "why"], empty="There are no files.")
        out.say(found["reason"])
    if found["picked"] is None:
        raise Exit(1)


def music_autosync(
    server: Server,
    out: Out,
    dry_run: Annotated[bool, Option("--dry-run", help="Only say what would be searched for.")] = False,
    following: Annotated[bool, Option("--follow", help="Follow the run to its end.")] = False,
) -> None:
    """Fetch all that is wanted and missing, now. Nightcrew does this by itself every night."""
    found = server.post(AutosyncJson, "/api/v1/music/autosync", None, dry_run=dry_run)
    if out.data(found):
        return
    if found["job"] is None:
        out.table([{"track": one} for one in found["search"]], ["track"], empty="Nothing would be searched for.")
        said = f"{counted(found['tracks'], 'track')} would be searched for; {found['owned']} in the library, "
        out.say(f"{said}{found['skipped']} skipped, {found['not_preferred']} of other artists")
        for one in found["better"]:
            out.say(f"would look for a better file: {plain(one)}")
    elif following:
        (job,) = follow_jobs(server, [found["job"]])
        out.say(job["state"])
    else:
        out.say(f"Autosync has begun: {found['job']}")


def music_downloads(
    server: Server,
    out: Out,
    state: Annotated[
        Literal["queued", "running", "completed", "failed", "cancelled", "dead"] | None,
        Option("--state", help="Only those that stand so."),
    ] = None,
    limit: Limit = 50,
) -> None:
    """Downloads, the newest first."""
    rows = server.rows(DownloadJson, DOWNLOADS, limit, **given(state=state))
    columns = ["id", "track", "peer", "state", "progress", "error"]
    out.table(rows, columns, shown=lambda row: {"progress": f"{row['progress']:.0%}"}, empty="Nothing was downloaded.")


def music_cancel(server: Server, out: Out, download: Download) -> None:
    """Cancel a download."""
    out.one(server.post(DownloadJson, f"{DOWNLOADS}/{download}/cancel"), _download)


def music_retry(server: Server, out: Out, download: Download) -> None:
    """Try a download again."""
    out.one(server.post(DownloadJson, f"{DOWNLOADS}/{download}/retry"), _download)


def music_reject(server: Server, out: Out, download: Download) -> None:
    """Say that a download is the wrong song: its file is removed from the library, and never fetched again for this track."""
    out.one(server.post(DownloadJson, f"{DOWNLOADS}/{download}/reject"), _download)


def music_review(
    server: Server,
    out: Out,
    track: Annotated[int | None, Argument(metavar="[ID]", min=1, help="The number of a track.")] = None,
) -> None:
    """Tracks of which you have to choose the file; with a track's number, the files that are offered for it."""
    if track is None:
        rows = server.rows(WantedJson, WANTED, None, state="review")
        out.table(rows, ["id", "artists", "title", "reason"], shown=_shown, empty="Nothing waits for you.")
        return
    found = server.get(WantedDetailJson, f"{WANTED}/{track}")
    columns = ["id", "peer", "path", "confidence", "explanation"]
    out.table(found["offers"], columns, shown=_offer, empty="No file is offered for it.")


def music_choose(
    server: Server,
    out: Out,
    offer: Annotated[int, Argument(metavar="OFFER", min=1, help="Its number, as `nightcrew music review ID` says.")],
) -> None:
    """Fetch this file for its track, whatever the checks say of it."""
    out.one(server.post(DownloadJson, f"/api/v1/music/offers/{offer}/choose"), _download)


def music_accept(
    server: Server,
    out: Out,
    library: Annotated[str, Argument(help="As the warning names it, such as connection:3 or gone.")],
) -> None:
    """Say that a library really has as little as it says: what is gone there is forgotten at the next look."""
    out.one(server.post(Row, f"/api/v1/music/libraries/{library}/accept"), lambda _: f"{library} is looked at anew")


def wanted_add(
    server: Server,
    out: Out,
    artist: Annotated[str, Argument(help="Who plays it.")],
    title: Annotated[str, Argument(help="What it is called.")],
    album: Annotated[str, Option("--album", help="The album that it is to be of.")] = "",
    seconds: Annotated[float | None, Option("--seconds", min=1, help="Its length.")] = None,
) -> None:
    """Want a track. It is searched for at once."""
    body = {"title": title, "artists": [artist], **given(album=album or None, seconds=seconds)}
    out.one(server.post(WantedJson, WANTED, body), lambda row: f"{_name(row)} is wanted (number {row['id']})")


def wanted_list(
    server: Server,
    out: Out,
    state: Annotated[
        Literal["missing", "searching", "matching", "review", "downloading", "owned", "ignored", "unlisted"] | None,
        Option("--state", help="Only those that stand so."),
    ] = None,
    search: Annotated[str, Option("--search", help="Words of its artist or title.")] = "",
    source: Annotated[
        str, Option("--source", help="Only those that this source wants, such as hand or list:NAME.")
    ] = "",
    limit: Limit = 50,
) -> None:
    """Wanted tracks, the newest first, with the reason why each is still missing."""
    rows = server.rows(WantedJson, WANTED, limit, **given(state=state, search=search or None, source=source or None))
    out.table(rows, ["id", "artists", "title", "state", "reason"], shown=_shown, empty="Nothing is wanted.")


def wanted_import(
    server: Server,
    out: Out,
    file: Annotated[Path, Argument(help="M3U, CSV as streaming services export it, or `Artist - Title` in each line.")],
    name: Annotated[str, Option("--name", help="What the list is called. Default: the name of the file.")] = "",
    replace: Annotated[
        bool,
        Option("--replace", help="Tracks that the list had before and has no longer are not wanted because of it."),
    ] = False,
) -> None:
    """Want the tracks of a list."""
    body = {"name": name or file.stem or "list", "text": _text(file), "replace": replace}
    found = server.post(ListJson, f"{WANTED}/lists", body)
    if out.data(found):
        return
    out.say(f"{counted(found['tracks'], 'track')}, {found['added']} new, {found['gone']} no longer in the list")
    for problem in found["problems"]:
        note(problem)


def wanted_search(server: Server, out: Out, track: Track) -> None:
    """Search for a track now."""
    out.one(server.post(WantedJson, f"{WANTED}/{track}/search"), lambda row: f"{_name(row)} is searched for")


def wanted_upgrade(server: Server, out: Out, track: Track) -> None:
    """Look for a better file than the one that is in the library. It takes its place when it is the same recording, and better."""
    out.one(
        server.post(WantedJson, f"{WANTED}/{track}/upgrade"),
        lambda row: f"Looking for a better file of {_name(row)}",
    )


def wanted_ignore(server: Server, out: Out, track: Track) -> None:
    """Leave a track alone, whatever lists it."""
    out.one(server.post(WantedJson, f"{WANTED}/{track}/ignore"), lambda row: f"{_name(row)} is ignored")


def wanted_remove(server: Server, out: Out, track: Track) -> None:
    """Want a track no longer. A file that is in the library stays."""
    row = server.get(WantedDetailJson, f"{WANTED}/{track}")["track"]
    server.ask("DELETE", f"{WANTED}/{track}")
    out.one(row, lambda row: f"{_name(row)} is no longer wanted")


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise Failed(f"{path} is larger than {MOST_BYTES >> 20} MiB; divide it")
        data = path.read_bytes()
    except OSError as exc:
        raise Failed(f"{path} cannot be read: {exc.strerror}") from exc
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Failed(f"{path} is no text")


def _name(row: WantedJson) -> str:
    return plain(f"{', '.join(row['artists'])} - {row['title']}")


def _shown(row: WantedJson) -> dict[str, Any]:
    return {"artists": ", ".join(row["artists"])}


def _offer(row: OfferJson) -> dict[str, Any]:
    said = row["verdict"] or row["explanation"]
    return {"confidence": f"{row['confidence']:.2f}" if row["accepted"] else "no", "explanation": said}


def _download(row: DownloadJson) -> str:
    return plain(f"{row['track']} from {row['peer']}: {row['state']}")


_MUSIC = named("music", globals())
COMMANDS = Commands(
    groups=(
        CommandGroup(
            "music",
            "Music: what is wanted, found, downloaded.",
            _MUSIC,
            (CommandGroup("wanted", "Wanted tracks.", named("wanted", globals())),),
        ),
    )
)
