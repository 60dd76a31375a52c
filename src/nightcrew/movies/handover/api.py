"""The API of hand-overs to download clients."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from nightcrew.movies.handover import actions as handover_actions
from nightcrew.movies.handover import fetching
from nightcrew.movies.handover.answers import AllowedAnswer, BlockedRow, FetchPlanAnswer, GiveUpAnswer, HandoverRow
from nightcrew.movies.store import films, handovers
from nightcrew.web.answers import Items
from nightcrew.web.api import Id, Node
from nightcrew.web.callers import Actor

router = APIRouter(prefix="/api/v1", tags=["movies"])
MOST_ID = (1 << 63) - 1


class NewHandover(BaseModel):
    """What is handed over: the film's best source, or this one; to the first client, or this one."""

    source: int | None = Field(
        None, ge=1, le=MOST_ID, description="The number of a source of the film; without it the best one is taken."
    )
    client: int | None = Field(
        None, ge=1, le=MOST_ID, description="The number of a connection; without it the first client is taken."
    )


class NewAllowance(BaseModel):
    """What may be handed over again."""

    title: str | None = Field(
        None, min_length=1, max_length=500, description="As the list of what is blocked says; without it, all of it."
    )


@router.get("/handovers")
async def list_handovers(node: Node) -> Items[HandoverRow]:
    """The newest hand-overs, those that go on first."""
    return Items(items=[HandoverRow.of(one) for one in await handovers.newest(node.store, 200)])


@router.post("/movies/{movie_id}/handover", status_code=201)
async def hand_over(node: Node, actor: Actor, movie_id: Id, wanted: NewHandover) -> HandoverRow:
    """Hand a source of a film over to a download client."""
    found = await handover_actions.hand_over(node, movie_id, source_id=wanted.source, client=wanted.client, actor=actor)
    return HandoverRow.of(found)


@router.post("/handovers/{handover_id}/give-up")
async def give_up(node: Node, actor: Actor, handover_id: Id) -> HandoverRow:
    """End a hand-over; what has come of it is removed at the client, unless it is complete."""
    return HandoverRow.of(await handover_actions.give_up(node, handover_id, actor=actor))


@router.get("/handovers/{handover_id}/give-up")
async def try_giving_up(node: Node, handover_id: Id) -> GiveUpAnswer:
    """What giving it up would remove at the client, which is asked. Nothing is changed."""
    found = await handover_actions.giving_up(node, handover_id)
    return GiveUpAnswer(
        title=found.entry.title,
        removed=None if found.removed is None else found.removed.value,
        got=found.got,
        shared=list(found.shared),
        why=found.why,
    )


@router.get("/movies/fetch-plan")
async def fetch_plan(node: Node, limit: Annotated[int, Query(ge=1, le=500)] = 100) -> FetchPlanAnswer:
    """What would be handed over by itself, and when. It is a dry run, also while that is switched off."""
    return FetchPlanAnswer.made(await fetching.plan(node, limit))


@router.post("/movies/{movie_id}/allow")
async def allow(node: Node, actor: Actor, movie_id: Id, what: NewAllowance) -> AllowedAnswer:
    """Let what is blocked for a film be handed over again."""
    return AllowedAnswer(allowed=await handover_actions.allow(node, movie_id, what.title, actor=actor))


@router.get("/movies/{movie_id}/blocked")
async def list_blocked(node: Node, movie_id: Id) -> Items[BlockedRow]:
    """What is not handed over again for a film, and why."""
    await films.get(node.store, movie_id)
    return Items(items=[BlockedRow.of(one) for one in await handovers.blocked_of(node.store, movie_id)])
