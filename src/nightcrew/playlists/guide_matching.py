"""Which of a guide's channels is which channel of a list. Pure.

Players compare ids without case, and then names (Kodi: tvg-id, tvg-name, name). A name that several channels of one guide have tells
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from nightcrew.playlists.identity import label
from nightcrew.playlists.models import MAX_NAME, Channel, Stream
from nightcrew.playlists.rules import ListEntry

SHIFTED = "tvg-shift"
"""The attribute of an entry that says by how many hours its programmes are later than its guide says."""
MAX_NAMES = 10
"""Names of one channel of a guide that count."""
MOST_SHIFT = 24 * 60
"""Minutes."""
_OTHER_TIMES = re.compile(r"(?i)plus\d+|west|pacific")
"""Feeds that are later than their channel, so that its programmes are not theirs."""
_GRADES = frozenset(["hd", "fhd", "uhd", "sd", "hq", "4k", "8k", "hevc", "h264", "h265", "raw", "1080p", "720p"])


@dataclass(frozen=True, slots=True)
class NameKey:
    """What a name is compared by. `bare`: of a guide's name without what it says of the picture."""

    key: str
    bare: bool = False


def id_key(guide_id: str) -> str:
    """What ids are compared by."""
    return guide_id.casefold()[:MAX_NAME]


class Spellings:
    """How a guide spells its channels' ids, where channels and programmes differ in case; `most` of them are known.

    Channels whose ids differ in nothing but case remain two.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._declared = set[str]()
        self._first = dict[str, str]()
        self._loose = dict[str, str]()
        """Ids that programmes have and no channel so far."""

    def of_channel(self, guide_id: str) -> str:
        """The id under which a channel is kept: the one of programmes that came before it, else its own."""
        key = id_key(guide_id)
        waiting = self._loose.pop(key, guide_id)
        own = guide_id if key in self._first else waiting
        if len(self._declared) < self._most:
            self._declared.add(own)
            self._first.setdefault(key, own)
        return own

    def of_programme(self, guide_id: str) -> str:
        """The id of the channel to which a programme belongs; its own where none is known."""
        if guide_id in self._declared:
            return guide_id
        key = id_key(guide_id)
        known = self._first.get(key) or self._loose.get(key)
        if known is None and len(self._loose) < self._most:
            self._loose[key] = guide_id
        return known or guide_id


def without_feed(guide_id: str) -> str:
    """An id without what iptv-org's lists say of the feed, `x.1@SD`; as it is where they say nothing."""
    bare, at, feed = guide_id.rpartition("@")
    return bare if at and bare and feed.isalnum() and not _OTHER_TIMES.fullmatch(feed) else guide_id


def name_keys(names: Iterable[str]) -> Iterator[NameKey]:
    """What a guide's channel can be found by."""
    for name in names:
        key, bare = label(name)[:MAX_NAME], _without_grade(name)
        yield NameKey(key)
        if bare != key:
            yield NameKey(bare, bare=True)


def wanted_keys(channel: Channel) -> list[NameKey]:
    """What a channel's guide is found by when no guide has its id; the surest first. Nothing where a person has said the id."""
    if "guide_id" in channel.edited:
        return []
    said = lead_attributes(channel.streams, channel.feed_id).get("tvg-name", "")
    names = [channel.name] if "name" in channel.edited or not said else [said, channel.name]
    exact = [NameKey(label(name)[:MAX_NAME]) for name in names]
    bare = _without_grade(names[-1])
    return list(dict.fromkeys([*exact, NameKey(bare), NameKey(bare, bare=True)]))


def _without_grade(name: str) -> str:
    full = label(name)
    return (" ".join(word for word in full.split() if word not in _GRADES) or full)[:MAX_NAME]


def lead_attributes(streams: Iterable[Stream], feed_id: int) -> Mapping[str, str]:
    """What the list says that made the channel."""
    for stream in streams:
        if stream.feed_id == feed_id:
            return stream.attributes
    return {}


def later_by(minutes: int) -> Callable[[ListEntry], ListEntry]:
    """Gives entries whose programmes are so much later than the list says."""

    def changed(entry: ListEntry) -> ListEntry:
        hours = (shift_minutes(entry.attributes.get(SHIFTED, "")) + minutes) / 60
        return replace(entry, attributes={**entry.attributes, SHIFTED: f"{hours:g}"})

    return changed if minutes else lambda entry: entry


def shift_minutes(text: str) -> int:
    """`tvg-shift`: hours such as -3, +1.5 or -03:30, as minutes; 0 for anything else."""
    text = text.strip().replace(",", ".")
    hours, colon, minutes = text.partition(":")
    try:
        if colon:
            found = abs(int(hours)) * 60 + int(minutes)
            found = -found if hours.startswith("-") else found
        else:
            found = round(float(hours) * 60)
    except (ValueError, OverflowError):
        return 0
    return found if abs(found) <= MOST_SHIFT else 0
