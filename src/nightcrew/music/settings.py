"""Options of the music domain. Those that the four workers have go by the names that people know."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from nightcrew.kernel.fields import Folder
from nightcrew.kernel.settings import Options, option
from nightcrew.music.matching.decision import THRESHOLD
from nightcrew.music.naming import TEMPLATE, problem_with
from nightcrew.music.quality import AUDIO, QualityRules, UpgradeGoal


def _template(text: str) -> str:
    if problem := problem_with(text):
        raise ValueError(problem)
    return text


def _formats(names: list[str]) -> list[str]:
    lower = [name.lower().strip().lstrip(".") for name in names]
    for name in lower:
        if name not in AUDIO:
            raise ValueError(f"{name!r} is no format of music files; known are {', '.join(sorted(AUDIO))}")
    return lower


Template = Annotated[str, AfterValidator(_template)]
Formats = Annotated[list[str], AfterValidator(_formats)]


class MusicSettings(Options):
    """How sure Nightcrew has to be of a file, how good a file has to be, and where it goes."""

    matching_confidence_threshold: float = option(
        THRESHOLD,
        ge=0.5,
        le=0.99,
        also_env="MATCHING_CONFIDENCE_THRESHOLD",
        help="How likely a file has to be the wanted recording before it is taken. Below it, none is taken.",
    )
    matching_worker_batch_size: int = option(
        5, ge=1, le=100, also_env="MATCHING_WORKER_BATCH_SIZE", help="How many searches are matched in one cycle."
    )
    sync_worker_concurrency: int = option(
        2, ge=1, le=50, also_env="SYNC_WORKER_CONCURRENCY", help="How many downloads go on at a time."
    )
    searches_at_once: int = option(3, ge=1, le=10, help="How many searches go on at a time.")
    scan_worker_interval_seconds: int = option(
        600,
        ge=10,
        le=86_400,
        unit="s",
        also_env="SCAN_WORKER_INTERVAL_SECONDS",
        help="How often the libraries are looked at.",
    )
    scan_worker_incremental: bool = option(
        False,
        also_env="SCAN_WORKER_INCREMENTAL",
        help="Ask a media server to scan for new files before its library is looked at.",
    )
    autosync_min_bitrate: int = option(
        192,
        ge=0,
        le=2000,
        unit="kbit/s",
        also_env="AUTOSYNC_MIN_BITRATE",
        help="Files with less are not downloaded. Lossless files always have enough.",
    )
    autosync_preferred_formats: Formats = option(
        [],
        max_length=20,
        also_env="AUTOSYNC_PREFERRED_FORMATS",
        help="Formats that are downloaded, the best first, such as flac and mp3. None: all.",
    )
    artist_preferences: list[str] = option(
        [], max_length=1000, help="Artists whose tracks are downloaded by autosync. None: those of all."
    )
    skip_threshold: int = option(
        3,
        ge=1,
        le=100,
        help="A track that failed so often in a row is skipped, for a day at first and for a month at most.",
    )
    library: Folder = option(
        "",
        max_length=1000,
        per_node=True,
        help="The folder of the music library. Empty: the folder music in the data directory.",
    )
    import_template: Template = option(
        TEMPLATE,
        max_length=300,
        help="Where a track lies in the library. Fields: {artist}, {album}, {number}, {title}.",
    )
    beets_program: str = option(
        "",
        max_length=1000,
        environment_only=True,
        help="The program beet, with its path. With it beets imports files; without, they are put into the library as they are.",
    )
    beets_folder: Folder = option(
        "",
        max_length=1000,
        environment_only=True,
        help="The folder with your own configuration of beets (BEETSDIR). Empty: Nightcrew gives it one.",
    )
    upgrade: bool = option(
        False,
        help="Look for better files for tracks that were fetched and are not good enough, and put them in their place.",
    )
    upgrade_until: Formats = option(
        [], max_length=20, help="Formats that are good enough, such as flac. None: every lossless one."
    )
    upgrade_until_bitrate: int = option(
        0, ge=0, le=2000, unit="kbit/s", help="The bit rate from which a lossy file is good enough. 0: none is."
    )
    upgrades_at_once: int = option(5, ge=1, le=100, help="How many tracks are upgraded at a time.")
    replaced_kept_days: int = option(30, ge=1, le=3650, unit="d", help="How long a replaced file is kept.")
    keep_downloads: bool = option(
        False, help="Copy files into the library, so that they stay in the download folder. Else they are moved."
    )

    def upgrade_goal(self) -> UpgradeGoal:
        """When a file of the library is good enough."""
        return UpgradeGoal(tuple(self.upgrade_until), self.upgrade_until_bitrate)

    def quality(self) -> QualityRules:
        """Which files are good enough."""
        return QualityRules(self.autosync_min_bitrate, tuple(self.autosync_preferred_formats))
