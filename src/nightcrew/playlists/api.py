"""JSON routes of the playlists domain: sources, channels, regions."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from nightcrew.kernel.clock import iso, utcnow
from nightcrew.kernel.errors import Invalid
from nightcrew.kernel.redaction import redact
from nightcrew.playlists import accounts, actions, rules, standing
from nightcrew.playlists import answers as say
from nightcrew.playlists.models import Channel, Feed, Source
from nightcrew.playlists.settings import PlaylistSettings
from nightcrew.playlists.store import channels as channel_rows
from nightcrew.playlists.store import guides, sources
from nightcrew.web.answers import Items
from nightcrew.web.api import Actor, Limit, Node

router = APIRouter(prefix="/api/v1", tags=["playlists"])

Id = Annotated[int, Path(ge=1, lt=2**63)]
Text = Annotated[str, Query(max_length=300)]


class NewSource(BaseModel):
    """`kind` and `name`, and the fields of the kind.

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


@router.get("/sources", response_model=Items[say.SourceRow])
async def list_sources(node: Node) -> dict[str, Any]:
    """All sources with their feeds."""
    found = await sources.every(node.store, node.vault)
    feeds = await sources.feeds(node.store)
    items = [_row(node, source, [feed for feed in feeds if feed.source_id == source.id]) for source in found]
    return {"items": items, "next": None}


@router.post("/sources", response_model=say.SourceRow, status_code=201)
async def add_source(node: Node, actor: Actor, wanted: NewSource) -> dict[str, Any]:
    """Add a source; its first refresh starts at once."""
    values = wanted.model_extra or {}
    source = await actions.add_source(node, wanted.kind, wanted.name, values, region=wanted.region, actor=actor)
    return await _source_row(node, source)


@router.get("/sources/{source_id}", response_model=say.SourceRow)
async def get_source(node: Node, source_id: Id) -> dict[str, Any]:
    """One source."""
    return await _source_row(node, await sources.get(node.store, node.vault, source_id))


@router.patch("/sources/{source_id}", response_model=say.SourceRow)
async def edit_source(
    node: Node, actor: Actor, source_id: Id, changes: Annotated[dict[str, Any], Body(max_length=50)]
) -> dict[str, Any]:
    """Change only the named fields."""
    return await _source_row(node, await actions.edit_source(node, source_id, changes, actor=actor))


@router.delete("/sources/{source_id}", response_model=say.SourceRemoved)
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


@router.get("/sources/{source_id}/runs", response_model=Items[say.RefreshRow])
async def source_runs(node: Node, source_id: Id, limit: Limit = 60) -> dict[str, Any]:
    """The last refreshes of a source, newest first."""
    await sources.get(node.store, node.vault, source_id)
    items = []
    regions = {feed.id: feed.region for feed in await sources.feeds(node.store, source_id=source_id)}
    for feed_id, found in (await sources.runs(node.store, regions, limit)).items():
        for run in found:
            seconds = (run["ended_at"] - run["started_at"]).total_seconds() if run["ended_at"] else None
            items.append(
                {
                    "id": run["id"],
                    "feed_id": feed_id,
                    "region": regions[feed_id],
                    "started_at": iso(run["started_at"]),
                    "ended_at": iso(run["ended_at"]),
                    "seconds": seconds,
                    "outcome": run["outcome"],
                    "channels": run["channels"],
                    "change": run["change"],
                    "reason": run["reason"],
                }
            )
    items.sort(key=lambda item: item["started_at"] or "", reverse=True)
    return {"items": items[:limit], "next": None}


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


@router.get("/accounts", response_model=Items[say.AccountRow])
async def list_accounts(node: Node) -> dict[str, Any]:
    """The logins behind the sources, the connections that each allows (0: any number), and who uses them now."""
    used = await accounts.in_use(node)
    items = [
        {
            "id": account.resource,
            "name": account.name,
            "sources": [source.id for source in account.sources],
            "max_streams": account.most,
            "in_use": len(used.get(account.resource, ())),
            "holders": [
                {"owner": h.owner, "purpose": h.purpose, "node": h.node, "since": iso(h.taken_at), "leaving": h.leaving}
                for h in used.get(account.resource, ())
            ],
        }
        for account in await accounts.accounts(node)
    ]
    return {"items": items, "next": None}


@router.get("/sources/{source_id}/profiles", response_model=Items[say.ProfileRow])
async def list_profiles(node: Node, source_id: Id) -> dict[str, Any]:
    """The ways to use a source, in the order in which they are tried, with the connections that each allows."""
    found = await accounts.profiles_of(node, source_id)
    used = await accounts.in_use(node)
    items = [
        {
            "name": profile.name,
            "max_streams": profile.most,
            "in_use": max(len(used.get(limit.resource, ())) for limit in profile.limits),
            "account": profile.limits[0].resource,
        }
        for profile in found
    ]
    return {"items": items, "next": None}


@router.post("/sources/{source_id}/profiles", response_model=Items[say.ProfileRow], status_code=201)
async def add_profile(node: Node, actor: Actor, source_id: Id, wanted: NewProfile) -> dict[str, Any]:
    """Add another way to use a source: another login (panels), or a text to replace in addresses."""
    await actions.add_profile(node, source_id, wanted.model_dump(), actor=actor)
    return await list_profiles(node, source_id)


@router.delete("/sources/{source_id}/profiles/{name}", response_model=say.ProfileRemoved)
async def remove_profile(
    node: Node, actor: Actor, source_id: Id, name: Annotated[str, Path(max_length=60)]
) -> dict[str, Any]:
    """Remove a profile."""
    await actions.remove_profile(node, source_id, name, actor=actor)
    return {"removed": name}


@router.get("/channels", response_model=Items[say.ChannelRow])
async def list_channels(
    node: Node,
    q: Text = "",
    group: Annotated[str | None, Query(max_length=300)] = None,
    region: Annotated[str | None, Query(max_length=60)] = None,
    hidden: bool | None = None,
    limit: Limit = 100,
    cursor: Annotated[str | None, Query(max_length=400)] = None,
) -> dict[str, Any]:
    """Channels in playlist order. `q` finds words in name, group, number and guide id, case and accents ignored."""
    wanted = channel_rows.ChannelQuery(q=q, group=group, region=region.upper() if region else None, hidden=hidden)
    found = await channel_rows.page(node.store, wanted, after=read_cursor(cursor), limit=limit)
    following = write_cursor(found[-1]) if len(found) == limit else None
    return {"items": [channel_row(channel) for channel in found], "next": following}


@router.get("/channels/{channel_id}", response_model=say.ChannelWithProgrammes)
async def get_channel(node: Node, channel_id: Id) -> dict[str, Any]:
    """One channel, with what runs now and next."""
    channel = await channel_rows.get(node.store, channel_id)
    shown = await guides.schedule(node.store, channel.guide_id, now=utcnow()) if channel.guide_id else []
    programmes = [{"start": iso(p.start), "stop": iso(p.stop), "title": p.title} for p in shown]
    return channel_row(channel) | {"programmes": programmes}


@router.patch("/channels/{channel_id}", response_model=say.ChannelRow)
async def edit_channel(
    node: Node, actor: Actor, channel_id: Id, changes: Annotated[dict[str, Any], Body(max_length=10)]
) -> dict[str, Any]:
    """Set name, number, group, logo, guide_id or hidden; null or "" gives the provider's value again."""
    await actions.edit_channel(node, channel_id, changes, actor=actor)
    return channel_row(await channel_rows.get(node.store, channel_id))


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
        raise Invalid("cursor: not a cursor of this list", field="cursor") from exc
    return region, feed, position, channel


def channel_row(channel: Channel) -> dict[str, Any]:
    """A channel as scripts see it."""
    return {
        "id": channel.id,
        "name": channel.name,
        "number": channel.number or None,
        "group": channel.group,
        "region": channel.region,
        "logo": channel.logo or None,
        "guide_id": channel.guide_id or None,
        "hidden": channel.hidden,
        "edited": ["group" if name == "grp" else name for name in channel.edited],
        "play": f"/play/{channel.id}",
        "streams": [
            {
                "id": stream.id,
                "url": shown_url(stream.url),
                "account": stream.source,
                "source_id": stream.source_id,
                "score": stream.score,
                "dead": stream.dead or not stream.playable,
                "left_out": stream.place < 0,
                "expires": stream.expires,
            }
            for stream in channel.streams
        ],
    }


def shown_url(url: str) -> str:
    """A stream's address without its secrets."""
    return redact(rules.fill_secrets(url, ("•••",) * 8))


def shown_notes(notes: dict[str, Any]) -> dict[str, Any]:
    """A feed's notes with the addresses of named guides redacted."""
    guides_named = notes.get("guides")
    return notes | {"guides": [redact(url) for url in guides_named]} if guides_named else notes


async def _source_row(node: Node, source: Source) -> dict[str, Any]:
    return _row(node, source, await sources.feeds(node.store, source_id=source.id))


def _row(node: Node, source: Source, feeds: Sequence[Feed]) -> dict[str, Any]:
    now = utcnow()
    options = node.settings.of(PlaylistSettings)
    return {
        "id": source.id,
        "kind": source.kind,
        "name": source.name,
        "enabled": source.enabled,
        "url": source.shown_url,
        "region": source.config.get("region") if source.kind in {"m3u", "xtream"} else None,
        "channels": sum(feed.channels for feed in feeds if feed.kind == "channels" and feed.enabled),
        "created_at": iso(source.created_at),
        "feeds": [_feed_row(feed, now, options) for feed in feeds],
    }


def _feed_row(feed: Feed, now: datetime, options: PlaylistSettings) -> dict[str, Any]:
    age = None if feed.refreshed_at is None else (now - feed.refreshed_at).total_seconds()
    interval = options.guide_interval if feed.kind == "guide" else options.refresh_interval
    held = None
    if feed.held_run and feed.held_change:
        change = {key: feed.held_change[key] for key in ("stored", "new", "changed", "gone")}
        held = {"at": iso(feed.held_at), "reason": feed.held_reason, **change}
    return {
        "id": feed.id,
        "kind": feed.kind,
        "lang": feed.lang or None,
        "region": feed.region or None,
        "enabled": feed.enabled,
        "status": rules.status(age, interval, refreshing=feed.refreshing).value,
        "age": None if age is None else round(age),
        "channels": feed.channels,
        "streams": feed.streams,
        "resolved": feed.resolved,
        "refreshed_at": iso(feed.refreshed_at),
        "changed_at": iso(feed.changed_at),
        "due_at": iso(feed.due_at),
        "failures": feed.failures,
        "error": feed.error,
        "error_kind": feed.error_kind,
        "needs_user": feed.needs_user,
        "held": held,
        "notes": shown_notes(feed.notes),
        "run": feed.run,
    }
