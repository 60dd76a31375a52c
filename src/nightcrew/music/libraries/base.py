"""What every media server can be asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

from nightcrew.kernel.connections.line import Line
from nightcrew.kernel.connections.question import Question
from nightcrew.kernel.declare import ConnectionKind
from nightcrew.kernel.errors import GiveUp, Misread
from nightcrew.kernel.fields import ask
from nightcrew.kernel.http import Limits
from nightcrew.kernel.http_answers import TAKEN
from nightcrew.kernel.words import plain
from nightcrew.music.libraries.places import path_there

PAGE = 500
"""Tracks that are asked for at once."""
MOST = 1_000_000
"""Tracks of one library."""
LIMITS = Limits(max_bytes=32 << 20, seconds=120.0)
TEXT = 500


@dataclass(frozen=True, slots=True)
class ServiceTrack:
    """A track of a media server. `key`: its id there; `seconds`: its length."""

    key: str
    title: str
    artist: str
    album: str
    seconds: float | None
    isrc: str = ""
    mbid: str = ""


@dataclass(frozen=True, slots=True)
class ServiceCounts:
    """How much a media server has; 0 where it does not say. `scanning`: it looks at its files just now."""

    artists: int
    albums: int
    tracks: int
    scanning: bool = False


@dataclass(frozen=True, slots=True)
class LibraryKind:
    """A kind of media server.

    `tracks` gives all tracks in pages. It raises `Misread` when fewer come than the server says that there are, so that a half
    answer never shrinks what is known, and `Short` where that may be right. `refresh` has a folder of this machine looked at for
    new files, or all that the server has where it is not known where that is.
    """

    kind: ConnectionKind
    counts: Callable[[Line], Awaitable[ServiceCounts]]
    tracks: Callable[[Line], AsyncIterator[list[ServiceTrack]]]
    refresh: Callable[[Line, str], Awaitable[None]]


class Short(Misread):
    """All pages came in order, with fewer tracks than the server counts: over all users, say. Nothing is forgotten because of that."""


def text(value: Any) -> str:
    """A text of an answer; empty for what is none."""
    return plain(value)[:TEXT] if isinstance(value, str) else ""


def whole(value: Any) -> int:
    """A count of an answer. Raises `Misread` for what is none."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 1 << 40:
        raise Misread("the server gives no count where one belongs")
    return value


def seconds(value: Any, per: float) -> float | None:
    """A length that is given in parts of a second, `per` of them; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value / per < 86_400:
        return None
    return value / per


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def inside(value: Any, *names: str) -> dict[str, Any]:
    """An object inside an answer. Raises `Misread` when it is not there."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    if not isinstance(value, dict):
        raise Misread(f"the server's answer has no {'.'.join(names) or 'object'}")
    return value


def ask_folder_there(server: str) -> Any:
    """The field for where the music lies for a server that can look at one folder."""
    said = f"As {server} sees it, such as /music. With it and the next field only folders with new files are looked at, else all."
    return ask("", label=f"Music folder in {server}", help=said, max_length=500)


def ask_folder_here() -> Any:
    """The field for where the same folder is on this machine."""
    return ask("", label="The same folder on this machine", help="Such as /media/music.")


def folder_there(login: BaseModel, folder: str) -> str | None:
    """A folder of this machine as the server names it; None where nobody has said where its folders are."""
    return path_there(folder, getattr(login, "local_folder", ""), getattr(login, "remote_folder", ""))


async def tell(line: Line, question: Question) -> None:
    """Have the server look for new files. Raises `GiveUp` for a login that may only read, which is not wrong for that."""
    reply = await line.ask(question, good=TAKEN | {HTTPStatus.FORBIDDEN})
    if reply.status == HTTPStatus.FORBIDDEN:
        raise GiveUp(f"the login for {line.name} may not start a scan")


def complete(read: int, told: int) -> None:
    """Raises `Misread` when fewer tracks came than the server has: a page was cut short."""
    if read < told:
        raise Misread(f"the server says that it has {told} tracks, and gave {read}")
