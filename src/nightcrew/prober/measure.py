"""Looks into one stream: what it is, how many bits it takes, and whether it shows and sounds like a living channel.

Small probe sizes make libav's answers wrong (a size of 0 x 0), so its own limits stay as they are; only the frames that it
counts to guess a frame rate are fewer, which saves up to a second of a live stream. Only key frames are decoded: they find
the same frozen pictures as all frames, for a fifth of the work.
"""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from nightcrew.containers import FORMATS
from nightcrew.prober import bits
from nightcrew.prober.feed import StreamBytes
from nightcrew.prober.picture import SeenPictures, Sound
from nightcrew.prober.wire import ProbeReport, ProbeTask
from nightcrew.transport import ts
from nightcrew.transport.framing import Plain, framing

OPTIONS = {"fpsprobesize": "2", "format_whitelist": FORMATS, "protocol_whitelist": "none"}
BUFFER = 188 * 64
LENIENT: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}
"""A title that is not UTF-8 must not end the look. PyAV 19 always reads on, and no longer has the option."""
GAP = 5.0
"""Seconds between two packets beyond which the clock has jumped."""
APART = 0.9
"""Seconds that two pictures must be apart for telling whether anything moves."""
KEYLESS = 4.0
"""Seconds without a key frame after which the frames since the last one are decoded too."""
MAX_GROUP = 1_500
"""Packets that are kept since a key frame."""
FRESH_CLOCK = 20.0
"""Seconds below which a stream's clock has just begun: a file that is sent from its beginning, or an encoder that was started now.
The clock of a channel stands anywhere within a day (ISO/IEC 13818-1: 33 bits of 1/90,000 s)."""
RATE_FRAMES = 12
"""Video packets after which a missing frame rate is taken from their times."""


def measure(feed: StreamBytes, ask: ProbeTask) -> ProbeReport:
    """Read as much as it takes. Whatever the bytes do, there is a report, or the process dies."""
    try:
        container = av.open(feed, "r", options=OPTIONS, buffer_size=BUFFER, **LENIENT)
    except (av.FFmpegError, EOFError, ValueError) as exc:
        said = "too little data came to tell what it is" if feed.late else "nothing in it can be decoded"
        return ProbeReport(wall=feed.wall, ended=feed.ended, late=feed.late, error=said, notes=(type(exc).__name__,))
    with container:
        return _Look(container, feed, ask).report()


class _Look:
    def __init__(self, container: InputContainer, feed: StreamBytes, ask: ProbeTask) -> None:
        self._container, self._feed, self._ask = container, feed, ask
        self._video = _shown(container)
        self._sounds = [stream for stream in container.streams.audio if _has_decoder(stream)]
        if self._video is not None and len(container.streams.video) > 1:
            mates = _programme_of(self._video.id, bytes(feed.head))
            self._sounds = [sound for sound in self._sounds if not mates or sound.id in mates]
        self._pictures, self._sound = SeenPictures(ask.still, _aspect(self._video)), Sound()
        self._flow = Flow()
        self._group: list[Packet[Any]] = []
        """The video since the last key frame, for when no other key frame comes."""
        self._steps: list[float] = []
        self._broken = 0
        self._torn = ""
        """Why the bytes made no sense any more before enough was seen."""
        video = self._video
        seen = (_codec(video), video.codec_context.width, video.codec_context.height) if video is not None else None
        self._sample = 0.0 if ask.known is not None and ask.known == seen else ask.sample

    def report(self) -> ProbeReport:
        """All that can be told."""
        video, audio = self._video, next(iter(self._sounds), None)
        if self._sample or (video is not None and not _rate(video)):
            self._read()
        notes = (f"{self._broken} pictures could not be decoded",) if self._broken else ()
        sampled = self._sample > 0
        return ProbeReport(
            container=self._container.format.name.partition(",")[0],
            video_codec=_codec(video) or _unknown(self._container.streams.video),
            width=video.codec_context.width if video is not None else 0,
            height=video.codec_context.height if video is not None else 0,
            fps=round(self._fps(), 3),
            audio_codec=_codec(audio) or _unknown(self._container.streams.audio),
            sample_rate=audio.codec_context.sample_rate if audio is not None else 0,
            channels=audio.codec_context.channels if audio is not None else 0,
            kbps=round(self._flow.kbps, 1) if sampled else 0.0,
            seconds=round(self._flow.seconds, 3),
            wall=round(self._feed.wall, 3),
            pictures=self._pictures.count,
            frozen=self._frozen() if sampled else None,
            black=None if not self._pictures.count else not self._pictures.light,
            silent=not self._sound.heard if sampled and self._sound.frames else None,
            ended=self._feed.ended,
            late=self._feed.late,
            loop=round(self._pictures.loop, 1) if self._may_loop() else 0.0,
            still=self._pictures.still,
            notes=notes,
            error=self._torn,
        )

    def _read(self) -> None:
        wanted = [*([self._video] if self._video is not None else []), *self._sounds]
        if not wanted:
            return
        if self._video is not None:
            self._video.codec_context.thread_count = 1
        with contextlib.suppress(av.FFmpegError, EOFError):
            for packet in self._container.demux(*wanted):
                if packet.dts is None:
                    continue
                self._take(packet)
                if self._enough():
                    return
        if not (self._feed.ended or self._feed.late):
            self._torn = f"after {self._flow.seconds:.1f} s its data made no sense"
        if self._feed.ended and self._pictures.count == 1 and self._wants_picture():
            self._decode_group()  # a short film with one key frame

    def _take(self, packet: Packet[Any]) -> None:
        step = self._flow.add(packet)
        if packet.stream is self._video:
            if 0 < step < GAP and len(self._steps) < 4 * RATE_FRAMES:
                self._steps.append(step)
            if self._sample and self._wants_picture():
                self._see(packet)
        elif self._sample and not self._sound.heard:
            for frame in _frames(packet):
                self._sound.add(frame)

    def _see(self, packet: Packet[Any]) -> None:
        """Decode a key frame at once; other frames only when no key frame has come for a while."""
        if packet.is_keyframe:
            self._group = [packet]
            self._decode([packet])
            return
        self._group.append(packet)
        if len(self._group) > MAX_GROUP:
            self._group.clear()
        elif self._flow.seconds - self._pictures.at > KEYLESS:
            self._decode_group()

    def _decode_group(self) -> None:
        """All frames since the last key frame, of which the last one counts."""
        self._decode(self._group)
        self._group = []
        self._pictures.at = self._flow.seconds

    def _decode(self, packets: list[Packet[Any]]) -> None:
        """Decode from a clean start to the end, and look at the last picture."""
        if self._video is None:
            return
        decoder, last = self._video.codec_context, None
        for packet in [*packets, None]:
            try:
                for frame in decoder.decode(packet):
                    last = frame
            except av.FFmpegError:
                continue
        decoder.flush_buffers()
        if last is None:
            self._broken += 1
        else:
            self._pictures.add(last, self._flow.seconds)

    def _wants_picture(self) -> bool:
        """Whether another picture may still change what is said."""
        doubt = not self._pictures.count
        return (
            doubt
            or (self._ask.stillness and not self._pictures.moving)
            or (self._ask.blackness and not self._pictures.light)
            or self._may_loop()
        )

    def _may_loop(self) -> bool:
        """Whether it may be a clip which is shown again and again: its clock says so, or its picture has few bits for its size."""
        video = self._video
        if video is None or not self._ask.loops or self._flow.seconds < 1.0:
            return False
        fresh = self._flow.is_fresh and self._container.format.name == "mpegts"  # others begin with 0 for every viewer
        if self._ask.suspect or self._flow.went_back or fresh:
            return True
        context = video.codec_context
        return bits.share(_codec(video), context.width, context.height, self._fps(), self._flow.kbps) < 1.0

    def _enough(self) -> bool:
        if not self._sample:
            return len(self._steps) >= RATE_FRAMES
        seconds = self._flow.seconds
        if seconds < self._sample or self._feed.wall < self._ask.least:
            return False
        return seconds >= self._ask.doubt or not self._doubtful()

    def _doubtful(self) -> bool:
        """Whether a longer look may change what is said."""
        silent = self._ask.silence and bool(self._sounds) and not self._sound.heard
        slow = self._flow.seconds < 0.9 * self._feed.wall
        return silent or slow or (self._video is not None and self._wants_picture())

    def _frozen(self) -> bool | None:
        """None when there were no two pictures far enough apart."""
        if self._pictures.moving:
            return False
        return True if self._pictures.count > 1 and self._pictures.apart >= APART else None

    def _fps(self) -> float:
        if self._video is None:
            return 0.0
        known = _rate(self._video)
        if known or len(self._steps) < RATE_FRAMES // 2:
            return known
        step = statistics.median(self._steps)
        return 1 / step if step > 0 else 0.0


class Flow:
    """Bytes over media time. A clock that jumps or runs backwards adds nothing."""

    def __init__(self) -> None:
        self._last: dict[int, float] = {}
        self._spans: dict[int, float] = {}
        self._bytes = 0
        self.is_fresh = self.went_back = False
        """Whether its clock has just begun, and whether it has gone back."""

    def add(self, packet: Packet[Any]) -> float:
        """Count a packet; returns the seconds since the last one of its stream."""
        index, at = packet.stream.index, float((packet.dts or 0) * packet.time_base)
        step = at - self._last.get(index, at)
        self.is_fresh = self.is_fresh or (index not in self._last and 0 <= at < FRESH_CLOCK)
        self.went_back = self.went_back or step < -1.0
        self._last[index] = at
        self._spans[index] = self._spans.get(index, 0.0) + (step if 0 < step < GAP else 0.0)
        self._bytes += packet.size
        return step

    @property
    def seconds(self) -> float:
        """Media time seen, of the stream that went furthest."""
        return max(self._spans.values(), default=0.0)

    @property
    def kbps(self) -> float:
        """Kilobits a second of media time, all streams together."""
        return self._bytes * 8 / 1000 / self.seconds if self.seconds > 0 else 0.0


def _shown(container: InputContainer) -> VideoStream | None:
    """The largest video that is no cover picture, and that can be decoded."""
    found = [stream for stream in container.streams.video if not _is_cover(stream) and _has_decoder(stream)]
    return max(found, key=lambda s: s.codec_context.width * s.codec_context.height, default=None)


def _programme_of(pid: int, head: bytes) -> frozenset[int]:
    """What belongs to one programme with a stream; empty where nothing tells."""
    found = framing(head[:1024])
    if found is None:
        return frozenset()
    return next((one for one in ts.programmes(Plain(*found).feed(head)) if pid in one), frozenset())


def _has_decoder(stream: VideoStream | AudioStream) -> bool:
    """libav knows some codecs by name only; then there is no context, whatever the types say."""
    return getattr(stream, "codec_context", None) is not None


def _unknown(streams: Sequence[VideoStream | AudioStream]) -> str:
    """The name of a codec that has none here; empty when there is no such stream."""
    return "unknown" if any(not _has_decoder(stream) for stream in streams) else ""


def _aspect(video: VideoStream | None) -> Fraction:
    """A pixel's width to its height; 1 where it is not said, or nonsense."""
    said = video.codec_context.sample_aspect_ratio if video is not None else None
    return said if said and Fraction(1, 5) < said < 5 else Fraction(1)


def _is_cover(stream: VideoStream) -> bool:
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _rate(video: VideoStream) -> float:
    """Frames a second as the headers say; 0 when they do not, or say nonsense."""
    for rate in (video.average_rate, video.guessed_rate, video.codec_context.framerate):
        if rate and 1 <= rate <= 240:
            return float(rate)
    return 0.0


def _codec(stream: VideoStream | AudioStream | None) -> str:
    return stream.codec_context.codec.canonical_name if stream is not None else ""


def _frames(packet: Packet[AudioStream]) -> Iterator[av.AudioFrame]:
    try:
        yield from packet.decode()
    except av.FFmpegError:
        return
