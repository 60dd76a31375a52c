"""ListenBrainz: playlists of a user, those that it makes for them, and what they have played (API 1, JSPF)."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel

from nightcrew.kernel.connections.line import Line
from nightcrew.kernel.connections.question import Question
from nightcrew.kernel.declare import Allowance, ConnectionKind, Signed
from nightcrew.kernel.errors import GiveUp, Misread, NeedsUser
from nightcrew.kernel.fields import Secret, ask
from nightcrew.kernel.http import Limits, Reply
from nightcrew.kernel.words import plain
from nightcrew.music import rules
from nightcrew.music.store.listings import NewTrack
from nightcrew.music.wishes.base import Plays, SourceKind, SourceList

PAGE = 100
MOST_READ = 200
"""Playlists whose tracks are read."""
MOST_LISTS = 10_000
"""Playlists of which it is known that they are there."""
MOST_PLAYED = 1000
"""Recordings of a user's statistics: ListenBrainz gives no more."""
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
    """All playlists, the first ones with their tracks."""
    names = ["playlists"]
    if _login(line).made_for_you:
        names.append("playlists/createdfor")
    found = []
    for name in names:
        for at, (number, title) in enumerate(await _lists(line, name)):
            key, shown = f"playlist:{number}", f"{line.name}: {title}"[:200]
            if at >= MOST_READ:
                found.append(SourceList(key, shown, (), whole=False))
                continue
            answer = await line.json(Question(f"1/playlist/{number}"), limits=LIMITS)
            found.append(SourceList(key, shown, _tracks(answer)))
    return found


async def plays(line: Line) -> list[Plays]:
    """What was played in the last month, most first (`GET /1/stats/user/NAME/recordings`). Empty where nothing is counted yet."""
    found: list[Plays] = []
    user, read = quote(_login(line).user, safe=""), 0
    while read < MOST_PLAYED:
        params = {"range": "month", "count": str(PAGE), "offset": str(read)}
        question = Question(f"1/stats/user/{user}/recordings", params=params)
        rows = await line.read(question, _played, limits=LIMITS)
        found += [one for row in rows if isinstance(row, dict) and (one := _plays(row)) is not None]
        read += len(rows)
        if len(rows) < PAGE:
            break
    return found


async def _played(reply: Reply) -> list[Any]:
    """The recordings of a page. 204 says that there are no statistics of this user. Raises `Misread`."""
    if reply.status == HTTPStatus.NO_CONTENT:
        return []
    answer = await reply.json()
    payload = answer.get("payload") if isinstance(answer, dict) else None
    rows = payload.get("recordings") if isinstance(payload, dict) else None
    if not isinstance(rows, list):
        raise Misread("ListenBrainz' answer has no recordings")
    return rows


def _plays(row: dict[str, Any]) -> Plays | None:
    title, artist, count = _text(row.get("track_name")), _text(row.get("artist_name")), row.get("listen_count")
    if not title or not artist or isinstance(count, bool) or not isinstance(count, int) or count < 1:
        return None
    mbid = _MBID.fullmatch(_text(row.get("recording_mbid")).lower())
    return Plays(rules.key_of(title, artist), mbid[0] if mbid else "", min(count, 1 << 30))


async def _lists(line: Line, name: str) -> list[tuple[str, str]]:
    """MBID and title of each playlist. Raises `Misread` for fewer than ListenBrainz says that there are."""
    found: list[tuple[str, str]] = []
    user, read = quote(_login(line).user, safe=""), 0
    while True:
        params = {"count": str(PAGE), "offset": str(read)}
        answer = await line.json(Question(f"1/user/{user}/{name}", params=params), limits=LIMITS)
        lists = answer.get("playlists") if isinstance(answer, dict) else None
        if not isinstance(lists, list):
            raise Misread("ListenBrainz' answer has no playlists")
        inner = [one.get("playlist") for one in lists if isinstance(one, dict)]
        page = [(number, _text(one.get("title"))) for one in inner if isinstance(one, dict) and (number := _mbid(one))]
        found += page
        read += len(lists)
        if len(lists) < PAGE:
            break
        if read >= MOST_LISTS:
            raise GiveUp(f"ListenBrainz has more than {MOST_LISTS} playlists of this user")
    count = answer.get("playlist_count")
    if isinstance(count, int) and read < count:
        raise Misread(f"ListenBrainz says that there are {count} playlists, and gave {read}")
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
    help="What is in your playlists there is wanted; what you have played most this month comes first.",
    address="https://api.listenbrainz.org",
    allowance=Allowance(per_second=2.0, at_once=1),
    sign=sign,
)
SOURCE = SourceKind(KIND, read, plays)
