"""The two phases on a clock that the test turns: which profile is tried when, and when a check only waits."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.checks import plan
from nightcrew.checks.plan import End, Finish, Park, Plan, Result, Try
from nightcrew.checks.settings import CheckSettings

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Story:
    """Profiles by name, when each is free, what each attempt comes to; and the clock."""

    profiles: list[str]
    options: CheckSettings = field(default_factory=CheckSettings)
    full_until: dict[str, float] = field(default_factory=dict)
    """Seconds from the start until which a profile is full; it is free after that."""
    works: frozenset[str] = frozenset()
    attempt_seconds: float = 5.0
    now: datetime = START
    tried: list[tuple[str, float]] = field(default_factory=list)
    parked: list[float] = field(default_factory=list)
    removed: dict[str, float] = field(default_factory=dict)
    plan: Plan = field(default_factory=lambda: plan.begin(START))

    @property
    def elapsed(self) -> float:
        return (self.now - START).total_seconds()

    def there(self) -> list[str]:
        return [name for name in self.profiles if self.elapsed < self.removed.get(name, 1e9)]

    def run(self, *, most: int = 2_000) -> End:
        """To the end, as the crew does it: a plan that parks is stored as JSON and woken when its time has come."""
        for _ in range(most):
            there = self.there()
            free = [name for name in there if self.elapsed >= self.full_until.get(name, 0.0)]
            self.plan, move = plan.next_move(self.plan, there, free, self.now, self.options)
            match move:
                case Finish(end):
                    return end
                case Park(until):
                    assert until > self.now, "a check that waits must let time pass"
                    self.parked.append((until - self.now).total_seconds())
                    self.now = until
                    self.plan = plan.resume(self.plan.dump(), self.now)
                case Try(name):
                    assert name in free, "a profile without a free connection was tried"
                    self.tried.append((name, self.elapsed))
                    self.now += timedelta(seconds=self.attempt_seconds)
                    result = Result.OK if name in self.works else Result.FAILED
                    self.plan = plan.after(self.plan, name, result, "why", self.now, self.options)
                    if result is Result.OK:
                        return End.OK
        raise AssertionError("it never ends")

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.tried]


ONCE = CheckSettings(retries=0)
RETRYING = CheckSettings(retries=1, retry_delay=10)


def test_free_profiles_are_tried_best_first_without_waiting_until_one_works() -> None:
    story = Story(["A", "B", "C"], ONCE, works=frozenset({"B", "C"}))
    assert story.run() is End.OK
    assert story.names == ["A", "B"]
    assert story.parked == []
    assert story.plan.used == "B"
    assert story.plan.phase == 1


def test_a_profile_that_was_full_is_tried_as_soon_as_a_look_finds_it_free() -> None:
    story = Story(["A", "B", "C"], ONCE, full_until={"C": 25.0}, works=frozenset({"C"}))
    assert story.run() is End.OK
    assert story.names == ["A", "B", "C"]
    assert story.tried[-1][1] == 30.0, "A and B took 10 s, then it looked at 20 and 30"
    assert story.parked == [10.0, 10.0]
    assert (story.plan.phase, story.plan.used) == (2, "C")
    assert story.plan.phase2_elapsed(story.now) == 25.0


def test_a_profile_that_stays_full_ends_phase_2_at_its_limit() -> None:
    story = Story(["A", "B"], ONCE, full_until={"B": 1e6})
    assert story.run() is End.RAN_OUT
    assert story.names == ["A"]
    assert story.plan.phase2_elapsed(story.now) == 600.0
    assert sum(story.parked) == 600.0


def test_phase_2_is_reached_when_nothing_at_all_was_free() -> None:
    story = Story(["A", "B"], ONCE, full_until={"A": 40.0, "B": 1e6}, works=frozenset({"A"}))
    assert story.run() is End.OK
    assert story.tried == [("A", 40.0)]
    assert story.plan.phase == 2


def test_without_phase_2_nothing_is_waited_for() -> None:
    options = CheckSettings(retries=0, try_full_profiles=False)
    story = Story(["A", "B"], options, full_until={"B": 1e6})
    assert story.run() is End.ALL_FAILED
    assert story.parked == []
    assert Story(["A"], options, full_until={"A": 1e6}).run() is End.NOT_TRIED


def test_without_failover_only_the_first_profile_is_tried() -> None:
    options = CheckSettings(retries=0, profile_failover_enabled=False)
    story = Story(["A", "B"], options, works=frozenset({"B"}))
    assert story.run() is End.ALL_FAILED
    assert story.names == ["A"]


def test_a_second_attempt_waits_for_its_delay_and_meanwhile_others_are_tried() -> None:
    story = Story(["A", "B"], CheckSettings(retries=1, retry_delay=10))
    assert story.run() is End.ALL_FAILED
    assert story.tried == [("A", 0.0), ("B", 5.0), ("A", 15.0), ("B", 20.0)]
    assert story.parked == [5.0]


def test_a_profile_that_is_removed_meanwhile_is_not_waited_for() -> None:
    story = Story(["A", "B"], ONCE, full_until={"B": 1e6}, removed={"B": 100.0})
    assert story.run() is End.ALL_FAILED
    assert story.names == ["A"]
    assert story.elapsed == 105.0


def test_a_restart_while_parked_goes_on_where_it_was() -> None:
    story = Story(["A", "B"], ONCE, full_until={"B": 60.0}, works=frozenset({"B"}))
    assert story.run() is End.OK
    assert story.tried == [("A", 0.0), ("B", 65.0)], "the plan goes through JSON each time it parks"


def test_time_in_which_nothing_ran_does_not_count_for_phase_2() -> None:
    going, move = plan.next_move(plan.begin(START), ["A"], [], START, ONCE)
    assert isinstance(move, Park)
    late = move.until + timedelta(hours=9)
    going = plan.resume(going.dump(), late)
    going, move = plan.next_move(going, ["A"], [], late, ONCE)
    assert isinstance(move, Park), "phase 2 has 590 s left"
    assert "does not count" in going.trace[-1].text


def test_the_source_saying_that_too_many_are_open_counts_as_full_and_not_as_a_failure() -> None:
    going, move = plan.next_move(plan.begin(START), ["A"], ["A"], START, ONCE)
    assert move == Try("A")
    going = plan.after(going, "A", Result.FULL, "HTTP 429", START, ONCE)
    going, move = plan.next_move(going, ["A"], ["A"], START, ONCE)
    assert isinstance(move, Park)
    assert going.attempts == {}
    _, move = plan.next_move(plan.resume(going.dump(), move.until), ["A"], ["A"], move.until, ONCE)
    assert move == Try("A")


@given(
    full=st.dictionaries(st.sampled_from("ABCD"), st.floats(0, 2000), max_size=4),
    works=st.frozensets(st.sampled_from("ABCD")),
    gone=st.dictionaries(st.sampled_from("ABCD"), st.floats(0, 700), max_size=2),
    retries=st.integers(0, 3),
    delay=st.integers(0, 40),
    seconds=st.floats(0.5, 60),
    poll=st.integers(5, 60),
    enabled=st.booleans(),
    phase2=st.booleans(),
)
def test_every_check_ends_and_never_tries_what_is_full_or_gone(
    full: dict[str, float],
    works: frozenset[str],
    gone: dict[str, float],
    retries: int,
    delay: int,
    seconds: float,
    poll: int,
    enabled: bool,
    phase2: bool,
) -> None:
    options = CheckSettings(
        retries=retries,
        retry_delay=delay,
        phase2_poll_interval=poll,
        phase2_max_wait=300,
        profile_failover_enabled=enabled,
        try_full_profiles=phase2,
    )
    story = Story(list("ABCD"), options, full, works, seconds, removed=gone)
    end = story.run()
    assert all(story.names.count(name) <= retries + 1 for name in "ABCD")
    if end is End.OK:
        assert story.plan.used == story.names[-1]
    else:
        assert story.plan.used is None
    assert story.plan.phase2_elapsed(story.now) <= 300 + (retries + 1) * 4 * (seconds + delay)
    if end is End.ALL_FAILED and enabled and phase2:
        left = [name for name in story.there() if story.names.count(name) <= retries]
        assert left == [], "a profile that was there was not tried as often as it may be"
    if not phase2:
        assert end is not End.RAN_OUT
    if not enabled:
        assert len(set(story.names)) <= 1 + len(gone)


def test_a_plan_survives_its_json() -> None:
    going = plan.after(plan.begin(START), "A", Result.FAILED, "x", START, ONCE).say(START, "more")
    assert plan.resume(going.dump(), START) == going


# -- second attempts ---------------------------------------------------------------------------------------------------


def test_a_profile_that_was_not_tried_comes_before_a_second_attempt_of_a_better_one() -> None:
    story = Story(["A", "B", "C"], CheckSettings(retries=1, retry_delay=0), full_until={"B": 8.0})
    assert story.run() is End.ALL_FAILED
    assert story.names == ["A", "C", "B", "A", "B", "C"], "B was full when it was its turn"


def test_the_delay_of_a_second_attempt_begins_with_the_failure_and_ends_when_it_is_over() -> None:
    going = plan.after(plan.begin(START), "A", Result.FAILED, "why", START, RETRYING)
    early, at = START + timedelta(seconds=9.9), START + timedelta(seconds=10)
    assert plan.next_move(going, ["A"], ["A"], early, RETRYING)[1] == Park(at)
    assert plan.next_move(going, ["A"], ["A"], at, RETRYING)[1] == Try("A")


def test_of_several_delays_the_shortest_is_waited_for() -> None:
    going = plan.begin(START)
    for name, seconds in (("A", 0), ("B", 4)):
        going = plan.after(going, name, Result.FAILED, "why", START + timedelta(seconds=seconds), RETRYING)
    now = START + timedelta(seconds=5)
    going, move = plan.next_move(going, ["A", "B"], ["A", "B"], now, RETRYING)
    assert move == Park(START + timedelta(seconds=10))
    assert going.trace[-1].text == "waiting before the next attempt (5 s)"
    assert going.phase == 1


def test_the_delay_of_a_profile_that_is_gone_is_not_waited_for() -> None:
    going = plan.after(plan.begin(START), "A", Result.FAILED, "why", START, RETRYING)
    assert plan.next_move(going, ["B"], ["B"], START, RETRYING)[1] == Try("B")
    options = CheckSettings(retries=1, retry_delay=10, try_full_profiles=False)
    assert plan.next_move(going, ["B"], [], START, options)[1] == Finish(End.ALL_FAILED)


def test_phase_2_looks_early_when_a_delay_is_over_before_its_next_look() -> None:
    story = Story(["A", "B"], CheckSettings(retries=1, retry_delay=13, phase2_poll_interval=10), full_until={"A": 25.0})
    assert story.run() is End.ALL_FAILED
    assert story.tried[:2] == [("B", 0.0), ("B", 18.0)], "it waits 13 s after the 5 s of the first attempt"
    assert story.tried[2][0] == "A"


def test_phase_2_does_not_wait_beyond_its_limit() -> None:
    options = CheckSettings(retries=0, phase2_max_wait=60, phase2_poll_interval=50)
    story = Story(["A"], options, full_until={"A": 1e6})
    assert story.run() is End.RAN_OUT
    assert story.parked == [50.0, 10.0]
    assert story.plan.trace[-1].text == "phase 2 ended: nothing became free in 60 s"


def test_phase_2_says_once_for_whom_it_waits_and_for_how_long() -> None:
    story = Story(["A", "B"], ONCE, full_until={"A": 1e6, "B": 1e6})
    story.run()
    said = [line for line in story.plan.trace if line.text.startswith("phase 2: waiting")]
    assert [line.text for line in said] == ["phase 2: waiting for A, B, looking every 10 s for up to 600 s"]
    assert (said[0].phase, said[0].at) == (2, 0.0)


def test_a_profile_whose_delay_is_over_and_that_is_full_by_now_is_waited_for_in_phase_2() -> None:
    going = plan.after(plan.begin(START), "A", Result.FAILED, "why", START, RETRYING)
    now = START + timedelta(seconds=10)
    going, move = plan.next_move(going, ["A"], [], now, RETRYING)
    assert (going.phase, move) == (2, Park(now + timedelta(seconds=10)))
    assert going.phase2_elapsed(now) == 0.0
    assert going.phase2_elapsed(now - timedelta(seconds=5)) == 0.0, "as when a clock is set back"


def test_at_its_beginning_a_check_has_reached_nothing() -> None:
    begun = plan.begin(START)
    assert (begun.reached, begun.phase, begun.tried, begun.phase2_elapsed(START)) == (False, 1, 0, 0.0)


# -- a check that is taken up late -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("late", "lost"), [(0.0, 0.0), (30.0, 0.0), (31.0, 31.0), (59.0, 59.0), (32_400.0, 32_400.0)])
def test_what_passes_until_a_parked_check_is_taken_up_counts_unless_it_is_more_than_half_a_minute(
    late: float, lost: float
) -> None:
    going, move = plan.next_move(plan.begin(START), ["A"], [], START, ONCE)
    assert isinstance(move, Park)
    now = move.until + timedelta(seconds=late)
    going = plan.resume(going.dump(), now)
    assert going.phase2_elapsed(now) == 10.0 + late - lost
    assert going.until is None
    told = [line.text for line in going.trace if "does not count" in line.text]
    assert told == ([f"was parked {late:.0f} s longer than planned; that time does not count"] if lost else [])


def test_in_phase_1_there_is_no_time_to_give_back() -> None:
    going = plan.after(plan.begin(START), "A", Result.FAILED, "why", START, RETRYING)
    going, move = plan.next_move(going, ["A"], ["A"], START, RETRYING)
    assert isinstance(move, Park)
    late = move.until + timedelta(hours=1)
    back = plan.resume(going.dump(), late)
    assert (back.phase2, back.phase2_elapsed(late), back.trace) == (None, 0.0, going.trace)


@pytest.mark.parametrize(
    "text", ["", "nonsense", "[]", "{}", '{"started": 5}', "null", '{"started": "2026-01-01T00:00:00+00:00", "x": 1}']
)
def test_a_plan_that_cannot_be_read_begins_anew(text: str) -> None:
    assert plan.resume(text, START) == plan.begin(START)


# -- what an attempt comes to ------------------------------------------------------------------------------------------


def test_each_attempt_is_told_with_its_number_and_reason() -> None:
    going, late = plan.begin(START), START + timedelta(seconds=2.34)
    going = plan.after(going, "A", Result.FAILED, "HTTP 404", START, RETRYING)
    going = plan.after(going, "A", Result.FAILED, "", late, RETRYING)
    assert [(line.at, line.text, line.profile, line.attempt, line.result) for line in going.trace] == [
        (0.0, "profile A: failed, HTTP 404", "A", 1, "failed"),
        (2.3, "profile A: failed", "A", 2, "failed"),
    ]
    assert (going.attempts, going.tried) == ({"A": 2}, 1)


def test_the_reason_is_that_of_the_last_failure_and_gone_when_it_works() -> None:
    going = plan.after(plan.begin(START), "A", Result.FAILED, "HTTP 404", START, ONCE)
    going = plan.after(going, "B", Result.FAILED, "HTTP 503", START, ONCE)
    assert going.reason == "HTTP 503"
    assert plan.after(going, "C", Result.FULL, "in use", START, ONCE).reason == "HTTP 503", "it was not tried"
    assert plan.after(plan.begin(START), "C", Result.FULL, "in use", START, ONCE).reason == "in use"
    assert plan.after(going, "C", Result.INTERRUPTED, "a viewer", START, ONCE).reason == "a viewer"
    good = plan.after(going, "C", Result.OK, "", START, ONCE)
    assert (good.reason, good.used, good.attempts) == ("", "C", {"A": 1, "B": 1, "C": 1})


def test_what_the_source_refused_is_left_alone_until_the_next_look_and_others_are_tried() -> None:
    going = plan.after(plan.begin(START), "A", Result.FULL, "", START, ONCE)
    early, at = START + timedelta(seconds=9.9), START + timedelta(seconds=10)
    assert plan.next_move(going, ["A", "B"], ["A", "B"], early, ONCE)[1] == Try("B")
    assert plan.next_move(going, ["A", "B"], ["A", "B"], at, ONCE)[1] == Try("A")


def test_a_trace_has_an_end() -> None:
    going = plan.begin(START)
    for _ in range(250):
        going = going.say(START, "again")
    assert len(going.trace) == 200
