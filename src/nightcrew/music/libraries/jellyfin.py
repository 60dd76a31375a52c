"""Jellyfin (and Emby, which answers alike)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from pydantic import BaseModel

from nightcrew.kernel.connections.line import Line
from nightcrew.kernel.connections.question import Question
from nightcrew.kernel.declare import Allowance, ConnectionKind, Signed
from nightcrew.kernel.fields import Folder, Secret, ask
from nightcrew.kernel.words import counted
from nightcrew.music.libraries.base import (
    LIMITS,
    MOST,
    PAGE,
    LibraryKind,
    ServiceCounts,
    ServiceTrack,
    ask_folder_here,
    ask_folder_there,
    complete,
    folder_there,
    inside,
    objects,
    seconds,
    tell,
    text,
    whole,
)

TICKS = 10_000_000
"""Its units of time in a second."""


class JellyfinLogin(BaseModel):
    """What a person enters."""

    api_key: Secret = ask(label="API key", help="From the dashboard, under Advanced, API Keys.", max_length=200)
    remote_folder: str = ask_folder_there("Jellyfin")
    local_folder: Folder = ask_folder_here()


async def try_out(line: Line) -> list[str]:
    """What the button Test says."""
    info = inside(await line.json(Question("System/Info"), limits=LIMITS))
    found = await counts(line)
    return [
        f"{text(info.get('ServerName')) or 'Jellyfin'} {text(info.get('Version'))} takes the key.",
        f"It has {counted(found.tracks, 'track')}.",
    ]


async def counts(line: Line) -> ServiceCounts:
    """As the server counts."""
    found = inside(await line.json(Question("Items/Counts"), limits=LIMITS))
    return ServiceCounts(
        whole(found.get("ArtistCount", 0)), whole(found.get("AlbumCount", 0)), whole(found.get("SongCount"))
    )


async def tracks(line: Line) -> AsyncIterator[list[ServiceTrack]]:
    """All songs, page by page, as many as `TotalRecordCount` says."""
    read = 0
    while read < MOST:
        params = {
            "IncludeItemTypes": "Audio",
            "Recursive": "true",
            "Fields": "ProviderIds",
            "EnableImages": "false",
            "SortBy": "DateCreated,SortName",
            "StartIndex": str(read),
            "Limit": str(PAGE),
        }
        answer = inside(await line.json(Question("Items", params=params), limits=LIMITS))
        items, total = objects(answer.get("Items")), whole(answer.get("TotalRecordCount"))
        read += len(items)
        yield [track for item in items if (track := _track(item)) is not None]
        if not items or read >= total:
            complete(read, total)
            return


def _track(item: dict[str, Any]) -> ServiceTrack | None:
    key, title = text(item.get("Id")), text(item.get("Name"))
    if not key or not title:
        return None
    artists = item.get("Artists")
    names = [text(one) for one in artists] if isinstance(artists, list) else []
    ids = item.get("ProviderIds")
    mbid = text(ids.get("MusicBrainzRecording")) if isinstance(ids, dict) else ""
    return ServiceTrack(
        key,
        title,
        ", ".join(name for name in names if name)[:500] or text(item.get("AlbumArtist")),
        text(item.get("Album")),
        seconds(item.get("RunTimeTicks"), TICKS),
        "",
        mbid,
    )


async def refresh(line: Line, folder: str) -> None:
    """Have it look at a folder, or at all libraries."""
    there = folder_there(line.settings, folder)
    if there is None:
        await tell(line, Question("Library/Refresh", "POST", safe=True))
        return
    body = {"Updates": [{"Path": there, "UpdateType": "Created"}]}
    await tell(line, Question("Library/Media/Updated", "POST", json=body, safe=True))


KIND = ConnectionKind(
    "jellyfin",
    "Jellyfin",
    JellyfinLogin,
    try_out,
    help="A music library. What it has is not fetched again.",
    address="http://127.0.0.1:8096",
    allowance=Allowance(per_second=10.0, at_once=2),
    sign=lambda login: Signed({"Authorization": f'MediaBrowser Token="{login.api_key}"'}),
)
LIBRARY = LibraryKind(KIND, counts, tracks, refresh)
