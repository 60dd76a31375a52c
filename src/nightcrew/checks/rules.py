"""Pure rules of checks: what a report says about a stream, its score, the order of a channel's streams."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nightcrew.checks.models import MAX_CODEC, Facts
from nightcrew.checks.settings import CheckSettings
from nightcrew.playlists.exports import DEAD_PLACES, UNPLACED, groups_of, is_film
from nightcrew.prober import bits
from nightcrew.prober.wire import ProbeReport

BEST_KBPS = 8000.0
BEST_FPS = 60.0
MODERN = frozenset({"hevc", "av1"})
CLIP = 60.0
"""Seconds below which what has an end is no channel, but a message or a sample that somebody put in its place."""
ENDLESS = 12 * 3600.0
"""Seconds from which on it makes no difference to a viewer whether a channel has an end."""
SLOW = 0.75
"""Seconds of media for each second of waiting below which a live stream comes too slowly to be watched."""
MAX_PAUSE = 7 * 86_400
_FILMS = re.compile(
    r"\b(?:film|movie|vod\b|video on demand|cinema|kino|s[eé]rie|pel[ií]cula|фильм|сериал|episode|season|staffel|documentar|"
    r"dokumentation|trailer|clip)",
    re.IGNORECASE,
)
"""How groups of films and series are called, and what lists call the kind of such an entry."""
_EPISODE = re.compile(r"\((?:19|20)\d\d\)|\bS\d{1,2} ?E\d{1,3}\b", re.IGNORECASE)
"""A year or the number of an episode, as names of films and episodes have it."""
_RADIO = re.compile(r"\bradio\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ScorePart:
    """A part of a score: its value from 0 to 1, and its weight."""

    name: str
    value: float
    weight: float


@dataclass(frozen=True, slots=True)
class Score:
    """0 to 1, with the parts that it is made of."""

    value: float
    parts: tuple[ScorePart, ...]


def score(facts: Facts, options: CheckSettings) -> Score:
    """0.40·min(kbps/8000, 1) + 0.35·resolution + 0.15·min(fps/60, 1) + 0.10·codec, with the weights of the settings.

    A resolution is worth as much as there are bits for it (`bits_value`). A bit rate that is not known is worth nothing, and neither
    is the resolution then: what is not known raises no score. A picture without sound loses a share of all. Source of the
    formula: the checks specification.
    """
    worth = resolution_value(facts.height) * bits_value(facts)
    parts = (
        ScorePart("bit rate", min((facts.kbps or 0.0) / BEST_KBPS, 1.0), options.weight_bitrate),
        ScorePart("resolution", worth, options.weight_resolution),
        ScorePart("frame rate", min(facts.fps / BEST_FPS, 1.0), options.weight_fps),
        ScorePart("codec", codec_value(facts.video_codec), options.weight_codec),
    )
    every = sum(part.weight for part in parts)
    value = sum(part.value * part.weight for part in parts) / every if every else 0.0
    if facts.video_codec and not facts.audio_codec:
        value *= 1 - options.weight_sound
    return Score(round(value * min(every, 1.0), 4), parts)


def bits_value(facts: Facts) -> float:
    """The share of the bits that a picture of this size needs at least, up to 1; 0 when they are not known."""
    width = facts.width or round(facts.height * 16 / 9)
    return bits.share(facts.video_codec, width, facts.height, facts.fps, facts.kbps or 0.0)


def resolution_value(height: int) -> float:
    """1080 lines or more: 1, 720: .7, 576: .5, any other picture: .3; no picture: 0."""
    if height <= 0:
        return 0.0
    return next((value for lines, value in ((1080, 1.0), (720, 0.7), (576, 0.5)) if height >= lines), 0.3)


def codec_value(codec: str) -> float:
    """HEVC and AV1: 1, H.264: .8, any other: .5; none: 0."""
    if not codec:
        return 0.0
    return 1.0 if codec in MODERN else 0.8 if codec == "h264" else 0.5


def facts_of(report: ProbeReport) -> Facts:
    """What a report says about a stream."""
    video, audio = (codec[:MAX_CODEC] for codec in (report.video_codec, report.audio_codec))
    return Facts(video, report.width, report.height, report.fps, audio, report.kbps or None)


# -- exemptions --------------------------------------------------------------------------------------------------------


def for_channel(options: CheckSettings, name: str, group: str) -> CheckSettings:
    """The options with what a person allows this channel, by its name or by its group."""

    def allows(listed: Sequence[str]) -> bool:
        wanted = {name.casefold(), *(f"group:{one}".casefold() for one in groups_of(group))}
        return any(entry.strip().casefold() in wanted for entry in listed)

    changes: dict[str, Any] = {}
    if allows(options.allow_frozen):
        changes |= {"fail_frozen": False, "fail_looped": False}
    if allows(options.allow_black):
        changes["fail_black"] = False
    if allows(options.allow_silent):
        changes["fail_silent"] = False
    if allows(options.allow_kbps):
        changes["min_kbps"] = 0
    return options.model_copy(update=changes) if changes else options


# -- good or not -------------------------------------------------------------------------------------------------------


def is_radio(name: str, group: str, attributes: Mapping[str, str]) -> bool:
    """Whether a channel calls itself radio."""
    return attributes.get("radio", "").lower() in {"true", "1", "yes"} or bool(_RADIO.search(f"{name} / {group}"))


def is_live(name: str, group: str, url: str, attributes: Mapping[str, str]) -> bool:
    """Whether an entry has to go on for ever: it is no film or episode by its address, its name, its group or what its list says."""
    said = attributes.get("tvg-type", "") or attributes.get("type", "")
    film = is_film(url) or _FILMS.search(f"{group} / {said}") or _EPISODE.search(name)
    return not film


def failure(
    report: ProbeReport,
    options: CheckSettings,
    *,
    radio: bool = False,
    live: bool = False,
    lasts: float | None = None,
    repeats: float = 0.0,
) -> str | None:
    """Why a stream is not good, or None when it is. `radio`: no picture is expected; `live`: it has to go on.

    `lasts` seconds: how long all of it is, as its server says; None for what goes on. `repeats`: seconds after which its playlist
    names the same segments again, 0 when it does not.
    """
    if report.error:
        return report.error
    return (
        _no_media(report, options, radio=radio)
        or _cut_short(report, options, lasts=lasts, live=live)
        or _looped(options, repeats, radio=radio)
        or _picture(report, options, radio=radio)
    )


def unwatchable(report: ProbeReport, options: CheckSettings) -> str:
    """What is wrong with the picture that a viewer sees, empty for nothing; what could not be looked at is believed."""
    if report.error or not report.pictures:
        return ""
    return _picture(report, options.model_copy(update={"fail_silent": False}), radio=False) or ""


def _no_media(report: ProbeReport, options: CheckSettings, *, radio: bool) -> str | None:
    if not report.video_codec:
        if not report.audio_codec:
            return "nothing in it can be decoded"
        if options.audio_only == "always" or (options.audio_only == "radio" and radio):
            return None
        return "it has sound but no video"
    if report.video_codec == "unknown":
        return "its picture is in a format that cannot be decoded here"
    if report.width <= 0 or report.height <= 0:
        return "its picture has no size: it is scrambled or broken"
    return None


def _looped(options: CheckSettings, seconds: float, *, radio: bool) -> str | None:
    wrong = seconds and options.fail_looped and not radio
    return f"it shows the same {seconds:.0f} s again and again" if wrong else None


def _cut_short(report: ProbeReport, options: CheckSettings, *, lasts: float | None, live: bool) -> str | None:
    if lasts is not None and lasts < CLIP:
        return f"it is a clip of {lasts:.1f} s, not a channel"
    if live and lasts is not None and lasts < ENDLESS:
        return f"it ends after {lasts:.0f} s: a recording, not a channel"
    if report.ended and lasts is None:
        return f"it broke off after {report.seconds:.1f} s"
    if not report.kbps:
        return None  # only its headers were asked for
    slow = report.seconds < SLOW * report.wall and (report.late or report.wall >= doubt(options))
    return f"it is too slow: {report.seconds:.1f} s arrived in {report.wall:.1f} s" if slow else None


def _picture(report: ProbeReport, options: CheckSettings, *, radio: bool) -> str | None:
    """What is wrong with what was seen and heard. Of radio no more is expected than a card that stands still."""
    if not report.kbps:
        return None
    if report.video_codec and not report.pictures:
        return "no picture could be decoded"
    if report.seconds < 0.8 * doubt(options) and not report.ended:
        return None  # too little was seen to say more
    wrong = (
        (report.black and options.fail_black and not radio, "its picture was black"),
        (report.frozen and options.fail_frozen and not radio, "its picture did not move"),
        (report.silent and options.fail_silent, "it was silent"),
    )
    return _looped(options, report.loop, radio=radio) or next(
        (f"{words} for {report.seconds:.0f} s" for is_so, words in wrong if is_so), None
    )


def doubt(options: CheckSettings) -> float:
    """Seconds of media that are looked at before something is called frozen, black, silent or slow."""
    return max(min(options.doubt_seconds, 0.7 * options.probe_limit), options.sample_seconds)


def below_minimum(facts: Facts, value: float, options: CheckSettings) -> str | None:
    """Which of the user's minimums a working stream does not reach. The score comes first, the threshold afterwards."""
    wanted = [
        ("lines", facts.height if facts.video_codec else None, options.min_height),
        ("kbit/s", facts.kbps, options.min_kbps),
        ("frames a second", facts.fps if facts.video_codec else None, options.min_fps),
    ]
    for unit, found, least in wanted:
        if least and found is not None and found < least:
            return f"it has {found:.0f} {unit}; the minimum is {least}"
    if value < options.min_score:
        return f"its score is {value:.2f}; the minimum is {options.min_score:.2f}"
    return None


def next_retry(failures: int, options: CheckSettings) -> float:
    """Seconds until a dead stream is tried again after `failures` failed checks in a row."""
    return min(options.dead_retry * 2.0 ** max(0, min(failures - 1, 20)), MAX_PAUSE)


# -- the order of a channel's streams ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RankedStream:
    """A stream as the order sees it. `score` None: it was never checked; `exempt`: a person added it by hand."""

    id: int
    account: str
    source: str
    score: float | None
    height: int = 0
    dead: bool = False
    exempt: bool = False
    lead: int = 0
    """Its place when nothing else decides."""


def order(entries: Sequence[RankedStream], options: CheckSettings) -> dict[int, int]:
    """The place of each stream in its channel, by id: 1 is tried first; below 0 it is left out.

    Working streams by account priority, wished quality and score; then those that were never checked; then dead ones.
    """
    good = sorted((e for e in entries if e.score is not None and not e.dead), key=lambda e: _rank(e, options))
    fresh = sorted(
        (e for e in entries if e.score is None and not e.dead), key=lambda e: (_priority(e, options), e.lead)
    )
    dead = sorted((e for e in entries if e.dead), key=lambda e: (-(e.score or 0.0), e.lead))
    if options.diversify:
        good = diversified(good)
    left_out = beyond_limit([*good, *fresh, *dead], options.account_stream_limit)
    places = {entry.id: index for index, entry in enumerate(good, start=1)}
    places |= {entry.id: UNPLACED + index for index, entry in enumerate(fresh)}
    places |= {entry.id: DEAD_PLACES + index for index, entry in enumerate(dead)}
    return places | {entry.id: -1 for entry in left_out}


def diversified(ranked: Sequence[RankedStream]) -> list[RankedStream]:
    """Round by round one stream of each account, the accounts in the order of their best streams."""
    accounts: dict[str, list[RankedStream]] = {}
    for entry in ranked:
        accounts.setdefault(entry.account, []).append(entry)
    longest = max((len(found) for found in accounts.values()), default=0)
    return [found[turn] for turn in range(longest) for found in accounts.values() if turn < len(found)]


def beyond_limit(ranked: Sequence[RankedStream], most: int) -> list[RankedStream]:
    """The streams beyond the first `most` of each account; 0: none. Streams that a person added are not counted."""
    if not most:
        return []
    counts: dict[str, int] = {}
    beyond = []
    for entry in ranked:
        if entry.exempt:
            continue
        counts[entry.account] = counts.get(entry.account, 0) + 1
        if counts[entry.account] > most:
            beyond.append(entry)
    return beyond


def _rank(entry: RankedStream, options: CheckSettings) -> tuple[int, bool, float, int]:
    too_high = bool(options.prefer_max_height) and entry.height > options.prefer_max_height
    return _priority(entry, options), too_high, -(entry.score or 0.0), entry.lead


def _priority(entry: RankedStream, options: CheckSettings) -> int:
    names = [name.casefold() for name in options.account_priority]
    name = entry.source.casefold()
    return names.index(name) if name in names else len(names)
