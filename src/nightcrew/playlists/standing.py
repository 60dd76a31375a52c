"""How the playlists stand: promises, what needs a person, the figures of the first page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.declare import Freshness, Look, Metric, Need, PlayerOutput
from nightcrew.kernel.runtime import Runtime
from nightcrew.playlists import rules
from nightcrew.playlists.models import Feed, Stream
from nightcrew.playlists.outputs import Outputs, Region, Selection
from nightcrew.playlists.settings import PlaylistSettings
from nightcrew.playlists.store import sources

_LISTS = ("/playlist/*.m3u", "/vavoo/playlist/*.m3u")
_LINEUPS = ("/lineup.json", "/lineup.xml", "/lineup.m3u", "/lineup.post", "/lineup_status.json")
_TUNER = ("/tuner/", "/discover.json", *_LINEUPS, "/device.xml", "/play/", "/guide.xml")
_PHP = ("/player_api.php", "/panel_api.php", "/get.php", "/xmltv.php")
_PANEL = (*_PHP, "/live/", "/timeshift/", "/streaming/timeshift.php", "/play/", "/guide.xml")
PLAYER_OUTPUTS = (
    PlayerOutput("tuner", "the tuner (HDHomeRun)", _TUNER, token_in=("/tuner/TOKEN/",)),
    PlayerOutput(
        "panel",
        "the panel (Xtream)",
        _PANEL,
        token_in=("/live/user/TOKEN/", "/timeshift/user/TOKEN/"),
        posted=_PHP,
        short_for=("/live/",),
    ),
    PlayerOutput("guide", "the guide", ("/guide.xml", "/xmltv.php")),
    PlayerOutput("playlist", "a playlist", ("/play/", "/guide.xml"), own=_LISTS),
)
STATES: Mapping[str, tuple[Look, str]] = {
    "source.off": ("off", "off"),
    "feed.FRESH": ("ok", "fresh"),
    "feed.STALE": ("warn", "stale"),
    "feed.NO DATA": ("wait", "no data"),
    "feed.REFRESHING": ("run", "refreshing"),
    "feed.failing": ("bad", "failing"),
    "refresh.running": ("run", "running"),
    "refresh.applied": ("ok", "changed"),
    "refresh.unchanged": ("ok", "no change"),
    "refresh.held": ("warn", "held back"),
    "refresh.failed": ("bad", "failed"),
    "stream.works": ("ok", "works"),
    "stream.playable": ("ok", "playable"),
    "stream.left_out": ("off", "left out"),
    "stream.dead": ("bad", "dead"),
    "stream.unplayable": ("bad", "not playable"),
    "stream.page": ("bad", "a web page, not playable here"),
}


def interval_of(feed: Feed, options: PlaylistSettings) -> int:
    """Seconds between two refreshes of a feed."""
    return options.guide_interval if feed.kind == "guide" else options.refresh_interval


def feed_status(feed: Feed, now: datetime, options: PlaylistSettings) -> tuple[float | None, str]:
    """How old what a feed serves is, in seconds, and how it stands by that."""
    age = None if feed.refreshed_at is None else max(0.0, (now - feed.refreshed_at).total_seconds())
    return age, rules.status(age, interval_of(feed, options), refreshing=feed.refreshing).value


def stream_state(stream: Stream) -> str:
    """How a stream of a channel stands."""
    if not stream.playable:
        return "page" if rules.is_page(stream.url) else "unplayable"
    if stream.dead:
        return "dead"
    if stream.place < 0:
        return "left_out"
    return "playable" if stream.score is None else "works"


async def freshness(runtime: Runtime) -> list[Freshness]:
    """Every region against its promise: the interval and two minutes."""
    now = utcnow()
    promise = runtime.settings.of(PlaylistSettings).refresh_interval + rules.GRACE
    regions = await runtime.part(Outputs).regions()
    return [
        Freshness(
            name=f"playlist:{region.name}",
            title=f"Playlist {region.name}",
            age_s=None if (age := region.age(now)) is None else round(age, 1),
            promise_s=promise,
            fresh=region.fresh(now, promise),
        )
        for region in regions.values()
        if region.feeds
    ]


async def needs(runtime: Runtime) -> list[Need]:
    """Held-back changes, logins that are refused, and sources that fail for more than a few minutes."""
    found = []
    options = runtime.settings.of(PlaylistSettings)
    if options.FILTER_ENABLED and not rules.Filter.of(True, options.FILTER_KEYWORDS).keywords:
        found.append(Need("info", "The filter is on but has no keywords: it filters nothing", "/settings"))
    names = {source.id: source.name for source in await sources.every(runtime.store, runtime.vault)}
    for feed in await sources.feeds(runtime.store, enabled=True):
        name = f"{names.get(feed.source_id, '?')}{f' ({feed.region})' if feed.region else ' (guide)'}"
        link = f"/sources#source-{feed.source_id}"
        if feed.held_run:
            found.append(
                Need("warning", f"{name}: a change is held back ({feed.held_reason}). Accept or reject it", link)
            )
        if feed.error and feed.needs_user:
            found.append(Need("error", f"{name}: {feed.error}", link))
        elif feed.error and (feed.failures >= 3 or feed.refreshed_at is None):
            often = f" {feed.failures} times in a row" if feed.failures > 1 else ""
            found.append(Need("warning", f"{name} failed{often}: {feed.error}", link, f"feed {feed.id}"))
    return found


async def overview(runtime: Runtime) -> dict[str, Any]:
    """Figures for the first page."""
    now = utcnow()
    options = runtime.settings.of(PlaylistSettings)
    outputs = runtime.part(Outputs)
    regions = await outputs.regions()
    return {"regions": [_region_row(outputs, region, now, options) for region in regions.values()]}


def _region_row(outputs: Outputs, region: Region, now: datetime, options: PlaylistSettings) -> dict[str, Any]:
    age = region.age(now)
    status = rules.status(age, options.refresh_interval, refreshing=region.refreshing)
    size = outputs.size(Selection(region.name, (region.name,)))
    return {
        "lang": region.lang,
        "region": region.name,
        "channels": region.channels,
        "resolved": region.resolved,
        "age": None if age is None else round(age),
        "status_text": status.value,
        "status_class": status.css,
        "exists": size is not None,
        "size": size or 0,
    }


async def metrics(runtime: Runtime) -> list[Metric]:
    """Channels of each region."""
    regions = (await runtime.part(Outputs).regions()).values()
    return [
        Metric("channels", "Channels that are listed", {one.name: one.channels for one in regions}, "region"),
        Metric("playable", "Channels that can be played", {one.name: one.resolved for one in regions}, "region"),
    ]


async def outputs(runtime: Runtime) -> dict[str, str]:
    """The playlists that a player's token can be bound to, by the name in their address."""
    combined = [str(entry["name"]) for entry in runtime.settings.of(PlaylistSettings).COMBINED_PLAYLISTS]
    names = ["all", *await runtime.part(Outputs).regions(), *(f"combined/{name}" for name in combined)]
    return {f"playlist/{name}": f"the playlist {name.removeprefix('combined/')}" for name in names}
