"""From how a check ended to what is stored. Pure."""

from __future__ import annotations

import base64
import binascii
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from nightcrew.checks import rules
from nightcrew.checks.models import DueCheck, Facts, Verdict
from nightcrew.checks.plan import End, Plan, Result
from nightcrew.checks.rules import Score
from nightcrew.checks.settings import CheckSettings
from nightcrew.playlists.exports import Variant, unnamed
from nightcrew.prober.wire import ProbeReport

AFTER_INTERRUPTION = timedelta(seconds=30)
"""Before a check that made room for somebody is taken up again."""
AFTER_OUTAGE = timedelta(seconds=600)
"""Before a stream is tried again that was checked while nothing could be reached."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt came to. `network`: nothing was reached at all, so the fault may be on this side."""

    result: Result
    reason: str = ""
    report: ProbeReport | None = None
    first_byte: float | None = None
    network: bool = False
    status: int | None = None
    """The HTTP status that was the reason."""
    variants: tuple[Variant, ...] = ()


@dataclass(frozen=True, slots=True)
class Conclusion:
    """All that a check came to. `facts` None: nothing good was seen, and what is known stays. `dead` None: as before.

    `is_checked`: scheduled runs may pass over it for a while. `due_at`: when it is to be checked again, None: by the next run;
    `stays`: it is still part of its run.
    """

    verdict: Verdict
    at: datetime
    entry: dict[str, Any]
    reason: str | None = None
    facts: Facts | None = None
    score: float | None = None
    dead: bool | None = None
    is_checked: bool = True
    sampled: bool = False
    due_at: datetime | None = None
    stays: bool = False
    jpeg: bytes = b""
    unnamed: bool = False
    """Whether its master playlist offers variants that it does not describe."""


def finding(
    due: DueCheck,
    plan: Plan,
    end: End,
    last: Outcome | None,
    now: datetime,
    options: CheckSettings,
    *,
    suspected: bool = False,
) -> Conclusion:
    """What a check came to. `suspected`: nothing at all can be reached, so nothing is called dead."""
    report = last.report if last is not None else None
    facts = rules.facts_of(report) if report is not None else Facts()
    known = _with_known_rate(facts, due)
    value = rules.score(known, options) if end is End.OK else None
    entry = _entry(plan, end, facts, value, last, now)
    retry_at = now + timedelta(seconds=rules.next_retry(due.failures + 1, options))
    if value is not None:  # it plays; whether that is enough is the user's to say
        too_low = rules.below_minimum(known, value.value, options)
        return Conclusion(
            Verdict.OK if too_low is None else Verdict.FAILED,
            now,
            entry,
            too_low,
            facts=facts,
            score=value.value,
            dead=too_low is not None,
            sampled=facts.kbps is not None,
            due_at=None if too_low is None else retry_at,
            jpeg=_jpeg(last),
            unnamed=last is not None and bool(unnamed(last.variants)),
        )
    failed = partial(Conclusion, Verdict.FAILED, now, entry, dead=True, due_at=retry_at, jpeg=_jpeg(last))
    nothing = partial(Conclusion, Verdict.INTERRUPTED, now, entry, is_checked=False)
    match end:
        case End.ALL_FAILED if suspected:
            said = f"nothing can be reached at the moment; is this machine's network down? ({plan.reason})"
            return nothing(said, due_at=now + AFTER_OUTAGE)
        case End.ALL_FAILED:
            return failed(plan.reason)
        case End.RAN_OUT if due.good_at is None:
            said = f"{plan.reason or 'no connection was free'}; phase 2 ended after {plan.phase2_elapsed(now):.0f} s"
            return failed(said, is_checked=False)
        case End.BROKEN:
            return nothing(plan.reason, due_at=retry_at)
        case End.RAN_OUT | End.NOT_TRIED:
            return nothing(f"{end.value}; what was known before is kept", due_at=retry_at if due.dead else None)
        case _:
            return nothing(plan.reason or end.value, due_at=now + AFTER_INTERRUPTION, stays=True)


def _with_known_rate(facts: Facts, due: DueCheck) -> Facts:
    """A bit rate that was not measured this time is the one of last time."""
    if facts.kbps is not None or due.kbps is None:
        return facts
    return replace(facts, kbps=due.kbps)


def _jpeg(last: Outcome | None) -> bytes:
    """The still, if it is one."""
    if last is None or last.report is None or not last.report.still:
        return b""
    try:
        found = base64.b64decode(last.report.still, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return found if found.startswith(b"\xff\xd8\xff") else b""


def _entry(
    plan: Plan, end: End, facts: Facts, value: Score | None, last: Outcome | None, now: datetime
) -> dict[str, Any]:
    """The columns of a result that do not depend on the verdict."""
    return {
        "score": value.value if value is not None else None,
        "parts": [asdict(part) for part in value.parts] if value is not None else None,
        **asdict(facts),
        "first_byte": last.first_byte if last is not None else None,
        "used_profile": plan.used,
        "failover_attempts": sum(plan.attempts.values()),
        "failover_phase": plan.phase,
        "phase2_elapsed": round(plan.phase2_elapsed(now), 1),
        "all_profiles_failed": end is End.ALL_FAILED,
        "elapsed": round((now - plan.started).total_seconds(), 3),
        "trace": [asdict(line) for line in plan.trace],
    }
