"""Loops that never end: whatever goes wrong in one round is told, and the next round comes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn

import structlog

from nightcrew.kernel.errors import NightcrewError
from nightcrew.kernel.tasks import is_stopped

log = structlog.get_logger("nightcrew")

AFTER_ERROR = 1.0
"""Seconds before the next round when one has raised."""
ROUND = 30.0
"""Seconds that a round may take: one that hangs is ended, and the next one comes."""


async def forever(name: str, once: Callable[[], Awaitable[float]], *, limit: float | None = ROUND) -> NoReturn:
    """Do `once` again and again until cancelled; it returns the seconds to wait before the next round.

    A round that takes longer than `limit` seconds is cancelled and told; None is for rounds that wait, and limit their work
    themselves by a time-out that they raise. With the job runner, the tick, `Tasks`, `Hooks` and the request boundary one of the
    places that catch everything.
    """
    while True:
        try:
            async with asyncio.timeout(limit):
                pause = await once()
        except NightcrewError as exc:
            log.warning("a round failed", part=name, reason=str(exc))
            pause = AFTER_ERROR
        except asyncio.CancelledError:
            if is_stopped():
                raise
            log.warning("a round failed", part=name, reason="something it was waiting for was cancelled")
            pause = AFTER_ERROR
        except TimeoutError:
            log.error("a round took too long and was ended", part=name, limit_s=limit)  # noqa: TRY400
            pause = AFTER_ERROR
        except Exception:
            log.exception("a round failed", part=name)
            pause = AFTER_ERROR
        if pause > 0:
            await asyncio.sleep(pause)
