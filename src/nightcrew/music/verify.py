"""Whether a file that was fetched is what it was said to be, by what a listener made of it. Pure."""

from __future__ import annotations

import re

from nightcrew.listener.wire import Heard
from nightcrew.music.matching.decision import match_one
from nightcrew.music.matching.model import FileCandidate, WantedTrack
from nightcrew.music.matching.reading import read_wanted
from nightcrew.music.quality import LOSSLESS, NEARLY, QualityRules, format_of

CONTAINERS = {
    "mp3": {"mp3"},
    "flac": {"flac"},
    "m4a": {"mov"},
    "alac": {"mov"},
    "aac": {"aac", "mov"},
    "ogg": {"ogg"},
    "oga": {"ogg"},
    "opus": {"ogg"},
    "wav": {"wav", "w64"},
    "aiff": {"aiff"},
    "aif": {"aiff"},
    "ape": {"ape"},
    "wv": {"wv"},
    "wma": {"asf"},
    "mpc": {"mpc", "mpc8"},
}
"""What libav calls the container of a file with this ending."""
LENGTH_SECONDS, LENGTH_SHARE = 3.0, 0.02
"""How far a length may be off: the larger of both."""
SHORT_SECONDS, SHORT_SHARE = 1.5, 0.01
"""How much of what a file says it has may be missing at its end."""
BROKEN = 3
"""Packets that may be broken: what some programs write behind the last one is no sound."""
TRANSCODE = "it was transcoded from a lossy file"
"""How what is said of a file begins that is good but for this."""
_NO_NAME = re.compile(
    r"(?:audio ?)?track ?\d*|unknown(?: artist| title)?|untitled|various(?: artists)?|va|\d*|no (?:artist|title)|<unknown>"
)


def problem_of(
    heard: Heard, track: WantedTrack, path: str, *, size: int, advertised: int, seconds: float | None
) -> str:
    """Why a file is not taken; empty when it is. One that begins with `TRANSCODE` is taken when there is no better one.

    `size` and `advertised`: bytes that it has, and that its peer said; `seconds`: the length that its peer said.
    """
    if advertised and size != advertised:
        return f"it is truncated: {size} of {advertised} bytes are there"
    return (
        heard.failed
        or _other_container(heard, format_of(path))
        or _not_whole(heard)
        or _other_length(heard, track.seconds or seconds)
        or _other_tags(heard, track)
        or _transcoded(heard)
    )


def too_poor(heard: Heard, path: str, *, size: int, rules: QualityRules) -> str:
    """Why a file that is the right one is not good enough, whatever its peer claimed; empty when it is.

    What counts is the size of its sound by its length: what a file says of its bit rate is that of its first seconds, or of nothing.
    """
    if format_of(path) in LOSSLESS or heard.decoded <= 0:
        return ""
    real = heard.bitrate_of_sound or size * 8 / heard.decoded / 1000
    return f"it has {real:.0f} kbit/s" if real < rules.min_bitrate * NEARLY else ""


def _other_container(heard: Heard, ending: str) -> str:
    names = CONTAINERS.get(ending)
    if names is None or names & set(heard.container.split(",")):
        return ""
    return f"it is mislabelled: it ends in .{ending} and is {heard.container.partition(',')[0]}"


def _not_whole(heard: Heard) -> str:
    if heard.decoded <= 0 or heard.broken > BROKEN:
        return f"it is damaged: {heard.broken} of its packets cannot be decoded"
    if heard.cut:
        return f"it is truncated: it breaks off after {heard.decoded:.0f} s"
    if heard.declared and heard.declared - heard.decoded > max(SHORT_SECONDS, SHORT_SHARE * heard.declared):
        return f"it is truncated: {heard.decoded:.0f} of {heard.declared:.0f} s can be decoded"
    return ""


def _other_length(heard: Heard, expected: float | None) -> str:
    if not expected or abs(heard.decoded - expected) <= max(LENGTH_SECONDS, LENGTH_SHARE * expected):
        return ""
    return f"it has the wrong length: {heard.decoded:.0f} s instead of {expected:.0f}"


def _transcoded(heard: Heard) -> str:
    if heard.cutoff is None:
        return ""
    return f"{TRANSCODE}: its spectrum ends at {heard.cutoff / 1000:.1f} kHz"


def _other_tags(heard: Heard, track: WantedTrack) -> str:
    """What its tags say when that is another recording."""
    title, artist = heard.tags.get("title", ""), heard.tags.get("artist", "")
    if _is_no_name(title) or _is_no_name(artist):
        return ""
    name = f"{_in_path(artist)}/{_in_path(title)}.mp3"
    file = FileCandidate(name, None, heard.tags.get("isrc", ""), heard.tags.get("mbid", ""))
    found = match_one(read_wanted(track), file)
    return f"it is mislabelled: its tags say {artist} - {title} ({found.refused})" if found.refused else ""


def _is_no_name(text: str) -> bool:
    return _NO_NAME.fullmatch(" ".join(text.lower().split())) is not None


def _in_path(text: str) -> str:
    return text.replace("/", " ").replace("\\", " ")
