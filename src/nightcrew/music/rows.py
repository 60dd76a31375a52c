"""What commands use of the API's answers. A test holds the fields to what the API says of itself."""

from __future__ import annotations

from typing import TypedDict


class MatchJson(TypedDict):
    """A file that may be the wanted recording."""

    path: str
    confidence: float
    explanation: str


class RefusalJson(TypedDict):
    """A file that cannot be it."""

    path: str
    reason: str


class DecisionJson(TypedDict):
    """What was decided. `picked`: the place of the file that is taken."""

    picked: int | None
    reason: str
    ranked: list[MatchJson]
    refused: list[RefusalJson]


class WantedJson(TypedDict):
    """A wanted track."""

    id: int
    title: str
    artists: list[str]
    state: str
    reason: str
    due_at: str | None


class ListJson(TypedDict):
    """What came of a list."""

    tracks: int
    added: int
    gone: int
    unread: int
    problems: list[str]


class OfferJson(TypedDict):
    """A file that is offered for a track."""

    id: int
    peer: str
    path: str
    confidence: float
    explanation: str
    accepted: bool
    verdict: str


class DownloadJson(TypedDict):
    """A download."""

    id: int
    track: str
    peer: str
    state: str
    progress: float
    error: str


class WantedDetailJson(TypedDict):
    """A wanted track with the files that are offered for it."""

    track: WantedJson
    offers: list[OfferJson]
    downloads: list[DownloadJson]


class AutosyncJson(TypedDict):
    """A run that was started, or what one would do."""

    job: str | None
    search: list[str]
    better: list[str]
    tracks: int
    owned: int
    skipped: int
    not_preferred: int
