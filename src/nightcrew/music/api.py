"""JSON routes of the music domain."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter

from nightcrew.music.answers import DecisionAnswer, MatchQuestion, of_decision
from nightcrew.music.matching.decision import decide
from nightcrew.music.settings import MusicSettings
from nightcrew.web.api import Node

router = APIRouter(prefix="/api/v1/music", tags=["music"])


@router.post("/match")
async def match(node: Node, question: MatchQuestion) -> DecisionAnswer:
    """Rank files by how likely each is the wanted recording, with the reasons. Nothing is stored or fetched."""
    threshold = node.settings.of(MusicSettings).matching_confidence_threshold
    made = await asyncio.to_thread(decide, question.track.wanted(), question.files(), threshold=threshold)
    return of_decision(question, made)
