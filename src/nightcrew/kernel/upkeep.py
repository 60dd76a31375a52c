"""The kernel's own work: telling people, and forgetting what is old."""

from __future__ import annotations

from datetime import timedelta

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.connections import work as connections
from nightcrew.kernel.declare import Domain, Job, Need, Timetable
from nightcrew.kernel.hooks import UPKEEP
from nightcrew.kernel.notify import notices_store, work
from nightcrew.kernel.routing import work as routing
from nightcrew.kernel.run import Run
from nightcrew.kernel.runtime import KernelSettings, Runtime


async def clean_up(run: Run) -> dict[str, int]:
    """Delete old activity, what people were told then, old finished jobs and old cached answers; then what each domain forgets."""
    gone = await run.step("prune", _prune, run.runtime)
    for domain in run.runtime.hooks.domains:
        if domain.upkeep is not None:
            forgotten = await run.step(domain.name, _forget, run.runtime, domain)
            gone |= {f"{domain.name}.{what}": count for what, count in forgotten.items()}
    return gone


async def _forget(runtime: Runtime, domain: Domain) -> dict[str, int]:
    gone: dict[str, int] = await runtime.hooks.call(domain, "upkeep", default=dict, limit=UPKEEP)
    return gone


async def _prune(runtime: Runtime) -> dict[str, int]:
    options = runtime.settings.of(KernelSettings)
    entries = await runtime.activity.prune(days=options.activity_days)
    notices = await notices_store.prune(runtime.store, before=utcnow() - timedelta(days=options.activity_days))
    jobs = await runtime.jobs.prune(days=options.job_days)
    await runtime.http.prune_cache()
    return {"activity": entries, "notices": notices, "jobs": jobs}


async def start(runtime: Runtime) -> None:
    """Open what the kernel itself has."""
    await work.start(runtime)
    await connections.start(runtime)
    await routing.start(runtime)


async def needs(runtime: Runtime) -> list[Need]:
    """Targets, connections, routes and settings that wait for a person."""
    unfit = [
        Need("error", f"{why}. Its default is used: set it anew", "/settings", key=f"setting:{key}")
        for key, why in runtime.settings.unfit.items()
    ]
    return [*unfit, *await work.needs(runtime), *await connections.needs(runtime), *await routing.needs(runtime)]


DOMAIN = Domain(
    name="kernel",
    title="Nightcrew",
    settings=KernelSettings,
    activity={
        "promise.": "Promises",
        "worker.": "Workers",
        "job.": "Jobs",
        "settings.": "Settings",
        "access.": "Access",
        "node.": "Machines",
        "need.": "Needs",
        "notify.": "Notifications",
        "connection.": "Connections",
        "route.": "Routes",
    },
    ticks=work.TICKS,
    notices=(*work.NOTICES, *connections.NOTICES, *routing.NOTICES),
    start=start,
    stop=work.stop,
    needs=needs,
    node_gone=routing.node_gone,
    jobs=(Job("kernel.clean_up", clean_up, help="Forgets what is old."),),
    timetables=(
        Timetable(
            "kernel.nightly",
            cron="30 4 * * *",
            job="kernel.clean_up",
            promise=50 * 3600,
            jitter=600,
            help="Forgets old activity, finished jobs and what else is old, each night.",
        ),
    ),
)
