"""Times of the day as cron writes them: five fields, or six with seconds last. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from croniter import croniter


def check(cron: str) -> None:
    """Raises ValueError for one that cannot be read."""
    croniter(cron)


def next_time(cron: str, now: datetime) -> datetime:
    """The next occurrence after `now`, by the clock on the wall: 04:30 stays 04:30 when the clocks change."""
    wall = now.astimezone().replace(tzinfo=None)
    while True:
        wall = croniter(cron, wall).get_next(datetime)
        upcoming = wall.astimezone(UTC)  # a time without a zone is local time
        if upcoming > now:
            return upcoming
