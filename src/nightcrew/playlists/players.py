"""What players ask: playlists and the guide. How channels are played is in `playing.py`, the Xtream panel in `panel.py`."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response, StreamingResponse

from nightcrew.guidereader.wire import GuideChannel
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import NotFound
from nightcrew.kernel.runtime import KernelSettings, Runtime
from nightcrew.kernel.store import DatabaseAway
from nightcrew.playlists import placeholders, rules
from nightcrew.playlists.archives import past_of
from nightcrew.playlists.formats import xmltv
from nightcrew.playlists.models import Channel
from nightcrew.playlists.outputs import CHUNK, EVERYTHING, Outputs, Selection, served
from nightcrew.playlists.settings import PlaylistSettings
from nightcrew.playlists.store import channels as channel_rows
from nightcrew.playlists.store import guides, sources
from nightcrew.playlists.store.guides import GuideView
from nightcrew.playlists.writing import guide_id_of, is_left_out
from nightcrew.web.api import Node
from nightcrew.web.callers import BoundTo

router = APIRouter(tags=["players"])

Name = Annotated[str, Path(max_length=100)]
Token = Annotated[str | None, Query(max_length=200)]
ChannelId = Annotated[int, Path(ge=1, lt=2**63)]
M3U_TYPE = "audio/x-mpegurl; charset=utf-8"
GUIDE_PAST = timedelta(hours=4)


@router.get("/playlist/all.m3u")
async def whole_playlist(request: Request, node: Node, token: Token = None) -> Response:
    """Every channel of every region."""
    return await playlist_response(request, node, EVERYTHING, token)


@router.get("/playlist/combined/{name}.m3u")
async def combined_playlist(request: Request, node: Node, name: Name, token: Token = None) -> Response:
    """The regions of a combined playlist, one after the other."""
    return await playlist_response(request, node, node.part(Outputs).combined(name), token)


@router.get("/playlist/group/{group:path}.m3u")
async def group_playlist(
    request: Request, node: Node, group: Annotated[str, Path(max_length=300)], token: Token = None
) -> Response:
    """One group over all regions."""
    if not await channel_rows.count(node.store, channel_rows.ChannelQuery(group=group, hidden=False)):
        raise NotFound(f"there is no group {group!r} with channels")
    return await playlist_response(request, node, Selection(f"group-{group}", None, group), token)


@router.get("/playlist/{region}.m3u")
async def region_playlist(request: Request, node: Node, region: Name, token: Token = None) -> Response:
    """One region. 404 for an unknown one, 503 with Retry-After while it was never built."""
    return await playlist_response(request, node, await node.part(Outputs).select(region), token)


async def playlist_response(request: Request, node: Runtime, selection: Selection, token: str | None) -> Response:
    """A playlist with its age; a stale one is served too, for yesterday's channels beat none."""
    outputs = node.part(Outputs)
    path = await outputs.current(selection)
    refreshed = None
    with contextlib.suppress(DatabaseAway):  # then the file's own age has to do
        refreshed = await outputs.refreshed_at(selection)
    base, wanted = node.base_url(), base_of(request, node)
    suffix = f"?token={quote(token)}" if token else ""
    stat = path.stat()
    headers = age_headers(refreshed or datetime.fromtimestamp(stat.st_mtime).astimezone(), utcnow())
    headers["ETag"] = f'"{stat.st_mtime_ns:x}-{rules.digest(wanted + suffix).hex()[:8]}"'
    headers["Content-Disposition"] = f"inline; filename*=UTF-8''{quote(selection.name)}.m3u"
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    body = served(path, base.encode(), wanted.encode(), suffix.encode())
    return StreamingResponse(body, headers=headers, media_type=M3U_TYPE)


def age_headers(refreshed: datetime, now: datetime) -> dict[str, str]:
    """How old an answer is (RFC 9111): Age in seconds, and when its data was fetched."""
    age = max(0, int((now - refreshed).total_seconds()))
    return {
        "Age": str(age),
        "Last-Modified": format_datetime(refreshed.astimezone(now.tzinfo), usegmt=True),
        "Cache-Control": "no-cache",
    }


def base_of(request: Request, node: Runtime) -> str:
    """The address under which this client reaches us: the configured one, else the one that it asked."""
    configured = node.settings.of(KernelSettings).public_url
    return (configured or str(request.base_url)).rstrip("/")


async def spooled(node: Runtime, pieces: AsyncIterator[str], media_type: str) -> Response:
    """An answer made from the database: written to a file without a name first, then sent.

    A slow client thus holds a file, not a database connection, and memory stays at a block.
    """
    folder = node.data_dir / "tmp"
    folder.mkdir(exist_ok=True)
    with contextlib.ExitStack() as closing:
        file = closing.enter_context(tempfile.TemporaryFile(dir=folder))
        waiting = bytearray()
        async for piece in pieces:
            waiting += piece.encode("utf-8", "surrogatepass")
            if len(waiting) >= CHUNK:
                await asyncio.to_thread(file.write, waiting)
                waiting = bytearray()
        await asyncio.to_thread(file.write, waiting)
        size = file.tell()
        file.seek(0)
        closing.pop_all()  # it is closed when the answer has been sent

    async def blocks() -> AsyncIterator[bytes]:
        with file:
            while block := await asyncio.to_thread(file.read, CHUNK):
                yield block

    return StreamingResponse(blocks(), media_type=media_type, headers={"Content-Length": str(size)})


# -- guide -------------------------------------------------------------------------------------------------------------


@router.get("/guide.xml")
async def guide(
    node: Node,
    bound: BoundTo,
    region: Annotated[str | None, Query(max_length=60)] = None,
    token: Token = None,  # noqa: ARG001
) -> Response:
    """XMLTV of all visible channels, or of one region. A token of one playlist has the guide of its channels alone."""
    selection = EVERYTHING if bound is None else await node.part(Outputs).bound(bound)
    wanted = None if region is None else (await node.part(Outputs).select(region)).regions
    if wanted is not None:
        if not all(map(selection.has, wanted)):
            raise NotFound(f"there is no region {region!r}")
        selection = replace(selection, regions=wanted)
    return await spooled(node, _guide(node, selection), "application/xml; charset=utf-8")


async def _guide(node: Runtime, selection: Selection) -> AsyncIterator[str]:
    now = utcnow()
    options = node.settings.of(PlaylistSettings)
    yield xmltv.HEADER
    found = await _views(node, selection, now, options)
    views = [view for _, view in found.values() if view is not None]
    async for named in guides.channels_of(node.store, views):
        yield "".join(map(xmltv.channel_text, named))
    for served_id, (name, view) in found.items() if options.placeholder_programmes else ():
        if view is None:
            yield xmltv.channel_text(GuideChannel(served_id, name, ""))
    async for page in guides.programmes_of(node.store, views, now + timedelta(days=options.guide_days)):
        yield "".join(map(xmltv.programme_text, page))
        for one in page:
            found.pop(one.guide_id, None)
    for served_id, (name, _) in found.items() if options.placeholder_programmes else ():
        yield "".join(map(xmltv.programme_text, placeholders.programmes(served_id, name, now)))
    yield xmltv.FOOTER


async def _views(
    node: Runtime, selection: Selection, now: datetime, options: PlaylistSettings
) -> dict[str, tuple[str, GuideView | None]]:
    """What of the guides belongs to a selection, by the id that is served; with an archive as far back as that goes.

    Channels without a guide are among them where they have placeholders.
    """
    found: dict[str, tuple[str, GuideView | None]] = {}
    async for page in channel_rows.playlist(node.store, selection.regions, group=selection.group):
        for channel in page:
            view = guides.view_of(channel, now - max(GUIDE_PAST, past_of(channel)))
            served_id = guide_id_of(channel, options)
            if view is None and not options.placeholder_programmes:
                continue
            _, known = found.get(served_id, ("", None))
            if known is None or (view is not None and view.after < known.after):
                found[served_id] = channel.name, view or known
    return dict(sorted(found.items()))


# -- what there is ----------------------------------------------------------------------------------------------------


async def visible(node: Runtime, regions: tuple[str, ...] | None) -> AsyncIterator[tuple[Channel, str]]:
    """Channels that can be played and pass the filter, with the group they are served under."""
    options = node.settings.of(PlaylistSettings)
    keep = options.kept
    async for page in channel_rows.playlist(node.store, regions):
        for channel in page:
            group = keep.apply(channel.name, channel.group)
            if group is None or is_left_out(channel, options):
                continue
            if any(stream.usable for stream in channel.streams):
                yield channel, group


async def totals(node: Runtime) -> tuple[int, int]:
    """Channels, and those that can be played, over all regions."""
    feeds = [feed for feed in await sources.feeds(node.store, enabled=True) if feed.kind == "channels"]
    return sum(feed.channels for feed in feeds), sum(feed.resolved for feed in feeds)
