"""How long a source that fails is left alone, and what is said meanwhile. Pure."""

from __future__ import annotations

from nightcrew.recorder.hls import Stalled
from nightcrew.recorder.protection import Protected
from nightcrew.recorder.source import Offline, Unreadable

PAUSES = (0.5, 1.0, 2.0, 5.0)
"""Seconds before the source is opened again; the last one for all that follow."""
CROWDED_PAUSES = (*PAUSES, 10.0, 15.0)
"""Seconds where it has too many connections: each try may count as one more."""
NOTICED = 300.0
"""Seconds after which a server has surely noticed that a connection has ended."""
STILL_COUNTED = "its server may still count the connection that has ended"
IN_USE = "all connections of its account may be in use"


def put_off(exc: Offline | Protected | Unreadable, failures: int, *, connected: bool) -> tuple[str, float]:
    """What is told, and the seconds to wait, after so many failures in a row. `connected`: there was a connection lately."""
    crowded = isinstance(exc, Unreadable) and exc.crowded
    pauses = CROWDED_PAUSES if crowded else PAUSES
    seconds = pauses[min(failures, len(pauses)) - 1] if failures else 0.0
    if isinstance(exc, Stalled):  # which has waited already
        seconds = 0.0
    why = STILL_COUNTED if connected else IN_USE
    return f"{exc}: {why}" if crowded else str(exc), seconds
