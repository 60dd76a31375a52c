"""A session with qBittorrent: it begins with a login, is over without notice, and is begun again once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from nightcrew.kernel.connections.line import Line
from nightcrew.kernel.connections.question import Question
from nightcrew.kernel.errors import Misread, NeedsUser
from nightcrew.kernel.fields import Secret, ask
from nightcrew.kernel.http import Limits, Reply
from nightcrew.movies.clients.base import SMALL, ClientLogin

ReadT = TypeVar("ReadT")

DONE = frozenset({200, 202, 204})
"""What is done is answered with 200 by older ones, and with 204 from 5.2 on."""


class _Over:
    """In place of an answer: the session is over."""


OVER: Final = _Over()


class QBittorrentLogin(ClientLogin):
    """What a person enters."""

    user: str = ask("", label="User name", help="Empty where this machine needs no login.", max_length=200)
    password: Secret = ask("", label="Password", max_length=500)
    api_key: Secret = ask("", label="API key", help="From qBittorrent 5.2 on, instead of the two.", max_length=200)


class QBittorrentSession:
    """Asks within a session, whose cookie the line keeps."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.logins = 0
        """How often it was begun; what was known of the session before is not true any more."""
        self._entering = asyncio.Lock()

    @property
    def login(self) -> QBittorrentLogin:
        """What a person has entered."""
        login = self.line.settings
        if not isinstance(login, QBittorrentLogin):
            raise TypeError(f"{self.line.name} is no qBittorrent")
        return login

    async def ask(self, question: Question, *, good: frozenset[int] = DONE, limits: Limits = SMALL) -> Reply:
        """An answer in a few words or bytes. Raises as `Line.ask`."""
        return await self.read(question, plain, good=good, limits=limits)

    async def read(
        self,
        question: Question,
        how: Callable[[Reply], Awaitable[ReadT]],
        *,
        good: frozenset[int] = DONE,
        limits: Limits = SMALL,
    ) -> ReadT:
        """An answer as `how` reads it. Raises as `Line.read`."""
        with_key = bool(self.login.api_key)
        if not self.logins and self.login.user and not with_key:
            await self._enter(0)
        before = self.logins

        async def read(reply: Reply) -> ReadT | _Over:
            return OVER if reply.status == 403 else await how(reply)

        allowed = good if with_key else good | {403}
        answer = await self.line.read(question, read, good=allowed, limits=limits)
        if not isinstance(answer, _Over):
            return answer
        await self._enter(before)
        return await self.line.read(question, how, good=good, limits=limits)

    async def _enter(self, before: int) -> None:
        """Log in, unless that was done since there were `before` logins. Raises `NeedsUser`.

        A refusal stops the connection, so that it is not tried again until a person changes it: after five the client bans us.
        """
        async with self._entering:
            if self.logins != before:
                return
            login = self.login
            if not login.user:
                raise NeedsUser("qBittorrent asks for a user name and a password")
            form = {"username": login.user, "password": login.password}
            question = Question("api/v2/auth/login", "POST", form=form)
            await self.line.read(question, _entered, good=frozenset({200, 204, 401, 403}), limits=SMALL)
            self.logins += 1


async def plain(reply: Reply) -> Reply:
    """An answer in a few words; a page is none, whoever put it there."""
    if reply.body.lstrip()[:1] == b"<":
        raise Misread(f"cannot read {reply.shown}: it answers an HTML page")
    return reply


async def _entered(reply: Reply) -> bool:
    """Read the answer to a login. Raises `NeedsUser` for a refusal."""
    said = (await plain(reply)).text().strip()
    if reply.status == 403:
        banned = NeedsUser(
            "qBittorrent has banned this machine for too many failed logins; it lets nobody in for an hour"
        )
        banned.status = 403
        raise banned
    if reply.status == 401 or said == "Fails.":
        raise NeedsUser("qBittorrent refuses user name and password")
    if reply.status == 200 and said != "Ok.":
        raise Misread(f"cannot read {reply.shown}: it is no answer to a login")
    return True
