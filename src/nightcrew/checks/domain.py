"""What checks declare. `DOMAIN` is their only registration."""

from __future__ import annotations

from pathlib import Path

from nightcrew.checks import api, doctor, ordering, pages, standing, stills, workers
from nightcrew.checks.crew import Crew
from nightcrew.checks.resolutions import Resolver
from nightcrew.checks.settings import SEED_OPTIONS, CheckSettings
from nightcrew.checks.store import queue
from nightcrew.kernel.declare import Domain, Job, NoticeKind, Page, Queue, Tick, Timetable

_HERE = Path(__file__).parent

DOMAIN = Domain(
    name="checks",
    title="Checks",
    settings=CheckSettings,
    seed_options=SEED_OPTIONS,
    migrations=_HERE / "migrations",
    templates=_HERE / "templates",
    activity={"check.": "Checks"},
    ticks=(
        Tick(
            "checks.work",
            workers.work,
            every=1.0,
            promise=60.0,
            time_limit=30.0,
            help="Starts checks that are due, as connections become free.",
            next_at=lambda runtime: runtime.part(Crew).next_at(),
            topics=(queue.CHECKS.topic,),
        ),
        Tick(
            "checks.resolutions",
            lambda runtime: runtime.part(Resolver).look(),
            every=2.0,
            promise=60.0,
            time_limit=30.0,
            help="With the setting RES: measures variants that the master playlist does not describe.",
            next_at=lambda runtime: runtime.part(Resolver).next_at(),
            topics=(queue.MEASURES.topic,),
        ),
        Tick(
            "checks.stills",
            stills.tidy,
            every=3600.0,
            promise=4 * 3600.0,
            time_limit=300.0,
            help="Keeps this machine's pictures of streams within their limits.",
        ),
    ),
    jobs=(
        Job("checks.nightly", workers.nightly, help="Makes all streams due for a check."),
        Job(
            "checks.reorder",
            ordering.judge_again,
            queue=Queue("checks.reorder"),
            lock="all",
            busy="join",
            help="Puts the streams of all channels in order.",
        ),
    ),
    timetables=(
        Timetable(
            "checks.nightly",
            cron="0 3 * * *",
            job="checks.nightly",
            promise=50 * 3600,
            jitter=300,
            help="Checks all streams every night.",
        ),
    ),
    routers=(api.router, pages.router),
    pages=(Page("/checks", "Checks"),),
    notices=(NoticeKind("check.done", "finished", "Checks are done", "check runs are done"),),
    start=workers.start,
    stop=workers.stop,
    states=standing.STATES,
    needs=standing.needs,
    overview=standing.overview,
    topics=("checks",),
    metrics=standing.metrics,
    doctor=(doctor.prober, doctor.codecs),
)
