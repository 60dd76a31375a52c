"""An Xtream panel, for players that speak nothing else. How its channels are played is in `playing.py`."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import NotFound
from nightcrew.kernel.runtime import Runtime
from nightcrew.playlists import accounts, placeholders
from nightcrew.playlists.archives import days_of
from nightcrew.playlists.formats import xtream
from nightcrew.playlists.outputs import EVERYTHING
from nightcrew.playlists.players import base_of, guide, playlist_response, spooled, visible
from nightcrew.playlists.playing import channel_number
from nightcrew.playlists.rules import groups_of
from nightcrew.playlists.settings import PlaylistSettings
from nightcrew.playlists.store import channels as channel_rows
from nightcrew.playlists.store import guides
from nightcrew.playlists.writing import guide_id_of
from nightcrew.web.api import Node
from nightcrew.web.callers import BoundTo

router = APIRouter(tags=["players"])

SHORT_EPG = 4
"""Programmes that a player gets when it asks for what is on and names no number."""
MAX_EPG = 1_000
Login = Annotated[str, Query(max_length=200)]


@router.get("/player_api.php")
async def player_api(
    request: Request,
    node: Node,
    username: Login = "",
    password: Login = "",
    action: Annotated[str, Query(max_length=60)] = "",
    category_id: Annotated[str | None, Query(max_length=30)] = None,
    stream_id: Annotated[str, Query(max_length=30)] = "",
    limit: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """The Xtream API that players speak; only live channels are there."""
    if action in {"", "get_account_info"}:
        return JSONResponse(await _xtream_account(request, node, username, password))
    if action == "get_live_categories":
        return JSONResponse(xtream.categories([name for name, _ in await _groups(node)]))
    if action == "get_live_streams":
        return await spooled(node, _xtream_streams(node, category_id), "application/json")
    if action in {"get_short_epg", "get_simple_data_table"}:
        return JSONResponse(await _listings(node, stream_id, limit, whole=action == "get_simple_data_table"))
    return JSONResponse([])


@router.get("/panel_api.php")
async def panel_api(request: Request, node: Node, username: Login = "", password: Login = "") -> Response:
    """The older Xtream API: the account and all channels in one answer."""
    options = node.settings.of(PlaylistSettings)
    head = xtream.panel_head(
        await _xtream_account(request, node, username, password), [name for name, _ in await _groups(node)]
    )

    async def text() -> AsyncIterator[str]:
        yield head
        number = 0
        async for channel, group in visible(node, None):
            number += 1
            yield (", " if number > 1 else "") + xtream.panel_channel(
                channel, group, number, days_of(channel), guide_id_of(channel, options)
            )
        yield xtream.PANEL_FOOT

    return await spooled(node, text(), "application/json")


async def _xtream_account(request: Request, node: Runtime, username: str, password: str) -> dict[str, Any]:
    most, active = await accounts.connections(node), await accounts.watching(node)
    base = base_of(request, node)
    return xtream.account(base, username or "nightcrew", password, utcnow(), connections=most, active=active)


async def _listings(node: Runtime, stream_id: str, limit: str, *, whole: bool) -> dict[str, Any]:
    """What runs now and next on a channel, or as a `whole` all from its archive's beginning on; an unknown one has nothing."""
    now = utcnow()
    try:
        channel = await channel_rows.get(node.store, channel_number(stream_id))
    except NotFound:
        return {"epg_listings": []}
    number = min(int(limit), MAX_EPG) if limit.isdecimal() and int(limit) else SHORT_EPG
    days = days_of(channel)
    view = guides.view_of(channel, now - timedelta(days=days) if whole else now)
    most = MAX_EPG if whole else number
    shown = [] if view is None else await guides.schedule(node.store, view, limit=most)
    options = node.settings.of(PlaylistSettings)
    if not shown and options.placeholder_programmes:
        made = placeholders.programmes(guide_id_of(channel, options), channel.name, now)
        shown = list(itertools.islice(made, most))
    return xtream.listings(channel, shown, now, days)


async def _groups(node: Runtime) -> list[tuple[str, int]]:
    options = node.settings.of(PlaylistSettings)
    keep = options.kept
    if not keep.keywords:
        return await channel_rows.groups(node.store)
    counts: dict[str, int] = {}
    async for _channel, group in visible(node, None):
        for name in groups_of(group):
            counts[name] = counts.get(name, 0) + 1
    return sorted(counts.items())


async def _xtream_streams(node: Runtime, category_id: str | None) -> AsyncIterator[str]:
    options = node.settings.of(PlaylistSettings)
    yield "["
    number = 0
    async for channel, group in visible(node, None):
        if category_id in {None, "", "0", *map(xtream.category_id, groups_of(group))}:
            number += 1
            yield ("," if number > 1 else "") + xtream.stream(
                channel, group, number, days_of(channel), guide_id_of(channel, options)
            )
    yield "]"


@router.get("/get.php")
async def get_php(request: Request, node: Node, password: Login = "") -> Response:
    """The Xtream way to the whole playlist."""
    return await playlist_response(request, node, EVERYTHING, password or None)


@router.get("/xmltv.php")
async def xmltv_php(node: Node, bound: BoundTo) -> Response:
    """The Xtream way to the guide."""
    return await guide(node, bound)
