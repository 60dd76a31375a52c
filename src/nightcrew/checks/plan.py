"""Which profile a check tries next, and when it waits: phase 1 and phase 2. Pure: the time is an argument.

Phase 1 tries every profile that has a free connection now, best first, until one works. Phase 2 waits for those that were
full. A check that waits is parked: the caller stores the plan and the time, and does something else meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from nightcrew.checks.settings import CheckSettings

LATE = 30.0
"""Seconds after which a parked check was taken up so late that nobody can have looked meanwhile: that time does not count."""
MAX_TRACE = 200


class Result(StrEnum):
    """What one attempt came to."""

    OK = "ok"
    FAILED = "failed"
    FULL = "full"
    """Somebody else took the connection first, or the source says that too many are open: it was not tried."""
    INTERRUPTED = "interrupted"


class End(StrEnum):
    """How a check ends."""

    OK = "ok"
    ALL_FAILED = "all profiles failed"
    RAN_OUT = "no connection became free"
    NOT_TRIED = "all connections are in use"
    INTERRUPTED = "interrupted"
    BROKEN = "the check itself failed"


@dataclass(frozen=True, slots=True)
class Try:
    """Make an attempt with this profile now."""

    profile: str


@dataclass(frozen=True, slots=True)
class Park:
    """Do nothing until then."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Finish:
    """It is decided."""

    end: End


Move = Try | Park | Finish


@dataclass(frozen=True, slots=True)
class TraceLine:
    """One line of the trace: what happened, `at` seconds after the start."""

    at: float
    phase: int
    text: str
    profile: str | None = None
    attempt: int | None = None
    result: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """How far a check is. It survives a restart as JSON."""

    started: datetime
    phase: int = 1
    attempts: dict[str, int] = field(default_factory=dict)
    """Finished attempts by profile."""
    again: dict[str, datetime] = field(default_factory=dict)
    """When a profile that has failed may be tried again."""
    phase2: datetime | None = None
    until: datetime | None = None
    """Until when it is parked."""
    refused: dict[str, datetime] = field(default_factory=dict)
    """Profiles of which the source itself says that too many connections are open, until when that is believed."""
    used: str | None = None
    reached: bool = False
    """Whether any attempt reached the source at all."""
    reason: str = ""
    trace: tuple[TraceLine, ...] = ()

    def say(self, now: datetime, text: str, **more: Any) -> Plan:
        """The plan with one more line in its trace."""
        line = TraceLine(round((now - self.started).total_seconds(), 1), self.phase, text, **more)
        return replace(self, trace=(*self.trace, line)[:MAX_TRACE])

    @property
    def tried(self) -> int:
        """Profiles that were tried."""
        return len(self.attempts)

    def phase2_elapsed(self, now: datetime) -> float:
        """Seconds spent in phase 2."""
        return 0.0 if self.phase2 is None else max(0.0, (now - self.phase2).total_seconds())

    def dump(self) -> str:
        """As JSON, for `resume`."""
        return _PLAN.dump_json(self).decode()


_PLAN = TypeAdapter(Plan)


def begin(now: datetime) -> Plan:
    """A new check."""
    return Plan(started=now)


def resume(text: str, now: datetime) -> Plan:
    """A parked check goes on; one whose plan cannot be read (of another version) begins anew.

    When it was taken up much too late (nothing ran), phase 2 is given the lost time back.
    """
    try:
        plan = _PLAN.validate_json(text, strict=True)
    except ValueError:
        return begin(now)
    if plan.until is None:
        return plan
    late = (now - plan.until).total_seconds()
    if late > LATE and plan.phase2 is not None:
        plan = replace(plan, phase2=plan.phase2 + timedelta(seconds=late))
        plan = plan.say(now, f"was parked {late:.0f} s longer than planned; that time does not count")
    return replace(plan, until=None)


def next_move(
    plan: Plan, profiles: Sequence[str], free: Collection[str], now: datetime, options: CheckSettings
) -> tuple[Plan, Move]:
    """What to do now. `profiles` best first, as they are now; `free` those of them that have a free connection."""
    names = list(profiles) if options.profile_failover_enabled else list(profiles[:1])
    left = [name for name in names if plan.attempts.get(name, 0) <= options.retries]
    ready = [name for name in left if name in free and not _held(plan, name, now)]
    if ready:
        return plan, Try(
            min(ready, key=lambda name: plan.attempts.get(name, 0))
        )  # untried ones before a second attempt
    if not left:
        return plan, Finish(End.ALL_FAILED)
    waits = [plan.again[name] for name in left if name in plan.again and plan.again[name] > now]
    if waits and plan.phase == 1:
        return _parked(plan, min(waits), now, "waiting before the next attempt")
    if not options.try_full_profiles:
        return plan, Finish(End.ALL_FAILED if plan.attempts else End.NOT_TRIED)
    return _phase2(plan, left, waits, now, options)


def after(plan: Plan, profile: str, result: Result, reason: str, now: datetime, options: CheckSettings) -> Plan:
    """The plan after an attempt with `profile`."""
    number = plan.attempts.get(profile, 0) + 1
    told = f"profile {profile}: {result.value}" + (f", {reason}" if reason else "")
    plan = plan.say(now, told, profile=profile, attempt=number, result=result.value)
    match result:
        case Result.OK:
            return replace(plan, used=profile, attempts={**plan.attempts, profile: number}, reason="")
        case Result.FAILED:
            again = {**plan.again, profile: now + timedelta(seconds=options.retry_delay)}
            return replace(plan, attempts={**plan.attempts, profile: number}, again=again, reason=reason)
        case Result.FULL:
            until = now + timedelta(seconds=options.phase2_poll_interval)
            return replace(plan, refused={**plan.refused, profile: until}, reason=plan.reason or reason)
        case Result.INTERRUPTED:
            return replace(plan, reason=reason)


def _phase2(
    plan: Plan, left: Sequence[str], waits: Sequence[datetime], now: datetime, options: CheckSettings
) -> tuple[Plan, Move]:
    if plan.phase2 is None:
        plan = replace(plan, phase=2, phase2=now)
        plan = plan.say(
            now,
            f"phase 2: waiting for {', '.join(left)}, looking every {options.phase2_poll_interval} s "
            f"for up to {options.phase2_max_wait} s",
        )
    elapsed = plan.phase2_elapsed(now)
    if elapsed >= options.phase2_max_wait:
        return plan.say(now, f"phase 2 ended: nothing became free in {elapsed:.0f} s"), Finish(End.RAN_OUT)
    end = now + timedelta(seconds=options.phase2_max_wait - elapsed)
    look = now + timedelta(seconds=options.phase2_poll_interval)
    until = min([end, look, *waits])
    return replace(plan, until=until), Park(until)


def _parked(plan: Plan, until: datetime, now: datetime, text: str) -> tuple[Plan, Move]:
    plan = plan.say(now, f"{text} ({(until - now).total_seconds():.0f} s)")
    return replace(plan, until=until), Park(until)


def _held(plan: Plan, name: str, now: datetime) -> bool:
    return any(held.get(name, now) > now for held in (plan.again, plan.refused))
