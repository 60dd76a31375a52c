"""The two phases on a clock that the test turns: which profile is tried when, and when a check only waits."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from nightcrew.checks import conclusion, plan
from nightcrew.checks.conclusion import Outcome
from nightcrew.checks.models import Due, Verdict
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
    assert "do not count" in going.trace[-1].text


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
    assert (end is End.OK) == bool(story.names and story.names[-1] in works)
    assert story.plan.phase2_elapsed(story.now) <= 300 + (retries + 1) * 4 * (seconds + delay)
    if end is End.ALL_FAILED and enabled and phase2:
        left = [name for name in story.there() if name not in story.names]
        assert left == [], "a profile that was there was never tried"
    if not phase2:
        assert end is not End.RAN_OUT
    if not enabled:
        assert set(story.names) <= set("ABCD")
        assert len(set(story.names)) <= 1 + len(gone)


def due(**known: object) -> Due:
    values: dict[str, object] = {
        "stream_id": 1,
        "channel_id": 1,
        "source_id": 1,
        "run_id": None,
        "priority": 0,
        "full": False,
        "plan": None,
        "failures": 0,
        "dead": False,
        "good_at": None,
        "sampled_at": None,
        "video_codec": "",
        "width": 0,
        "height": 0,
        "kbps": None,
    }
    return Due(**{**values, **known})  # type: ignore[arg-type]


FAILED = Outcome(Result.FAILED, "it answers HTTP 404")


def test_phase_2_running_out_keeps_the_old_results_of_a_known_stream() -> None:
    found = conclusion.finding(due(good_at=START), plan.begin(START), End.RAN_OUT, FAILED, START, ONCE)
    assert (found.verdict, found.facts, found.dead, found.is_checked) == (Verdict.INTERRUPTED, None, None, False)


def test_phase_2_running_out_marks_a_new_stream_dead_but_not_checked() -> None:
    found = conclusion.finding(due(), plan.begin(START), End.RAN_OUT, None, START, ONCE)
    assert (found.verdict, found.dead, found.is_checked) == (Verdict.FAILED, True, False)
    assert found.due_at is not None


def test_a_failure_never_overwrites_what_is_known() -> None:
    found = conclusion.finding(due(good_at=START), plan.begin(START), End.ALL_FAILED, FAILED, START, ONCE)
    assert (found.facts, found.score, found.dead, found.is_checked) == (None, None, True, True)


def test_an_interrupted_check_is_no_failure_and_stays_in_its_run() -> None:
    outcome = Outcome(Result.INTERRUPTED, "somebody with a higher priority needs the connection")
    found = conclusion.finding(due(run_id=4), plan.begin(START), End.INTERRUPTED, outcome, START, ONCE)
    assert (found.verdict, found.dead, found.is_checked, found.stays) == (Verdict.INTERRUPTED, None, False, True)


def test_nothing_is_called_dead_while_this_machines_network_is_suspected() -> None:
    outcome = Outcome(Result.FAILED, "its name is not known (DNS)", network=True)
    found = conclusion.finding(due(), plan.begin(START), End.ALL_FAILED, outcome, START, ONCE, suspected=True)
    assert (found.verdict, found.dead, found.stays) == (Verdict.INTERRUPTED, None, False)
    assert "network" in (found.reason or "")


def test_a_plan_survives_its_json() -> None:
    going = plan.after(plan.begin(START), "A", Result.FAILED, "x", START, ONCE).say(START, "more")
    assert plan.resume(going.dump(), START) == going
