"""Looks into what is recorded: which streams a piece holds, how each is set up, and what came of it. Pure, but for its memory.

A stream's set-up is read where a packet of it begins, so that a piece in which it changes says at which byte.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Protocol

from nightcrew.recorder import fmp4, packed, parameters
from nightcrew.transport import id3, psi, ts
from nightcrew.transport.elementary import Count, ElementaryStream, Inspected, Table

OPENING = 640
"""Bytes of a picture's beginning in which its parameter sets stand."""
NEAR = 600
"""Packets behind the beginning of a picture among which its next ones are looked for."""
PRESENT = "present"
"""The set-up of a codec that is not read here, once something of it has come."""
MAX_PROGRAMMES = 16
_READ = frozenset({"aac", "mp2", "mp3", "ac3", "eac3", "h264", "hevc", "mpeg1video", "mpeg2video"})


class Inspector(Protocol):
    """Of one kind of container."""

    suffix: str
    """What a file of such pieces is called."""

    def inspect(self, body: bytes, init: bytes, seconds: float) -> Inspected:
        """A piece, and the init section that belongs to it."""


def inspector_of(body: bytes, init: bytes) -> Inspector | None:
    """Who can look into such pieces; None for what is none of those."""
    if init:
        return Fragments()
    if ts.aligned(body):
        return Packets()
    codec = packed.codec_of(body)
    return Frames(codec) if codec else None


class Packets:
    """Transport streams."""

    suffix = ".ts"

    def __init__(self) -> None:
        self._maps: tuple[int, ...] = ()
        """The PIDs of the programmes' maps."""
        self._listed: dict[int, list[ElementaryStream]] = {}
        """What each map lists."""
        self._raw: dict[int, bytes] = {}
        """The first packet of each table as it came last."""
        self._set_up: dict[tuple[int, str], str] = {}
        """How the streams are set up, by PID and codec."""
        self._noted: Table = ()

    def inspect(self, body: bytes, init: bytes = b"", seconds: float = 0.0) -> Inspected:
        """See `Inspector`. Bytes that are no packets hold nothing that is known."""
        del init, seconds
        if not ts.aligned(body):
            return Inspected({}, pictures=None)
        counts: dict[int, Count] = {}
        changes: list[tuple[int, Table]] = []
        video: int | None = None
        for begin, end, listed in self._spans(body):
            video = next((one.id for one in listed if one.kind == "video"), video)
            changes += self._span(body, begin, end, listed, counts)
        known = self._maps and all(pid in self._listed for pid in self._maps)
        pictures = None if not known else counts[video].packets if video in counts and video is not None else 0
        return Inspected({pid: one for pid, one in counts.items() if one.packets}, self._news(changes), pictures)

    def _span(
        self, body: bytes, begin: int, end: int, listed: Table, counts: dict[int, Count]
    ) -> list[tuple[int, Table]]:
        """Count what begins in a range whose tables are the same; returns how its streams are set up there, from where on.

        What nothing came of before, there or at all, is set up so from the range's beginning on.
        """
        now, places = dict(self._set_up), dict[int, dict[tuple[int, str], str]]()
        for stream in listed:
            key = stream.id, stream.codec
            begins = [at for at in ts.starts(body, stream.id) if begin <= at < end]
            _count(counts.setdefault(stream.id, Count()), body, begins)
            for at, config in self._set_ups(body, stream, begins):
                from_here = key in self._set_up and at != begins[0]
                places.setdefault(at if from_here else begin, {})[key] = config
                self._set_up[key] = config
        found: list[tuple[int, Table]] = []
        for at in sorted({begin, *places}):
            now.update(places.get(at, {}))
            found.append((at, tuple(replace(one, config=now.get((one.id, one.codec), "")) for one in listed)))
        return found

    def _set_ups(self, body: bytes, stream: ElementaryStream, begins: list[int]) -> Iterator[tuple[int, str]]:
        """Where a stream is set up otherwise than before, and how."""
        if stream.kind == "subtitle":
            return
        now = self._set_up.get((stream.id, stream.codec), "")
        for at in begins:
            config = self._set_up_at(body, stream, at, known=bool(now))
            if config and config != now:
                now = config
                yield at, config

    def _set_up_at(self, body: bytes, stream: ElementaryStream, at: int, *, known: bool) -> str:
        """What a packet that begins there says of it, if it does."""
        if stream.codec not in _READ:
            return PRESENT
        if stream.kind == "audio":
            return parameters.of(stream.codec, ts.opening(body, at, stream.id, parameters.HEADER, NEAR))
        if known and not ts.begins_clean(body[at : at + ts.PACKET]):
            return ""
        return parameters.of(stream.codec, ts.opening(body, at, stream.id, OPENING, NEAR))

    def _news(self, changes: list[tuple[int, Table]]) -> tuple[tuple[int, Table], ...]:
        """Those that say something new."""
        found: list[tuple[int, Table]] = []
        for at, table in changes:
            if table and table != self._noted:
                self._noted = table
                found.append((at, table))
        return tuple(found)

    # -- the tables ------------------------------------------------------------------------------------------------

    def _spans(self, body: bytes) -> list[tuple[int, int, Table]]:
        """The ranges of a piece over which its tables are the same, and the streams that they list."""
        self._associate(body)
        places = [(0, self._streams())]
        begun = sorted((at, pid) for pid in self._maps for at in ts.starts(body, pid))
        for at, pid in begun:
            if self._read(body, pid, at) and (table := self._streams()) != places[-1][1]:
                if len(places) == 1 and not _any_begins(body, at, {*places[0][1], *table}):
                    places = [(0, table)]  # nothing of a stream came before the first table
                else:
                    places.append((at, table))
        ends = [*(at for at, _ in places[1:]), len(body)]
        return [(at, end, table) for (at, table), end in zip(places, ends, strict=True)]

    def _associate(self, body: bytes) -> None:
        at = next(ts.starts(body, psi.ASSOCIATION_PID), None)
        section = None if at is None else self._section(body, psi.ASSOCIATION_PID, at, psi.ASSOCIATION)
        if section is not None:
            self._maps = tuple(islice(psi.map_pids(section), MAX_PROGRAMMES))

    def _read(self, body: bytes, pid: int, at: int) -> bool:
        """Read a programme's map; returns whether it is another one than before."""
        section = self._section(body, pid, at, psi.MAP)
        if section is not None:
            self._listed[pid] = psi.streams(section)
        return section is not None

    def _section(self, body: bytes, pid: int, at: int, kind: int) -> bytes | None:
        """The table that begins at a packet; None for the one that came last."""
        carried = ts.payload(body[at : at + ts.PACKET])
        if self._raw.get(pid) == carried:
            return None
        section, _ = ts.table_at(body, pid, at, kind)
        if section is not None:
            self._raw[pid] = carried
        return section

    def _streams(self) -> Table:
        return tuple(stream for pid in self._maps for stream in self._listed.get(pid, ()))


def _any_begins(body: bytes, end: int, streams: set[ElementaryStream]) -> bool:
    return any(next(ts.starts(body[:end], one.id), None) is not None for one in streams)


def _count(count: Count, body: bytes, begins: list[int]) -> None:
    """Packets that begin at `begins`, and their times."""
    count.packets += len(begins)
    times = [at for start in begins if (at := ts.time_of(body[start : start + ts.PACKET])) is not None]
    if not times:
        return
    offsets = [ts.later(at, times[0]) for at in times]
    first, last = min(offsets), max(offsets)
    length = (last - first) / (len(times) - 1) if len(times) > 1 else 0.0
    count.first = times[0] + first if count.first is None else count.first
    count.last = times[0] + last + length


class Fragments:
    """Fragmented MP4."""

    suffix = ".mp4"

    def __init__(self) -> None:
        self._digest = b""
        self._tracks: tuple[fmp4.Track, ...] = ()

    def inspect(self, body: bytes, init: bytes, seconds: float = 0.0) -> Inspected:
        """See `Inspector`."""
        del seconds
        changes: tuple[tuple[int, Table], ...] = ()
        digest = hashlib.sha256(init).digest()
        if digest != self._digest:
            self._digest, self._tracks = digest, fmp4.tracks(init)
            changes = ((0, tuple(one.stream for one in self._tracks)),)
        counts = fmp4.counts(body, self._tracks)
        if counts is None:
            return Inspected({}, changes, None)
        video = next((one.stream.id for one in self._tracks if one.stream.kind == "video"), None)
        pictures = 0 if video is None else counts[video].packets if video in counts else 0
        return Inspected(counts, changes, pictures)


class Frames:
    """Sound without a container, as some HLS segments are. `codec`: FFmpeg's name."""

    def __init__(self, codec: str) -> None:
        self.suffix = packed.SUFFIXES[codec]
        self._codec = codec
        self._noted: Table = ()

    def inspect(self, body: bytes, init: bytes, seconds: float) -> Inspected:
        """See `Inspector`. A segment may begin with a tag, which is not counted."""
        del init
        changes: list[tuple[int, Table]] = []
        total = 0
        for at, config, frames in packed.stretches(self._codec, body):
            total += frames
            table = (ElementaryStream(0, "audio", self._codec, config or PRESENT),)
            if table != self._noted:
                self._noted = table
                changes.append((at, table))
        first = id3.tag_time(body)
        return Inspected(
            {0: Count(total, first, None if first is None else first + seconds)}, tuple(changes), pictures=0
        )
