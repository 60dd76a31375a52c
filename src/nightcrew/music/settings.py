"""Options of the music domain."""

from __future__ import annotations

from nightcrew.kernel.settings import Options, option
from nightcrew.music.matching.decision import THRESHOLD


class MusicSettings(Options):
    """How sure Nightcrew has to be of a file."""

    matching_confidence_threshold: float = option(
        THRESHOLD,
        ge=0.5,
        le=0.99,
        help="How likely a file has to be the wanted recording before it is taken. Below it, none is taken.",
    )
