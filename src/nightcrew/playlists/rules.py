"""Decisions about channels, without any input or output: filter, merge, status, guard, ranking. Pure."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

GRACE = 120.0
"""Seconds beyond the interval in which a region still counts as fresh."""
ALL = "ALL"
"""The region name that means every region; no source may use it."""

_REGION = re.compile(r"[A-Z0-9][A-Z0-9_.-]{0,39}")
_CONTROL = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
"""Control characters and line breaks of all kinds: in an address they would begin another line, or another header."""
_PLAYABLE = re.compile(
    rf"(?i)(?:https?|rtmps?|rtmpe|rtmpt|rtsps?|rtp|udp|srt|mms|mmsh|hls\+https?)://[^\s/{_CONTROL}][^{_CONTROL}]*"
)
_SITE = re.compile(
    r"(?i)https?://(?:[\w-]+\.){0,4}"
    r"(?:youtube\.com|youtube-nocookie\.com|youtu\.be|twitch\.tv|dailymotion\.com|dai\.ly|vimeo\.com|facebook\.com|fb\.watch|kick\.com)"
    r"(?::\d+)?(?:[/?#]|$)"
)
"""Sites whose videos lists name by their pages."""
_HTML = re.compile(r"(?i)^https?://[^/?#]+/[^?#|]*\.html?(?:[?#|]|$)")
_STREAM = re.compile(r"(?i)\.(?:m3u8?|mpd|ts|mp4|m4v|mkv|flv|mp3|aac)(?:[?#|/]|$)")
"""What an address says that is a stream, wherever it lies."""
_WEB = re.compile(rf"(?i)https?://[^\s/{_CONTROL}][^{_CONTROL}]*")
_SCHEME = re.compile(r"(?i)\s*([a-z][a-z0-9+.-]{0,20}):(//)?")
_LOCAL_SCHEMES = frozenset(
    {"file", "javascript", "vbscript", "data", "about", "blob", "jar", "smb", "view-source", "intent", "content"}
)
"""What would make a player read this machine's files or run something, also without `//`."""
_CONTROLS = re.compile(f"[{_CONTROL}]+")


# -- what a provider said ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ListEntry:
    """One channel as a provider lists it. Texts are stripped; `provider_id` is empty when the format has none."""

    name: str
    url: str
    group: str = ""
    number: str = ""
    logo: str = ""
    guide_id: str = ""
    provider_id: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """What else the provider said, kept for players: other EXTINF attributes, and `vlc:`/`kodi:` option lines."""
    expires: bool = False
    """Whether the URL only works for a while and is resolved at play time."""


def digest(text: str) -> bytes:
    """16 bytes that stand for `text`."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def row_hash(entry: ListEntry) -> bytes:
    """16 bytes that change when anything that is stored of an entry changes."""
    extra = "\0".join(f"{key}={value}" for key, value in sorted(entry.attributes.items()))
    return digest(
        "\0".join(
            (entry.name, entry.url, entry.group, entry.number, entry.logo, entry.guide_id, str(entry.expires), extra)
        )
    )


def printable(text: str) -> str:
    """Text without signs that nobody sees, and without space around it."""
    return text.strip() if text.isprintable() else "".join(sign for sign in text if sign.isprintable()).strip()


def search_text(*parts: str) -> str:
    """What a search looks in: case and accents folded."""
    return fold(" ".join(part for part in parts if part))


def fold(text: str) -> str:
    """`text` without case and accents (NFKD, combining marks dropped)."""
    if text.isascii():
        return text.lower()
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).casefold()


def groups_of(text: str) -> tuple[str, ...]:
    """The groups that a channel is in: `General;News` names two, as players read it. "" is the one without a name."""
    if ";" not in text:
        return (text,)
    named = [part.strip() for part in text.split(";")]
    return tuple(dict.fromkeys(part for part in named if part)) or ("",)


def is_playable(url: str) -> bool:
    """Whether an entry's address can be played at all; lists carry remarks such as "[NO PUBLIC STREAM]" in its place."""
    return _PLAYABLE.fullmatch(url) is not None


def is_page(url: str) -> bool:
    """Whether an address is that of a web page with a player in it, which no other player opens, and not of a stream."""
    return (_SITE.match(url) is not None or _HTML.search(url) is not None) and _STREAM.search(url) is None


def is_web(url: str) -> bool:
    """Whether it is an http(s) address that may stand in a list, a guide or a header as it is."""
    return _WEB.fullmatch(url) is not None


def leads_elsewhere(text: str) -> bool:
    """Whether a text is an address that nobody could want in a list: a file of the player's machine, a script."""
    scheme = _SCHEME.match(text)
    if scheme is None:
        return text.startswith(("\\\\", "//"))
    return scheme.group(1).lower() in _LOCAL_SCHEMES or (bool(scheme.group(2)) and not is_playable(text.strip()))


def one_line(text: str) -> str:
    """A text with a space in place of each control character and line break."""
    return text if text.isprintable() else _CONTROLS.sub(" ", text)


# -- regions, combinations, filter -------------------------------------------------------------------------------------


def region_name(text: str) -> str:
    """The canonical (upper-case) name of a region. Raises ValueError for what cannot be part of an address."""
    name = _SPACES_IN_REGION.sub("-", text.strip()).upper()
    if not _REGION.fullmatch(name) or name == ALL:
        raise ValueError(
            f"a region is 1 to 40 letters, digits, dots, dashes or underscores and not {ALL!r}, got {text!r}"
        )
    return name


_SPACES_IN_REGION = re.compile(r"\s+")


def region_from(name: str) -> str:
    """A region for a source that names none: the source's own name, made fit for an address."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    cleaned = re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-").upper()[:40].strip("-")
    return cleaned if cleaned and cleaned != ALL else f"{cleaned or 'SOURCE'}-1"


def checked_combination(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A combined playlist `{name, regions: [two or more]}` in canonical form. Raises ValueError."""
    name, regions = entry.get("name"), entry.get("regions")
    if not isinstance(name, str) or not re.fullmatch(r"[\w .-]{1,60}", name.strip()) or name.strip().startswith("."):
        raise ValueError("a combined playlist needs a name of 1 to 60 letters, digits, spaces, dots or dashes")
    if not isinstance(regions, list) or len({region_name(str(region)) for region in regions}) < 2:
        raise ValueError(f"combined playlist {name!r} needs two or more regions")
    return {"name": name.strip(), "regions": list(dict.fromkeys(region_name(str(region)) for region in regions))}


@dataclass(frozen=True, slots=True)
class Filter:
    """Keeps channels whose name contains a keyword (case ignored). Without keywords it keeps everything."""

    keywords: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, enabled: bool, keywords: Sequence[str]) -> Filter:
        """Read `kw` or `kw:Group` texts; blank ones are passed over."""
        if not enabled:
            return cls()
        pairs = [text.partition(":") for text in keywords]
        return cls(tuple((kw.strip().casefold(), group.strip()) for kw, _, group in pairs if kw.strip()))

    def apply(self, name: str, group: str) -> str | None:
        """The group under which a channel is served, or None when it is left out. The first keyword that matches counts."""
        if not self.keywords:
            return group
        folded = name.casefold()
        for keyword, target in self.keywords:
            if keyword in folded:
                return target or group
        return None


# -- fresh or not ------------------------------------------------------------------------------------------------------


class Status(StrEnum):
    """How a region stands."""

    FRESH = "FRESH"
    STALE = "STALE"
    NO_DATA = "NO DATA"
    REFRESHING = "REFRESHING"

    @property
    def css(self) -> str:
        """The seed's `status_class`."""
        return self.value.lower().replace(" ", "-")


def status(age_s: float | None, interval: float, *, refreshing: bool) -> Status:
    """The status of a region that was refreshed `age_s` seconds ago (None: never built)."""
    if refreshing:
        return Status.REFRESHING
    if age_s is None:
        return Status.NO_DATA
    return Status.FRESH if age_s <= interval + GRACE else Status.STALE


def oldest(moments: Iterable[datetime | None]) -> datetime | None:
    """The oldest moment; None when one is missing, for a whole is as old as its oldest part."""
    found = list(moments)
    known = [moment for moment in found if moment is not None]
    return min(known) if known and len(known) == len(found) else None


# -- nothing good is replaced by something worse -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ListChange:
    """What a fetched list would do to the stored one, in channels."""

    stored: int
    new: int = 0
    changed: int = 0
    moved: int = 0
    gone: int = 0

    @property
    def nothing(self) -> bool:
        """Whether the list is the stored one."""
        return not (self.new or self.changed or self.moved or self.gone)


def held_back(change: ListChange, guard_percent: int) -> str | None:
    """Why a change must wait for a person, or None when it may be applied.

    Only a loss is guarded. A channel that came instead of one that went does not make up for it: the viewer's choice is gone.
    """
    if change.stored == 0 or change.gone == 0:
        return None
    share = 100 * change.gone / change.stored
    if share <= guard_percent:
        return None
    return f"−{share:.0f} %"


def next_attempt(failures: int, interval: float, after: float | None) -> float:
    """Seconds until a failed feed is tried again: 30 s, doubling up to the interval, or as the provider told."""
    pause = min(30.0 * 2.0 ** max(0, min(failures - 1, 20)), interval)
    return max(pause, after or 0.0)


# -- secrets inside of stream addresses --------------------------------------------------------------------------------

_PLACEHOLDER = re.compile(r"\{secret(\d{1,2})\}")


def hide_secrets(url: str, secrets: Sequence[str]) -> str:
    """`url` with each secret of its source replaced by a placeholder, so that it is not stored in the clear.

    Braces are not valid in URLs, so the placeholder cannot clash. `secrets` must be in a stable order; where one is part of another,
    the longer one is taken.
    """
    places = {secret: index for index, secret in reversed(list(enumerate(secrets))) if secret}
    if not places:
        return url
    pattern = "|".join(re.escape(secret) for secret in sorted(places, key=len, reverse=True))
    return re.sub(pattern, lambda match: f"{{secret{places[match.group()]}}}", url)


def fill_secrets(url: str, secrets: Sequence[str]) -> str:
    """The address that `hide_secrets` was given, with the source's present secrets."""

    def value(match: re.Match[str]) -> str:
        index = int(match.group(1))
        return secrets[index] if index < len(secrets) else match.group()

    return _PLACEHOLDER.sub(value, url) if "{secret" in url else url
