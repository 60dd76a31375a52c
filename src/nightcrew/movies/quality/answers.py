"""Quality profiles as scripts see them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from nightcrew.web.answers import Answer


class ProfileAnswer(Answer):
    """A quality profile. Presets cannot be changed."""

    name: str
    preset: bool
    in_use: bool
    words: Annotated[list[str], Field(description="What it asks for, for people.")]
    body: dict[str, Any]


class ProfileCopy(BaseModel):
    """A profile that is made from another one, with its custom formats."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[\w.+-][\w .+-]*$")]


class NewFormats(BaseModel):
    """Custom formats, each as TRaSH's guides and Radarr write it, and the points that each has in the profile."""

    model_config = ConfigDict(extra="forbid")

    formats: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=200)]
    scores: dict[str, Annotated[int, Field(ge=-100_000, le=100_000)]] = {}


class ImportedAnswer(Answer):
    """What came of an import: names that were taken, and why the others were not."""

    taken: list[str]
    refused: list[str]
