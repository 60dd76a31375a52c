"""Tables of the music domain, the states of what is wanted and of downloads, and the frozen rows that leave its stores."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import sqlalchemy as sa

from nightcrew.kernel.errors import Conflict
from nightcrew.kernel.rows import Json, Word, column, table_of, text
from nightcrew.kernel.store import Id, Moment, metadata
from nightcrew.music.matching.model import WantedTrack

MAX_TITLE = 500
MAX_PATH = 1000
MAX_REASON = 500
MAX_PEER = 200
MAX_KEY = 2000
MAX_KEPT = MAX_KEY + 100
"""Characters of a key behind the folders in which replaced files are kept."""
REFUSED = "refused"
"""The place of tracks that a person has called the wrong song: no library has them, and none has them for that wanted track."""


class WantedState(StrEnum):
    """How a wanted track stands."""

    MISSING = "missing"
    SEARCHING = "searching"
    MATCHING = "matching"
    REVIEW = "review"
    DOWNLOADING = "downloading"
    OWNED = "owned"
    IGNORED = "ignored"
    UNLISTED = "unlisted"


class FailureCause(StrEnum):
    """Why a wanted track is still missing: what counts towards skipping it."""

    SEARCH = "search"
    QUALITY = "quality"
    NO_RESULTS = "no_results"
    DOWNLOAD = "download"
    MISSING_PATH = "missing_path"
    IMPORT = "import"


class DownloadState(StrEnum):
    """How a download stands."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DEAD = "dead"


class DownloadStage(StrEnum):
    """How far a running download is. Each stage is stored, so that it goes on from there."""

    SENDING = "sending"
    REMOTE = "remote"
    ARRIVED = "arrived"
    PLACED = "placed"


DOWNLOAD_MOVES: dict[DownloadState, frozenset[DownloadState]] = {
    DownloadState.QUEUED: frozenset({DownloadState.RUNNING, DownloadState.FAILED, DownloadState.CANCELLED}),
    DownloadState.RUNNING: frozenset(
        {DownloadState.QUEUED, DownloadState.COMPLETED, DownloadState.FAILED, DownloadState.CANCELLED}
    ),
    DownloadState.COMPLETED: frozenset({DownloadState.FAILED}),  # a person says that it is the wrong song
    DownloadState.FAILED: frozenset({DownloadState.QUEUED, DownloadState.DEAD}),
    DownloadState.CANCELLED: frozenset({DownloadState.QUEUED}),
    DownloadState.DEAD: frozenset({DownloadState.QUEUED}),
}
"""The moves that there are."""
OPEN = frozenset({DownloadState.QUEUED, DownloadState.RUNNING})
"""States of a download that goes on. A wanted track has one of these at most."""


def check_download_move(now: DownloadState, to: DownloadState) -> None:
    """Raises `Conflict` for a move that there is not."""
    if to not in DOWNLOAD_MOVES[now]:
        raise Conflict(f"a download cannot go from {now.value} to {to.value}")


@dataclass(frozen=True, slots=True)
class WantedEntry:
    """A track that somebody wants, and how far it is."""

    id: Annotated[int, column(Id, primary_key=True)]
    key: Annotated[str, text(300, unique=True)]  # rules.key_of
    title: Annotated[str, text(MAX_TITLE)]
    artists: Annotated[tuple[str, ...], column(Json)]
    album: Annotated[str, text(MAX_TITLE)]
    seconds: float | None
    number: int | None
    isrc: Annotated[str, text(20)]
    mbid: Annotated[str, text(40)]
    popularity: int | None  # 0 to 100
    plays: Annotated[int, column(server_default="0")]  # in the last month, where a connected service counts them
    priority: Annotated[int, column(index=True)]
    state: Annotated[WantedState, column(Word(WantedState, 20), index=True)]
    reason: Annotated[str, text(MAX_REASON)]
    cause: Annotated[FailureCause | None, column(Word(FailureCause, 20))]
    failures: int  # in a row
    skips: int  # how often it was put off for long
    due_at: Annotated[datetime | None, column(index=True)]
    holder: Annotated[str | None, text(100)]
    until: datetime | None
    search_id: Annotated[str | None, text(40)]  # ours, given to slskd
    search_step: int  # of the ladder
    search_sent: bool
    searches: int
    run_id: Annotated[str | None, text(60, index=True)]  # the run of autosync that it belongs to
    added_at: datetime
    changed_at: datetime
    tried_at: datetime | None
    replaces: Annotated[int | None, column(Id)] = None
    """The track of the library for which a better file is looked for: it is owned meanwhile, whatever `state` says."""
    better_at: datetime | None = None
    """When a better file may be looked for again."""

    @property
    def artist(self) -> str:
        """All of its artists in one line."""
        return ", ".join(self.artists)

    @property
    def shown(self) -> str:
        """What people call it."""
        return f"{self.artist} - {self.title}"

    def track(self) -> WantedTrack:
        """As the matcher takes it."""
        return WantedTrack(self.title, self.artists, self.album, self.seconds, self.number, self.isrc, self.mbid)


@dataclass(frozen=True, slots=True)
class WantedListing:
    """That a source wants a track. One that is gone from its source loses the listing, and stays wanted by the others.

    Without any it is not searched for (`WantedState.UNLISTED`).
    """

    wanted_id: Annotated[int, column(Id, primary_key=True)]
    source: Annotated[str, text(200, primary_key=True)]
    source_title: Annotated[str, text(200)]
    priority: int
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Offer:
    """A file that a peer offers for a wanted track, and what the matcher said of it.

    `verdict`: why it cannot be used, such as a failed download or a person's "wrong song"; it is remembered over later searches.
    """

    id: Annotated[int, column(Id, primary_key=True)]
    wanted_id: Annotated[int, column(Id, index=True)]
    peer: Annotated[str, text(MAX_PEER)]
    path: Annotated[str, text(MAX_PATH)]
    size: Annotated[int, column(sa.BigInteger)]
    seconds: float | None
    bitrate: int | None  # kbit/s
    free_slot: bool
    queue: int
    speed: int  # bytes a second
    confidence: float
    explanation: Annotated[str, text(MAX_REASON)]
    accepted: bool  # by the matcher and the quality rules
    verdict: Annotated[str, text(MAX_REASON)]
    final: bool  # a person's verdict
    search_id: Annotated[str, text(40)]
    connection_id: Annotated[int, column(Id)]
    parts: Annotated[dict[str, float | None], column(Json, server_default="{}")] = field(default_factory=dict)
    """How much each part spoke for it (`MatchParts`), so that the decision can be made again; empty where none was looked at."""


@dataclass(frozen=True, slots=True)
class TrackDownload:
    """One file that is fetched for a wanted track."""

    id: Annotated[int, column(Id, primary_key=True)]
    wanted_id: Annotated[int, column(Id, index=True)]
    connection_id: Annotated[int, column(Id)]
    peer: Annotated[str, text(MAX_PEER)]
    path: Annotated[str, text(MAX_PATH)]
    size: Annotated[int, column(sa.BigInteger)]
    seconds: float | None
    confidence: float
    explanation: Annotated[str, text(MAX_REASON)]
    state: Annotated[DownloadState, column(Word(DownloadState, 20), index=True)]
    stage: Annotated[DownloadStage, column(Word(DownloadStage, 20))]
    forced: bool  # a person chose it: no check refuses it
    attempt: int  # 1 for the first file of a search
    batch_id: Annotated[str, text(40)]
    search_id: Annotated[str | None, text(40)]
    remote_id: Annotated[str | None, text(40)]
    remote_state: Annotated[str, text(60)]
    earlier: Annotated[tuple[str, ...], column(Json)]  # transfers of the same file that were there before
    bytes: Annotated[int, column(sa.BigInteger)]
    place: int | None  # in the peer's queue
    error: Annotated[str, text(MAX_REASON)]
    local_path: Annotated[str, text(2000)]
    library_path: Annotated[str, text(2000)]
    job: Annotated[str | None, text(100)]
    node: Annotated[str | None, text(100)]  # that imports it, once its file has arrived
    tried: Annotated[tuple[str, ...], column(Json)]  # nodes that cannot see its file
    created_at: datetime
    started_at: datetime | None
    moved_at: datetime | None  # the last progress
    ended_at: datetime | None
    due_at: Annotated[datetime | None, column(index=True)]
    holder: Annotated[str | None, text(100)]
    until: datetime | None
    replaced: Annotated[str, text(MAX_KEPT, server_default=sa.text("''"))] = ""
    """Where in the library the file is kept that this one has taken the place of; empty for none."""

    @property
    def progress(self) -> float:
        """From 0 to 1."""
        if self.state is DownloadState.COMPLETED:
            return 1.0
        return min(1.0, max(0.0, self.bytes / self.size)) if self.size > 0 else 0.0


@dataclass(frozen=True, slots=True)
class MatchJob:
    """What a search has found, until it is matched. `payload` is JSON of `offers.SearchAnswer`."""

    id: Annotated[int, column(Id, primary_key=True)]
    wanted_id: Annotated[int, column(Id, index=True)]
    payload: str
    state: Annotated[str, text(20, index=True)]  # queued, done, failed
    error: Annotated[str, text(MAX_REASON)]
    created_at: datetime
    due_at: Annotated[datetime | None, column(index=True)]
    holder: Annotated[str | None, text(100)]
    until: datetime | None


@dataclass(frozen=True, slots=True)
class LibraryTrack:
    """A track that the library has. `place`: the folder of a node, or a connection; `key`: its path or id there."""

    id: Annotated[int, column(Id, primary_key=True)]
    place: Annotated[str, text(120)]
    key: Annotated[str, text(MAX_KEY)]
    title: Annotated[str, text(MAX_TITLE)]
    artist: Annotated[str, text(MAX_TITLE)]
    album: Annotated[str, text(MAX_TITLE)]
    seconds: float | None
    isrc: Annotated[str, text(20, index=True)]
    mbid: Annotated[str, text(40, index=True)]
    title_key: Annotated[str, text(200, index=True)]  # owned.title_key
    size: Annotated[int, column(sa.BigInteger)]
    changed: float  # the file's time of change, in seconds since 1970
    wanted_id: Annotated[int | None, column(Id, index=True)]  # for which it was fetched


@dataclass(frozen=True, slots=True)
class WrongSound:
    """What a file sounded like that a person has called the wrong song for a track. `words`: as `fingerprints.packed`."""

    id: Annotated[int, column(Id, primary_key=True)]
    wanted_id: Annotated[int, column(Id, index=True)]
    peer: Annotated[str, text(MAX_PEER)]
    path: Annotated[str, text(MAX_PATH)]
    words: str


@dataclass(frozen=True, slots=True)
class LibraryCount:
    """How much a library had at a time."""

    at: Annotated[datetime, column(primary_key=True)]
    place: Annotated[str, text(120, primary_key=True)]
    artists: int
    albums: int
    tracks: int


@dataclass(frozen=True, slots=True)
class SyncRun:
    """A run of autosync. `services`: ok, failed or skipped by service; `story`: what happened, with times."""

    id: Annotated[str, text(60, primary_key=True)]
    started_at: Annotated[datetime, column(index=True)]
    ended_at: datetime | None
    status: Annotated[str, text(20)]
    services: Annotated[dict[str, str], column(Json)]
    counts: Annotated[dict[str, int], column(Json)]
    story: Annotated[list[dict[str, Any]], column(Json)]


wanted = table_of("music_wanted", WantedEntry)
listing = table_of("music_listing", WantedListing)
offer = table_of("music_offer", Offer, sa.UniqueConstraint("wanted_id", "peer", "path"))
download = table_of("music_download", TrackDownload)
match_job = table_of("music_match_job", MatchJob)
library_track = table_of("music_track", LibraryTrack, sa.UniqueConstraint("place", "key"))
wrong_sound = table_of("music_wrong_sound", WrongSound)
library_count = table_of("music_count", LibraryCount)
sync_run = table_of("music_run", SyncRun)
figure = sa.Table(
    "music_figure",
    metadata,
    sa.Column("key", sa.String(100), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("changed_at", Moment, nullable=False),
)
"""The figures of the workers, under the names that scripts know."""
sa.Index(
    "uq_music_download_open",
    download.c.wanted_id,
    unique=True,
    sqlite_where=download.c.state.in_(["queued", "running"]),
    postgresql_where=download.c.state.in_(["queued", "running"]),
)
