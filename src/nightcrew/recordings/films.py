"""The films of a recording as its row knows them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nightcrew.recorder.ledger import Tally
from nightcrew.transport.elementary import Kind

KINDS: dict[Kind, str] = {"video": "Video", "audio": "Audio", "subtitle": "Subtitles"}
CODECS = {
    "mpeg1video": "MPEG-1",
    "mpeg2video": "MPEG-2",
    "mpeg4": "MPEG-4",
    "h264": "H.264",
    "vc1": "VC-1",
    "aac_latm": "AAC (LATM)",
    "ac3": "AC-3",
    "eac3": "E-AC-3",
    "truehd": "TrueHD",
    "dvb_subtitle": "DVB",
    "dvb_teletext": "teletext",
    "arib_caption": "ARIB",
    "webvtt": "WebVTT",
}
"""What people call them, where that is not FFmpeg's name in capitals."""


@dataclass(frozen=True, slots=True)
class FilmFile:
    """A finished file. `start`: seconds after the recording's beginning; `streams`: what it holds, in words."""

    name: str
    bytes: int
    start: float
    seconds: float
    streams: tuple[str, ...] = ()

    def row(self) -> dict[str, Any]:
        """As it is stored."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class RecordedStream:
    """A stream that was recorded, as it was set up: its packets, and seconds of its own clock."""

    kind: Kind
    codec: str
    config: str
    language: str
    packets: int
    seconds: float

    def row(self) -> dict[str, Any]:
        """As it is stored."""
        return asdict(self)

    @property
    def words(self) -> str:
        """For people."""
        return described(self.kind, self.codec, self.config, self.language)


def films_of(stored: Sequence[Mapping[str, Any]] | None) -> tuple[FilmFile, ...]:
    """What a row says of them."""
    return tuple(FilmFile(**{**one, "streams": tuple(one["streams"])}) for one in stored or ())


def streams_of(stored: Sequence[Mapping[str, Any]] | None) -> tuple[RecordedStream, ...]:
    """What a row says of them."""
    return tuple(RecordedStream(**one) for one in stored or ())


def streams_in(tally: Tally) -> list[dict[str, Any]]:
    """The streams of a ledger, as they are stored."""
    return [
        RecordedStream(one.kind, one.codec, one.config, one.language, total.packets, round(total.seconds, 3)).row()
        for one, total in tally.streams.items()
    ]


def described(kind: Kind, codec: str, config: str, language: str) -> str:
    """A stream in words: "Video H.264 1280x720", "Audio AAC 48000 Hz, 2 channels (deu)"."""
    config = "" if config == "present" else config.partition(" #")[0]
    return " ".join(
        filter(None, [KINDS[kind], CODECS.get(codec, codec.upper()), config, f"({language})" if language else ""])
    )
