"""What a guide reader says to the server, in frames (`frames.py`) of JSON.

Frames with channels and programmes come first, in the order of the document; the last frame says how it ended. Whoever
reads them trusts nothing: the process has read a stranger's bytes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from nightcrew.frames import framed

MAX_FRAME = 2 << 20
"""Bytes of the largest frame that is read."""
BATCH, BATCH_TEXT = 1_000, 256 << 10
"""Channels and programmes of a frame, or characters of text: one that has neither is the last before the end."""
MAX_TEXT = 300
"""Characters of a guide id, a name and a title."""
MAX_ICON = 1_000
MAX_ATTRIBUTES = 2_000
"""Characters of a programme's attributes."""
MAX_BODY = 16_384
"""Characters of one programme's children; more is cut to its title."""
MAX_LENGTH = timedelta(days=2)
"""How long a programme lasts at most."""
MAX_REASON = 300


@dataclass(frozen=True, slots=True)
class GuideChannel:
    """A channel as a programme guide names it. `body` holds its child elements as XML text, already checked and escaped."""

    guide_id: str
    name: str
    icon: str
    body: str = ""


@dataclass(frozen=True, slots=True)
class Programme:
    """One broadcast. Times are aware UTC; `body` holds the child elements as XML text, already checked and escaped.

    `attributes`: those besides times and channel, such as ` catchup-id="7"`, likewise.
    """

    guide_id: str
    start: datetime
    stop: datetime
    title: str
    body: str
    attributes: str = ""


@dataclass(frozen=True, slots=True)
class ReadingEnd:
    """How reading ended: the document is whole, may be whole "later", or will "never" be read; `reason` says why.

    `left_out`: elements of a whole one that could not be read. `zones`: those of its times that nobody knows.
    """

    end: Literal["whole", "later", "never"]
    reason: str = ""
    left_out: int = 0
    zones: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadingOrder:
    """What a reader is started with: seconds of processor time, and the moments between which programmes count."""

    cpu: int
    after: datetime
    before: datetime
    charset: str = ""
    """What a person says that it is written in."""

    def arguments(self) -> tuple[str, ...]:
        """As arguments of a process."""
        return str(self.cpu), self.after.isoformat(), self.before.isoformat(), self.charset


def order_of(arguments: list[str]) -> ReadingOrder:
    """The order that a process was started with. Raises ValueError."""
    cpu, after, before, charset = arguments
    return ReadingOrder(int(cpu), datetime.fromisoformat(after), datetime.fromisoformat(before), charset)


def found_frame(channels: list[GuideChannel], programmes: list[Programme]) -> bytes:
    """Some channels and programmes; times are seconds since 1970."""
    return json_frame(
        {
            "channels": [(one.guide_id, one.name, one.icon, one.body) for one in channels],
            "programmes": [
                (
                    one.guide_id,
                    int(one.start.timestamp()),
                    int(one.stop.timestamp()),
                    one.title,
                    one.body,
                    one.attributes,
                )
                for one in programmes
            ],
        }
    )


def end_frame(end: ReadingEnd) -> bytes:
    """How it ended."""
    said = {"end": end.end, "reason": end.reason[:MAX_REASON], "left_out": end.left_out, "zones": end.zones}
    return json_frame(said)


def json_frame(value: object) -> bytes:
    """A value as a frame of JSON."""
    return framed(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"))
