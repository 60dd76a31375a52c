"""Which recordings go, and which never do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.recordings.retention import KEEP_ALL, YOUNG, Policy, StoredRecording, going, to_free

NOW = datetime(2026, 8, 20, 12, tzinfo=UTC)
CATEGORIES = ["Chess", "Just Chatting", ""]


def recording(number: int, days: float = 1.0, size: int = 10, streamer: str = "ada", **more: object) -> StoredRecording:
    return StoredRecording(number, streamer, NOW - timedelta(days=days), size, **more)  # type: ignore[arg-type]


def gone(recordings: Iterable[StoredRecording], policy: Policy, total: Policy | None = None) -> list[int]:
    return [one.recording.id for one in going(recordings, {}, total, NOW, default=policy)]


FIVE = [recording(number, days=10 - number) for number in range(5)]
"""0 is the oldest."""


def test_a_limit_of_zero_is_none() -> None:
    assert gone(FIVE, KEEP_ALL, KEEP_ALL) == []


def test_the_oldest_beyond_the_count_go_first() -> None:
    assert gone(reversed(FIVE), Policy(keep_count=3)) == [0, 1]


def test_the_oldest_go_until_the_rest_has_room() -> None:
    assert gone(FIVE, Policy(keep_bytes=30)) == [0, 1]
    assert gone(FIVE, Policy(keep_bytes=29)) == [0, 1, 2]


def test_those_older_than_the_days_go() -> None:
    assert gone(FIVE, Policy(keep_days=8)) == [0, 1], "the one of exactly eight days stays"


@pytest.mark.parametrize(("minutes", "found"), [(4.99, []), (5.0, [1])])
def test_a_recording_is_left_alone_for_five_minutes_after_its_end(minutes: float, found: list[int]) -> None:
    assert gone([recording(1, days=minutes / 1440), recording(2, days=0)], Policy(keep_count=1)) == found


@pytest.mark.parametrize(("needed", "count"), [(0, 0), (1, 1), (10, 1), (11, 2), (50, 5), (51, 5)])
def test_as_many_of_the_oldest_go_as_free_what_is_needed(needed: int, count: int) -> None:
    found = to_free(reversed(FIVE), needed, NOW, policy_of={}, total=None)
    assert [one.recording.id for one in found] == list(range(count))


def test_an_empty_recording_does_not_go_for_room() -> None:
    assert gone([replace(FIVE[0], bytes=0), *FIVE[1:]], Policy(keep_bytes=30)) == [1]


def test_each_streamer_has_its_own_policy_and_others_the_default() -> None:
    rows = [*FIVE, *(replace(one, id=one.id + 10, streamer="bob") for one in FIVE)]
    found = going(rows, {"bob": Policy(keep_count=4)}, None, NOW, default=Policy(keep_count=3))
    assert [one.recording.id for one in found] == [0, 10, 1]


def test_the_total_policy_comes_after_those_of_the_streamers() -> None:
    rows = [*FIVE, *(replace(one, id=one.id + 10, streamer="bob") for one in FIVE)]
    found = going(rows, {"ada": Policy(keep_count=2)}, Policy(keep_count=6), NOW)
    assert [one.recording.id for one in found] == [0, 10, 1, 2], "three of ada's, and then the oldest of what is left"


def test_exempt_ones_count_and_are_not_chosen() -> None:
    rows = [replace(one, favourite=True) for one in FIVE[:3]] + FIVE[3:]
    assert gone(rows, Policy(keep_count=3)) == [3, 4]


def test_a_kept_category_holds_whichever_policy_would_take_it() -> None:
    rows = [replace(one, category="just chatting") for one in FIVE]
    kept = frozenset({"Just Chatting"})
    assert gone(rows, Policy(keep_count=1)) == [0, 1, 2, 3]
    assert gone(rows, Policy(keep_count=1, kept_categories=kept)) == []
    assert gone(rows, Policy(keep_count=1), Policy(kept_categories=kept)) == []
    assert gone(rows, Policy(kept_categories=kept), Policy(keep_count=1)) == []


def test_one_that_ended_just_now_stays_until_five_minutes_have_passed() -> None:
    strict = Policy(keep_bytes=1)
    rows = [replace(FIVE[0], ended_at=NOW - YOUNG + timedelta(seconds=1)), replace(FIVE[1], ended_at=NOW - YOUNG)]
    assert gone(rows, strict) == [1]
    assert gone([replace(one, ended_at=NOW + timedelta(hours=1)) for one in FIVE], strict) == [], (
        "the clock was set back"
    )


def test_each_reason_is_a_sentence_with_the_figures() -> None:
    policies = (Policy(keep_count=4), Policy(keep_bytes=40), Policy(keep_days=9))
    reasons = [going(FIVE, {"ada": policy}, None, NOW)[0].reason for policy in policies]
    assert reasons == [
        "There are 5 recordings of ada, and only 4 are kept.",
        "The recordings of ada take 50 B, and their limit is 40 B.",
        "It is 10.0 days old, and recordings of ada are kept for 9 days.",
    ]


def test_an_empty_recording_does_not_go_when_the_disk_is_short() -> None:
    rows = [replace(FIVE[0], bytes=0), *FIVE[1:]]
    assert [one.recording.id for one in to_free(rows, 15, NOW, policy_of={}, total=None)] == [1, 2]


def test_a_short_disk_takes_no_more_than_is_needed() -> None:
    free = {wanted: to_free(reversed(FIVE), wanted, NOW, policy_of={}, total=None) for wanted in (0, 10, 11, 999)}
    assert {wanted: [one.recording.id for one in found] for wanted, found in free.items()} == {
        0: [],
        10: [0],
        11: [0, 1],
        999: [0, 1, 2, 3, 4],
    }


# -- whatever there is -------------------------------------------------------------------------------------------------

ROWS = st.lists(
    st.builds(
        StoredRecording,
        id=st.integers(),
        streamer=st.sampled_from(["ada", "bob"]),
        ended_at=st.none() | st.integers(-600, 3_000_000).map(lambda seconds: NOW - timedelta(seconds=seconds)),
        bytes=st.integers(0, 1000),
        favourite=st.booleans(),
        category=st.sampled_from(CATEGORIES),
        in_use=st.booleans(),
    ),
    max_size=15,
    unique_by=lambda row: row.id,
)
POLICIES = st.builds(
    Policy,
    keep_count=st.integers(0, 5),
    keep_bytes=st.integers(0, 3000),
    keep_days=st.floats(0, 30),
    kept_categories=st.frozensets(st.sampled_from(["CHESS", "just chatting"])),
)


def exempt(row: StoredRecording, *policies: Policy) -> bool:
    kept = {name.lower() for policy in policies for name in policy.kept_categories}
    young = row.ended_at is None or NOW - row.ended_at < timedelta(minutes=5)
    return row.favourite or row.in_use or young or row.category.lower() in kept


def meets(rows: list[StoredRecording], policy: Policy) -> bool:
    old = [row for row in rows if row.ended_at and (NOW - row.ended_at).total_seconds() > policy.keep_days * 86_400]
    return (
        (not policy.keep_count or len(rows) <= policy.keep_count)
        and (not policy.keep_bytes or sum(row.bytes for row in rows) <= policy.keep_bytes)
        and (not policy.keep_days or not old)
    )


@given(ROWS, POLICIES, POLICIES, POLICIES)
def test_exempt_ones_never_go_and_the_rest_meets_the_policies(
    rows: list[StoredRecording], ada: Policy, other: Policy, total: Policy
) -> None:
    found = [one.recording for one in going(rows, {"ada": ada}, total, NOW, default=other)]
    left = [row for row in rows if row not in found]
    of = {"ada": ada, "bob": other}
    assert not any(exempt(row, of[row.streamer], total) for row in found)
    assert found == sorted(found, key=lambda row: (row.ended_at or NOW, row.id)), "oldest first"
    assert len({row.id for row in found}) == len(found)
    for policy, part in [(of[name], [row for row in left if row.streamer == name]) for name in of] + [(total, left)]:
        may_go = [row for row in part if not exempt(row, of[row.streamer], total)]
        assert meets(may_go, Policy(keep_days=policy.keep_days)), (
            "no exempt one is a reason to keep another that is too old"
        )
        assert meets(part, Policy(keep_count=policy.keep_count)) or not may_go
        assert meets(part, Policy(keep_bytes=policy.keep_bytes)) or not any(row.bytes for row in may_go)


@given(ROWS, POLICIES)
def test_no_recording_goes_without_need(rows: list[StoredRecording], policy: Policy) -> None:
    """The youngest of those that went would break the policy when it came back."""
    rows = [replace(row, streamer="ada") for row in rows]
    found = [one.recording for one in going(rows, {"ada": policy}, None, NOW)]
    if found:
        assert not meets([row for row in rows if row not in found[:-1]], policy)


@given(ROWS, st.integers(0, 5000), POLICIES, POLICIES)
def test_freeing_the_disk_takes_the_oldest_that_may_go(
    rows: list[StoredRecording], wanted: int, policy: Policy, total: Policy
) -> None:
    found = [one.recording for one in to_free(rows, wanted, NOW, policy_of={"ada": policy}, total=total)]
    of = {"ada": policy, "bob": KEEP_ALL}
    may_go = [row for row in rows if row.bytes and not exempt(row, of[row.streamer], total)]
    may_go.sort(key=lambda row: (row.ended_at or NOW, row.id))
    assert found == may_go[: len(found)]
    assert sum(row.bytes for row in found) >= wanted or found == may_go
    assert not found or sum(row.bytes for row in found[:-1]) < wanted
