"""What recordings declare. `DOMAIN` is their only registration."""

from __future__ import annotations

from pathlib import Path

from nightcrew.kernel.declare import Domain, Job, NoticeKind, Page, Queue, Tick, Timetable
from nightcrew.recordings import admin, api, disk, handover, pages, processing, standing, watch_api, watching, workers
from nightcrew.recordings.doctor import ffmpeg
from nightcrew.recordings.place import LIBRARY
from nightcrew.recordings.settings import RecordingSettings
from nightcrew.recordings.store import watches

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
            help="Keeps every recording in a recorder that works, and has those that have ended finished.",
        ),
        Tick(
            "recordings.watch",
            watching.look_at_due,
            every=5.0,
            promise=300.0,
            time_limit=120.0,
            help="Looks whether watched streams are live, and begins to record them.",
            next_at=watching.next_at,
            topics=(watches.WATCHES.topic,),
        ),
        Tick(
            "recordings.stuck",
            workers.mend,
            every=300.0,
            promise=1200.0,
            time_limit=120.0,
            help="Finds recordings that nobody works on any more, and finishes them.",
        ),
        Tick(
            "recordings.disk",
            disk.look,
            every=30.0,
            promise=300.0,
            time_limit=120.0,
            help="Keeps space free for what is being recorded.",
        ),
    ),
    jobs=(
        Job(
            processing.JOB,
            processing.finish,
            queue=Queue("recordings", per_node=1),
            lock="{0}",
            busy="join",
            here=True,
            help="Makes one file of a recording.",
        ),
        Job("recordings.retention", workers.nightly, help="Deletes recordings as the policies say."),
    ),
    timetables=(
        Timetable(
            "recordings.nightly",
            cron="30 4 * * *",
            job="recordings.retention",
            promise=50 * 3600,
            jitter=300,
            help="Deletes recordings as the policies say, each night.",
        ),
    ),
    routers=(api.router, watch_api.router, admin.router, pages.router),
    pages=(Page("/recordings", "Recordings"),),
    notices=(
        NoticeKind("recording.done", "finished", "A recording is finished", "recordings are finished"),
        NoticeKind("recording.failed", "failed", "A recording failed", "recordings failed"),
    ),
    start=workers.start,
    stop=workers.stop,
    node_gone=handover.take_over,
    states=standing.STATES,
    needs=standing.needs,
    overview=standing.overview,
    metrics=standing.metrics,
    doctor=(ffmpeg,),
)
