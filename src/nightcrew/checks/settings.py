"""Options of the checks domain. The seed's stream_checker_config.json can be imported; see `SEED_OPTIONS`."""

from __future__ import annotations

from typing import Literal

from nightcrew.kernel.settings import Options, option


class CheckSettings(Options):
    """How streams are checked, scored and ordered."""

    check_new: bool = option(True, help="Check new streams soon after the refresh that brought them.")
    nightly: bool = option(True, help="Check all streams every night.")
    immunity: int = option(
        7200, ge=0, le=604_800, unit="s", help="Scheduled runs skip a stream that was checked this recently."
    )
    concurrency: int = option(10, ge=1, le=100, help="Most checks at a time on each machine.")
    stagger: float = option(
        1.0, ge=0, le=60, unit="s", help="Shortest pause between starting two checks on one account."
    )

    profile_failover_enabled: bool = option(
        True, help="When one profile of an account fails, try the others. Off: only the first is tried."
    )
    try_full_profiles: bool = option(
        True, help="Phase 2: also try profiles whose connections were all in use, as soon as one is free."
    )
    phase2_max_wait: int = option(600, ge=60, le=1800, unit="s", help="How long phase 2 waits for a free connection.")
    phase2_poll_interval: int = option(10, ge=5, le=60, unit="s", help="How often phase 2 looks for a free connection.")
    retries: int = option(1, ge=0, le=5, help="Further attempts with a profile after it has failed.")
    retry_delay: int = option(10, ge=0, le=300, unit="s", help="Shortest pause before such an attempt.")

    probe_limit: int = option(30, ge=5, le=120, unit="s", help="Longest time for one attempt.")
    sample_seconds: float = option(3.0, ge=1, le=30, unit="s", help="How much of a stream is examined.")
    doubt_seconds: float = option(
        15.0, ge=2, le=60, unit="s", help="How much is examined before it is called frozen, black, silent or slow."
    )
    sample_every: int = option(
        72_000,
        ge=0,
        le=2_592_000,
        unit="s",
        help="Of a stream examined this recently only the headers are read, unless they changed.",
    )
    fail_frozen: bool = option(True, help="A picture that does not move is a failure.")
    fail_black: bool = option(True, help="A black picture is a failure.")
    fail_silent: bool = option(True, help="Silent sound is a failure. Having no sound at all is not.")
    fail_looped: bool = option(
        True,
        help="A short clip that is shown again and again is a failure. It is looked for where a picture has few bits "
        "for its size, where a stream's clock has just begun or goes back, and in playlists of HLS.",
    )
    watch: bool = option(
        True,
        help="With stream_mode proxy: while somebody watches, look whether the picture stands still or is black, and go on with the "
        "next stream.",
    )
    allow_frozen: list[str] = option(
        [],
        max_length=500,
        help="Channels whose picture may stand still or repeat, such as notice boards: their names, or group:NAME for a whole group.",
    )
    allow_black: list[str] = option([], max_length=500, help="The same for a black picture.")
    allow_silent: list[str] = option([], max_length=500, help="The same for silence.")
    allow_kbps: list[str] = option([], max_length=500, help="The same for a bit rate below min_kbps.")
    audio_only: Literal["radio", "always", "never"] = option(
        "radio",
        help="When a stream without a picture is accepted: radio = if the channel calls itself radio (in its name, group or "
        "attribute radio), always, never.",
    )
    min_height: int = option(0, ge=0, le=4320, unit="lines", help="A lower picture is a failure. 0: any height.")
    min_kbps: int = option(0, ge=0, le=100_000, unit="kbit/s", help="A lower bit rate is a failure. 0: any rate.")
    min_fps: int = option(0, ge=0, le=120, help="A lower frame rate is a failure. 0: any rate.")
    min_score: float = option(0.0, ge=0, le=1, help="A lower score is a failure. 0: any score.")

    weight_bitrate: float = option(0.40, ge=0, le=1, help="Share of the bit rate in the score.")
    weight_resolution: float = option(0.35, ge=0, le=1, help="Share of the resolution in the score.")
    weight_fps: float = option(0.15, ge=0, le=1, help="Share of the frame rate in the score.")
    weight_codec: float = option(0.10, ge=0, le=1, help="Share of the video codec in the score.")

    weight_sound: float = option(
        0.10, ge=0, le=1, help="Share of its score that a stream with a picture loses when it has no sound."
    )

    account_priority: list[str] = option(
        [],
        max_length=100,
        help="Sources whose streams come first in a channel whatever their score: their names, in order.",
    )
    prefer_max_height: int = option(
        0, ge=0, le=4320, unit="lines", help="Streams with higher pictures come last (1080: no 4K first). 0: no limit."
    )
    diversify: bool = option(
        False, help="Alternate between accounts, so that a channel's second choice comes from another provider."
    )
    account_stream_limit: int = option(
        0,
        ge=0,
        le=100,
        help="Most streams of one account in a channel; the best are kept. 0: any number. Lists that are files on this "
        "machine are your own and are not limited.",
    )

    dead_retry: int = option(
        3600, ge=60, le=604_800, unit="s", help="Pause before a dead stream is checked again, doubling up to a week."
    )
    keep_results: int = option(30, ge=5, le=1000, help="Results kept per stream.")
    keep_stills: bool = option(True, help="Keep the last good picture of each stream for the page (about 6 kB each).")
    stills_days: int = option(90, ge=1, le=3650, unit="days", help="Pictures older than this are deleted.")
    stills_mb: int = option(
        1000, ge=10, le=1_000_000, unit="MB", help="Space for pictures on each machine. The oldest are deleted first."
    )


SEED_OPTIONS = {
    "profile_failover.enabled": "checks.profile_failover_enabled",
    "profile_failover.try_full_profiles": "checks.try_full_profiles",
    "profile_failover.phase2_max_wait": "checks.phase2_max_wait",
    "profile_failover.phase2_poll_interval": "checks.phase2_poll_interval",
    "stream_analysis.retries": "checks.retries",
    "stream_analysis.retry_delay": "checks.retry_delay",
}
"""Names in the seed's stream_checker_config.json, where they stand in groups, and ours."""
