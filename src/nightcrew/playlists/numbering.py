"""Numbers that a person wants channels to have: from a start, groups from starts of their own. Pure.

A number stays with its channel: one that goes leaves a hole, one that comes takes the next number behind all that were given.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nightcrew.playlists.rules import groups_of

MOST = 999_999
_LINE = re.compile(r"(?:(.{1,300}?)\s*=\s*)?(\d{1,6})")


@dataclass(frozen=True, slots=True)
class Numbering:
    """Where numbers start: for each named group (case ignored), and for all other channels; None leaves them as the list says."""

    groups: dict[str, int]
    start: int | None

    @classmethod
    def of(cls, lines: Sequence[str]) -> Numbering:
        """Read `100` and `News = 200`. Raises ValueError for any other line."""
        groups, start = dict[str, int](), None
        for line in lines:
            found = _LINE.fullmatch(line.strip())
            if found is None:
                raise ValueError(
                    f"{line[:60]!r} is neither a number to start from, nor a group with one, such as News = 200"
                )
            if found[1] is None:
                start = int(found[2])
            else:
                groups[found[1].casefold()] = int(found[2])
        return cls(groups, start)

    def start_of(self, group: str) -> int | None:
        """Where the numbers of a channel's group start."""
        return next(
            (self.groups[one.casefold()] for one in groups_of(group) if one.casefold() in self.groups), self.start
        )

    def given(self, channels: Iterable[tuple[int, str, int | None]], elsewhere: Iterable[int] = ()) -> dict[int, int]:
        """New numbers by channel, for those in order with their group and the number that they have already.

        `elsewhere`: numbers that others have.
        """
        known = list(channels)
        taken = {number for _, _, number in known if number is not None} | set(elsewhere)
        following, found = dict[int, int](), dict[int, int]()
        for channel_id, group, present in known:
            start = self.start_of(group)
            if present is not None or start is None:
                continue
            number = following.get(start) or self._first(start, taken)
            while number in taken:
                number += 1
            if number <= MOST:
                found[channel_id] = number
                taken.add(number)
                following[start] = number + 1
        return found

    def _first(self, start: int, taken: set[int]) -> int:
        """Behind the numbers that were given from this start, up to where those of the next begin."""
        ends = [other for other in {*self.groups.values(), self.start or 0} if other > start]
        end = min(ends, default=MOST + 1)
        return max((number + 1 for number in taken if start <= number < end), default=start)
