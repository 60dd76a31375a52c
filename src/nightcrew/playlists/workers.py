"""The domain's workers: what happens at the start of a node, and in each cycle of the refresh worker."""

from __future__ import annotations

import functools
from datetime import datetime, timedelta

from nightcrew.kernel.clock import uptime, utcnow
from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.connections.store import TOPIC
from nightcrew.kernel.jobs import Ended
from nightcrew.kernel.runtime import Runtime
from nightcrew.playlists import actions, jobs
from nightcrew.playlists.hls_output import HlsOutput
from nightcrew.playlists.logos import Logos
from nightcrew.playlists.outputs import Outputs
from nightcrew.playlists.play import Player
from nightcrew.playlists.providers import Adapters
from nightcrew.playlists.readers import Readers
from nightcrew.playlists.relay import Relay
from nightcrew.playlists.releases import Releases
from nightcrew.playlists.settings import PlaylistSettings
from nightcrew.playlists.store import applying, sources


async def start(runtime: Runtime) -> None:
    """Called once at the start of a node, before its workers: own parts, watchers, and the initial refresh."""
    runtime.add(Adapters(runtime.part(Connections)))
    runtime.add(Outputs(runtime, runtime.data_dir / "playlists"))
    runtime.add(Player(runtime))
    runtime.add(Releases())
    runtime.add(relay := Relay(runtime))
    runtime.add(HlsOutput(relay))
    runtime.wakes.on(TOPIC, relay.recheck_soon)
    runtime.add(Logos(runtime))
    runtime.add(Readers())
    runtime.add(Replan())
    options = runtime.settings.of(PlaylistSettings)
    await sources.settle_services(runtime.store, runtime.vault)
    await actions.sync_all(runtime)
    await applying.discard_orphans(runtime.store)
    await sources.make_due(
        runtime.store, now=utcnow() - timedelta(seconds=1), rebuild=options.PLAYLIST_REBUILD_ON_START
    )
    runtime.jobs.on_end(functools.partial(jobs.ended, runtime))
    runtime.settings.watch(lambda keys: _on_settings(runtime, keys))
    runtime.jobs.on_end(functools.partial(_after_job, runtime))


async def stop(runtime: Runtime) -> None:
    """Called at the stop of a node."""
    await runtime.part(HlsOutput).close()
    await runtime.part(Relay).close()
    await runtime.part(Logos).close()
    await runtime.part(Readers).close()


async def upkeep(runtime: Runtime) -> dict[str, int]:
    """Forget what is old, in the database and on this machine's disk."""
    gone = await jobs.forget_old(runtime)
    await runtime.part(Logos).tidy()
    return gone


def _on_settings(runtime: Runtime, keys: frozenset[str]) -> None:
    runtime.part(Replan).keys |= keys
    runtime.bus.publish("sources")
    runtime.wakes.ring(sources.FEEDS.topic)


async def _after_job(runtime: Runtime, ended: Ended) -> None:
    if ended.job == jobs.JOB:
        runtime.wakes.ring(sources.FEEDS.topic)  # there is room for the next one


async def refresh_at(runtime: Runtime) -> datetime | None:
    """When the refresh worker has something to do."""
    return await sources.next_at(runtime.store)


class Replan:
    """Settings that changed since the refresh worker last looked, and when it looks for lost runs again (uptime)."""

    def __init__(self) -> None:
        self.keys: frozenset[str] = frozenset()
        self.lost_look = 0.0


async def refresh_tick(runtime: Runtime) -> None:
    """The refresh worker's cycle: changed settings first, then what is due."""
    pending = runtime.part(Replan)
    keys, pending.keys = pending.keys, frozenset()
    options = runtime.settings.of(PlaylistSettings)
    if "playlists.LOCALES" in keys:
        await actions.sync_all(runtime)
    if "playlists.refresh_interval" in keys:
        await sources.replan(runtime.store, "channels", options.refresh_interval)
    if "playlists.guide_interval" in keys:
        await sources.replan(runtime.store, "guide", options.guide_interval)
    if uptime() >= pending.lost_look:
        await jobs.release_lost(runtime)
        pending.lost_look = uptime() + jobs.LOST_LOOK
    await jobs.refresh_due(runtime)
