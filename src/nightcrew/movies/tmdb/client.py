"""What TMDB is asked. Raises as `Line.ask`, besides what stands at each question."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from typing import Any, TypeVar

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.connections.line import Line
from nightcrew.kernel.connections.question import Question
from nightcrew.kernel.errors import GiveUp, Misread, NeedsUser, Retry
from nightcrew.kernel.http import Limits, Reply
from nightcrew.kernel.http_answers import retry_after
from nightcrew.kernel.http_gate import AskPriority
from nightcrew.movies.catalogue.models import Medium
from nightcrew.movies.tmdb import shapes, show_shapes
from nightcrew.movies.tmdb.shapes import ChangesPage, FilmDetails, ImagePlace, ListPage
from nightcrew.movies.tmdb.show_shapes import APPENDED, ShowDetails

ReadT = TypeVar("ReadT")

PARTS = 20
"""Parts that one question may append."""
SEASONS = PARTS - 1
"""Seasons that one question asks for beside a show's other numbers."""
LIMITS = Limits(max_bytes=16 << 20, seconds=30.0)
LARGE = 100_000
"""Bytes from which on an answer is read in a thread."""
UNTOLD = 2.0
"""Seconds to wait after code 25 where nobody says for how long: TMDB counts what is asked in a second."""
_READ = frozenset({200, 401, 404, 429})
_ITS_OWN = frozenset({500, 502, 504})
_INVALID_KEY, _NOT_FOUND = (3, 7, 10), 34
PATHS = {Medium.MOVIE: "movie", Medium.SHOW: "tv"}


class Gone(GiveUp):
    """TMDB has no title with this number (code 34)."""


@dataclass(frozen=True, slots=True)
class TmdbAnswer:
    """JSON, and how many bytes it was."""

    value: Any
    size: int


class Tmdb:
    """One account at TMDB. `language`: of titles and descriptions, such as en-US."""

    def __init__(self, line: Line, language: str) -> None:
        self.line = line
        self._language = language

    async def images(self, *, priority: AskPriority = AskPriority.STANDARD) -> ImagePlace:
        """Where pictures are."""
        return shapes.image_place((await self._ask("configuration", priority, {})).value)

    async def genres(self, medium: Medium, *, priority: AskPriority = AskPriority.BACKGROUND) -> dict[int, str]:
        """The names of genres."""
        question = f"genre/{PATHS[medium]}/list"
        return shapes.genre_names((await self._ask(question, priority, {"language": self._language})).value)

    async def page(self, path: str, params: Mapping[str, str], medium: Medium, number: int) -> ListPage:
        """A page of a list: `movie/popular`, `trending/tv/week`, `discover/movie` with `params`, and so on."""
        asked = {**params, "language": self._language, "page": str(number)}
        answer = await self._ask(path, AskPriority.BACKGROUND, asked)
        return await _read(answer, lambda value: shapes.list_page(value, medium))

    async def film(self, tmdb_id: int, *, suspect: bool = False) -> FilmDetails:
        """All that is stored of a film. Raises `Gone`, and `OddTitle` for an answer that says nothing of it.

        `suspect`: it failed before, so that an error of the server's is taken for one of this title, and not of the service.
        """
        asked = {
            "language": self._language,
            "append_to_response": "translations,images",
            "include_image_language": f"{self._language[:2]},en,null",
        }
        answer = await self._ask(f"movie/{tmdb_id}", AskPriority.BACKGROUND, asked, suspect=suspect)
        return await _read(answer, lambda value: shapes.film_details(value, tmdb_id))

    async def show(self, tmdb_id: int, seasons: Sequence[int], *, suspect: bool = False) -> ShowDetails:
        """A show with the episodes of these seasons, at most `SEASONS`. What there is not is left out. Raises as `film`.

        Its translations are asked for where there is still room.
        """
        parts = ["external_ids", *(f"{APPENDED}{one}" for one in seasons[:SEASONS])]
        if len(parts) < PARTS:
            parts.append("translations")
        asked = {"language": self._language, "append_to_response": ",".join(parts)}
        answer = await self._ask(f"tv/{tmdb_id}", AskPriority.CRITICAL, asked, suspect=suspect)
        return await _read(answer, lambda value: show_shapes.show_details(value, tmdb_id))

    async def changes(self, medium: Medium, first: date, last: date, number: int) -> ChangesPage:
        """A page of what was changed from one day to another, at most 14 days later."""
        asked = {"start_date": first.isoformat(), "end_date": last.isoformat(), "page": str(number)}
        answer = await self._ask(f"{PATHS[medium]}/changes", AskPriority.BACKGROUND, asked)
        return await _read(answer, shapes.changes_page)

    async def _ask(
        self, path: str, priority: AskPriority, params: Mapping[str, str], *, suspect: bool = False
    ) -> TmdbAnswer:
        question = Question(path, params=params, priority=priority)
        good = _READ | _ITS_OWN if suspect else _READ
        return await self.line.read(question, _answer, good=good, limits=LIMITS)


async def _read(answer: TmdbAnswer, how: Callable[[Any], ReadT]) -> ReadT:
    """By `how`, in a thread where it is long."""
    return await asyncio.to_thread(how, answer.value) if answer.size > LARGE else how(answer.value)


async def _answer(reply: Reply) -> TmdbAnswer:
    """An answer that says something. TMDB's own codes tell what is wrong with it."""
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
        limit = Retry(
            f"{reply.shown} answers HTTP 429",
            after=_first(retry_after(reply.headers.get("retry-after"), utcnow()), UNTOLD),
        )
        limit.status = HTTPStatus.TOO_MANY_REQUESTS
        raise limit
    if reply.status in _ITS_OWN:
        odd = shapes.OddTitle(f"{reply.shown} answers HTTP {reply.status}, as before")
        odd.status = reply.status
        raise odd
    value = await reply.json()
    code = value.get("status_code") if isinstance(value, dict) else None
    if reply.status == HTTPStatus.UNAUTHORIZED or code in _INVALID_KEY:
        refused = NeedsUser("TMDB does not accept the token; copy it anew from the settings of your account there")
        refused.status = HTTPStatus.UNAUTHORIZED
        raise refused
    if code == _NOT_FOUND:
        gone = Gone(f"{reply.shown} is not there (code 34)")
        gone.status = HTTPStatus.NOT_FOUND
        raise gone
    if reply.status != HTTPStatus.OK or not isinstance(value, dict) or value.get("success") is False:
        raise Misread(f"{reply.shown} answers something else than was asked for")
    return TmdbAnswer(value, len(reply.body))


def _first(told: float | None, otherwise: float) -> float:
    return otherwise if told is None else told
