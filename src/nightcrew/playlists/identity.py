"""Who a channel is, from one list of its provider to the next. Pure.

An entry is known by its provider's id; else by its guide id, its name as it is written and its group. What a list has new and what it
has lost is then weighed together (`pairs`): the same name at the same address, another name at the same address, another group.
Where nothing tells for certain, the old channel is gone and the new one is new: what a person has changed of a channel must never be
found on another one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from nightcrew.playlists import likeness
from nightcrew.playlists.rules import ListEntry, digest, fold

_CIRCLED = re.compile("[\u24b6-\u24e9\u2460-\u2473]")
_BETWEEN = re.compile(r"[\W_]+")
MOST = 30_000
"""New or lost entries that are weighed against each other; a provider that changes more has changed everything."""


@dataclass(frozen=True, slots=True)
class EntryIdentity:
    """Who a channel is. `key` is unique in its feed.

    `alike`: what the key is made of, shared by entries that are alike in all that tells. It is the key of the first of them.
    """

    key: bytes
    alike: bytes


class Identifier:
    """Gives entries of one list their identity, in order. Entries that are alike in all that tells are numbered."""

    def __init__(self) -> None:
        self._seen: dict[bytes, int] = {}

    def identify(self, entry: ListEntry) -> EntryIdentity:
        """The identity of the next entry."""
        told_apart = "" if entry.provider_id else f"{entry.name.casefold()}\0{entry.group.casefold()}"
        ident = _ident(entry.name, entry.group, entry.guide_id, entry.provider_id)
        alike = digest(f"{ident}\0{told_apart}")
        count = self._seen.get(alike, 0)
        self._seen[alike] = count + 1
        key = alike if count == 0 else digest(f"{ident}\0{told_apart}\0{count}")
        return EntryIdentity(key, alike)

    def is_first(self, alike: bytes) -> bool:
        """Whether the next entry is the first of those that are alike; if so, it is counted."""
        if alike in self._seen:
            return False
        self._seen[alike] = 1
        return True


def ident_of(name: str, group: str, guide_id: str, provider_id: str) -> bytes:
    """What entries share that might be the same channel."""
    return digest(_ident(name, group, guide_id, provider_id))


def _ident(name: str, group: str, guide_id: str, provider_id: str) -> str:
    if provider_id:
        return f"id\0{provider_id}"
    if guide_id:
        return f"guide\0{guide_id.casefold()}"
    return f"label\0{label(name)}\0{group.casefold()}"


def label(name: str) -> str:
    """A name without case, accents, punctuation and remarks. What tells two channels apart stays: HD, a country, a plus."""
    plain = likeness.REMARK.sub(" ", _CIRCLED.sub(" ", name)).replace("+", " plus ")
    return _BETWEEN.sub(" ", fold(plain)).strip() or name.casefold().strip()


_NO_GUIDE = re.compile(
    r"none|null|nil|nan|n/?a|no|unknown|undefined|empty|false|(?:tvg|epg|guide|channel)?[-_ ]?(?:id)?|tvg|epg|guide|tb[ad]|x+|[\W_0]*"
)
"""What lists write where they have no guide id."""


def known_guide(guide_id: str) -> str:
    """A guide id by which a channel can be known, without case; empty for what lists write where they have none."""
    found = guide_id.strip().casefold()
    return "" if _NO_GUIDE.fullmatch(found) else found


@dataclass(frozen=True, slots=True)
class Side:
    """What is known of an entry that is new, or of a stream that is missing. `who` names it for the caller.

    `place`: what stays of its address, or its provider's id. `crowded`: others in the list have the same name, so that only their
    places tell them apart. `proof`: no others have the same guide id.
    """

    who: Hashable
    name: str
    group: str
    guide_id: str
    place: str
    crowded: bool = False
    proof: bool = True

    @property
    def path(self) -> str:
        """The place on another server."""
        return self.place.partition("/")[2]

    @property
    def alone(self) -> str:
        """The name, where it tells who this is."""
        return "" if self.crowded else self.name


Feature = Callable[[Side], Any]
"""What has to be the same on both sides; empty where a side has nothing of the kind."""
Fits = Callable[[Side, Side], bool]
"""Whether nothing else speaks against it."""


def _always(_one: Side, _other: Side) -> bool:
    return True


def guides_agree(one: Side, other: Side) -> bool:
    """Whether no guide says that they are two."""
    return not one.guide_id or not other.guide_id or one.guide_id == other.guide_id


def _is_no_sibling(one: Side, other: Side) -> bool:
    return not likeness.contradict(one.name, other.name)


def stays(one: Side, other: Side) -> bool:
    """Whether two entries at one place are one channel, which was renamed."""
    if not likeness.is_renamed(one.name, other.name, sure=guides_agree(one, other)):
        return False
    return one.group == other.group or likeness.are_alike(one.name, other.name)


def _stays_in_quality(one: Side, other: Side) -> bool:
    same = likeness.read_name(one.name).qualities == likeness.read_name(other.name).qualities
    return same and likeness.is_renamed(one.name, other.name)


_LEVELS: tuple[tuple[Feature, Fits], ...] = (
    (lambda one: one.place and one.name and (one.name, one.group, one.guide_id, one.place), _always),
    (lambda one: one.place and one.name and (one.name, one.place), _always),
    (lambda one: one.path and one.name and (one.name, one.group, one.path), _always),
    (lambda one: one.alone and (one.name, one.group), _always),
    (lambda one: one.alone, guides_agree),
    (lambda one: one.place and one.guide_id and (one.guide_id, one.place), _is_no_sibling),
    (lambda one: one.place, stays),
    (lambda one: one.alone and (likeness.spelled(one.name), one.group), guides_agree),
    (lambda one: one.alone and likeness.spelled(one.name), guides_agree),
    (lambda one: one.alone and one.proof and one.guide_id, _stays_in_quality),
)
"""The surest first, with what must not speak against it."""


def pairs(fresh: Iterable[Side], lost: Iterable[Side]) -> list[tuple[Side, Side]]:
    """New entries and lost streams that are the same channel, each at most once.

    At each level only what is alike once on either side is taken: of two that are alike nobody knows which one it is.
    """
    left, gone, found = list(fresh), list(lost), list[tuple[Side, Side]]()
    for feature, fits in _LEVELS:
        ours, theirs = _by(feature, left), _by(feature, gone)
        here = [(ours[one][0], theirs[one][0]) for one in ours if len(ours[one]) == len(theirs.get(one, ())) == 1]
        here = [pair for pair in here if fits(*pair)]
        taken = {id(side) for pair in here for side in pair}
        left, gone = ([side for side in sides if id(side) not in taken] for sides in (left, gone))
        found += here
    return found


def _by(feature: Feature, sides: Sequence[Side]) -> dict[Hashable, list[Side]]:
    found = defaultdict[Hashable, list[Side]](list)
    for side in sides:
        value = feature(side)
        if value:
            found[value].append(side)
    return found
