"""The guide reader processes of this node: one for each guide that is read. What they send is checked like a stranger's word."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, BinaryIO, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from nightcrew.frames import LENGTH
from nightcrew.guidereader.moments import LONGEST_NAME, MOST_UNKNOWN
from nightcrew.guidereader.wire import (
    BATCH,
    BATCH_TEXT,
    MAX_ATTRIBUTES,
    MAX_BODY,
    MAX_FRAME,
    MAX_ICON,
    MAX_LENGTH,
    MAX_REASON,
    MAX_TEXT,
    GuideChannel,
    Programme,
    ReadingOrder,
)
from nightcrew.kernel.errors import GiveUp, Retry
from nightcrew.kernel.pool import Pool
from nightcrew.kernel.processes import Child, Command
from nightcrew.playlists.formats import xmltv
from nightcrew.playlists.rules import printable

AT_ONCE = 6
"""Guides that are read at a time."""
CPU, CPU_PER_MIB = 20, 1.0
"""Seconds of processor time for a guide, and more for each MiB of it: 20 times what an honest one takes on a slow core."""
SILENCE = 900.0
"""Seconds for which a reader may find nothing: it gives way to everything else that this machine does."""
GROWTH = 8
"""How many bytes come at most for each byte of the document: a euro sign of one byte has three, and a title comes twice."""

_PLAIN = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x{fffe}\x{ffff}]*$"
"""What XML can say at all, as pydantic writes it."""
_Text = Annotated[str, StringConstraints(max_length=MAX_TEXT, pattern=_PLAIN)]
_Icon = Annotated[str, StringConstraints(max_length=MAX_ICON, pattern=_PLAIN)]
_Zone = Annotated[str, StringConstraints(max_length=LONGEST_NAME, pattern=r"^[A-Za-z0-9_+/-]+$")]
_Body = Annotated[str, StringConstraints(max_length=MAX_BODY)]
_Attributes = Annotated[str, StringConstraints(max_length=MAX_ATTRIBUTES)]


class _Found(BaseModel):
    """A frame with what was found."""

    model_config = ConfigDict(strict=True, extra="forbid")
    channels: list[tuple[_Text, _Text, _Icon, _Body]]
    programmes: list[tuple[_Text, int, int, _Text, _Body, _Attributes]]


class _End(BaseModel):
    """The last frame."""

    model_config = ConfigDict(strict=True, extra="forbid")
    end: Literal["whole", "later", "never"]
    reason: Annotated[str, Field(max_length=MAX_REASON)]
    left_out: Annotated[int, Field(ge=0, lt=1 << 31)] = 0
    zones: Annotated[list[_Zone], Field(max_length=MOST_UNKNOWN)] = Field(default_factory=list)


_FRAME: TypeAdapter[_Found | _End] = TypeAdapter(_Found | _End)


@dataclass(frozen=True, slots=True)
class Batch:
    """Some channels and programmes of a guide, in their order."""

    channels: list[GuideChannel]
    programmes: list[Programme]
    left_out: int = 0
    """In the last one, elements that could not be read."""
    zones: tuple[str, ...] = ()
    """In the last one, zones of times that nobody knows."""


class ReaderDied(Retry):
    """The reader crashed, hung, or sent what no reader sends."""


class Readers(Pool):
    """Reads guides in processes. `program` is what one is started with."""

    def __init__(self, program: tuple[str, ...] | None = None) -> None:
        super().__init__("guide reader", at_once=AT_ONCE)
        self._program = program or (sys.executable, "-m", "nightcrew.guidereader")

    @contextlib.asynccontextmanager
    async def reading(
        self, file: BinaryIO, *, after: datetime, before: datetime, charset: str = ""
    ) -> AsyncIterator[AsyncIterator[Batch]]:
        """Batches of a guide's channels, and of its programmes that run between two moments, until the end of the block.

        They raise `Retry` for a guide that may be whole later, and `GiveUp` for one that is not read.
        """
        size = await asyncio.to_thread(_size, file)
        order = ReadingOrder(CPU + int(size / (1 << 20) * CPU_PER_MIB), after, before, charset)
        command = Command((*self._program, str(os.getpid()), *order.arguments()), grace=0, stdin=file.fileno())
        failed: Retry | GiveUp | None = None
        async with self.one(command) as child:
            try:
                async with contextlib.aclosing(_batches(child, order, GROWTH * size + MAX_FRAME)) as batches:
                    yield batches
            except ReaderDied:
                raise
            except (Retry, GiveUp) as exc:  # the guide is to blame, so the next one need not wait
                failed = exc
        if failed is not None:
            raise failed


def _size(file: BinaryIO) -> int:
    file.flush()
    return os.fstat(file.fileno()).st_size


async def _batches(child: Child, order: ReadingOrder, most: int) -> AsyncGenerator[Batch]:
    """What a reader finds, at most `most` bytes of it, and no more batches than it takes."""
    full = True
    while True:
        payload = await _payload(child, order.cpu)
        most -= len(payload)
        try:
            if most < 0:
                raise ValueError("more than a document of this size can hold")
            told = await asyncio.to_thread(_checked, payload, order)
            if isinstance(told, Batch) and not full:
                raise ValueError("a batch behind the last one")
        except ValueError as exc:
            raise ReaderDied("the guide could not be read: its reader sent what no reader sends") from exc
        if isinstance(told, Batch):
            full = len(payload) > BATCH_TEXT or len(told.channels) + len(told.programmes) >= BATCH
            yield told
        elif told.end == "whole":
            if told.left_out or told.zones:
                yield Batch([], [], told.left_out, tuple(told.zones))
            return
        else:
            reason = printable(told.reason) or "the guide cannot be read"
            raise GiveUp(reason) if told.end == "never" else Retry(reason)


async def _payload(child: Child, cpu: int) -> bytes:
    """The next frame's content."""
    try:
        async with asyncio.timeout(SILENCE):
            (size,) = LENGTH.unpack(await child.stdout.readexactly(LENGTH.size))
            if size > MAX_FRAME:
                raise ReaderDied("the guide could not be read: its reader sent what no reader sends")
            return await child.stdout.readexactly(size)
    except TimeoutError as exc:
        raise ReaderDied(f"the guide could not be read: its reader was silent for {SILENCE:g} s and was ended") from exc
    except (OSError, EOFError) as exc:
        how = await child.end()
        if child.code == -signal.SIGXCPU:
            raise GiveUp(f"the guide takes more than {cpu} s of processor time to read, so it is not read") from exc
        words = child.last_words().rpartition(" | ")[2]
        raise ReaderDied(
            f"the guide could not be read: its reader died, {how}{f' ({words})' if words else ''}"
        ) from exc


def _checked(payload: bytes, order: ReadingOrder) -> Batch | _End:
    """A frame whose words are what they claim to be. Raises ValueError."""
    told = _FRAME.validate_json(payload)
    if isinstance(told, _End):
        return told
    low, high = ((moment.timestamp()) for moment in (order.after - MAX_LENGTH, order.before + MAX_LENGTH))
    channels, programmes = [], []
    for guide_id, name, icon, body in told.channels:
        if not xmltv.is_whole(body):
            raise ValueError("no channel")
        channels.append(GuideChannel(guide_id, name, icon, xmltv.with_pictures(xmltv.web_only(body))))
    for guide_id, start, stop, title, body, attributes in told.programmes:
        if not (low <= start < stop <= high and xmltv.is_whole(body) and xmltv.are_attributes(attributes)):
            raise ValueError("no programme")
        moments = datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(stop, UTC)
        programmes.append(Programme(guide_id, *moments, title, xmltv.web_only(body), attributes))
    return Batch(channels, programmes)
