"""What the commands about quality profiles use of the API's answers. A test holds the fields to what the API says of itself."""

from __future__ import annotations

from typing import TypedDict


class ProfileJson(TypedDict):
    """A quality profile."""

    name: str
    preset: bool
    in_use: bool
    words: list[str]


class ImportedJson(TypedDict):
    """What came of custom formats."""

    taken: list[str]
    refused: list[str]
