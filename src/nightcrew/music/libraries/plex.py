"""Plex Media Server: its sections of music."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from pydantic import BaseModel

from nightcrew.kernel.connections.line import Line
from nightcrew.kernel.connections.question import Question
from nightcrew.kernel.declare import Allowance, ConnectionKind, Signed
from nightcrew.kernel.errors import NeedsUser
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

ARTIST, ALBUM, TRACK = "8", "9", "10"
"""Its numbers for what is asked for."""


class PlexLogin(BaseModel):
    """What a person enters."""

    token: Secret = ask(label="Token", help="An X-Plex-Token of the server's owner.", max_length=200)
    section: str = ask("", label="Library", help="Its name in Plex. Leave it empty for all with music.", max_length=200)
    remote_folder: str = ask_folder_there("Plex")
    local_folder: Folder = ask_folder_here()


async def try_out(line: Line) -> list[str]:
    """What the button Test says."""
    names = [title for _, title in await _sections(line)]
    found = await counts(line)
    return [f"Plex takes the token. Its music: {', '.join(names)}.", f"It has {counted(found.tracks, 'track')}."]


async def counts(line: Line) -> ServiceCounts:
    """As the server counts, over its sections of music."""
    sections = await _sections(line)
    artists, albums, found = 0, 0, 0
    for key, _ in sections:
        artists += await _total(line, key, ARTIST)
        albums += await _total(line, key, ALBUM)
        found += await _total(line, key, TRACK)
    return ServiceCounts(artists, albums, found)


async def tracks(line: Line) -> AsyncIterator[list[ServiceTrack]]:
    """All tracks, section by section and page by page, as many as `totalSize` says."""
    for key, _ in await _sections(line):
        read = 0
        while read < MOST:
            answer = await _page(line, key, TRACK, read, PAGE)
            items, total = objects(answer.get("Metadata")), whole(answer.get("totalSize"))
            read += len(items)
            yield [track for item in items if (track := _track(item)) is not None]
            if not items or read >= total:
                complete(read, total)
                break


async def _sections(line: Line) -> list[tuple[str, str]]:
    """Key and title of the sections with music. Raises `NeedsUser` when there is none, or not the one that is named."""
    answer = inside(await line.json(_question("library/sections"), limits=LIMITS), "MediaContainer")
    found = [
        (text(one.get("key")), text(one.get("title")))
        for one in objects(answer.get("Directory"))
        if one.get("type") == "artist" and text(one.get("key")).isalnum()
    ]
    login = line.settings
    wanted = login.section.strip().lower() if isinstance(login, PlexLogin) else ""
    chosen = [one for one in found if not wanted or one[1].lower() == wanted]
    if not chosen:
        names = ", ".join(title for _, title in found) or "none"
        raise NeedsUser(f"{line.name} has no library of music{f' named {wanted}' if wanted else ''}; it has: {names}")
    return chosen


async def _total(line: Line, section: str, kind: str) -> int:
    return whole((await _page(line, section, kind, 0, 0)).get("totalSize"))


async def _page(line: Line, section: str, kind: str, start: int, size: int) -> dict[str, Any]:
    params = {"type": kind, "includeCollections": "0", "includeGuids": "1"}
    params |= {"X-Plex-Container-Start": str(start), "X-Plex-Container-Size": str(size)}
    question = _question(f"library/sections/{section}/all", params)
    return inside(await line.json(question, limits=LIMITS), "MediaContainer")


def _question(path: str, params: dict[str, str] | None = None) -> Question:
    return Question(path, params=params or {}, headers={"Accept": "application/json"})


def _track(item: dict[str, Any]) -> ServiceTrack | None:
    key, title = text(item.get("ratingKey")), text(item.get("title"))
    if not key or not title:
        return None
    ids = [text(one.get("id")) for one in objects(item.get("Guid"))]
    mbid = next((one.removeprefix("mbid://") for one in ids if one.startswith("mbid://")), "")
    return ServiceTrack(
        key,
        title,
        text(item.get("originalTitle")) or text(item.get("grandparentTitle")),
        text(item.get("parentTitle")),
        seconds(item.get("duration"), 1000),
        "",
        mbid,
    )


async def refresh(line: Line, folder: str) -> None:
    """Have it look at a folder, or at all of its music."""
    there = folder_there(line.settings, folder)
    for key, _ in await _sections(line):
        await tell(line, _question(f"library/sections/{key}/refresh", {"path": there} if there else None))


KIND = ConnectionKind(
    "plex",
    "Plex",
    PlexLogin,
    try_out,
    help="A music library. What it has is not fetched again.",
    address="http://127.0.0.1:32400",
    allowance=Allowance(per_second=10.0, at_once=2),
    sign=lambda login: Signed({"X-Plex-Token": login.token}),
)
LIBRARY = LibraryKind(KIND, counts, tracks, refresh)
