"""The outside service."""

from __future__ import annotations

from pydantic import BaseModel

from nightcrew.kernel.connections.line import Line
from nightcrew.kernel.connections.question import Question
from nightcrew.kernel.declare import ConnectionKind, Signed
from nightcrew.kernel.fields import Secret, ask


class Login(BaseModel):
    """What a person enters."""

    api_key: Secret = ask("", label="API key")


async def try_out(line: Line) -> list[str]:
    """What the button Test says."""
    return [f"It knows {len(await line.json(Question('harbours')))} harbours."]


KIND = ConnectionKind("tides", "Tide service", Login, try_out, sign=lambda login: Signed({"X-Api-Key": login.api_key}))
