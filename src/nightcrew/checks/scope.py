"""What a person or a script asks to be checked."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class NewCheck(BaseModel):
    """What to check: exactly one of `stream`, `channel`, `group`, `source` (id or name), `region`, `all`.

    `full`: look closely at every stream, even at those that are known well.
    """

    model_config = ConfigDict(extra="forbid")
    stream: int | None = Field(default=None, ge=1, lt=2**63)
    channel: int | None = Field(default=None, ge=1, lt=2**63)
    group: str | None = Field(default=None, max_length=300)
    source: int | str | None = None
    region: str | None = Field(default=None, max_length=60)
    all: bool = False
    full: bool = True

    @model_validator(mode="after")
    def _one(self) -> Self:
        named = [self.stream, self.channel, self.group, self.source, self.region, True if self.all else None]
        if sum(value is not None for value in named) != 1:
            raise ValueError("give exactly one of stream, channel, group, source, region or all")
        return self
