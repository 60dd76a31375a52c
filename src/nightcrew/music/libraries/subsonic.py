"""Subsonic and OpenSubsonic servers, such as Navidrome, Gonic, Airsonic and Supysonic (API 1.16.1)."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import AsyncIterator
from typing import Any

from pydantic import BaseModel

from nightcrew.kernel.connections.line import Line
from nightcrew.kernel.connections.question import Question
from nightcrew.kernel.declare import Allowance, ConnectionKind, Signed
from nightcrew.kernel.errors import GiveUp, NeedsUser
from nightcrew.kernel.fields import Secret, ask
from nightcrew.music.libraries.base import (
    LIMITS,
    MOST,
    PAGE,
    LibraryKind,
    ServiceCounts,
    ServiceTrack,
    Short,
    inside,
    objects,
    seconds,
    text,
)

WRONG_LOGIN = frozenset({40, 41, 42, 43, 44})
"""Error codes that only a person can mend: wrong user or password, or a way to log in that the server does not take."""
NO_TOKENS = frozenset({10, 41, 42})
"""Codes of servers that want the password itself: a parameter is missing, or this way to log in is not provided."""
FORBIDDEN = 50
"""The code for what the user may not do."""


class SubsonicLogin(BaseModel):
    """What a person enters. An API key (OpenSubsonic) takes the place of user and password."""

    user: str = ask("", label="User", max_length=200)
    password: Secret = ask("", label="Password", max_length=200)
    plain: bool = ask(
        False,
        label="Send the password itself",
        help="Only for servers that know no tokens, such as Supysonic. Anybody on the way can read it, unless it is HTTPS.",
    )
    api_key: Secret = ask("", label="API key", help="For OpenSubsonic servers that have them. Then no user is needed.")


def sign(login: SubsonicLogin) -> Signed:
    """The password itself goes over the wire only where a person has said so: else a hash of it with a salt does."""
    always = {"v": "1.16.1", "c": "nightcrew", "f": "json"}
    if login.api_key:
        return Signed(params={**always, "apiKey": login.api_key})
    if login.plain:
        return Signed(params={**always, "u": login.user, "p": f"enc:{login.password.encode().hex()}"})
    salt = secrets.token_hex(8)
    token = hashlib.md5(f"{login.password}{salt}".encode(), usedforsecurity=False).hexdigest()
    return Signed(params={**always, "u": login.user, "t": token, "s": salt})


async def _call(line: Line, method: str, **params: str) -> dict[str, Any]:
    """The inner object of an answer. Raises `NeedsUser` for a refused login, `GiveUp` for another error of the server's."""
    answer = inside(await line.json(Question(f"rest/{method}", params=params), limits=LIMITS), "subsonic-response")
    if answer.get("status") == "ok":
        return answer
    error = answer.get("error")
    code, said = (error.get("code"), text(error.get("message"))) if isinstance(error, dict) else (None, "")
    if code in NO_TOKENS and isinstance(line.settings, SubsonicLogin) and not line.settings.plain:
        raise NeedsUser(
            f"{line.name} knows no tokens ({said or code}): tick “Send the password itself” in its connection"
        )
    if code in WRONG_LOGIN:
        raise NeedsUser(f"{line.name} refuses the login: {said or 'wrong user name or password'}")
    if code == FORBIDDEN:
        raise GiveUp(f"the user of {line.name} may not do this: {said}")
    raise GiveUp(f"{line.name} answers with an error: {said or code}")


async def try_out(line: Line) -> list[str]:
    """What the button Test says."""
    answer = await _call(line, "ping")
    name = text(answer.get("type")) or "A Subsonic server"
    found = await _songs(line, 0, 1)
    said = "It has music." if found else "Its library is empty."
    return [f"{name} {text(answer.get('serverVersion') or answer.get('version'))} takes the login.", said]


async def counts(line: Line) -> ServiceCounts:
    """Servers say how many songs they have after a scan, if they say it to this user; the rest is counted from the tracks.

    While they scan it is how many they have looked at so far. Navidrome counts the libraries of all users.
    """
    try:
        status = (await _call(line, "getScanStatus")).get("scanStatus")
    except GiveUp:
        return ServiceCounts(0, 0, 0)
    scanning = isinstance(status, dict) and status.get("scanning") is True
    count = status.get("count") if isinstance(status, dict) and not scanning else None
    return ServiceCounts(0, 0, count if isinstance(count, int) and count >= 0 else 0, scanning)


async def tracks(line: Line) -> AsyncIterator[list[ServiceTrack]]:
    """All songs that the user may see: `search3` with an empty query gives them page by page, until one is empty."""
    read = 0
    while read < MOST and (
        found := await _songs(line, read, PAGE)
    ):  # a page may be short, as servers have limits of their own
        read += len(found)
        yield [track for song in found if (track := _track(song)) is not None]
    if read < (told := (await counts(line)).tracks):
        raise Short(f"the server says that it has {told} tracks, and gave {read}")


async def _songs(line: Line, offset: int, count: int) -> list[dict[str, Any]]:
    params = {"query": "", "songCount": str(count), "songOffset": str(offset), "artistCount": "0", "albumCount": "0"}
    return objects(inside(await _call(line, "search3", **params), "searchResult3").get("song"))


def _track(song: dict[str, Any]) -> ServiceTrack | None:
    key, title = text(song.get("id")), text(song.get("title"))
    if not key or not title:
        return None
    codes = song.get("isrc")
    isrc = text(codes[0]) if isinstance(codes, list) and codes else ""
    return ServiceTrack(
        key,
        title,
        text(song.get("artist")),
        text(song.get("album")),
        seconds(song.get("duration"), 1),
        isrc,
        text(song.get("musicBrainzId")),
    )


async def refresh(line: Line, folder: str) -> None:  # noqa: ARG001 - the server looks at all of its folders
    """Have it look for new files. Only an administrator's login may."""
    await _call(line, "startScan")


KIND = ConnectionKind(
    "subsonic",
    "Subsonic (Navidrome, Gonic, …)",
    SubsonicLogin,
    try_out,
    help="A music library. What it has is not fetched again.",
    address="http://127.0.0.1:4533",
    allowance=Allowance(per_second=10.0, at_once=2),
    sign=sign,
)
LIBRARY = LibraryKind(KIND, counts, tracks, refresh)
