"""Options of the recordings domain."""

from __future__ import annotations

from nightcrew.kernel.settings import Options, option


class RecordingSettings(Options):
    """Where recordings go, how they are cut, kept and deleted."""

    library: str = option(
        "",
        max_length=1000,
        per_node=True,
        help="Folder of the finished recordings, as Plex and Jellyfin read it. Empty: `recordings` in the data directory. "
        "Each machine has its own.",
    )
    segment_duration: int = option(
        86_400, ge=0, le=31_536_000, unit="s", help="A recording goes on in a new part after this long. 0: never."
    )
    segment_size: int = option(
        100_000_000_000, ge=0, unit="bytes", help="A recording goes on in a new part at this size. 0: never."
    )
    per_recorder: int = option(15, ge=1, le=50, help="Recordings that one recorder process holds.")
    look_every: int = option(
        60,
        ge=10,
        le=86_400,
        unit="s",
        help="How often is looked whether a watched stream is live, and what its title is.",
    )
    offline_grace: int = option(
        120, ge=0, le=86_400, unit="s", help="How long a stream must be offline for its recording to be over."
    )
    wait_for_source: int = option(
        3600, ge=0, le=604_800, unit="s", help="How long a recording that was asked for waits for its stream to begin."
    )
    keep_on_stop: bool = option(
        False,
        help="Recorders go on when the server is stopped, and the next start takes them over. Off: they are ended.",
    )

    keep_count: int = option(0, ge=0, help="Recordings that are kept of each streamer; the oldest go. 0: any number.")
    keep_days: float = option(0.0, ge=0, unit="days", help="How long a recording is kept. 0: for ever.")
    keep_size: int = option(0, ge=0, unit="bytes", help="Size that the recordings of each streamer may take. 0: any.")
    total_size: int = option(0, ge=0, unit="bytes", help="Size that all recordings together may take. 0: any.")
    kept_categories: list[str] = option(
        [], help="Categories whose recordings are never deleted, as favourites are not."
    )

    reserve_minutes: int = option(
        60, ge=1, le=10_080, unit="min", help="Space for this much of every running recording is to stay free."
    )
    reserve_size: int = option(
        1_000_000_000, ge=0, unit="bytes", help="Space that is to stay free besides, and while nothing is recorded."
    )
    delete_when_short: bool = option(
        False,
        help="Delete the oldest recordings, favourites excepted, when the disk is short, whatever the limits above say.",
    )
    stuck_hours: float = option(
        24.0,
        ge=0.1,
        le=720,
        unit="h",
        help="A recording without recorder and without progress for this long is finished.",
    )
    keep_parts: bool = option(False, help="Keep the parts and the ledger beside the finished file.")
