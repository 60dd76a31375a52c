"""One connection as this node uses it: every request goes by its limits, its state, its mirrors, and the table of recoveries."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, BinaryIO, TypeVar
from urllib.parse import urlencode, urlsplit

from pydantic import BaseModel

from nightcrew.kernel import recovery
from nightcrew.kernel.connections import rules, store
from nightcrew.kernel.connections.ground import Ground
from nightcrew.kernel.connections.mirrors import Mirrors
from nightcrew.kernel.connections.models import Connection, Standing, State
from nightcrew.kernel.connections.question import Question, Trial
from nightcrew.kernel.declare import ConnectionKind, Signed
from nightcrew.kernel.errors import NeedsUser, NightcrewError, Retry
from nightcrew.kernel.http import Answer, Jar, Limits, Reply, Request
from nightcrew.kernel.http_answers import TAKEN
from nightcrew.kernel.http_pace import Pace
from nightcrew.kernel.recovery import Step, Trouble
from nightcrew.kernel.redaction import redact
from nightcrew.kernel.routes import RouteDown

ResultT = TypeVar("ResultT")
BEARER = "Bearer "
PATIENCE = 20.0
"""Seconds for which a request waits for room in a budget; when it takes longer, the caller is told how long."""


class Paused(Retry):
    """The connection is not asked now, and nothing was sent. `after` says how long."""


class Line:
    """Kept for the life of the node, so that its cookies, its pace and what it knows of failures last."""

    def __init__(self, ground: Ground, kind: ConnectionKind, one: Connection, *, trial: bool = False) -> None:
        """`trial`: it is asked however it stands, and nothing is noted of what comes of it."""
        self.kind = kind
        self.window = rules.Window()
        self.mirrors = Mirrors()
        self._ground = ground
        self._one = one
        self._trial = trial
        self._jar = Jar()
        self.pace = Pace(at_once=kind.allowance.at_once, per_second=kind.allowance.per_second)
        self._settings = ground.settings_of(kind, one)

    @property
    def settings(self) -> BaseModel:
        """What a person entered, as of the last request."""
        return self._settings

    @property
    def name(self) -> str:
        """What a person calls it."""
        return self._one.name

    # -- asking --------------------------------------------------------------------------------------------------------

    async def ask(self, question: Question, *, good: frozenset[int] = TAKEN, limits: Limits | None = None) -> Reply:
        """A small answer with a status that is one of `good`.

        Raises `Paused` when it may not be asked now, `NeedsUser` when only a person can help, else `Retry` or `GiveUp`. A refused
        login (401, 403) stops the connection unless the status is one of `good`.
        """
        return await self._through(question, lambda request: self._ground.http.ask(request, limits=limits, good=good))

    async def read(self, question: Question, how: Callable[[Reply], Awaitable[ResultT]], **more: Any) -> ResultT:
        """A small answer as `how` reads it. When that raises `Misread`, it is the mirror that failed. Raises as `ask`."""

        async def send(request: Request) -> ResultT:
            return await how(await self._ground.http.ask(request, **more))

        return await self._through(question, send)

    async def json(self, question: Question, **more: Any) -> Any:
        """The answer as JSON. Raises as `ask`."""
        return await self.read(question, Reply.json, **more)

    async def kept_json(self, question: Question, *, limits: Limits | None = None) -> tuple[Any, bool]:
        """The answer as JSON, or the last good one when it cannot be had now: returns (value, stale). Raises as `ask`."""
        key = f"connection {self._one.id} {question}"

        async def send(request: Request) -> tuple[Any, bool]:
            reply = await self._ground.http.ask(request, limits=limits)
            value = await reply.json()
            await self._ground.http.keep(key, value, len(reply.body))
            return value, False

        kept = await self._ground.http.kept(key)
        return await self._through(question, send, kept=None if kept is None else (kept, True))

    async def download(self, question: Question, into: BinaryIO, **more: Any) -> Answer:
        """As `Http.download`. Raises as `ask`."""
        return await self._through(question, lambda request: self._ground.http.download(request, into, **more))

    async def _through(
        self,
        question: Question,
        send: Callable[[Request], Awaitable[ResultT]],
        *,
        kept: ResultT | None = None,
    ) -> ResultT:
        try:
            one = await self._present()
        except Paused:
            if kept is None:
                raise
            self._ground.recoveries.took(Step.STALE)
            return kept
        addresses = self.mirrors.order([one.address, *one.mirrors], _now())
        trial = Trial(one, question, send, addresses, kept)
        while True:
            try:
                result = await self._once(trial)
            except NightcrewError as exc:
                step = self._step(trial, exc)
                if step is Step.AGAIN:
                    await asyncio.sleep(recovery.pause_before(trial.attempt))
                elif step is not Step.NEXT:
                    return await self._over(trial, exc, step)
            else:
                self.mirrors.worked(trial.address)
                await self._worked(one)
                return result

    async def _present(self) -> Connection:
        """The connection as it stands now, over all nodes. Raises `Paused`, `NeedsUser` or `RouteDown` when it may not be asked."""
        if self._trial:
            return self._one
        one = await store.get(self._ground.store, self._one.id)
        if (one.sealed, one.settings) != (self._one.sealed, self._one.settings):
            self._jar = Jar()  # of another login
            self._settings = self._ground.settings_of(self.kind, one)
        self._one = one
        if not one.enabled:
            raise NeedsUser(f"{one.name} is switched off")
        left = rules.waits(one.standing, await store.now(self._ground.store))
        if left is not None and one.standing.state is State.PERSON:
            raise NeedsUser(rules.in_words(one))
        if left is not None:
            raise Paused(rules.in_words(one), after=left)
        return one

    async def _once(self, trial: Trial[ResultT]) -> ResultT:
        request = await self._request(trial)
        self._ground.http.routes.of(request.route)  # one that is not there costs no part of the budget
        await self._spend()
        try:
            return await trial.send(request)
        except NeedsUser as exc:
            if self.kind.oauth is None or exc.status != 401 or trial.refused or "Authorization" not in request.headers:
                raise
        trial.refused = request.headers["Authorization"].removeprefix(BEARER)
        return await self._once(trial)

    async def _request(self, trial: Trial[Any]) -> Request:
        """A question to one address. A login only goes to the connection's own hosts."""
        one, question = trial.one, trial.question
        url = question.path
        if not url.startswith(("http://", "https://")):
            url = f"{trial.address.rstrip('/')}/{url.lstrip('/')}" if url else trial.address
        own = urlsplit(url).netloc in {urlsplit(address).netloc for address in trial.addresses}
        signed = await self._signed(trial) if own else Signed()
        params = {**question.params, **signed.params}
        if params:
            url += ("&" if urlsplit(url).query else "?") + urlencode(params)
        return Request(
            url,
            question.method,
            {**question.headers, **signed.headers},
            question.json,
            secrets=(*self._ground.secrets_of(self.kind, self._settings), *signed.headers.values()),
            allow_private=one.private,
            form=question.form,
            attempts=1,
            jar=self._jar if own else None,
            route=one.route,
            pace=self.pace,
        )

    async def _signed(self, trial: Trial[Any]) -> Signed:
        if self.kind.oauth is not None:
            tokens = self._ground.tokens
            bearer = await tokens.bearer(trial.one, self.kind, self._settings, refused=trial.refused)
            return Signed({"Authorization": BEARER + bearer})
        return self.kind.sign(self._settings) if self.kind.sign else Signed()

    async def _spend(self) -> None:
        """Wait for room in the budget. Raises `Paused` when that takes long."""
        budget = self.kind.allowance.budget
        while budget is not None and self._one.id:
            wait = await store.spend(self._ground.store, self._one.id, budget)
            if wait is None:
                return
            if wait > PATIENCE:
                raise Paused(
                    f"{self.name} may be asked {budget.most} times in {budget.seconds:g} s, which it was", after=wait
                )
            await asyncio.sleep(wait)

    # -- what comes of it ----------------------------------------------------------------------------------------------

    def _step(self, trial: Trial[Any], error: NightcrewError) -> Step:
        """What is done about an error; the trial goes on accordingly."""
        if isinstance(error, Paused):
            return Step.STALE if trial.kept is not None else Step.WAIT
        question = trial.question
        safe = question.safe or question.method in self.kind.safe
        repeatable = Request("", question.method, safe=safe).repeatable
        trouble = recovery.trouble_of(error)
        self._ground.recoveries.met(trouble)
        step = recovery.next_step(trouble, trial.left(error, repeatable=repeatable))
        if step is Step.AGAIN:
            trial.attempt += 1
        elif trouble in {Trouble.NETWORK, Trouble.MIRROR}:
            self.mirrors.failed(trial.address, _now())
        if step is Step.NEXT:
            trial.place, trial.attempt = trial.place + 1, 1
        return step

    async def _over(self, trial: Trial[ResultT], error: NightcrewError, step: Step) -> ResultT:
        """Nothing is left to try: note how the connection stands, and give the kept answer or raise."""
        self._ground.recoveries.took(step)
        await self._failed(trial.one, error)
        if step is Step.STALE and trial.kept is not None:
            return trial.kept  # type: ignore[no-any-return]
        if isinstance(error, RouteDown):
            raise RouteDown(str(error), after=recovery.parked()) from error
        raise error

    async def _worked(self, one: Connection) -> None:
        self.window.add(worked=True)
        self.pace.faster()
        if not self._trial:
            await self._ground.note(one, rules.worked(one.standing, self.window), worked=True)

    async def _failed(self, one: Connection, error: NightcrewError) -> None:
        trouble = recovery.trouble_of(error)
        if self._trial or isinstance(error, Paused) or trouble in {Trouble.ROUTE, Trouble.DATABASE}:
            return
        if trouble is Trouble.OTHER and error.status is not None:
            await self._worked(one)  # it answers; what was asked for is not there
            return
        after = await self._after(one.standing, trouble, error)
        if await self._ground.note(one, after) and after.until is not None:
            self.window.clear()

    async def _after(self, standing: Standing, trouble: Trouble, error: NightcrewError) -> Standing:
        now, reason = await store.now(self._ground.store), redact(str(error))
        if trouble is Trouble.RATE_LIMIT:
            self.pace.slower()
            return rules.limited(standing, now, reason, error.after if isinstance(error, Retry) else None)
        if trouble is Trouble.LOGIN:
            return rules.refused(standing, now, reason, final=error.status is None)
        self.window.add(worked=False)
        return rules.failed(standing, self.window, now, reason, unreached=error.unreached)


def _now() -> float:
    return asyncio.get_running_loop().time()
