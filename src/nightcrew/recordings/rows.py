"""What commands use of the API's answers, and how people are told of it. A test holds the fields to what the API says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from nightcrew.client import plain
from nightcrew.kernel.words import counted, duration, hms, size

LISTED = ("id", "name", "state", "started_at", "length", "size", "missing", "kept", "title", "reason")
FACTS = (
    "title", "category", "url", "access", "created_at", "started_at", "stop_at", "ended_at",
    "restarts", "node", "folder", "kept",
)  # fmt: skip
PART = ("part", "path", "length", "size", "segments", "frames")
FILM = ("file", "from", "length", "size", "holds")
STREAM = ("stream", "length", "packets")
GAP = ("gap at", "length", "segments", "reason")
DELETED = ("recording", "name", "title", "size", "reason")
STUCK = ("recording_id", "name", "state", "progress_at", "size", "reason", "remedy")


class RecordingJson(TypedDict):
    """A recording, as far as it is told."""

    id: int
    name: str
    state: str
    reason: str | None
    created_at: str | None
    stop_at: str | None
    progress_at: str | None
    bytes: int
    seconds: float
    missing_s: float
    gaps: int
    favourite: bool
    file: str | None


def line(row: RecordingJson) -> str:
    """A recording in one line."""
    length = [hms(row["seconds"]), size(row["bytes"]), gaps(row)] if row["seconds"] else []
    facts = ", ".join([row["state"], *length])
    reason = f" ({row['reason']})" if row["reason"] else ""
    where = f": {row['file']}" if row["file"] else ""
    return plain(f"recording {row['id']} {row['name']}: {facts}{reason}{where}")


def columns(row: RecordingJson) -> Mapping[str, Any]:
    """A recording in a table."""
    return {**measured(row), "missing": gaps(row), "kept": "for good" if row["favourite"] else ""}


def measured(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """How long and how large something is."""
    return {"length": hms(row["seconds"]), **sized(row)}


def gaps(row: RecordingJson) -> str:
    """What is missing."""
    return f"{counted(row['gaps'], 'gap')} of {duration(row['missing_s'])}" if row["gaps"] else "no gaps"


class FilmJson(TypedDict):
    """A finished file."""

    name: str
    bytes: int
    start: float
    seconds: float
    streams: list[str]


class StreamJson(TypedDict):
    """A stream that was recorded."""

    words: str
    packets: int
    seconds: float


class DetailJson(RecordingJson):
    """A recording with its history and its titles."""

    films: list[FilmJson]
    streams: list[StreamJson]
    access: AccessJson | None
    moves: list[dict[str, Any]]
    titles: list[dict[str, Any]]


class SpanJson(TypedDict):
    """Something that has a place in a stream: a part or a gap. Some streams have no numbers."""

    first_sequence: int | None
    last_sequence: int | None
    seconds: float


class PartJson(SpanJson):
    """A part."""

    number: int
    bytes: int


class GapJson(SpanJson):
    """A gap."""

    start: float


class LedgerJson(TypedDict):
    """All parts of a recording, and all that is missing."""

    parts: list[PartJson]
    gaps: list[GapJson]


def part_columns(one: PartJson) -> Mapping[str, Any]:
    """A part in a table."""
    return {"part": one["number"], "segments": _span(one), **measured(one)}


def film_columns(one: FilmJson) -> Mapping[str, Any]:
    """A finished file in a table."""
    return {"file": one["name"], "from": hms(one["start"]), "holds": ", ".join(one["streams"]), **measured(one)}


def stream_columns(one: StreamJson) -> Mapping[str, Any]:
    """A stream that was recorded, in a table."""
    return {"stream": one["words"], "length": hms(one["seconds"]), "packets": one["packets"]}


def gap_columns(one: GapJson) -> Mapping[str, Any]:
    """A gap in a table."""
    return {"gap at": hms(one["start"]), "length": duration(one["seconds"]), "segments": _span(one)}


def _span(one: SpanJson) -> str:
    """First and last segment."""
    first, last = one["first_sequence"], one["last_sequence"]
    if first is None:
        return ""
    return str(first) if first == last else f"{first} to {last}"


class DeletedJson(TypedDict):
    """What was deleted of a recording, or would be."""

    recording: int
    name: str
    title: str
    removed: list[str]
    kept: list[str]
    errors: list[str]
    bytes: int


class RetentionJson(TypedDict):
    """What the policies deleted, or would."""

    items: list[DeletedJson]
    bytes: int


def deletion(one: DeletedJson) -> str:
    """What goes with a recording, and what stays, in lines."""
    title = f", {one['title']}" if one["title"] else ""
    first = f"recording {one['recording']} {one['name']}{title}: {size(one['bytes'])}"
    return "\n".join([first, *(f"  {path}" for path in one["removed"]), *one["kept"]])


def sized(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """What has a size, in a table."""
    return {"size": size(row["bytes"])}


class AccessJson(TypedDict):
    """What goes along with the requests for a stream, by name."""

    headers: list[str]
    cookies: list[str]
    options: list[str]
    proxy: str


class WatchJson(TypedDict):
    """A watched stream, as far as it is told."""

    id: int
    name: str
    enabled: bool
    windows: list[str]
    favourite: bool
    keep_count: int | None
    start_early: int | None
    end_late: int | None
    live: bool | None
    rests: str | None
    access: AccessJson | None


def access_words(access: AccessJson | None) -> str:
    """What goes along with the requests for a stream."""
    if access is None:
        return "sealed with another key"
    lists = {"headers": access["headers"], "cookies": access["cookies"], "options": access["options"]}
    proxy = [f"proxy {access['proxy']}"] if access["proxy"] else []
    return "; ".join([*(f"{what} {', '.join(names)}" for what, names in lists.items() if names), *proxy])


def watch_access_line(watch: WatchJson) -> str:
    """What goes along with the requests for a watched stream, in one line."""
    return f"watch {watch['id']} {watch['name']}: {access_words(watch['access']) or 'nothing goes along'}"


def watch_columns(watch: WatchJson) -> Mapping[str, Any]:
    """A watched stream in a table."""
    live = {True: "live", False: "offline", None: "on"}[watch["live"]]
    count = counted(watch["keep_count"], "recording") if watch["keep_count"] else None
    return {
        "state": "stopped" if watch["rests"] else live if watch["enabled"] else "off",
        "when": _when(watch),
        "keeps": "everything" if watch["favourite"] else count,
    }


def watch_line(watch: WatchJson) -> str:
    """A watched stream in one line."""
    state = watch["rests"] or (f"recorded {_when(watch)}" if watch["enabled"] else "off")
    return f"watch {watch['id']} {watch['name']}: {state}"


def _when(watch: WatchJson) -> str:
    if not watch["windows"]:
        return "when live"
    margins = ((watch["start_early"], "before"), (watch["end_late"], "after"))
    said = (f"{minutes} min {where}" for minutes, where in margins if minutes is not None)
    return ", ".join(("; ".join(watch["windows"]), *said))
