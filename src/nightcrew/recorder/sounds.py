"""Sounds that have playlists of their own: each is recorded beside its picture, with parts and a ledger of its own.

They are read by the picture's thread, one request after the other, so that one connection is enough. A sound that cannot be read
holds up neither the picture nor the other sounds: it is tried again, and what is missing of it is listed.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from nightcrew.recorder.hls import HlsReader, Over, Sink
from nightcrew.recorder.ledger import SOUND
from nightcrew.recorder.parts import Parts, SegmentData
from nightcrew.recorder.protection import Protected
from nightcrew.recorder.sharing import SharedSource
from nightcrew.recorder.source import Rendition, Unreadable
from nightcrew.recorder.window import LastSeen, Lost, SegmentWindow

AGAIN = 5.0
"""Seconds before a sound that cannot be read is tried again."""
LAST = 30.0
"""Seconds that the sounds may take to end after their picture has."""


class SoundKeeper(Protocol):
    """What a sound needs of the recording that it belongs to."""

    def open_parts(self, folder: Path) -> Parts | None:
        """Take up a ledger; None when the recording has to end first."""

    def append(self, parts: Parts, piece: SegmentData) -> None:
        """Append a piece, however long the disk is full."""

    def list_lost(self, parts: Parts, lost: Lost) -> None:
        """List what is missing."""

    def known(self, parts: Parts) -> LastSeen | None:
        """Where a ledger was left."""


class SoundReading:
    """One of them, over all connections."""

    def __init__(self, recording: SoundKeeper, sink: Sink, parts: Parts) -> None:
        self._recording, self._sink, self.parts = recording, sink, parts
        self.window = SegmentWindow(last=recording.known(parts))

    # -- what its reader asks --------------------------------------------------------------------------------------

    def check(self) -> None:
        """As of the picture."""
        self._sink.check()

    def rest(self, seconds: float) -> None:
        """As of the picture."""
        self._sink.rest(seconds)

    def write(self, piece: SegmentData) -> None:
        """Append a piece."""
        self._recording.append(self.parts, piece)

    def lost(self, lost: Lost) -> None:
        """List what is missing."""
        self._recording.list_lost(self.parts, lost)

    def anew(self, reason: str) -> None:
        """The numbering begins anew."""
        self.parts.begin_epoch(reason)

    def moved(self, at: float, target: float, reason: str) -> None:
        """How its playlist goes on is not told: the picture's is."""


class Sounds:
    """All of one recording."""

    def __init__(self, recording: SoundKeeper, sink: Sink, folder: Path) -> None:
        self._recording, self._sink, self._folder = recording, sink, folder
        self._known: dict[str, SoundReading] = {}

    def readers(self, shared: SharedSource) -> list[HlsReader]:
        """A reader for each that the source has now."""
        found: list[HlsReader] = []
        for one in shared.source.sounds:
            sound = self._of(one)
            if sound is not None:
                shelf = shared.shelf_of(one)
                found.append(HlsReader(shared.source, one.stream, sound.window, sound, shelf))
        return found

    def _of(self, one: Rendition) -> SoundReading | None:
        name = folder_of(one)
        if name not in self._known:
            parts = self._recording.open_parts(self._folder / name)
            if parts is None:
                return None
            parts.note(k="sound", language=one.language, name=one.name, default=one.default)
            self._known[name] = SoundReading(self._recording, self._sink, parts)
        return self._known[name]

    def give_up(self, reason: str) -> None:
        """What has not come yet will not: it is listed."""
        for sound in self._known.values():
            sound.window.give_up(reason)
            for step in sound.window.ready():
                if isinstance(step, Lost):
                    sound.lost(step)

    def close(self) -> None:
        """Let go of all files."""
        for sound in self._known.values():
            sound.parts.close()
        self._known.clear()


def folder_of(one: Rendition) -> str:
    """The same for the same sound: its language, its name, and a digest of both."""
    plain = re.sub(r"[^a-z0-9]+", "-", f"{one.language}-{one.name}".lower()).strip("-")[:30]
    digest = hashlib.sha256(f"{one.language}\0{one.name}".encode()).hexdigest()[:6]
    return f"{SOUND}{plain}-{digest}" if plain else f"{SOUND}{digest}"


def read_together(
    picture: HlsReader, sounds: Sequence[HlsReader], sink: Sink, clock: Callable[[], float] = time.monotonic
) -> None:
    """Read a picture and its sounds until all are over.

    Raises `Over`, `Protected` and `Unreadable` of the picture, and what the sink raises.
    """
    due: dict[HlsReader, float] = dict.fromkeys([picture, *sounds], 0.0)
    ended: float | None = None
    while due:
        sink.check()
        for reader in [one for one in due if due[one] <= clock()]:
            try:
                following = reader.turn(clock)
            except (Unreadable, Protected):
                if reader is picture:
                    raise
                reader.start_over(clock() + AGAIN)
                following = clock() + AGAIN
            if following is None:
                del due[reader]
            else:
                due[reader] = following
        if picture not in due:
            ended = ended or clock()
            if clock() - ended > LAST:
                break
        if due:
            sink.rest(max(0.0, min(due.values()) - clock()))
    raise Over(picture.end)
