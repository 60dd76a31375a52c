"""What the name of a release says. Pure.

The library parsett (MIT) knows hundreds of terms and takes about 4 ms a name. It is given what stands behind title and year only,
as it also finds its terms in titles ("Cam", "Ed Wood", "The French Dispatch"); title, year and kind are read by `heads`, source,
resolution and others by `marks`. It is imported when the first name is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from nightcrew.movies.releases import marks
from nightcrew.movies.releases.heads import read_head
from nightcrew.movies.releases.model import Head, Release
from nightcrew.movies.releases.tokens import plain

CACHED = 1 << 13
"""Releases that are kept: the answers of a hundred searches, some MB."""
_CODECS = {"avc": "h264", "hevc": "h265", "xvid": "xvid", "av1": "av1", "mpeg": "mpeg"}
_AUDIO = {
    "DTS Lossless": "dts-hd", "DTS Lossy": "dts", "Atmos": "atmos", "TrueHD": "truehd", "FLAC": "flac", "Dolby Digital Plus": "ddp",
    "Dolby Digital": "dd", "AAC": "aac", "PCM": "pcm", "OPUS": "opus", "MP3": "mp3",
}  # fmt: skip
_IN_BOTH = {"la": "es"}


@lru_cache(maxsize=CACHED)
def read(name: str) -> Release:
    """What a name says. Takes about 4 ms for a name that was not read before; names of more than 300 characters are cut."""
    head = read_head(name)
    found = _terms(head.tail) if head.tail else {}
    tail = head.tail
    resolution = marks.resolution_of(tail)
    source = marks.source_of(tail)
    return Release(
        head=head,
        resolution=resolution,
        source=source,
        codec=_CODECS.get(str(found.get("codec", "")), str(found.get("codec", ""))),
        audio=tuple(sorted({_AUDIO[one] for one in found.get("audio", ()) if one in _AUDIO})),
        channels=str(next(iter(found.get("channels", ())), "")),
        hdr=marks.hdr_of(tail),
        bits=_number(str(found.get("bit_depth", ""))),
        languages=_languages(found.get("languages", ())),
        edition=marks.edition_of(tail),
        group=marks.group_of(plain(name), tail),
        service=str(found.get("network", "")),
        proper=marks.proper_of(tail),
        **{flag: bool(mark.search(tail)) for flag, mark in marks.FLAGS.items()},
    )


def read_many(names: Iterable[str]) -> list[Release]:
    """The same for many names. It holds the processor: call it in `asyncio.to_thread`."""
    return [read(name) for name in names]


def read_heads(names: Iterable[str]) -> list[Head]:
    """Title, year and kind of many names, some hundred times as quick: enough to judge whether they are the film."""
    return [read_head(name) for name in names]


def _terms(tail: str) -> dict[str, Any]:
    """What the library finds behind a title that has none of its terms."""
    from PTT import parse_title

    found: dict[str, Any] = parse_title(f"Qwrty.1950.{marks.SUBTITLES.sub('', tail).lstrip('. -')}")
    return found


def _languages(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({_IN_BOTH.get(one, one) for one in found}))


def _number(text: str) -> int:
    digits = text.removesuffix("bit")
    return int(digits) if digits.isdecimal() else 0
