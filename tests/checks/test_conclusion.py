"""From how a check ended to what is stored: verdict, what is known from then on, and when the stream is checked again."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from nightcrew.checks import conclusion, plan
from nightcrew.checks.conclusion import Conclusion, Outcome
from nightcrew.checks.models import DueCheck, Facts, Verdict
from nightcrew.checks.plan import End, Result
from nightcrew.checks.settings import CheckSettings
from nightcrew.playlists.exports import Variant
from nightcrew.prober.wire import ProbeReport

START = datetime(2026, 1, 1, tzinfo=UTC)
ONCE = CheckSettings(retries=0)
HOUR = timedelta(hours=1)
JPEG = b"\xff\xd8\xff picture"
GOOD = ProbeReport(video_codec="h264", width=1920, height=1080, fps=50.0, audio_codec="aac", kbps=4000.0, pictures=2)
OK = Outcome(Result.OK, report=GOOD, first_byte=0.25)


def due(**known: object) -> DueCheck:
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
    return DueCheck(**{**values, **known})  # type: ignore[arg-type]


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


def ended(
    end: End, last: Outcome | None = FAILED, *, after: float = 0.0, reason: str = "", **known: object
) -> Conclusion:
    """What a check that ends so, some seconds after its start, comes to."""
    going = replace(plan.begin(START), reason=reason)
    return conclusion.finding(due(**known), going, end, last, START + timedelta(seconds=after), ONCE)


# -- each end ----------------------------------------------------------------------------------------------------------


def test_a_stream_that_works_is_alive_and_waits_for_the_next_run() -> None:
    found = ended(End.OK, OK, failures=3, dead=True)
    assert (found.verdict, found.dead, found.reason, found.due_at) == (Verdict.OK, False, None, None)
    assert (found.is_checked, found.stays, found.sampled) == (True, False, True)
    assert found.facts == Facts("h264", 1920, 1080, 50.0, "aac", 4000.0)
    assert found.score == pytest.approx(0.40 * 0.5 + 0.35 + 0.15 * 50 / 60 + 0.10 * 0.8, abs=1e-4)


def test_a_stream_that_works_and_is_below_the_users_minimum_has_failed_with_all_that_is_known_of_it() -> None:
    options = CheckSettings(min_height=1440)
    found = conclusion.finding(due(failures=1), plan.begin(START), End.OK, OK, START, options)
    assert (found.verdict, found.dead) == (Verdict.FAILED, True)
    assert found.reason == "it has 1080 lines; the minimum is 1440"
    assert found.due_at == START + 2 * HOUR, "as for any failure: the second pause is twice the first"
    assert found.facts is not None
    assert found.facts.height == 1080


def test_headers_alone_leave_the_bit_rate_of_last_time_in_force() -> None:
    headers = Outcome(Result.OK, report=replace(GOOD, kbps=0.0))
    known, unknown = ended(End.OK, headers, kbps=8000.0), ended(End.OK, headers)
    assert known.facts is not None
    assert known.facts.kbps is None, "it was not measured now"
    assert (known.sampled, known.entry["kbps"]) == (False, None)
    assert known.score == pytest.approx(0.40 + 0.35 + 0.15 * 50 / 60 + 0.10 * 0.8, abs=1e-4)
    assert unknown.score == pytest.approx(0.15 * 50 / 60 + 0.10 * 0.8, abs=1e-4)
    low = conclusion.finding(due(kbps=900.0), plan.begin(START), End.OK, headers, START, CheckSettings(min_kbps=1000))
    assert low.reason == "it has 900 kbit/s; the minimum is 1000"


def test_what_was_measured_now_counts_and_not_what_was_known() -> None:
    assert ended(End.OK, OK, kbps=80.0).score == ended(End.OK, OK).score


@pytest.mark.parametrize(("failures", "hours"), [(0, 1), (1, 2), (2, 4), (30, 168)])
def test_what_fails_is_tried_again_after_a_pause_that_doubles(failures: int, hours: int) -> None:
    assert ended(End.ALL_FAILED, failures=failures).due_at == START + hours * HOUR
    assert ended(End.BROKEN, failures=failures).due_at == START + hours * HOUR
    assert ended(End.RAN_OUT, failures=failures).due_at == START + hours * HOUR


def test_a_failure_has_the_reason_of_its_last_attempt_and_leaves_the_run() -> None:
    found = ended(End.ALL_FAILED, reason="it answers HTTP 404")
    assert (found.verdict, found.reason, found.stays, found.sampled) == (
        Verdict.FAILED,
        "it answers HTTP 404",
        False,
        False,
    )


@pytest.mark.parametrize(("reason", "said"), [("", "no connection was free"), ("HTTP 429", "HTTP 429")])
def test_a_new_stream_that_nothing_was_free_for_says_for_how_long(reason: str, said: str) -> None:
    going = replace(plan.begin(START), reason=reason, phase=2, phase2=START + timedelta(seconds=20))
    found = conclusion.finding(due(), going, End.RAN_OUT, None, START + timedelta(seconds=620), ONCE)
    assert found.reason == f"{said}; phase 2 ended after 600 s"


@pytest.mark.parametrize(
    ("end", "said"),
    [(End.RAN_OUT, "no connection became free"), (End.NOT_TRIED, "all connections are in use")],
)
@pytest.mark.parametrize("dead", [True, False])
def test_a_known_stream_that_nothing_was_free_for_stays_as_it_is(end: End, said: str, dead: bool) -> None:
    found = ended(end, None, good_at=START, dead=dead)
    assert (found.verdict, found.reason) == (Verdict.INTERRUPTED, f"{said}; what was known before is kept")
    assert (found.dead, found.is_checked, found.stays) == (None, False, False)
    assert found.due_at == (START + HOUR if dead else None), "a dead one has its own time"


def test_a_defect_of_ours_says_nothing_of_the_stream() -> None:
    found = ended(End.BROKEN, None, reason="the check itself failed")
    assert (found.verdict, found.reason, found.dead) == (Verdict.INTERRUPTED, "the check itself failed", None)
    assert (found.is_checked, found.stays) == (False, False)


@pytest.mark.parametrize(("reason", "said"), [("", "interrupted"), ("a viewer needs it", "a viewer needs it")])
def test_an_interrupted_check_goes_on_in_half_a_minute(reason: str, said: str) -> None:
    found = ended(End.INTERRUPTED, reason=reason)
    assert (found.reason, found.due_at) == (said, START + timedelta(seconds=30))


def test_while_this_machines_network_is_suspected_a_stream_is_tried_again_in_ten_minutes_and_is_not_checked() -> None:
    going = replace(plan.begin(START), reason="no route")
    found = conclusion.finding(due(failures=4), going, End.ALL_FAILED, FAILED, START, ONCE, suspected=True)
    assert (found.due_at, found.is_checked) == (START + timedelta(minutes=10), False)
    assert found.reason == "nothing can be reached at the moment; is this machine's network down? (no route)"
    good = conclusion.finding(due(), going, End.OK, OK, START, ONCE, suspected=True)
    assert good.verdict is Verdict.OK, "what plays, plays"


# -- its picture -------------------------------------------------------------------------------------------------------


def seen(still: bytes | str, end: End = End.OK) -> bytes:
    text = still if isinstance(still, str) else base64.b64encode(still).decode()
    return ended(end, Outcome(Result.OK, report=replace(GOOD, still=text))).jpeg


@pytest.mark.parametrize("end", [End.OK, End.ALL_FAILED, End.RAN_OUT])
def test_the_still_is_kept_of_what_works_and_of_what_fails(end: End) -> None:
    assert seen(JPEG, end) == JPEG


@pytest.mark.parametrize("still", ["", "no base64!", "/9j", b"GIF89a", b"\xff\xd8"])
def test_a_still_that_is_no_jpeg_is_none(still: bytes | str) -> None:
    assert seen(still) == b""


def test_a_still_with_other_characters_in_between_is_none() -> None:
    assert seen("!" + base64.b64encode(JPEG).decode()) == b""


def test_what_is_not_said_of_an_attempt_is_not_so() -> None:
    assert not Outcome(Result.FAILED).network
    assert not ended(End.ALL_FAILED).unnamed


def test_without_a_report_there_is_no_still() -> None:
    assert ended(End.ALL_FAILED, FAILED).jpeg == ended(End.ALL_FAILED, None).jpeg == b""


# -- its variants ------------------------------------------------------------------------------------------------------

TOLD, UNTOLD = Variant("http://h/a", 720, 25.0), Variant("http://h/b")


@pytest.mark.parametrize(
    ("variants", "expected"), [((), False), ((UNTOLD,), False), ((TOLD, TOLD), False), ((TOLD, UNTOLD), True)]
)
def test_variants_that_nothing_describes_are_noticed(variants: tuple[Variant, ...], expected: bool) -> None:
    assert ended(End.OK, replace(OK, variants=variants)).unnamed is expected


# -- what is recorded of it --------------------------------------------------------------------------------------------


def test_an_entry_holds_what_was_seen_and_how_it_was_come_by() -> None:
    going = plan.after(plan.begin(START), "A", Result.FAILED, "HTTP 404", START, ONCE)
    going = replace(going, phase=2, phase2=START + timedelta(seconds=5))
    now = START + timedelta(seconds=17.1234)
    going = plan.after(going, "B", Result.OK, "", now, ONCE)
    entry = conclusion.finding(due(), going, End.OK, OK, now, ONCE).entry
    parts, trace = entry.pop("parts"), entry.pop("trace")
    assert [part["name"] for part in parts] == ["bit rate", "resolution", "frame rate", "codec"]
    assert [line["result"] for line in trace] == ["failed", "ok"]
    assert entry.pop("score") == pytest.approx(0.755, abs=1e-4)
    assert entry == {
        "width": 1920,
        "height": 1080,
        "fps": 50.0,
        "video_codec": "h264",
        "audio_codec": "aac",
        "kbps": 4000.0,
        "first_byte": 0.25,
        "used_profile": "B",
        "failover_attempts": 2,
        "failover_phase": 2,
        "phase2_elapsed": 12.1,
        "all_profiles_failed": False,
        "elapsed": 17.123,
    }


def test_what_failed_has_no_score_and_says_whether_all_was_tried() -> None:
    entry = ended(End.ALL_FAILED, OK).entry
    assert (entry["score"], entry["parts"], entry["all_profiles_failed"]) == (None, None, True)
    assert entry["height"] == 1080, "what was seen is recorded all the same"
    assert ended(End.RAN_OUT, None).entry["all_profiles_failed"] is False
    assert ended(End.RAN_OUT, None).entry["first_byte"] is None


def test_names_of_codecs_fit_into_their_columns() -> None:
    entry = ended(End.OK, Outcome(Result.OK, report=replace(GOOD, video_codec="v" * 99, audio_codec="a" * 99))).entry
    assert (entry["video_codec"], entry["audio_codec"]) == ("v" * 40, "a" * 40)
