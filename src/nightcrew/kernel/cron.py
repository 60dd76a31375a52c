"""Times of the day as cron writes them: five fields, or six with seconds last, and the option that each timetable has for them."""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from typing import Annotated, Any

from croniter import croniter
from pydantic import AfterValidator, create_model

from nightcrew.kernel.declare import Domain, Timetable
from nightcrew.kernel.settings import Options, option


def checked(cron: str) -> str:
    """The same text. Raises ValueError for one that cannot be read, or whose time never comes."""
    try:
        if len(cron.split()) not in {5, 6}:
            raise ValueError("wrong number of fields")
        croniter(cron).get_next(datetime)
    except ValueError as exc:
        raise ValueError(
            f"{cron!r} is no time as cron writes it: minute, hour, day, month and weekday, such as 30 4 * * *"
        ) from exc
    return cron


Cron = Annotated[str, AfterValidator(checked)]


def key_of(domain: str, timetable: Timetable) -> str:
    """The option with a timetable's times: `checks.nightly_cron` for the timetable checks.nightly."""
    return f"{domain}.{timetable.name.removeprefix(f'{domain}.').replace('.', '_')}_cron"


def options_of(domain: Domain) -> type[Options]:
    """A domain's options, with one for the times of each timetable."""
    times = tuple((key_of(domain.name, one).partition(".")[2], one.cron, one.help) for one in domain.timetables)
    return _with_times(domain.settings, times) if times else domain.settings


@functools.cache
def _with_times(model: type[Options], times: tuple[tuple[str, str, str], ...]) -> type[Options]:
    """A class of options with one more for each of (name, times, help)."""
    said = "When it runs, as cron writes it: minute, hour, day, month, weekday."
    fields: dict[str, Any] = {
        name: (Cron, option(cron, max_length=100, help=f"{said} {what}")) for name, cron, what in times
    }
    return create_model(model.__name__, __base__=model, __doc__=model.__doc__, **fields)


def next_time(cron: str, now: datetime) -> datetime:
    """The next occurrence after `now`, by the clock on the wall: 04:30 stays 04:30 when the clocks change."""
    wall = now.astimezone().replace(tzinfo=None)
    while True:
        wall = croniter(cron, wall).get_next(datetime)
        upcoming = wall.astimezone(UTC)  # a time without a zone is local time
        if upcoming > now:
            return upcoming
