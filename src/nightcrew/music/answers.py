"""Wanted tracks, offers, downloads and runs of autosync as scripts see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, RootModel

from nightcrew.music.match_answers import TrackQuestion
from nightcrew.music.models import Offer, TrackDownload, WantedEntry, WantedListing
from nightcrew.web.answers import Answer, Bytes, Share
from nightcrew.web.answers import Moment as At
from nightcrew.web.answers import Seconds as Length

WantedStateName = Literal["missing", "searching", "matching", "review", "downloading", "owned", "ignored", "unlisted"]
CauseName = Literal["search", "quality", "no_results", "download", "missing_path", "import"]
DownloadStateName = Literal["queued", "running", "completed", "failed", "cancelled", "dead"]
StageName = Literal["sending", "remote", "arrived", "placed"]


class NewWantedTrack(TrackQuestion):
    """A track that is wanted."""


class NewList(BaseModel):
    """A list of wanted tracks: M3U, CSV with a line of names, or `Artist - Title` in each line.

    `replace`: tracks that an earlier list of this name had besides are no longer wanted because of it.
    """

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=150, pattern=r"^[^\x00]+$")]
    text: Annotated[str, Field(min_length=1, max_length=4 << 20)]
    replace: bool = False


class ListingAnswer(Answer):
    """Who wants a track."""

    source: str
    title: Annotated[str, Field(validation_alias="source_title")]
    priority: int


class WantedRow(Answer):
    """A wanted track, and how far it is. `cause` and `reason`: why it is still missing; `due_at`: when it is tried next.

    `upgrading`: it is in the library, and a better file is looked for. `plays`: how often it was played in the last month. Of two
    wanted tracks that with the higher `priority` is searched for first.
    """

    id: int
    title: str
    artists: list[str]
    album: str
    seconds: Length | None
    isrc: str
    mbid: str
    plays: int
    priority: int
    state: WantedStateName
    reason: str
    cause: CauseName | None
    failures: int
    due_at: At | None
    added_at: At
    tried_at: At | None
    upgrading: bool
    wanted_by: list[ListingAnswer]

    @classmethod
    def made(cls, row: WantedEntry, listings: Mapping[int, Sequence[WantedListing]]) -> Self:
        """With who wants it."""
        return cls.of(
            row,
            artists=list(row.artists),
            upgrading=row.replaces is not None,
            wanted_by=[ListingAnswer.of(one) for one in listings.get(row.id, ())],
        )


class ListAnswer(Answer):
    """What came of a list. `problems`: the first lines that could not be read."""

    tracks: int
    added: int
    gone: int
    unread: int
    problems: list[str]


class OfferRow(Answer):
    """A file that is offered for a track. `accepted`: by the matcher and the quality rules; `verdict`: why it is not tried again.

    `parts`: how much each part speaks for it, from 0 to 1, null for what is not known.
    """

    id: int
    wanted_id: int
    peer: str
    path: str
    size: Bytes
    seconds: Length | None
    bitrate: int | None
    confidence: Share
    explanation: str
    accepted: bool
    verdict: str
    parts: dict[str, float | None]


class DownloadRow(Answer):
    """A download. `progress`: from 0 to 1; `place`: in the queue of its peer.

    `replaced`: where below the library the file is kept that it has taken the place of.
    """

    id: int
    wanted_id: int
    track: str
    peer: str
    path: str
    size: Bytes
    bytes: Bytes
    progress: Share
    state: DownloadStateName
    stage: StageName
    remote_state: str
    place: int | None
    attempt: int
    confidence: Share
    explanation: str
    error: str
    library_path: str
    replaced: str
    created_at: At
    ended_at: At | None

    @classmethod
    def made(cls, row: TrackDownload, tracks: Mapping[int, WantedEntry]) -> Self:
        """With the name of its track."""
        entry = tracks.get(row.wanted_id)
        return cls.of(row, track=entry.shown if entry else "", progress=round(row.progress, 4))


class WantedDetail(Answer):
    """A wanted track with the files that are offered for it and its downloads, the newest first."""

    track: WantedRow
    offers: list[OfferRow]
    downloads: list[DownloadRow]


def of_offers(rows: Sequence[Offer]) -> list[OfferRow]:
    """As JSON."""
    return [OfferRow.of(one) for one in rows]


class AcceptedAnswer(Answer):
    """The library that is looked at anew."""

    library: str


class StatusAnswer(RootModel[dict[str, str | int | float | None]]):
    """Figures by their flat names, such as `metrics.sync.jobs_completed`; null for what has not happened."""


# -- autosync ----------------------------------------------------------------------------------------------------------


class AutosyncAnswer(Answer):
    """A run that was started, or what one would do.

    `search`: the tracks, the first ones first; `better`: those that are in the library and for which a better file is looked for.
    """

    job: str | None
    search: list[str] = Field(default_factory=list)
    tracks: int = 0
    owned: int = 0
    skipped: int = 0
    not_preferred: int = 0
    better: list[str] = Field(default_factory=list)


class StoryLine(Answer):
    """One thing that a run has done."""

    at: At | None
    kind: str
    text: str


class RunAnswer(Answer):
    """A run of autosync. `services`: ok, failed or skipped by service."""

    id: str
    started_at: At
    ended_at: At | None
    status: str
    services: dict[str, str]
    counts: dict[str, int]
    story: list[StoryLine]
