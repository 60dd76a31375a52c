"""The one place that reads the wall clock. Everything else takes the time as an argument."""

from __future__ import annotations

from datetime import UTC, datetime


def utcnow() -> datetime:
    """Now, aware, in UTC."""
    return datetime.now(UTC)


def iso(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC with a Z, to the second; None stays None."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def age(moment: datetime | None, now: datetime) -> float | None:
    """Seconds from `moment` to `now`, never negative; None when it never was."""
    if moment is None:
        return None
    return max(0.0, (now - moment).total_seconds())
