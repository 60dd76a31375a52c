"""Requests to one service: its login, its cookies, its limits, its mirrors, and the table of recoveries."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from nightcrew.kernel import recovery
from nightcrew.kernel.connections.mirrors import Mirrors
from nightcrew.kernel.connections.question import Question, Reach, Trial
from nightcrew.kernel.declare import Allowance, Signed
from nightcrew.kernel.errors import Misread, NeedsUser, NightcrewError, Retry
from nightcrew.kernel.http import Download, Http, Jar, Limits, Reply, Request
from nightcrew.kernel.http_answers import TAKEN
from nightcrew.kernel.http_pace import Pace
from nightcrew.kernel.recovery import Step, Trouble
from nightcrew.kernel.routes import RouteDown

ResultT = TypeVar("ResultT")
LOGIN_LENGTH = 10
"""Characters from which on a parameter may be a login."""


Sniff = Callable[[bytes, str], None]
"""Gets the first bytes and the content type, and raises to refuse what is of another kind."""


@dataclass(frozen=True, slots=True)
class First:
    """How an answer begins, and how many bytes the whole of it has, if that was said."""

    head: bytes
    size: int | None


class Paused(Retry):
    """The service is not asked now, and nothing was sent. `after` says how long."""


class Calls:
    """Kept for as long as its service is asked, so that its cookies, its pace and what it knows of mirrors last."""

    def __init__(self, http: Http, reach: Reach, allowance: Allowance | None = None, *, jar: Jar | None = None) -> None:
        """Without an `allowance` the limits are those for all who ask the same host. `jar` has the cookies from before."""
        self.jar = Jar() if jar is None else jar
        self.mirrors = Mirrors()
        self.pace = None if allowance is None else Pace(at_once=allowance.at_once, per_second=allowance.per_second)
        self._http = http
        self._recoveries = http.recoveries
        self._reach = reach

    async def ask(self, question: Question, *, good: frozenset[int] = TAKEN, limits: Limits | None = None) -> Reply:
        """A small answer with a status that is one of `good`.

        Raises `Paused` when it may not be asked now, `NeedsUser` when only a person can help, else `Retry` or `GiveUp`. A refused
        login (401, 403) stops a connection unless the status is one of `good`.
        """
        return await self._through(question, lambda request: self._http.ask(request, limits=limits, good=good))

    async def read(self, question: Question, how: Callable[[Reply], Awaitable[ResultT]], **more: Any) -> ResultT:
        """A small answer as `how` reads it. When that raises `Misread`, it is the mirror that failed. Raises as `ask`."""

        async def send(request: Request) -> ResultT:
            return await how(await self._http.ask(request, **more))

        return await self._through(question, send)

    async def json(self, question: Question, **more: Any) -> Any:
        """The answer as JSON. Raises as `ask`."""
        return await self.read(question, Reply.json, **more)

    async def kept_json(
        self,
        question: Question,
        *,
        limits: Limits | None = None,
        how: Callable[[Reply], Awaitable[Any]] = Reply.json,
    ) -> tuple[Any, bool]:
        """The answer as JSON, or the last good one when it cannot be had now or is empty: returns (value, stale). Raises as `ask`.

        `how`: reads it; what it makes is kept, and has to be JSON.
        """
        key = f"{self._keeping()} {question}"
        kept = await self._http.kept(key)

        async def send(request: Request) -> tuple[Any, bool]:
            reply = await self._http.ask(request, limits=limits)
            value = await how(reply)
            if kept and not value:
                await self._bridged(Misread("its answer is empty"))
                return kept, True
            await self._http.keep(key, value, len(reply.body))
            return value, False

        value, stale = await self._through(question, send, kept=None if kept is None else (kept, True))
        if not stale:
            await self._fresh()
        return value, stale

    async def download(self, question: Question, into: BinaryIO, **more: Any) -> Download:
        """As `Http.download`. Raises as `ask`."""
        return await self._through(question, lambda request: self._http.download(request, into, **more))

    async def first(self, question: Question, most: int, sniff: Sniff) -> First:
        """How the answer begins: at most about `most` bytes. `sniff` gets them and the content type. Raises as `download`."""

        async def send(request: Request) -> First:
            head = b""
            async with self._http.live(request) as live:
                async for chunk in live.chunks:
                    head += chunk
                    if len(head) >= most:
                        break
                sniff(head, live.content_type)
                return First(head, live.length)

        return await self._through(question, send)

    def is_own(self, url: str) -> bool:
        """Whether an address is the service's own, so that its login goes there."""
        return _is_own(self._reach, url)

    async def elsewhere(
        self, question: Question, *, good: frozenset[int] = TAKEN, limits: Limits | None = None
    ) -> Reply:
        """What stands at an address of another service, which an answer of this one named. Raises as `Http.ask`.

        Neither login nor cookie goes along, it lies in a private network on this service's own machine only, and what comes of it says
        nothing of this service.
        """
        reach, url = self._reach, question.path
        machines = {urlsplit(address).hostname for address in reach.addresses}
        request = Request(
            url,
            secrets=(*reach.secrets, *question.secrets),
            allow_private=reach.private and urlsplit(url).hostname in machines,
            route=reach.route,
        )
        return await self._http.ask(request, limits=limits, good=good)

    # -- on the way ----------------------------------------------------------------------------------------------------

    async def _through(
        self,
        question: Question,
        send: Callable[[Request], Awaitable[ResultT]],
        *,
        kept: ResultT | None = None,
    ) -> ResultT:
        try:
            reach = await self._present()
        except (Paused, NeedsUser) as exc:
            if kept is None:
                raise
            await self._bridged(exc)
            return kept
        trial = Trial(reach, question, send, [], kept)
        trial.addresses = self.mirrors.order(reach.addresses, _now(), probe=trial.repeatable)
        trial.probed = frozenset(filter(self.mirrors.is_probed, trial.addresses))
        while True:
            try:
                result = await self._once(trial)
            except NightcrewError as exc:
                step = self._step(trial, exc)
                if step is Step.AGAIN:
                    await asyncio.sleep(recovery.pause_before(trial.attempt, getattr(exc, "after", None)))
                elif step is not Step.NEXT:
                    return await self._over(trial, exc, step)
            else:
                self.mirrors.worked(trial.address)
                if trial.address != reach.addresses[0]:
                    self._recoveries.switched()
                await self._worked(trial)
                return result

    async def _once(self, trial: Trial[ResultT]) -> ResultT:
        request = await self._request(trial)
        self._http.routes.admit(request.route, request.url)  # one that is not there costs nothing
        await self._spend(trial.question)
        return await trial.send(request)

    async def _request(self, trial: Trial[Any]) -> Request:
        """A question to one address. A login and cookies only go to the service's own hosts."""
        reach, question = trial.reach, trial.question
        url = question.path
        if not url.startswith(("http://", "https://")):
            url = f"{trial.address.rstrip('/')}/{url.lstrip('/')}" if url else trial.address
        own = _is_own(reach, url)
        signed = await self._signed(trial) if own else Signed()
        if params := {**question.params, **signed.params}:
            url += ("&" if urlsplit(url).query else "?") + urlencode(params, quote_via=quote)
        return Request(
            url,
            question.method,
            {**reach.headers, **question.headers, **signed.headers},
            question.json,
            secrets=(*reach.secrets, *question.secrets, *signed.headers.values(), *_secret(signed)),
            allow_private=reach.private,
            form=question.form,
            files=question.files,
            attempts=1,
            jar=self.jar if own else None,
            route=reach.route,
            pace=self.pace,
            priority=question.priority,
        )

    def _step(self, trial: Trial[Any], error: NightcrewError) -> Step:
        """What is done about an error; the trial goes on accordingly."""
        if isinstance(error, Paused):
            return Step.STALE if trial.kept is not None else Step.WAIT
        trouble = recovery.trouble_of(error)
        self._recoveries.met(trouble)
        step = recovery.next_step(trouble, trial.left(error))
        if trouble is Trouble.RATE_LIMIT and self.pace is not None:
            self.pace.slower(error.after if isinstance(error, Retry) else None)
        if step is Step.AGAIN:
            trial.attempt += 1
        elif trouble in {Trouble.NETWORK, Trouble.MIRROR}:
            self.mirrors.failed(trial.address, _now(), str(error))
        if step is Step.NEXT:
            trial.place, trial.attempt = trial.place + 1, 1
        return step

    async def _over(self, trial: Trial[ResultT], error: NightcrewError, step: Step) -> ResultT:
        """Nothing is left to try: give the kept answer or raise."""
        await self._failed(trial, error)
        if step is Step.STALE and trial.kept is not None:
            await self._bridged(error)
            return trial.kept  # type: ignore[no-any-return]
        self._recoveries.took(step)
        if step is Step.SKIP:
            await self._skipped(trial, error)
        if isinstance(error, RouteDown):
            raise RouteDown(str(error), after=recovery.parked()) from error
        raise error

    async def _bridged(self, error: NightcrewError) -> None:  # noqa: ARG002 - for those that tell it
        """The last good answer is used in the place of one that cannot be had."""
        self._recoveries.took(Step.STALE)

    async def _fresh(self) -> None:
        """An answer that is kept was had anew."""

    async def _skipped(self, trial: Trial[Any], error: NightcrewError) -> None:
        """The round goes on without an answer."""

    # -- what a connection knows better --------------------------------------------------------------------------------

    def _keeping(self) -> str:
        """Whose kept answers are meant."""
        return self._reach.addresses[0]

    async def _present(self) -> Reach:
        """Where the service is asked now. Raises `Paused`, `NeedsUser` when it may not be."""
        return self._reach

    async def _signed(self, trial: Trial[Any]) -> Signed:
        return trial.reach.signed

    async def _spend(self, question: Question) -> None:
        """Count a request. Raises `Paused` when there is no room for it."""

    async def _worked(self, trial: Trial[Any]) -> None:
        """A request was answered."""

    async def _failed(self, trial: Trial[Any], error: NightcrewError) -> None:
        """A request failed for good."""


def _is_own(reach: Reach, url: str) -> bool:
    return urlsplit(url).netloc in {urlsplit(address).netloc for address in reach.addresses}


def _secret(signed: Signed) -> list[str]:
    """The values in an address that may be a login in another form. Short ones are words that every request has."""
    return [value for value in signed.params.values() if len(value) >= LOGIN_LENGTH]


def _now() -> float:
    return asyncio.get_running_loop().time()
