"""ListenBrainz: playlists of a user, those that it makes for them, and the tracks that they love (API 1, JSPF)."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel

from nightcrew.kernel.connections.line import Line
from nightcrew.kernel.connections.question import Question
from nightcrew.kernel.declare import Allowance, ConnectionKind, Signed
from nightcrew.kernel.errors import Misread, NeedsUser
from nightcrew.kernel.fields import Secret, ask
from nightcrew.kernel.http import Limits
from nightcrew.kernel.words import plain
from nightcrew.music import rules
from nightcrew.music.store.listings import NewTrack
from nightcrew.music.wishes.base import SourceKind, SourceList

PAGE = 100
MOST_LISTS = 200
LIMITS = Limits(max_bytes=8 << 20, seconds=60.0)
_MBID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class ListenBrainzLogin(BaseModel):
    """What a person enters."""

    user: str = ask(label="User", max_length=100)
    token: Secret = ask("", label="User token", help="Needed for private playlists.", max_length=100)
    made_for_you: bool = ask(False, label="Also read playlists that are made for you")


async def try_out(line: Line) -> list[str]:
    """What the button Test says."""
    login = _login(line)
    if login.token:
        answer = await line.json(Question("1/validate-token"), limits=LIMITS)
        if not (isinstance(answer, dict) and answer.get("valid")):
            raise NeedsUser("ListenBrainz does not know this token")
    lists = await _lists(line, "playlists")
    return [f"{login.user} has {len(lists)} {'playlist' if len(lists) == 1 else 'playlists'}."]


async def read(line: Line) -> list[SourceList]:
    """All playlists, each with its tracks."""
    names = ["playlists"]
    if _login(line).made_for_you:
        names.append("playlists/createdfor")
    found = []
    for name in names:
        for number, title in await _lists(line, name):
            answer = await line.json(Question(f"1/playlist/{number}"), limits=LIMITS)
            tracks = _tracks(answer)
            found.append(SourceList(f"playlist:{number}", f"{line.name}: {title}"[:200], tracks))
    return found


async def _lists(line: Line, name: str) -> list[tuple[str, str]]:
    """MBID and title of each playlist."""
    found: list[tuple[str, str]] = []
    user = quote(_login(line).user, safe="")
    while len(found) < MOST_LISTS:
        params = {"count": str(PAGE), "offset": str(len(found))}
        answer = await line.json(Question(f"1/user/{user}/{name}", params=params), limits=LIMITS)
        lists = answer.get("playlists") if isinstance(answer, dict) else None
        if not isinstance(lists, list):
            raise Misread("ListenBrainz' answer has no playlists")
        inner = [one.get("playlist") for one in lists if isinstance(one, dict)]
        page = [(number, _text(one.get("title"))) for one in inner if isinstance(one, dict) and (number := _mbid(one))]
        found += page
        if len(lists) < PAGE:
            break
    return found


def _tracks(answer: Any) -> list[NewTrack]:
    """The tracks of a JSPF playlist. Raises `Misread` for what is none."""
    playlist = answer.get("playlist") if isinstance(answer, dict) else None
    tracks = playlist.get("track") if isinstance(playlist, dict) else None
    if not isinstance(tracks, list):
        raise Misread("ListenBrainz' answer is no playlist")
    return [one for track in tracks if isinstance(track, dict) and (one := _track(track)) is not None]


def _track(track: dict[str, Any]) -> NewTrack | None:
    title, artist = _text(track.get("title")), _text(track.get("creator"))
    if not title or not artist:
        return None
    length = track.get("duration")
    seconds = (
        length / 1000 if isinstance(length, int) and not isinstance(length, bool) and 0 < length < 86_400_000 else None
    )
    return NewTrack(
        rules.key_of(title, artist),
        title,
        (artist,),
        rules.PLAYLIST,
        _text(track.get("album")),
        seconds,
        mbid=_mbid(track),
    )


def _mbid(thing: dict[str, Any]) -> str:
    """The id in `identifier`: an address, or a list of addresses."""
    said = thing.get("identifier")
    for one in said if isinstance(said, list) else [said]:
        if isinstance(one, str) and (found := _MBID.search(one[:300].lower())):
            return found[0]
    return ""


def _text(value: Any) -> str:
    return plain(value)[:500] if isinstance(value, str) else ""


def _login(line: Line) -> ListenBrainzLogin:
    login = line.settings
    if not isinstance(login, ListenBrainzLogin):
        raise TypeError(f"{line.name} is no ListenBrainz")
    return login


def sign(login: ListenBrainzLogin) -> Signed:
    """Its header, where a token was entered."""
    return Signed({"Authorization": f"Token {login.token}"} if login.token else {})


KIND = ConnectionKind(
    "listenbrainz",
    "ListenBrainz",
    ListenBrainzLogin,
    try_out,
    help="What is in your playlists there is wanted.",
    address="https://api.listenbrainz.org",
    allowance=Allowance(per_second=2.0, at_once=1),
    sign=sign,
)
SOURCE = SourceKind(KIND, read)
