"""Spotify: the tracks that a person saved, and their own and shared playlists. With the user's own app (Web API, PKCE)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from pydantic import BaseModel

from nightcrew.kernel.connections.line import Line
from nightcrew.kernel.connections.question import Question
from nightcrew.kernel.declare import Allowance, ConnectionKind, OAuth
from nightcrew.kernel.errors import GiveUp, Misread
from nightcrew.kernel.fields import ask
from nightcrew.kernel.http import Limits
from nightcrew.kernel.words import counted, plain
from nightcrew.music import rules
from nightcrew.music.store.listings import NewTrack
from nightcrew.music.wishes.base import SourceKind, SourceList

PAGE = 50
MOST_PAGES = 2_000
"""Pages of one list: 100,000 tracks."""
LIMITS = Limits(max_bytes=8 << 20, seconds=60.0)
_READ = frozenset({200, 403, 404})
"""A playlist of somebody else answers 403, which says nothing of the login."""


class SpotifyApp(BaseModel):
    """What a person enters: the app that they have made in Spotify's dashboard."""

    client_id: str = ask(
        label="Client ID",
        help="Of your own app in Spotify's dashboard, with the redirect address http://127.0.0.1:8780/callback.",
        max_length=100,
    )
    playlists: bool = ask(True, label="Also read your playlists")


async def try_out(line: Line) -> list[str]:
    """What the button Test says."""
    me = await line.json(Question("v1/me"), limits=LIMITS)
    name = plain(str(me.get("display_name") or me.get("id") or "somebody")) if isinstance(me, dict) else "somebody"
    saved = await line.json(Question("v1/me/tracks", params={"limit": "1"}), limits=LIMITS)
    total = saved.get("total") if isinstance(saved, dict) else None
    count = counted(total if isinstance(total, int) else 0, "track")
    return [f"Spotify knows you as {name[:100]}.", f"You have saved {count}."]


async def read(line: Line) -> list[SourceList]:
    """The saved tracks, and each playlist. One that cannot be read is taken neither for an empty one nor for one that is gone."""
    saved = [track async for item in _items(line, "v1/me/tracks") if (track := _track(item, rules.SAVED)) is not None]
    found = [SourceList("saved", f"{line.name}: saved tracks", saved)]
    settings = line.settings
    if isinstance(settings, SpotifyApp) and settings.playlists:
        lists = [await _playlist(line, playlist) async for playlist in _items(line, "v1/me/playlists")]
        found += [one for one in lists if one is not None]
    return found


async def _playlist(line: Line, playlist: dict[str, Any]) -> SourceList | None:
    number, name = playlist.get("id"), playlist.get("name")
    if not isinstance(number, str) or not number.isalnum():
        return None
    title = f"{line.name}: {plain(str(name or number))}"[:200]
    for path in (f"v1/playlists/{number}/items", f"v1/playlists/{number}/tracks"):  # older apps only have the second
        reply = await line.ask(Question(path, params={"limit": str(PAGE), "offset": "0"}), good=_READ, limits=LIMITS)
        if reply.status == 200:
            first = await reply.json()
            tracks = [
                track async for item in _items(line, path, first) if (track := _track(item, rules.PLAYLIST)) is not None
            ]
            return SourceList(f"playlist:{number}", title, tracks)
        if reply.status == 403:
            break
    return SourceList(f"playlist:{number}", title, (), whole=False)


async def _items(line: Line, path: str, first: Any = None) -> AsyncIterator[dict[str, Any]]:
    """All items of a paged list. Raises `Misread` for a page without any, where the total says that there are more."""
    offset, page = 0, first
    for _ in range(MOST_PAGES):
        if page is None:
            params = {"limit": str(PAGE), "offset": str(offset)}
            page = await line.json(Question(path, params=params), limits=LIMITS)
        items = page.get("items") if isinstance(page, dict) else None
        if not isinstance(items, list):
            raise Misread("Spotify's answer has no items")
        for item in items:
            if isinstance(item, dict):
                yield item
        offset += len(items)
        if not page.get("next"):
            total = page.get("total")
            if isinstance(total, int) and offset < total:
                raise Misread(f"Spotify says that the list has {total} items, and gave {offset}")
            return
        if not items:
            raise Misread("a page of Spotify's list is empty, and is not its last one")
        page = None
    raise GiveUp(f"the list has more than {MOST_PAGES * PAGE} items")


def _track(item: dict[str, Any], base: int) -> NewTrack | None:
    """A track from its wrapper: `track`, in newer answers of playlists `item`. Episodes and local files are none."""
    track = item.get("item") or item.get("track")
    if not isinstance(track, dict) or track.get("is_local") or track.get("type", "track") != "track":
        return None
    names = [_text(one.get("name")) for one in _objects(track.get("artists"))]
    artists, title = tuple(name for name in names if name)[:30], _text(track.get("name"))
    if not artists or not title:
        return None
    album, codes = track.get("album"), track.get("external_ids")
    popularity, length, number = (_count(track.get(key)) for key in ("popularity", "duration_ms", "track_number"))
    return NewTrack(
        rules.key_of(title, artists[0]),
        title,
        artists,
        rules.priority_of(base, popularity),
        _text(album.get("name")) if isinstance(album, dict) else "",
        length / 1000 if length else None,
        number if number and number < 1000 else None,
        _text(codes.get("isrc")).replace("-", "").upper()[:20] if isinstance(codes, dict) else "",
        popularity=popularity,
    )


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return plain(value)[:500] if isinstance(value, str) else ""


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 31 else None


KIND = ConnectionKind(
    "spotify",
    "Spotify",
    SpotifyApp,
    try_out,
    help="What you have saved there is wanted. Access has to be granted anew every six months; you are told before.",
    address="https://api.spotify.com",
    allowance=Allowance(per_second=3.0, at_once=1),
    oauth=OAuth(
        "https://accounts.spotify.com/authorize",
        "https://accounts.spotify.com/api/token",
        ("user-library-read", "playlist-read-private", "playlist-read-collaborative"),
        lifetime_days=180,
        warn_days=30,
    ),
)
SOURCE = SourceKind(KIND, read)
