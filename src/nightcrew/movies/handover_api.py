"""The API of hand-overs to download clients."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from nightcrew.kernel.clock import iso
from nightcrew.movies import handover_actions
from nightcrew.movies.handover_models import HandoverEntry
from nightcrew.movies.store import films, handovers
from nightcrew.web.api import Id, Node
from nightcrew.web.callers import Actor

router = APIRouter(prefix="/api/v1", tags=["movies"])


class NewHandover(BaseModel):
    """What is handed over: the film's best source, or this one; to the first client, or this one."""

    source: int | None = Field(
        None, description="The number of a source of the film; without it the best one is taken."
    )
    client: int | None = Field(None, description="The number of the connection; without it the first client is taken.")


class HandoverAnswer(BaseModel):
    """A hand-over. `eta_s` in seconds; `progress` from 0 to 1; `path` as the client sees it."""

    id: int
    movie_id: int
    source_id: int
    client: int
    title: str
    state: str
    cause: str | None
    reason: str
    progress: float
    seeds: int
    eta_s: float | None
    path: str
    begun_at: str | None
    ended_at: str | None
    next_look_at: str | None


def answer_of(entry: HandoverEntry) -> HandoverAnswer:
    """As the API says it."""
    return HandoverAnswer(
        id=entry.id,
        movie_id=entry.movie_id,
        source_id=entry.source_id,
        client=entry.connection_id,
        title=entry.title,
        state=entry.state,
        cause=entry.cause,
        reason=entry.reason,
        progress=entry.progress,
        seeds=entry.seeds,
        eta_s=entry.eta_s,
        path=entry.path,
        begun_at=iso(entry.begun_at),
        ended_at=iso(entry.ended_at),
        next_look_at=iso(entry.due_at),
    )


@router.get("/handovers")
async def list_handovers(node: Node) -> dict[str, Any]:
    """The newest hand-overs, those that go on first."""
    return {"items": [answer_of(one) for one in await handovers.newest(node.store, 200)], "next": None}


@router.post("/movies/{movie_id}/handover", status_code=201)
async def hand_over(node: Node, actor: Actor, movie_id: Id, wanted: NewHandover) -> HandoverAnswer:
    """Hand a source of a film over to a download client."""
    found = await handover_actions.hand_over(node, movie_id, source_id=wanted.source, client=wanted.client, actor=actor)
    return answer_of(found)


@router.post("/handovers/{handover_id}/give-up")
async def give_up(node: Node, actor: Actor, handover_id: Id) -> HandoverAnswer:
    """End a hand-over; what has come of it is removed, unless it is complete."""
    return answer_of(await handover_actions.give_up(node, handover_id, actor=actor))


@router.get("/movies/{movie_id}/blocked")
async def list_blocked(node: Node, movie_id: Id) -> dict[str, Any]:
    """What is not handed over again for a film, and why."""
    await films.get(node.store, movie_id)
    rows = await handovers.blocked_of(node.store, movie_id)
    items = [
        {"fingerprint": one.fingerprint, "title": one.title, "reason": one.reason, "at": iso(one.blocked_at)}
        for one in rows
    ]
    return {"items": items, "next": None}
