"""HLS master playlists (RFC 8216, 4.3.4): the variants that they offer, and which of them is the best. Pure."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urljoin, urlsplit

from nightcrew.playlists.formats.hls import attributes
from nightcrew.playlists.rules import digest

MOST_LINES = 5_000
MOST_RENDITIONS = 32


@dataclass(frozen=True, slots=True)
class Variant:
    """One EXT-X-STREAM-INF of an HLS master playlist (RFC 8216, 4.3.4.2). 0 and empty stand for not named.

    `audio` is the group of renditions that its sound is one of, `subtitles` that of its subtitles.
    """

    url: str
    height: int = 0
    fps: float = 0.0
    bandwidth: int = 0
    audio: str = field(default="", compare=False)
    subtitles: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class SoundRendition:
    """One EXT-X-MEDIA of the type AUDIO (RFC 8216, 4.3.4.1). Without `url` its sound is in the variants' own segments."""

    group: str
    name: str
    language: str = ""
    url: str = ""
    default: bool = False


@dataclass(frozen=True, slots=True)
class SubtitleRendition:
    """One EXT-X-MEDIA of the type SUBTITLES (RFC 8216, 4.3.4.1)."""

    group: str
    name: str
    url: str
    language: str = ""
    default: bool = False
    forced: bool = False


Measured = tuple[int, float]
"""Height in lines and frames a second, as a probe found them."""


def parse_master(text: str, base: str) -> list[Variant]:
    """The variants that a master playlist names, addresses made absolute; empty for a media playlist."""
    variants: list[Variant] = []
    pending: dict[str, str] | None = None
    for raw in text.splitlines()[:MOST_LINES]:
        line = raw.strip()
        if line.startswith("#EXT-X-STREAM-INF:"):
            pending = attributes(line.partition(":")[2])
        elif line and not line.startswith("#") and pending is not None:
            with contextlib.suppress(ValueError):  # an address that is none
                variants.append(_variant(urljoin(base, line), pending))
            pending = None
    return variants


def parse_sounds(text: str, base: str) -> list[SoundRendition]:
    """The renditions of sound that a master playlist names, addresses made absolute."""
    return [
        SoundRendition(
            said.get("GROUP-ID", ""), said.get("NAME", ""), said.get("LANGUAGE", ""), url, _yes(said, "DEFAULT")
        )
        for said, url in _renditions(text, base, "AUDIO")
    ]


def parse_subtitles(text: str, base: str) -> list[SubtitleRendition]:
    """The subtitles that a master playlist names, addresses made absolute."""
    return [
        SubtitleRendition(
            said.get("GROUP-ID", ""),
            said.get("NAME", ""),
            url,
            said.get("LANGUAGE", ""),
            _yes(said, "DEFAULT"),
            _yes(said, "FORCED"),
        )
        for said, url in _renditions(text, base, "SUBTITLES")
        if url
    ]


def _renditions(text: str, base: str, kind: str) -> list[tuple[dict[str, str], str]]:
    """What is said of each EXT-X-MEDIA of a type, and its address, empty for none."""
    found: list[tuple[dict[str, str], str]] = []
    for raw in text.splitlines()[:MOST_LINES]:
        line = raw.strip()
        if not line.startswith("#EXT-X-MEDIA:") or len(found) >= MOST_RENDITIONS:
            continue
        said = attributes(line.partition(":")[2])
        if said.get("TYPE", "").upper() == kind:
            with contextlib.suppress(ValueError):
                found.append((said, urljoin(base, said["URI"]) if said.get("URI") else ""))
    return found


def _yes(said: Mapping[str, str], name: str) -> bool:
    return said.get(name, "").upper() == "YES"


def sound_of(variant: Variant, sounds: Sequence[SoundRendition]) -> SoundRendition | None:
    """The rendition that is heard with a variant unless somebody chooses: the default one of its group, else the first.

    None when the variant has its sound in its own segments.
    """
    group = [sound for sound in sounds if variant.audio and sound.group == variant.audio]
    chosen = next((sound for sound in group if sound.default), group[0] if group else None)
    return chosen if chosen is not None and chosen.url else None


def _variant(url: str, said: Mapping[str, str]) -> Variant:
    _, _, height = said.get("RESOLUTION", "").lower().partition("x")
    try:
        fps = float(said.get("FRAME-RATE", "0"))
    except ValueError:
        fps = 0.0
    bandwidth = said.get("BANDWIDTH", "0")
    return Variant(
        url,
        int(height) if height.isdecimal() and len(height) < 6 else 0,
        fps if 0 <= fps < 1000 else 0.0,
        int(bandwidth) if bandwidth.isdecimal() and len(bandwidth) < 12 else 0,
        said.get("AUDIO", ""),
        said.get("SUBTITLES", ""),
    )


def variant_key(variant: Variant) -> bytes:
    """What tells a variant from the others of its stream: its path, which stays when tokens in its query change."""
    return digest(urlsplit(variant.url).path)


def unnamed(variants: Sequence[Variant]) -> list[Variant]:
    """Those of several variants that the master playlist does not describe: without size or frame rate."""
    return [variant for variant in variants if not (variant.height and variant.fps)] if len(variants) > 1 else []


def with_measured(variants: Sequence[Variant], known: Mapping[bytes, Measured]) -> list[Variant]:
    """The variants, with what was measured where the master playlist says nothing."""
    found = []
    for variant in variants:
        height, fps = known.get(variant_key(variant), (0, 0.0))
        found.append(replace(variant, height=variant.height or height, fps=variant.fps or fps))
    return found


def best_variant(variants: Sequence[Variant]) -> Variant | None:
    """The first of `best_first`; None of none."""
    return next(iter(best_first(variants)), None)


def best_first(variants: Sequence[Variant]) -> list[Variant]:
    """1080p50 before 720p50 before 1080p25 before 720p25, then the rest by height × frame rate, then by bandwidth.

    Of redundant ones the one that is named first comes first.
    """
    return sorted(variants, key=variant_rank, reverse=True)


def variant_rank(variant: Variant) -> tuple[int, float, int]:
    """Sorts variants, best last. Frame rates are taken in classes: 45 and more is 50, 20 to 45 is 25; a height of 1080 or more is 1080."""
    height = 1080 if variant.height >= 1080 else 720 if variant.height >= 720 else 0
    rate = 50 if variant.fps >= 45 else 25 if variant.fps >= 20 else 0
    named = {(1080, 50): 4, (720, 50): 3, (1080, 25): 2, (720, 25): 1}.get((height, rate), 0)
    return named, variant.height * (variant.fps or 25.0), variant.bandwidth
