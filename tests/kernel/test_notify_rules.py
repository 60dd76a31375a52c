"""What is told, when, and in which words. Pure rules; nothing is sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from nightcrew.kernel import declare
from nightcrew.kernel.declare import Need
from nightcrew.kernel.notify import rules
from nightcrew.kernel.notify.models import Notice, NoticeState, Quiet, Target
from nightcrew.kernel.redaction import redact

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
KNOWN = {
    "recording.failed": declare.NoticeKind("recording.failed", "failed", "A recording failed", "recordings failed"),
    "recording.done": declare.NoticeKind(
        "recording.done", "finished", "A recording is finished", "recordings are finished"
    ),
}


def notice(message: str, kind: str = "recording.failed", **more: object) -> Notice:
    row = Notice(
        id=1,
        target_id=1,
        kind=kind,
        level="error" if kind == "recording.failed" else "info",
        subject="7",
        message=message,
        node="attic",
        batch=kind,
        created_at=NOW,
        last_at=NOW,
        repeats=1,
        due_at=NOW,
        state=NoticeState.WAITING,
        attempts=0,
        tried_at=None,
        sent_at=None,
        error=None,
    )
    return replace(row, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("hours", "at", "end"),
    [
        ("22:00-07:00", "21:59", None),
        ("22:00-07:00", "22:00", "+1 07:00"),
        ("22:00-07:00", "00:00", "07:00"),
        ("22:00-07:00", "06:59", "07:00"),
        ("22:00-07:00", "07:00", None),
        ("13:00-15:00", "12:59", None),
        ("13:00-15:00", "13:00", "15:00"),
        ("13:00-15:00", "15:00", None),
    ],
)
def test_quiet_hours_end_at_their_time_of_the_day(hours: str, at: str, end: str | None) -> None:
    begin, _, stop = hours.partition("-")
    quiet = Quiet(time.fromisoformat(begin), time.fromisoformat(stop), loud=False)
    day = datetime(2026, 11, 20, tzinfo=BERLIN)
    now = datetime.combine(day, time.fromisoformat(at), tzinfo=BERLIN)
    found = rules.quiet_until(now, quiet, BERLIN)
    if end is None:
        assert found is None
    else:
        clock = time.fromisoformat(end.removeprefix("+1 "))
        assert found == datetime.combine(day + timedelta(days=end.startswith("+1")), clock, tzinfo=BERLIN)


def test_quiet_hours_end_by_the_clock_on_the_wall_in_the_night_when_it_is_changed() -> None:
    quiet = Quiet(time(22), time(7), loud=False)
    evening = datetime(2026, 10, 24, 23, 0, tzinfo=BERLIN)  # summer time ends at 3 o'clock
    found = rules.quiet_until(evening, quiet, BERLIN)
    assert found == datetime(2026, 10, 25, 7, 0, tzinfo=BERLIN)
    assert found is not None
    assert found - evening.astimezone(UTC) == timedelta(hours=9)
    assert rules.quiet_until(evening, None, BERLIN) is None


def test_one_notice_is_told_in_its_own_words() -> None:
    message = rules.composed([notice("Concert: no file could be made")], KNOWN)
    assert (message.title, message.text) == ("A recording failed", "Concert: no file could be made")
    assert (message.kind, message.level, message.subject) == ("recording.failed", "error", "7")
    assert not message.good


def test_a_flood_is_one_message_with_three_names_and_a_number() -> None:
    message = rules.composed([notice(f"Show {n}: nothing was recorded") for n in range(12)], KNOWN)
    assert message.title == "12 recordings failed"
    assert message.text == "Show 0, Show 1, Show 2 and 9 more"


def test_a_few_of_one_kind_are_told_line_by_line() -> None:
    message = rules.composed([notice("A: it broke"), notice("B: it broke too")], KNOWN)
    assert message.title == "2 recordings failed"
    assert message.text == "A: it broke\nB: it broke too"


def test_what_the_quiet_hours_left_is_one_summary() -> None:
    rows = [notice(f"Show {n}: nothing was recorded", batch=rules.QUIET) for n in range(5)]
    rows.append(notice("Film: is finished", "recording.done", batch=rules.QUIET))
    message = rules.composed(rows, KNOWN)
    assert message.title == "6 messages from the quiet hours"
    assert message.text == "5 recordings failed: Show 0, Show 1, Show 2 and 2 more\nFilm: is finished"
    assert (message.kind, message.level) == ("summary", "error")


def test_what_happened_again_is_counted() -> None:
    message = rules.composed([notice("worker: it broke", repeats=5)], KNOWN)
    assert message.text.startswith("worker: it broke (5 times since ")
    assert message.count == 5


def test_a_message_of_an_unknown_kind_is_told_all_the_same() -> None:
    assert rules.composed([notice("x", "old.kind")], {}).title == "old.kind"


@pytest.mark.parametrize(
    ("subject", "message", "name"),
    [
        ("Playlist DE", "Playlist DE is 99 s old (promised: 10 s)", "Playlist DE"),
        ("17", "Concert: no file could be made", "Concert"),
        (None, "everything: it broke", "everything"),
    ],
)
def test_a_message_is_named_by_what_it_is_about(subject: str | None, message: str, name: str) -> None:
    assert rules.name_of(subject, message) == name


def test_a_promise_is_the_same_whatever_its_age() -> None:
    first = rules.key_of("promise.broken", "DE", "DE is 311 s old", by_subject=True)
    assert first == rules.key_of("promise.broken", "DE", "DE is 312 s old", by_subject=True)
    assert first != rules.key_of("promise.kept", "DE", "DE is 311 s old", by_subject=True)
    assert rules.key_of("a", "DE", "x", by_subject=False) != rules.key_of("a", "DE", "y", by_subject=False)


def test_a_need_is_the_same_while_only_its_numbers_change() -> None:
    def keys(*needs: Need) -> set[str]:
        return set(rules.keyed(needs))

    short = [Need("warning", f"The disk has {free} GB free, and 2 GB are needed", "/recordings") for free in (1.2, 0.9)]
    assert keys(short[0]) == keys(short[1])
    assert keys(short[0]) != keys(replace(short[0], level="error"))
    named = [Need("error", f"List {n} fails", "/sources") for n in (1, 2)]
    assert len(keys(*named)) == 2, "two that are there at once are two"
    assert keys(replace(named[0], key="feed 1")) != keys(replace(named[0], key="feed 2"))
    assert keys(Need("error", "host-1 is gone", "/")) != keys(Need("error", "host-2 is gone", "/"))
    assert not keys(Need("info", "Worker a is paused by web", "/"))


def test_the_pauses_grow_to_an_hour() -> None:
    assert [rules.pause(attempts) for attempts in (0, 1, 2, 3, 4, 5, 99)] == [60, 60, 300, 900, 3600, 3600, 3600]
    assert rules.gate(99) == rules.GATE


@pytest.mark.parametrize(
    ("kind", "address", "shown"),
    [
        ("apprise", "tgram://123:abc/456", "tgram://•••"),
        ("webhook", "https://hooks.example/services/T0/B0/secret", "https://hooks.example/•••"),
        ("webhook", "https://user:password@hooks.example:8443/x", "https://hooks.example:8443/•••"),
        ("webhook", "https://user:password@hooks.example", "https://hooks.example/•••"),
        ("webhook", "https://hooks.example?token=1234", "https://hooks.example/•••"),
        ("heartbeat", "https://beat.example/", "https://beat.example"),
    ],
)
def test_of_an_address_only_what_is_no_secret_is_shown(kind: str, address: str, shown: str) -> None:
    assert rules.shown_address(kind, address) == shown  # type: ignore[arg-type]


def test_no_part_of_an_address_is_left_in_an_error() -> None:
    address = "https://name:pass%20word@hooks.example/services/T0KEN?key=s3cret&x=p%C3%A4th#frag"
    text = redact(f"cannot send to {address}: T0KEN, s3cret, pass%20word, päth", rules.secrets_in(address))
    for secret in ("T0KEN", "s3cret", "word", "päth", "services"):
        assert secret not in text
    assert "hooks.example" in text


def test_a_target_is_told_of_its_groups_from_its_level_on() -> None:
    target = Target(
        id=1,
        name="Telephone",
        kind="webhook",
        sealed="",
        shown="",
        wants=frozenset({"failed"}),
        level="warning",
        enabled=True,
        quiet=None,
        created_at=NOW,
        next_at=None,
        failures=0,
        failing_since=NOW - timedelta(hours=2),
        error="it refuses the connection",
        delivered_at=None,
    )
    assert rules.is_wanted(target, "failed", "error")
    assert not rules.is_wanted(target, "failed", "info")
    assert not rules.is_wanted(target, "finished", "error")
    assert rules.trouble(target, NOW) == "Telephone has not taken a message for 2 h: it refuses the connection"
    assert rules.given_up(target, 1, "x") == "Telephone has not taken 1 message for a day, so it is given up: x"
