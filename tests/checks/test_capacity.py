"""How many connections checks may use, and whom they must not disturb."""

from __future__ import annotations

import math

import pytest

from nightcrew.checks.capacity import room, watched
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.slots import Holder, Limit, Priority
from nightcrew.playlists.exports import Profile


def way(name: str, *limits: Limit) -> Profile:
    return Profile(name, None, "own", limits)  # type: ignore[arg-type]


def held(*resources: str, purpose: str = "viewer", subject: str = "") -> list[Holder]:
    """A lease on each."""
    return [Holder("1", one, "n", "o", purpose, subject, Priority.USE, utcnow(), False) for one in resources]


OWN, SHARED, APART = Limit("own", 1), Limit("b", 1), Limit("c", 2)


def test_the_room_of_profiles_that_share_a_login_is_the_logins() -> None:
    ways = [way("Default", OWN), way("B", OWN, SHARED)]
    assert room(ways, []) == 1
    assert room(ways, held("own")) == 0, "B needs the login's only connection too"
    assert room([*ways, way("C", APART)], held("own")) == 2


def test_a_limit_that_is_none_is_counted_beside_the_one_that_is() -> None:
    ways = [way("Default", Limit("own", 5)), way("B", Limit("own", 5), Limit("b", 0))]
    assert room(ways, held("own", "b")) == 4


def test_a_profile_without_any_limit_has_room_for_all() -> None:
    assert room([way("Default", Limit("own", 0))], held("own")) == math.inf
    assert room([way("A", APART), way("B", Limit("b", 0))], []) == math.inf


def test_more_in_use_than_is_allowed_takes_no_room_from_others() -> None:
    """As when somebody lowers a limit."""
    assert room([way("A", OWN), way("C", APART)], held("own", "own", "own")) == 2


def test_no_profile_has_no_room() -> None:
    assert room([], []) == 0


@pytest.mark.parametrize(
    ("purpose", "subject", "found"),
    [
        ("viewer", "channel:12", {12}),
        ("recording", "channel:12", {12}),
        ("check", "channel:12", set()),
        ("viewer", "", set()),
        ("viewer", "stream:12", set()),
        ("viewer", "channel:", set()),
        ("viewer", "channel:x", set()),
    ],
)
def test_a_channel_that_somebody_watches_is_known_by_its_connection(
    purpose: str, subject: str, found: set[int]
) -> None:
    assert watched(held("own", purpose=purpose, subject=subject)) == found
