"""Hand-overs to download clients as scripts see them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from nightcrew.web.answers import Answer, Bytes, Seconds
from nightcrew.web.answers import Moment as At

StateName = Literal["chosen", "sent", "metadata", "checking", "downloading", "stalled", "done", "failed", "replaced"]
CauseName = Literal["refused", "rejected", "no_metadata", "stalled", "gone", "error"]


class HandoverRow(Answer):
    """A source of a film at a download client. `client`: the number of its connection. `path`: the folder as the client sees it."""

    id: int
    movie_id: int
    source_id: int
    client: Annotated[int, Field(validation_alias="connection_id")]
    title: str
    state: StateName
    cause: CauseName | None
    reason: str
    progress: Annotated[float, Field(description="The part of what is wanted that is there, from 0 to 1.")]
    got: Bytes
    size: Bytes | None
    seeds: int
    eta_s: Seconds | None
    path: str
    begun_at: At
    ended_at: At | None
    next_look_at: Annotated[At | None, Field(validation_alias="due_at")]


class BlockedRow(Answer):
    """What is not handed over again for a film, by a fingerprint of it."""

    fingerprint: str
    title: str
    reason: str
    blocked_at: At
