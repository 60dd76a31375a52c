"""Options of the recordings domain."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator

from nightcrew.kernel.fields import Folder, Secret
from nightcrew.kernel.settings import Options, option
from nightcrew.recordings import after_rules


class RecordingSettings(Options):
    """Where recordings go, how they are cut, kept and deleted."""

    library: Folder = option(
        "",
        max_length=1000,
        per_node=True,
        help="Folder for finished recordings, laid out for Plex and Jellyfin; an absolute path. Empty: `recordings` in the data directory. "
        "Each machine has its own.",
    )
    segment_duration: int = option(
        86_400, ge=0, le=31_536_000, unit="s", help="A recording continues in a new part after this time. 0: never."
    )
    segment_size: int = option(
        100_000_000_000, ge=0, unit="bytes", help="A recording continues in a new part at this size. 0: never."
    )
    per_recorder: int = option(15, ge=1, le=50, help="Recordings per recorder process.")
    look_every: int = option(
        60,
        ge=10,
        le=86_400,
        unit="s",
        help="How often to check whether a watched stream is live, and its title.",
    )
    start_early: int = option(
        0,
        ge=0,
        le=240,
        unit="min",
        help="How long before its time window a recording starts. Watched streams can have their own.",
    )
    end_late: int = option(
        0,
        ge=0,
        le=240,
        unit="min",
        help="How long after its time window a recording ends. Watched streams can have their own.",
    )
    offline_grace: int = option(
        120, ge=0, le=86_400, unit="s", help="How long a stream must be offline before its recording ends."
    )
    wait_for_source: int = option(
        3600, ge=0, le=604_800, unit="s", help="How long a requested recording waits for its stream to start."
    )
    container: Literal["auto", "mp4", "mkv"] = option(
        "auto",
        help="File format of finished recordings. auto: MP4 where it can hold every stream, else MKV, else TS.",
    )
    keep_on_stop: bool = option(
        False,
        help="Recorders keep running when the server stops, and the next start takes them over. Off: they end with the server.",
    )

    keep_count: int = option(0, ge=0, help="Recordings to keep of each streamer; the oldest are deleted. 0: no limit.")
    keep_days: float = option(0.0, ge=0, unit="days", help="How long to keep a recording. 0: forever.")
    keep_size: int = option(0, ge=0, unit="bytes", help="Space for the recordings of each streamer. 0: no limit.")
    total_size: int = option(0, ge=0, unit="bytes", help="Space for all recordings together. 0: no limit.")
    kept_categories: list[str] = option([], help="Categories whose recordings are never deleted, like favourites.")

    reserve_minutes: int = option(
        60, ge=1, le=10_080, unit="min", help="Free space to reserve for each running recording, as recording time."
    )
    reserve_size: int = option(
        1_000_000_000, ge=0, unit="bytes", help="Space to keep free on top of that, also when nothing is recorded."
    )
    delete_when_short: bool = option(
        False,
        help="When the disk is low on space, delete the oldest recordings except favourites, whatever the limits above say.",
    )
    stuck_hours: float = option(
        24.0,
        ge=0.1,
        le=720,
        unit="h",
        help="A recording without a recorder and without progress for this long is finished.",
    )
    done_webhook: Annotated[Secret, AfterValidator(after_rules.checked_webhook)] = option(
        "", max_length=4000, help="An address that gets a POST with JSON for each finished recording. Empty: none."
    )
    done_webhook_header: Annotated[Secret, AfterValidator(after_rules.checked_header)] = option(
        "", max_length=4000, help="A header to send along, such as `Authorization: Bearer …`."
    )
    done_webhook_private: bool = option(False, help="The address may be in a private network.")
    done_command: Annotated[list[str], AfterValidator(after_rules.checked_command)] = option(
        [],
        environment_only=True,
        help="A program to run for each finished recording, with its arguments as JSON: "
        '["/usr/local/bin/sort-it", "{file}", "{title}"]. See docs/recordings.md.',
    )
    done_command_limit: int = option(
        600, ge=1, le=86_400, unit="s", help="How long that program may run before it is ended."
    )

    keep_parts: bool = option(False, help="Keep the parts and the ledger beside the finished file.")
