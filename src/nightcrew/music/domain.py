"""What music declares. `DOMAIN` is its only registration."""

from __future__ import annotations

from pathlib import Path

from nightcrew.kernel.declare import Domain, Job, NoticeKind, Page, Queue, Tick, Timetable
from nightcrew.music import (
    api,
    autosync,
    doctor,
    importing,
    matchmaking,
    pages,
    scanning,
    searching,
    standing,
    status,
    syncing,
    workers,
)
from nightcrew.music.libraries import LIBRARIES
from nightcrew.music.library import FOLDER
from nightcrew.music.settings import MusicSettings
from nightcrew.music.slskd.kind import KIND
from nightcrew.music.store import downloads, offers, wanted
from nightcrew.music.wishes import SOURCES

_HERE = Path(__file__).parent

DOMAIN = Domain(
    name="music",
    title="Music",
    settings=MusicSettings,
    migrations=_HERE / "migrations",
    templates=_HERE / "templates",
    activity={
        "autosync_,comparison_,status_summary,completed,partial,spotify_,listenbrainz_,plex_": "Autosync",
        "download_,sync_,soulseek_": "Music downloads",
        "track_,import_": "Music imports",
        "matching_": "Matching",
        "scan_": "Music library",
        "wanted_": "Wanted tracks",
    },
    folders=(FOLDER,),
    connections=(KIND, *(one.kind for one in LIBRARIES), *(one.kind for one in SOURCES)),
    ticks=(
        Tick(
            "music.search",
            searching.search,
            every=0.5,
            promise=600.0,
            time_limit=300.0,
            help="Searches for wanted tracks, within the limit of the network.",
            next_at=searching.next_at,
            topics=(wanted.SEARCHES.topic, "connections"),
        ),
        Tick(
            "music.matching",
            matchmaking.match,
            every=0.2,
            promise=600.0,
            time_limit=120.0,
            help="Matches what searches have found, and chooses the best file.",
            next_at=matchmaking.next_at,
            topics=(offers.MATCHES.topic,),
        ),
        Tick(
            "music.sync",
            syncing.sync,
            every=0.5,
            promise=600.0,
            time_limit=120.0,
            help="Starts downloads and follows them.",
            next_at=syncing.next_at,
            topics=(downloads.DOWNLOADS.topic, "connections"),
        ),
        Tick(
            "music.scan",
            scanning.scan_due,
            every=5.0,
            promise=scanning.promise,
            time_limit=3600.0,
            help="Looks at the library, and which wanted tracks are there.",
            next_at=scanning.next_at,
            topics=("connections",),
        ),
        Tick(
            "music.mend",
            workers.mend,
            every=60.0,
            promise=900.0,
            time_limit=120.0,
            help="Finds wanted tracks that wait for nothing, and lets them go on.",
        ),
    ),
    jobs=(
        Job(
            syncing.JOB,
            importing.run,
            queue=Queue("music imports", per_node=2),
            lock="{0}",
            busy="join",
            here=True,
            time_limit=1800.0,
            help="Verifies a downloaded file and puts it into the library.",
        ),
        Job(
            autosync.JOB,
            autosync.run,
            queue=Queue("autosync", over_all=1),
            lock="autosync",
            busy="join",
            time_limit=20 * 3600.0,
            help="Searches for all that is wanted and missing, and says how it went.",
        ),
    ),
    timetables=(
        Timetable(
            "music.autosync",
            cron="15 3 * * *",
            job=autosync.JOB,
            promise=50 * 3600,
            jitter=600,
            help="Reads what is wanted, compares it with the library, and fetches what is missing.",
        ),
    ),
    routers=(api.router, pages.router),
    pages=(Page("/music", "Music"),),
    notices=(
        NoticeKind("track_imported", "finished", "A track is in the library", "tracks are in the library"),
        NoticeKind("track_upgraded", "finished", "A better file is in the library", "better files are in the library"),
        NoticeKind("sync_job_failed", "failed", "A track could not be downloaded", "tracks could not be downloaded"),
        NoticeKind("partial", "failed", "Autosync could not reach everything", "runs of autosync were partial"),
        NoticeKind("scan_failed", "failed", "The music library could not be scanned", "scans failed"),
    ),
    states=standing.STATES,
    needs=standing.needs,
    overview=standing.overview,
    topics=("music",),
    metrics=status.metrics,
    doctor=(doctor.fingerprints,),
    start=workers.start,
    stop=workers.stop,
    upkeep=workers.upkeep,
)
