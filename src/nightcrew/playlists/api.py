"""JSON routes of the playlists domain: sources, channels, regions."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Body, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import Invalid
from nightcrew.kernel.redaction import redact
from nightcrew.playlists import accounts, actions, rules, standing
from nightcrew.playlists import answers as say
from nightcrew.playlists.models import Channel, Feed, Source
from nightcrew.playlists.preview import preview
from nightcrew.playlists.providers import checked_config
from nightcrew.playlists.settings import PlaylistSettings
from nightcrew.playlists.store import adopting, guides, refreshes, sources
from nightcrew.playlists.store import channels as channel_rows
from nightcrew.web.answers import Items
from nightcrew.web.api import Limit, Node
from nightcrew.web.callers import Actor, Admin

router = APIRouter(prefix="/api/v1", tags=["playlists"])

ChannelRowT = TypeVar("ChannelRowT", bound=say.ChannelRow)
Id = Annotated[int, Path(ge=1, lt=2**63)]
Text = Annotated[str, Query(max_length=300)]


class NewSource(BaseModel):
    """`kind` and `name`, and the fields of the kind; all kinds have route.

    m3u: url; xtream: url, username, password; catalogue: url, locales, options; guide: url.
    """

    model_config = ConfigDict(extra="allow")
    kind: str = Field(max_length=20)
    name: str = Field(min_length=1, max_length=100)
    region: str = Field("", max_length=60)


class NewProfile(BaseModel):
    """`username` and `password`, or `search` and `replace`; `max_streams` 0: any number of connections."""

    name: str = Field(max_length=60)
    max_streams: int = Field(0, ge=0, le=10_000)
    username: str = Field("", max_length=300)
    password: str = Field("", max_length=300)
    search: str = Field("", max_length=300)
    replace: str = Field("", max_length=300)
    own_login: bool = False


@router.get("/sources")
async def list_sources(node: Node) -> Items[say.SourceRow]:
    """All sources with their feeds."""
    found = await sources.every(node.store, node.vault)
    feeds = await sources.feeds(node.store)
    items = [_row(node, source, [feed for feed in feeds if feed.source_id == source.id]) for source in found]
    return Items(items=items)


@router.post("/sources", dependencies=[Admin], status_code=201)
async def add_source(node: Node, actor: Actor, wanted: NewSource) -> say.SourceRow:
    """Add a source; its first refresh starts at once."""
    values = wanted.model_extra or {}
    source = await actions.add_source(node, wanted.kind, wanted.name, values, region=wanted.region, actor=actor)
    return await _source_row(node, source)


@router.post("/sources/preview", dependencies=[Admin])
async def preview_source(node: Node, wanted: NewSource) -> say.ImportPreviewRow:
    """What a source would give: how many of its channels `only`, `without` and `films` take. Nothing is stored."""
    values = {**(wanted.model_extra or {}), "region": wanted.region or "PREVIEW"}
    found = await preview(node, wanted.kind, await actions.located(node, checked_config(wanted.kind, values)))
    return say.ImportPreviewRow.of(found, groups=found.shown_groups)


@router.get("/sources/{source_id}")
async def get_source(node: Node, source_id: Id) -> say.SourceRow:
    """One source."""
    return await _source_row(node, await sources.get(node.store, node.vault, source_id))


@router.patch("/sources/{source_id}", dependencies=[Admin])
async def edit_source(
    node: Node, actor: Actor, source_id: Id, changes: Annotated[dict[str, Any], Body(max_length=50)]
) -> say.SourceRow:
    """Change only the named fields."""
    return await _source_row(node, await actions.edit_source(node, source_id, changes, actor=actor))


@router.delete("/sources/{source_id}", dependencies=[Admin], response_model=say.SourceRemoved)
async def remove_source(node: Node, actor: Actor, source_id: Id, dry_run: bool = False) -> dict[str, Any]:
    """Delete a source and the channels that only it can play; `dry_run` only says how many."""
    return await actions.remove_source(node, source_id, dry_run=dry_run, actor=actor)


@router.post("/sources/{source_id}/refresh", response_model=say.JobsStarted, status_code=202)
async def refresh_source(node: Node, source_id: Id, rebuild: bool = False) -> dict[str, Any]:
    """Refresh a source now, or join the refresh that runs. `rebuild` fetches anew without caches."""
    return {"jobs": await actions.refresh_source(node, source_id, rebuild=rebuild)}


@router.post("/sources/{source_id}/held/accept", response_model=say.HeldAccepted)
async def accept_held(node: Node, actor: Actor, source_id: Id) -> dict[str, Any]:
    """Apply the change that the shrink guard holds back."""
    return {"accepted": await actions.accept_held(node, source_id, actor=actor)}


@router.post("/sources/{source_id}/held/reject", response_model=say.HeldRejected)
async def reject_held(node: Node, actor: Actor, source_id: Id) -> dict[str, Any]:
    """Forget the change that the shrink guard holds back."""
    await actions.reject_held(node, source_id, actor=actor)
    return {"rejected": source_id}


@router.get("/sources/{source_id}/runs")
async def source_runs(node: Node, source_id: Id, limit: Limit = 60) -> Items[say.RefreshRow]:
    """The last refreshes of a source, newest first."""
    await sources.get(node.store, node.vault, source_id)
    regions = {feed.id: feed.region for feed in await sources.feeds(node.store, source_id=source_id)}
    found = [run for runs in (await refreshes.runs(node.store, regions, limit)).values() for run in runs]
    found.sort(key=lambda run: run["started_at"], reverse=True)
    items = []
    for run in found[:limit]:
        seconds = (run["ended_at"] - run["started_at"]).total_seconds() if run["ended_at"] else None
        told = {name: run[name] for name in say.RefreshRow.model_fields if name in run}
        items.append(say.RefreshRow(**told, region=regions[run["feed_id"]], seconds=seconds))
    return Items(items=items)


@router.get("/regions", response_model=Items[say.RegionRow])
async def regions(node: Node) -> dict[str, Any]:
    """Every region with its status, age and playlist."""
    return {"items": (await standing.overview(node))["regions"], "next": None}


@router.post("/refresh/{region}", response_model=say.JobsStarted, status_code=202)
async def refresh_region(
    node: Node, region: Annotated[str, Path(max_length=60)], rebuild: bool = False
) -> dict[str, Any]:
    """Refresh one region, or all for `*`."""
    return {"jobs": await actions.refresh_region(node, region, rebuild=rebuild)}


@router.get("/accounts")
async def list_accounts(node: Node) -> Items[say.AccountRow]:
    """The logins behind the sources, the connections that each allows (0: any number), and who uses them now."""
    used = await accounts.in_use(node)
    items = []
    for account in await accounts.accounts(node):
        holders = [say.HolderRow.of(holder) for holder in used.get(account.resource, ())]
        ids = [source.id for source in account.sources]
        items.append(say.AccountRow.of(account, sources=ids, in_use=len(holders), holders=holders))
    return Items(items=items)


@router.get("/sources/{source_id}/profiles")
async def list_profiles(node: Node, source_id: Id) -> Items[say.ProfileRow]:
    """The ways to use a source, in the order in which they are tried, with the connections that each allows."""
    used = await accounts.in_use(node)
    items = []
    for profile in await accounts.profiles_of(node, source_id):
        busy = max(len(used.get(limit.resource, ())) for limit in profile.limits)
        items.append(say.ProfileRow.of(profile, in_use=busy, account=profile.limits[0].resource))
    return Items(items=items)


@router.post("/sources/{source_id}/profiles", dependencies=[Admin], status_code=201)
async def add_profile(node: Node, actor: Actor, source_id: Id, wanted: NewProfile) -> Items[say.ProfileRow]:
    """Add another way to use a source: another login (panels), or a text to replace in addresses."""
    await actions.add_profile(node, source_id, wanted.model_dump(), actor=actor)
    return await list_profiles(node, source_id)


@router.delete("/sources/{source_id}/profiles/{name}", dependencies=[Admin], response_model=say.ProfileRemoved)
async def remove_profile(
    node: Node, actor: Actor, source_id: Id, name: Annotated[str, Path(max_length=60)]
) -> dict[str, Any]:
    """Remove a profile."""
    await actions.remove_profile(node, source_id, name, actor=actor)
    return {"removed": name}


@router.get("/channels")
async def list_channels(
    node: Node,
    q: Text = "",
    group: Annotated[str | None, Query(max_length=300)] = None,
    region: Annotated[str | None, Query(max_length=60)] = None,
    gone: bool = False,
    hidden: bool | None = None,
    limit: Limit = 100,
    cursor: Annotated[str | None, Query(max_length=400)] = None,
) -> Items[say.ChannelRow]:
    """Channels in playlist order. `q` finds words in name, group, number and guide id, case and accents ignored.

    `gone`: instead those that no source lists any more and that a person has changed.
    """
    wanted = channel_rows.ChannelQuery(
        q=q, group=group, region=region.upper() if region else None, hidden=hidden, gone=gone
    )
    found = await channel_rows.page(node.store, wanted, after=read_cursor(cursor), limit=limit)
    following = write_cursor(found[-1]) if len(found) == limit else None
    return Items(items=[_channel_row(say.ChannelRow, channel) for channel in found], next=following)


@router.get("/channels/{channel_id}")
async def get_channel(node: Node, channel_id: Id) -> say.ChannelWithProgrammes:
    """One channel, with what runs now and next."""
    channel = await channel_rows.get(node.store, channel_id)
    view = guides.view_of(channel, utcnow())
    shown = await guides.schedule(node.store, view) if view is not None else []
    programmes = [say.ProgrammeRow.of(programme) for programme in shown]
    return _channel_row(say.ChannelWithProgrammes, channel, programmes=programmes)


@router.patch("/channels/{channel_id}")
async def edit_channel(
    node: Node, actor: Actor, channel_id: Id, changes: Annotated[dict[str, Any], Body(max_length=10)]
) -> say.EditedChannel:
    """Set name, number, group, logo, guide_id, shift (minutes) or hidden; null or "" gives the provider's value again."""
    notes = await actions.edit_channel(node, channel_id, changes, actor=actor)
    return _channel_row(say.EditedChannel, await channel_rows.get(node.store, channel_id), notes=notes)


@router.get("/channels/{channel_id}/successors", response_model=Items[say.ChannelName])
async def successors(node: Node, channel_id: Id) -> dict[str, Any]:
    """What a channel that its source no longer lists may be now: listed channels of the same list, the most alike first."""
    found = await adopting.successors(node.store, channel_id)
    return {"items": [{"id": number, "name": name} for number, name in found], "next": None}


@router.post("/channels/{channel_id}/adopt")
async def adopt_channel(
    node: Node, actor: Actor, channel_id: Id, channel: Annotated[int, Body(embed=True, ge=1, lt=2**63)]
) -> say.ChannelRow:
    """Let a channel that its source no longer lists go on as a listed one: it keeps its id and what was changed of it."""
    await actions.adopt_channel(node, channel_id, channel, actor=actor)
    return _channel_row(say.ChannelRow, await channel_rows.get(node.store, channel_id))


@router.get("/guide-channels")
async def guide_channels(
    node: Node, q: Annotated[str, Query(min_length=1, max_length=300)]
) -> Items[say.GuideChannelRow]:
    """Channels of the guides that fit a name, the most alike first."""
    return Items(items=[say.GuideChannelRow.of(one) for one in await guides.offered(node.store, q)])


@router.get("/groups", response_model=Items[say.GroupRow])
async def groups(node: Node, region: Annotated[str | None, Query(max_length=60)] = None) -> dict[str, Any]:
    """Groups with their number of visible channels."""
    found = await channel_rows.groups(node.store, region=region.upper() if region else None)
    return {"items": [{"group": name, "channels": count} for name, count in found], "next": None}


def write_cursor(channel: Channel) -> str:
    """The place of a channel, as an opaque text."""
    place = [channel.region, channel.feed_id, channel.position, channel.id]
    return base64.urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).decode().rstrip("=")


def read_cursor(text: str | None) -> channel_rows.Cursor | None:
    """The place behind a cursor. Raises `Invalid`."""
    if not text:
        return None
    try:
        region, feed, position, channel = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if not isinstance(region, str) or not all(type(n) is int and abs(n) < 2**63 for n in (feed, position, channel)):
            raise ValueError(text)
    except (ValueError, TypeError, binascii.Error) as exc:
        raise Invalid("cursor: not a cursor from this list", field="cursor") from exc
    return region, feed, position, channel


def _channel_row(kind: type[ChannelRowT], channel: Channel, **more: Any) -> ChannelRowT:
    """A channel as scripts see it."""
    return kind.of(
        channel,
        logo=redact(channel.logo),
        guide=None if channel.guide is None else {"id": channel.served_guide_id, "by": channel.guide.by},
        edited=["group" if name == "grp" else name for name in channel.edited],
        play=f"/play/{channel.id}",
        streams=[
            say.StreamRow.of(
                stream, url=shown_url(stream.url), dead=stream.dead or not stream.playable, left_out=stream.place < 0
            )
            for stream in channel.streams
        ],
        **more,
    )


def shown_url(url: str) -> str:
    """A stream's address without its secrets."""
    return redact(rules.fill_secrets(url, ("•••",) * 8))


def shown_notes(notes: dict[str, Any]) -> dict[str, Any]:
    """A feed's notes with the addresses of named guides redacted."""
    guides_named = notes.get("guides")
    return notes | {"guides": [redact(url) for url in guides_named]} if guides_named else notes


async def _source_row(node: Node, source: Source) -> say.SourceRow:
    return _row(node, source, await sources.feeds(node.store, source_id=source.id))


def _row(node: Node, source: Source, feeds: Sequence[Feed]) -> say.SourceRow:
    now, options = utcnow(), node.settings.of(PlaylistSettings)
    return say.SourceRow.of(
        source,
        region=source.config.get("region") if source.kind in {"m3u", "xtream"} else None,
        channels=sum(feed.channels for feed in feeds if feed.kind == "channels" and feed.enabled),
        feeds=[_feed_row(feed, now, options) for feed in feeds],
    )


def _feed_row(feed: Feed, now: datetime, options: PlaylistSettings) -> say.FeedRow:
    age, status = standing.feed_status(feed, now, options)
    held = None
    if feed.held_run and feed.held_change:
        change = {key: feed.held_change[key] for key in ("stored", "new", "changed", "gone")}
        held = say.HeldChange.of(feed, **change)
    return say.FeedRow.of(
        feed,
        status=status,
        age=None if age is None else round(age),
        held=held,
        notes=shown_notes(feed.notes),
    )
