"""What playlists declare. `DOMAIN` is their only registration."""

from __future__ import annotations

from pathlib import Path

from nightcrew.kernel.connections.store import TOPIC
from nightcrew.kernel.declare import Domain, Job, NoticeKind, Page, Tick
from nightcrew.playlists import (
    api,
    jobs,
    pages,
    panel,
    players,
    playing,
    seed_api,
    standing,
    trials,
    tuner,
    ways,
    workers,
)
from nightcrew.playlists.settings import PlaylistSettings
from nightcrew.playlists.store import sources

_HERE = Path(__file__).parent

DOMAIN = Domain(
    name="playlists",
    title="Playlists",
    settings=PlaylistSettings,
    migrations=_HERE / "migrations",
    templates=_HERE / "templates",
    activity={"playlist.": "Playlists", "source.": "Sources", "channel.": "Channels"},
    ticks=(
        Tick(
            "playlists.refresh",
            workers.refresh_tick,
            every=2.0,
            promise=60.0,
            time_limit=30.0,
            help="Starts a refresh of every source that is due.",
            next_at=workers.refresh_at,
            topics=(sources.FEEDS.topic, TOPIC),
        ),
    ),
    jobs=(
        Job(
            jobs.JOB,
            jobs.refresh,
            queue=jobs.QUEUE,
            lock=jobs.LOCK,
            busy="join",
            help="Fetches one source's channels or guide and applies what changed.",
        ),
        Job(
            jobs.ACCEPT,
            jobs.take_in,
            queue=jobs.QUEUE,
            lock=jobs.LOCK,
            busy="join",
            help="Applies a change that was held back until a person accepted it.",
        ),
    ),
    routers=(api.router, players.router, playing.router, panel.router, tuner.router, pages.router, seed_api.router),
    owned=trials.OWNED,
    pages=(Page("/sources", "Sources"), Page("/channels", "Channels")),
    notices=(
        NoticeKind("playlist.failed", "failed", "A list cannot be fetched", "lists cannot be fetched"),
        NoticeKind("playlist.recovered", "recovered", "A list works again", "lists work again"),
    ),
    start=workers.start,
    stop=workers.stop,
    route_users=ways.takers,
    freshness=standing.freshness,
    states=standing.STATES,
    needs=standing.needs,
    player_outputs=standing.PLAYER_OUTPUTS,
    outputs=standing.outputs,
    overview=standing.overview,
    topics=("sources", "channels"),
    metrics=standing.metrics,
    upkeep=workers.upkeep,
)
