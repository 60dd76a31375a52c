"""What is learnt about a tracker: how many torrents it may be asked for at once, and how far its answers are trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any

BEGINNING = 50
"""Hashes that a tracker is asked for at once at first."""
STEP = 11
"""By how many more it is then asked for."""
LARGEST, LARGEST_IPV6, LARGEST_TUNNEL = 72, 71, 59
"""Hashes of a packet that no network cuts up: 1492 bytes (PPPoE) over IPv4 and IPv6, and the 1280 of a tunnel over IPv6, with
a proxy's own head of 22 bytes in it. BEP 15 allows 74."""
RECHECK, MAX_RECHECK = 86_400.0, 32 * 86_400.0
"""Seconds after which a tracker that mixes its answers up is looked at again; twice as long each time that it does, up to the second."""
RELEARN = 7 * 86_400.0
"""Seconds after which a limit of its batches is looked for anew."""


class AnswerOrder(StrEnum):
    """How a tracker's answers stand to what it was asked."""

    UNKNOWN = "unknown"
    KEPT = "kept"
    MIXED = "mixed"


@dataclass(frozen=True, slots=True)
class TrackerMemory:
    """What is known of one tracker. Times are seconds since 1970; JSON can hold it (`asdict`, `recalled`)."""

    batch: int = BEGINNING
    good: int = 0
    """The largest batch that was answered whole."""
    ceiling: int = 0
    """The largest batch that may be worth trying, since one more was cut short; 0 while none was."""
    ceiling_until: float = 0.0
    order: AnswerOrder = AnswerOrder.UNKNOWN
    mixed: int = 0
    """How often its answers were found to be mixed up."""
    mixed_until: float = 0.0
    drops_unknown: bool = False
    """It leaves out what it does not know."""
    not_before: float = 0.0
    """When it may be asked again."""


def recalled(stored: Mapping[str, Any]) -> TrackerMemory:
    """A memory that was stored by this version or another: what does not fit is forgotten."""
    plain, known = TrackerMemory(), dict[str, Any]()
    for field in fields(TrackerMemory):
        value: Any = stored.get(field.name)
        kind = type(getattr(plain, field.name))
        if kind is AnswerOrder and value in list(AnswerOrder):
            known[field.name] = AnswerOrder(value)
        elif kind is float and type(value) in {int, float} and 0 <= value < 1e12:
            known[field.name] = float(value)
        elif type(value) is kind and (kind is not int or 0 <= value < 1_000_000) and kind is not float:
            known[field.name] = value
    return replace(plain, **known)


def limit(*, ipv6: bool, tunnel: bool) -> int:
    """Hashes that fit into one packet without its being cut up on the way."""
    return LARGEST_TUNNEL if tunnel else LARGEST_IPV6 if ipv6 else LARGEST


def refreshed(memory: TrackerMemory, now: float) -> TrackerMemory:
    """Forgets what is too old to hold."""
    if memory.ceiling and now >= memory.ceiling_until:
        memory = replace(memory, ceiling=0, ceiling_until=0.0, batch=max(memory.batch, BEGINNING))
    if memory.order is AnswerOrder.MIXED and now >= memory.mixed_until:
        memory = replace(memory, order=AnswerOrder.UNKNOWN)
    return memory


def size(memory: TrackerMemory, most: int) -> int:
    """Hashes of the next batch."""
    return max(1, min(memory.batch, most))


def whole(memory: TrackerMemory, asked: int, most: int) -> TrackerMemory:
    """A batch of `asked` hashes was answered whole. A full one makes the next one larger."""
    if asked > memory.good:
        memory = replace(memory, good=asked)
    return grown(memory, most) if asked >= size(memory, most) else memory


def grown(memory: TrackerMemory, most: int) -> TrackerMemory:
    """A larger batch may be tried: below a limit that was found, half of the way to it."""
    now = size(memory, most)
    batch = min(2 * now, now + STEP, most)
    if memory.ceiling:
        batch = min(batch, max(now, (now + memory.ceiling + 1) // 2))
    return memory if batch == memory.batch else replace(memory, batch=batch)


def short(memory: TrackerMemory, asked: int, now: float) -> TrackerMemory:
    """A batch was answered for fewer hashes, or refused: half as many from now on, or as many as were answered before.

    Where a tracker leaves out what it does not know, that says nothing about larger batches.
    """
    batch = min(memory.batch, asked // 2)
    if memory.drops_unknown:
        return replace(memory, batch=max(1, batch))
    good = memory.good if memory.good < asked else 0
    ceiling = max(1, asked - 1)
    return replace(memory, batch=max(1, batch, good), good=good, ceiling=ceiling, ceiling_until=now + RELEARN)


def lost(memory: TrackerMemory, asked: int, now: float) -> TrackerMemory:
    """A batch that is larger than any before was met with silence: back to what was answered."""
    return replace(memory, batch=max(1, memory.good), ceiling=max(1, asked - 1), ceiling_until=now + RELEARN)


def empty(memory: TrackerMemory) -> TrackerMemory:
    """One hash was answered with nothing: it leaves out what it does not know, so no short answer told of a limit."""
    return memory if memory.drops_unknown else replace(memory, drops_unknown=True, ceiling=0, ceiling_until=0.0)


def in_order(memory: TrackerMemory) -> TrackerMemory:
    """A batch came back in the order that it was asked in."""
    return memory if memory.order is AnswerOrder.KEPT else replace(memory, order=AnswerOrder.KEPT)


def mixed_up(memory: TrackerMemory, now: float) -> TrackerMemory:
    """Its answers were found not to follow the order of the question: one hash a packet for a while."""
    pause = min(MAX_RECHECK, RECHECK * 2 ** min(memory.mixed, 10))
    return replace(memory, order=AnswerOrder.MIXED, mixed=memory.mixed + 1, mixed_until=now + pause)


def asked(memory: TrackerMemory, now: float, interval: float) -> TrackerMemory:
    """It was asked now, and wants this pause in seconds, 0 for none."""
    return replace(memory, not_before=now + interval if interval else 0.0)
