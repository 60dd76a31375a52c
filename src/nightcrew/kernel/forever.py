"""Loops that never end: whatever goes wrong in one round is told, and the next round comes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn

import structlog

from nightcrew.kernel.errors import NightcrewError

log = structlog.get_logger("nightcrew")

AFTER_ERROR = 1.0
"""Seconds before the next round when one has raised."""


async def forever(name: str, once: Callable[[], Awaitable[float]]) -> NoReturn:
    """Do `once` again and again until cancelled; it returns the seconds to wait before the next round.

    With the job runner, the tick, `Tasks` and the request boundary one of the places that catch everything.
    """
    while True:
        try:
            pause = await once()
        except NightcrewError as exc:
            log.warning("a round failed", part=name, reason=str(exc))
            pause = AFTER_ERROR
        except Exception:
            log.exception("a round failed", part=name)
            pause = AFTER_ERROR
        if pause > 0:
            await asyncio.sleep(pause)
