"""How the checks stand: what needs a person, the figures of the first page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nightcrew.checks.crew import Crew
from nightcrew.checks.models import CheckedStream, Verdict
from nightcrew.checks.store import runs, views
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.declare import Look, Metric, Need

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nightcrew.kernel.runtime import Runtime

STATES: Mapping[str, tuple[Look, str]] = {
    "check.ok": ("ok", "works"),
    "check.failed": ("bad", "failed"),
    "check.interrupted": ("warn", "interrupted"),
    "check_run.running": ("run", "running"),
    "check_run.paused": ("off", "paused"),
    "check_run.cancelled": ("off", "cancelled"),
    "check_run.done": ("ok", "done"),
    "stream.checking": ("run", "checking"),
    "stream.unsteady": ("warn", "works, interrupted"),
    "stream.interrupted": ("warn", "interrupted"),
    "stream.unchecked": ("wait", "not checked yet"),
}


def stream_state(one: CheckedStream) -> str:
    """How a stream stands after its last check."""
    if one.running:
        return "checking"
    if one.dead_since is not None:
        return "dead"
    if one.good_at is not None:
        return "unsteady" if one.verdict is Verdict.INTERRUPTED else "works"
    return "unchecked" if one.verdict is None else "interrupted"


async def needs(runtime: Runtime) -> list[Need]:
    """A network that seems to be down."""
    if runtime.part(Crew).network_down:
        return [Need("warning", "Checks cannot reach any source. Is this machine's network down?", "/checks")]
    return []


async def overview(runtime: Runtime) -> dict[str, Any]:
    """Figures for the first page."""
    counts = await views.counts(runtime.store, utcnow())
    return {"streams": counts, "runs": await runs.page(runtime.store, open_only=True)}


async def metrics(runtime: Runtime) -> list[Metric]:
    """Streams by what is known about them; one that is due or being checked is counted there too."""
    counts = await views.counts(runtime.store, utcnow())
    return [Metric("streams", "Streams by what is known about them", counts, "state")]
