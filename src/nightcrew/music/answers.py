"""What is asked of the matcher and what it answers; wanted tracks, offers and downloads as scripts see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from nightcrew.music.matching.decision import explain
from nightcrew.music.matching.model import FileCandidate, MatchDecision, MatchParts, TrackMatch, WantedTrack
from nightcrew.music.matching.paths import MAX_PATH, split
from nightcrew.music.models import Offer, TrackDownload, WantedEntry, WantedListing
from nightcrew.web.answers import Answer, Bytes, Share
from nightcrew.web.answers import Moment as At
from nightcrew.web.answers import Seconds as Length

MOST = 5_000
"""Candidates of one question."""
Text = Annotated[str, Field(max_length=500)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
ArtistText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]


class TrackQuestion(BaseModel):
    """The recording that is wanted. `artists`: the main one first; `seconds`: its length."""

    model_config = ConfigDict(extra="forbid")

    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
    artists: Annotated[list[ArtistText], Field(min_length=1, max_length=30)]
    album: Text = ""
    seconds: Seconds | None = None
    number: Annotated[int, Field(ge=1, le=999)] | None = None
    isrc: Annotated[str, Field(max_length=20)] = ""
    mbid: Annotated[str, Field(max_length=40)] = ""
    aliases: Annotated[list[Annotated[str, Field(max_length=300)]], Field(max_length=30)] = []

    def wanted(self) -> WantedTrack:
        """As the matcher takes it."""
        return WantedTrack(
            self.title,
            tuple(self.artists),
            self.album,
            self.seconds,
            self.number,
            self.isrc,
            self.mbid,
            tuple(self.aliases),
        )


class CandidateQuestion(BaseModel):
    """A file that may be it. `path` as its owner shares it, with slashes or backslashes."""

    model_config = ConfigDict(extra="forbid")

    path: Annotated[str, Field(min_length=1, max_length=MAX_PATH)]
    seconds: Seconds | None = None
    isrc: Annotated[str, Field(max_length=20)] = ""
    mbid: Annotated[str, Field(max_length=40)] = ""


class MatchQuestion(BaseModel):
    """A wanted recording, and the files among which it is looked for."""

    model_config = ConfigDict(extra="forbid")

    track: TrackQuestion
    candidates: Annotated[list[CandidateQuestion], Field(max_length=MOST)]

    def files(self) -> list[FileCandidate]:
        """As the matcher takes them: each knows the names of the others in its folder."""
        beside: dict[str, list[str]] = {}
        places = [split(one.path) for one in self.candidates]
        for folder, name in places:
            beside.setdefault(folder, []).append(name)
        return [
            FileCandidate(one.path, one.seconds, one.isrc, one.mbid, tuple(beside[folder]))
            for one, (folder, _) in zip(self.candidates, places, strict=True)
        ]


class PartsAnswer(BaseModel):
    """How much each part speaks for a file, from 0 to 1; null: nothing is known of it."""

    title: float
    artist: float | None
    version: float
    album: float | None
    number: float | None
    length: float | None
    evidence: float


class MatchAnswer(BaseModel):
    """A file that may be it. `index`: its place among the candidates; `off`: seconds that it is longer; `identified`: by ISRC or MBID."""

    index: int
    path: str
    confidence: float
    score: float
    off: float | None
    identified: bool
    parts: PartsAnswer | None
    explanation: str


class RefusalAnswer(BaseModel):
    """A file that cannot be it, and why."""

    index: int
    path: str
    reason: str


class DecisionAnswer(BaseModel):
    """What was decided. `picked`: the place of the file that is taken; `review`: a person should choose."""

    picked: int | None
    review: bool
    reason: str
    ranked: list[MatchAnswer]
    refused: list[RefusalAnswer]


def of_decision(question: MatchQuestion, made: MatchDecision) -> DecisionAnswer:
    """As JSON."""
    paths = [one.path for one in question.candidates]
    return DecisionAnswer(
        picked=made.picked.index if made.picked else None,
        review=made.review,
        reason=made.reason,
        ranked=[_of_match(one, paths[one.index]) for one in made.ranked],
        refused=[RefusalAnswer(index=one.index, path=paths[one.index], reason=one.refused) for one in made.refused],
    )


def _of_match(one: TrackMatch, path: str) -> MatchAnswer:
    return MatchAnswer(
        index=one.index,
        path=path,
        confidence=round(one.confidence, 3),
        score=round(one.score, 3),
        off=None if one.off is None else round(one.off, 2),
        identified=one.identified,
        parts=None if one.parts is None else _of_parts(one.parts),
        explanation=explain(one),
    )


def _of_parts(parts: MatchParts) -> PartsAnswer:
    found = {name: getattr(parts, name) for name in PartsAnswer.model_fields}
    return PartsAnswer.model_validate(
        {name: None if value is None else round(value, 3) for name, value in found.items()}
    )


# -- wanted tracks -----------------------------------------------------------------------------------------------------

WantedStateName = Literal["missing", "searching", "matching", "review", "downloading", "owned", "ignored"]
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
    """A wanted track, and how far it is. `cause` and `reason`: why it is still missing; `due_at`: when it is tried next."""

    id: int
    title: str
    artists: list[str]
    album: str
    seconds: Length | None
    isrc: str
    mbid: str
    priority: int
    state: WantedStateName
    reason: str
    cause: CauseName | None
    failures: int
    due_at: At | None
    added_at: At
    tried_at: At | None
    wanted_by: list[ListingAnswer]

    @classmethod
    def made(cls, row: WantedEntry, listings: Mapping[int, Sequence[WantedListing]]) -> Self:
        """With who wants it."""
        return cls.of(
            row, artists=list(row.artists), wanted_by=[ListingAnswer.of(one) for one in listings.get(row.id, ())]
        )


class ListAnswer(Answer):
    """What came of a list. `problems`: the first lines that could not be read."""

    tracks: int
    added: int
    gone: int
    unread: int
    problems: list[str]


class OfferRow(Answer):
    """A file that is offered for a track. `accepted`: by the matcher and the quality rules; `verdict`: why it is not tried again."""

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


class DownloadRow(Answer):
    """A download. `progress`: from 0 to 1; `place`: in the queue of its peer."""

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


# -- autosync ----------------------------------------------------------------------------------------------------------


class AutosyncAnswer(Answer):
    """A run that was started, or what one would do. `search`: the tracks, the first ones first."""

    job: str | None
    search: list[str] = Field(default_factory=list)
    tracks: int = 0
    owned: int = 0
    skipped: int = 0
    not_preferred: int = 0


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
