"""What recordings declare. `DOMAIN` is their only registration."""

from __future__ import annotations

from pathlib import Path

from nightcrew.kernel.declare import Domain, Job, NoticeKind, Page, Queue, Tick, Timetable
from nightcrew.recordings import admin, after, api, disk, handover, pages, processing, standing, watching, workers
from nightcrew.recordings.doctor import ffmpeg
from nightcrew.recordings.place import LIBRARY
from nightcrew.recordings.settings import RecordingSettings
from nightcrew.recordings.store import states, watches

_HERE = Path(__file__).parent

DOMAIN = Domain(
    name="recordings",
    title="Recordings",
    settings=RecordingSettings,
    migrations=_HERE / "migrations",
    templates=_HERE / "templates",
    activity={"recording.": "Recordings", "watch.": "Watched streams"},
    folders=(LIBRARY,),
    ticks=(
        Tick(
            "recordings.keep",
            workers.keep,
            every=1.0,
            promise=60.0,
            time_limit=60.0,
            help="Keeps every recording in a working recorder, and starts post-processing when one has ended.",
            next_at=workers.keep_at,
            topics=(states.TOPIC,),
        ),
        Tick(
            "recordings.watch",
            watching.look_at_due,
            every=5.0,
            promise=300.0,
            time_limit=120.0,
            help="Checks whether watched streams are live, and starts recording those that are.",
            next_at=watching.next_at,
            topics=(watches.WATCHES.topic,),
        ),
        Tick(
            "recordings.stuck",
            workers.mend,
            every=300.0,
            promise=1200.0,
            time_limit=120.0,
            help="Finds stuck recordings and finishes them.",
        ),
        Tick(
            "recordings.disk",
            disk.look,
            every=30.0,
            promise=300.0,
            time_limit=120.0,
            help="Keeps disk space free for running recordings.",
        ),
    ),
    jobs=(
        Job(
            processing.JOB,
            processing.finish,
            queue=Queue("recordings", per_node=3),
            lock="{0}",
            busy="join",
            here=True,
            help="Joins the parts of a recording into one file.",
        ),
        Job(after.WEBHOOK, after.call_webhook, help="Tells a webhook of a finished recording."),
        Job(
            after.PROGRAM,
            after.run_program,
            queue=Queue("programs after recordings", per_node=2),
            here=True,
            time_limit=90_000.0,
            help="Runs a program for a finished recording.",
        ),
        Job("recordings.retention", workers.nightly, help="Deletes recordings by the retention rules."),
    ),
    timetables=(
        Timetable(
            "recordings.nightly",
            cron="30 4 * * *",
            job="recordings.retention",
            promise=50 * 3600,
            jitter=300,
            help="Deletes recordings by the retention rules, every night.",
        ),
    ),
    routers=(api.router, admin.router, pages.router),
    pages=(Page("/recordings", "Recordings"),),
    notices=(
        NoticeKind("recording.done", "finished", "A recording is finished", "recordings are finished"),
        NoticeKind(after.FAILED, "failed", "A webhook or a program failed", "webhooks or programs failed"),
        NoticeKind("recording.failed", "failed", "A recording failed", "recordings failed"),
    ),
    start=workers.start,
    stop=workers.stop,
    node_gone=handover.take_over,
    states=standing.STATES,
    needs=standing.needs,
    overview=standing.overview,
    topics=("recordings",),
    metrics=standing.metrics,
    doctor=(ffmpeg,),
)
