"""What is asked of the matcher, and what it answers."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from nightcrew.music.matching.decision import explain
from nightcrew.music.matching.model import FileCandidate, MatchDecision, MatchParts, TrackMatch, WantedTrack
from nightcrew.music.matching.paths import MAX_PATH, split

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
