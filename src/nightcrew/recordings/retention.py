"""Which recordings go: by count, size and age, per streamer and in all, or because the disk is short. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from nightcrew.kernel import words

YOUNG = timedelta(minutes=5)
"""A recording that ended less long ago never goes: somebody may be about to look at it."""
DAY = 86_400.0
_OPEN = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Policy:
    """What is kept; 0: no limit."""

    keep_count: int = 0
    keep_bytes: int = 0
    keep_days: float = 0
    kept_categories: frozenset[str] = frozenset()
    """Recordings of these never go; upper and lower case are the same."""


KEEP_ALL = Policy()


@dataclass(frozen=True, slots=True)
class StoredRecording:
    """A recording on disk. `ended_at` None: it has not ended; `in_use`: somebody watches it or a job works on it."""

    id: int
    streamer: str
    ended_at: datetime | None
    bytes: int
    favourite: bool = False
    category: str = ""
    in_use: bool = False


@dataclass(frozen=True, slots=True)
class Going:
    """A recording that goes, and why: one sentence."""

    recording: StoredRecording
    reason: str


def going(
    recordings: Iterable[StoredRecording],
    policy_of: Mapping[str, Policy],
    total: Policy | None,
    now: datetime,
    *,
    default: Policy = KEEP_ALL,
) -> list[Going]:
    """What the policies let go, oldest first: each streamer's own policy (else `default`), then `total` over what is left.

    Favourites, recordings of a category that the streamer's policy or `total` keeps, young ones, those in use and those that
    have not ended never go. They do count: with `keep_count` 3 and three favourites, every other recording goes.
    """
    rows = sorted(recordings, key=_age)
    may_go = _chooser(policy_of, total, default, now)
    streamers: dict[str, list[StoredRecording]] = {}
    for row in rows:
        streamers.setdefault(row.streamer, []).append(row)
    found = [
        one
        for streamer, mine in streamers.items()
        for one in _over(mine, policy_of.get(streamer, default), streamer, may_go, now)
    ]
    if total is not None:
        gone = {one.recording.id for one in found}
        left = [row for row in rows if row.id not in gone]
        found += _over(left, total, "all streamers together", may_go, now)
    return sorted(found, key=lambda one: _age(one.recording))


def to_free(
    recordings: Iterable[StoredRecording],
    bytes_needed: int,
    now: datetime,
    *,
    policy_of: Mapping[str, Policy],
    total: Policy | None,
    default: Policy = KEEP_ALL,
) -> list[Going]:
    """What to delete, oldest first, until `bytes_needed` are free; of the policies only the kept categories matter here.

    The same recordings are exempt as in `going`. The list may come to less than what is needed.
    """
    may_go = _chooser(policy_of, total, default, now)
    found: list[Going] = []
    freed = 0
    for row in sorted(recordings, key=_age):
        if freed >= bytes_needed:
            break
        if row.bytes > 0 and may_go(row):
            freed += row.bytes
            found.append(
                Going(
                    row,
                    f"The disk is {words.size(bytes_needed)} short of space, and this is the oldest recording that may be deleted.",
                )
            )
    return found


def _chooser(
    policy_of: Mapping[str, Policy], total: Policy | None, default: Policy, now: datetime
) -> Callable[[StoredRecording], bool]:
    everywhere = total.kept_categories if total is not None else frozenset()

    def may_go(row: StoredRecording) -> bool:
        if row.favourite or row.in_use or row.ended_at is None or now - row.ended_at < YOUNG:
            return False
        kept = everywhere | policy_of.get(row.streamer, default).kept_categories
        return row.category.casefold() not in {name.casefold() for name in kept}

    return may_go


def _over(
    rows: Sequence[StoredRecording],
    policy: Policy,
    whose: str,
    may_go: Callable[[StoredRecording], bool],
    now: datetime,
) -> list[Going]:
    """What is over the limits of one policy; `rows` are sorted, oldest first."""
    count, size = len(rows), sum(row.bytes for row in rows)
    found = []
    for row in rows:
        if not may_go(row):
            continue
        reason = _reason(row, count, size, policy, whose, now)
        if reason is None:
            continue
        count, size = count - 1, size - row.bytes
        found.append(Going(row, reason))
    return found


def _reason(row: StoredRecording, count: int, size: int, policy: Policy, whose: str, now: datetime) -> str | None:
    """Why it goes, of so many that take so much; None when it may stay."""
    days = 0.0 if row.ended_at is None else (now - row.ended_at).total_seconds() / DAY
    if policy.keep_days and days > policy.keep_days:
        return f"It is {days:.1f} days old, and recordings of {whose} are kept for {policy.keep_days:g} days."
    if policy.keep_count and count > policy.keep_count:
        return f"There are {count} recordings of {whose}, and only {policy.keep_count} are kept."
    if policy.keep_bytes and row.bytes and size > policy.keep_bytes:  # without bytes it would go for nothing
        return f"The recordings of {whose} take {words.size(size)}, and their limit is {words.size(policy.keep_bytes)}."
    return None


def _age(row: StoredRecording) -> tuple[datetime, int]:
    return row.ended_at or _OPEN, row.id
