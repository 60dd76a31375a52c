"""How many more connections there are for checks, and which channels are in use. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from nightcrew.kernel.slots import Holder
from nightcrew.playlists.exports import Profile

PURPOSE = "check"
"""What the ledger of connections says of a check."""


def room(profiles: Sequence[Profile], holders: Sequence[Holder]) -> float:
    """How many more connections these profiles allow together, beside those of `holders`."""
    left: dict[str, float] = {}
    for limit in (limit for profile in profiles for limit in profile.limits):
        used = sum(holder.resource == limit.resource for holder in holders)
        left[limit.resource] = limit.most - used if limit.most else float("inf")
    total = 0.0
    for profile in profiles:
        own = max(0.0, min(left[limit.resource] for limit in profile.limits))
        if own == float("inf"):
            return own
        total += own
        for limit in profile.limits:
            left[limit.resource] -= own
    return total


def watched(holders: Sequence[Holder]) -> set[int]:
    """The channels that somebody watches or records now."""
    named = (holder.subject.partition(":") for holder in holders if holder.purpose != PURPOSE)
    return {int(number) for kind, _, number in named if kind == "channel" and number.isdecimal()}
