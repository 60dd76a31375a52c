"""What domains are asked: each by itself, within a time, and without one that fails taking the others with it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from nightcrew.kernel.declare import Domain, Need
from nightcrew.kernel.errors import NightcrewError
from nightcrew.kernel.redaction import redact
from nightcrew.kernel.store import DatabaseAway
from nightcrew.kernel.tasks import is_stopped
from nightcrew.kernel.words import duration

if TYPE_CHECKING:
    from nightcrew.kernel.declare import Runtime

ResultT = TypeVar("ResultT")
log = structlog.get_logger("nightcrew.hooks")

PATIENCE = 10.0
"""Seconds within which a domain has to answer."""
STARTING = 60.0
STOPPING = 20.0
TAKING_OVER = 60.0
MEASURING = 5.0
"""Prometheus waits for ten seconds."""
UPKEEP = 1800.0
_DOING = {
    "start": "could not start",
    "stop": "could not be stopped in order",
    "freshness": "cannot say how old its results are",
    "needs": "cannot say what needs a person",
    "outputs": "cannot say what players may be given",
    "overview": "cannot give its figures",
    "metrics": "cannot give its metrics",
    "route_users": "cannot say what takes a route",
    "upkeep": "could not forget what is old",
    "node_gone": "could not take over from a node that is gone",
}
"""What it means when a hook fails, by the hook's name."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A hook that has failed the last time, in one sentence that names its domain."""

    domain: str
    hook: str
    sentence: str


class Hooks:
    """All hooks of all domains of this node. `failures` are those that failed the last time they were called.

    `runtime` gives what each hook is handed first.
    """

    def __init__(self, domains: Sequence[Domain], runtime: Callable[[], Runtime]) -> None:
        self.domains = tuple(domains)
        self._runtime = runtime
        self._failed: dict[tuple[str, str], Failure] = {}

    @property
    def failures(self) -> list[Failure]:
        """In the order in which they began to fail."""
        return list(self._failed.values())

    async def call(
        self,
        domain: Domain,
        hook: str,
        *args: Any,
        default: Callable[[], ResultT],
        limit: float | None = None,
    ) -> ResultT:
        """What the domain's `hook` answers to the runtime and `args` within `limit` seconds (`PATIENCE` unless given).

        `default()` where it has none, or fails, which is told.

        With the job runner, the tick, `forever`, `Tasks` and the request boundary one of the places that catch everything.
        Raises `DatabaseAway` alone, which is no domain's fault.
        """
        asked: Callable[..., Awaitable[ResultT]] | None = getattr(domain, hook)
        if asked is None:
            return default()
        limit = PATIENCE if limit is None else limit
        time_limit = asyncio.timeout(limit)
        try:
            async with time_limit:
                answer = await asked(self._runtime(), *args)
        except DatabaseAway:
            raise
        except asyncio.CancelledError:
            if is_stopped():
                raise
            why = "something it was waiting for was cancelled"
        except NightcrewError as exc:
            why = redact(str(exc))
        except Exception as exc:
            hung = time_limit.expired()
            why = f"no answer within {duration(limit)}" if hung else redact(f"{type(exc).__name__}: {exc}")
            if (domain.name, hook) not in self._failed:
                log.exception("a domain's hook failed", domain=domain.name, hook=hook)
        else:
            self._failed.pop((domain.name, hook), None)
            return answer
        self._failed[domain.name, hook] = Failure(domain.name, hook, f"{domain.title} {_DOING[hook]}: {why}")
        return default()

    def needs(self) -> list[Need]:
        """Each failure waits for a person."""
        return [Need("error", failure.sentence, "/activity") for failure in self._failed.values()]
