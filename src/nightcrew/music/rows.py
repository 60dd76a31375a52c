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
