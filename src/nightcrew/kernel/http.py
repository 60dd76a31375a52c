"""Outbound HTTP: limits per host, retry with backoff, size and time limits, conditional requests, redaction.

Every byte from outside is hostile. Bodies are counted while they are read and while they are unpacked; redirects are
followed by hand, a few, to http(s) only, and never from a public address into the private network.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any, BinaryIO, TypeVar
from urllib.parse import urlsplit

import httpx2

from nightcrew.kernel import recovery
from nightcrew.kernel.errors import GiveUp, NightcrewError, Retry
from nightcrew.kernel.http_answers import (
    MIN_RATE,
    READABLE,
    TAKEN,
    Again,
    asks_again,
    check_status,
    inflate_of,
    is_trickle,
    is_unreached,
    reason_of,
    redirected,
    unpacked,
    validators_of,
)
from nightcrew.kernel.http_cache import MAX_KEPT, HttpCache
from nightcrew.kernel.http_pace import Hosts
from nightcrew.kernel.http_pool import Pools
from nightcrew.kernel.http_requests import Download, Jar, Limits, Live, Reply, Request, Validators
from nightcrew.kernel.http_way import RouteWay, is_outside, private_of
from nightcrew.kernel.inflate import Inflate
from nightcrew.kernel.recovery import Left, Recoveries, Step
from nightcrew.kernel.redaction import redact
from nightcrew.kernel.routes import Routes
from nightcrew.kernel.targets import check_target

ResultT = TypeVar("ResultT")

MAX_REDIRECTS = 5
MAX_JSON = 16 << 20
SMALL = Limits(max_bytes=MAX_JSON, seconds=60)
CARRIED = frozenset({"user-agent", "accept", "accept-encoding", "referer", "origin", "range"})
"""Headers that follow a redirect to another host; any other may be a login."""


class Http:
    """The one HTTP client of a node."""

    def __init__(
        self,
        cache: HttpCache | None = None,
        routes: Routes | None = None,
        recoveries: Recoveries | None = None,
    ) -> None:
        self.routes = routes or Routes()
        self.recoveries = recoveries or Recoveries()
        self._pools = Pools(self.routes)
        self._cache = cache
        self._hosts = Hosts()

    async def close(self) -> None:
        """Close all connections."""
        await self._pools.close()

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator[Http]:
        """The same client with connections of its own, which are closed at the end of the block, also those that wait for more."""
        own = Http(self._cache, self.routes, self.recoveries)  # nor does it wait for a place that downloads have
        try:
            yield own
        finally:
            await own.close()

    async def prune_cache(self) -> None:
        """Forget kept answers that were not renewed for long."""
        if self._cache is not None:
            await self._cache.prune()

    async def download(
        self,
        request: Request,
        into: BinaryIO,
        *,
        limits: Limits | None = None,
        validators: Validators | None = None,
        sniff: Callable[[bytes, str], None] | None = None,
        on_bytes: Callable[[int], Awaitable[None]] | None = None,
    ) -> Download:
        """Write the unpacked body to `into`, from its beginning, and return what it was.

        `sniff(first bytes, content type)` may raise to refuse a body early. `on_bytes` gets the count so far.
        Raises `Retry`, `GiveUp` or `NeedsUser`, each with a sentence that names the address without its secrets.
        """
        limits = limits or Limits()

        async def once() -> Download:
            into.seek(0)
            into.truncate()
            async with self._open(request, validators, seconds=limits.seconds) as response:
                if response.status_code == 304:
                    if validators is None or validators == Validators():
                        raise GiveUp('it answered "not modified" to a request that did not ask')
                    return Download(str(response.url), "", validators, not_modified=True)
                content_type = response.headers.get("content-type", "")
                digest, size, first = hashlib.sha256(), 0, True
                began = time.monotonic()
                async for chunk in unpacked(response, limits.max_bytes):
                    if first and sniff is not None:
                        sniff(chunk, content_type)
                    first = False
                    size += len(chunk)
                    if is_trickle(size, time.monotonic() - began):
                        raise Again(f"it sends less than {MIN_RATE} bytes a second", last=True)
                    digest.update(chunk)
                    await asyncio.to_thread(into.write, chunk)
                    if on_bytes is not None:
                        await on_bytes(size)
                return Download(str(response.url), content_type, validators_of(response), size, digest.hexdigest())

        return await self._with_retries(request, once)

    @contextlib.asynccontextmanager
    async def live(self, request: Request) -> AsyncIterator[Live]:
        """A body that may never end, as it comes: one attempt, no limit of size, and none of the host's few places taken.

        What is packed all the same is unpacked as it comes. The caller limits the time, of the opening too. Raises as `download`;
        `Live.chunks` raises `Retry` when it breaks off.
        """
        plain = replace(request, headers={**request.headers, "Accept-Encoding": "identity"})
        way = RouteWay(self.routes, request)
        try:
            async with self._open(plain, None, spare=False) as response:
                inflate = inflate_of(response)
                said = response.headers.get("content-length", "") if inflate is None else ""
                length = int(said) if said.isascii() and said.isdecimal() and len(said) < 19 else None
                kind = response.headers.get("content-type", "")
                chunks = _chunks(response, request, inflate)
                yield Live(str(response.url), kind, chunks, length, partial=response.status_code == 206)
        except (httpx2.HTTPError, httpx2.InvalidURL) as exc:
            error = Retry(f"cannot open {request.shown()}: {redact(reason_of(exc), request.secrets)}")
            error.unreached = is_unreached(exc)
            raise way.told(error) from exc
        except Again as exc:
            error = Retry(f"cannot open {request.shown()}: {exc}", after=exc.after)
            error.status = exc.status
            raise way.told(error) from exc

    async def json(self, request: Request, *, limits: Limits | None = None) -> Any:
        """The body as JSON. Raises as `download`, and `Misread` when it is not JSON (an error page, cut short)."""
        reply = await self.ask(request, limits=limits, good=READABLE)
        return await reply.json()

    async def text(self, request: Request, *, limits: Limits) -> tuple[str, str]:
        """A small body as text, and the address it came from after redirects."""
        reply = await self.ask(request, limits=limits, good=READABLE)
        return reply.text(), reply.url

    async def ask(self, request: Request, *, limits: Limits | None = None, good: frozenset[int] = TAKEN) -> Reply:
        """A small answer with a status that is one of `good`, whatever it means. Raises as `download`.

        What may have arrived is repeated only when that is safe.
        """
        limits = limits or SMALL

        async def once() -> Reply:
            async with self._open(request, None, good=good, seconds=limits.seconds) as response:
                body = b"".join([chunk async for chunk in unpacked(response, limits.max_bytes)])
                return Reply(str(response.url), response.status_code, response.headers, body, request.shown())

        return await self._with_retries(request, once)

    async def send(self, request: Request, *, limits: Limits) -> None:
        """Send `request` once, and see that it is taken (any status of 200 to 299). What is answered is not read.

        It is not repeated here: whoever sends it knows whether twice is worse than never. Raises as `download`.
        """

        async def once() -> None:
            async with self._open(request, None, good=TAKEN, seconds=limits.seconds) as response:
                if response.request.method != request.method:
                    raise GiveUp("it redirects to a page that does not accept messages")

        way = RouteWay(self.routes, request)
        try:
            await _translated(once)
        except (Again, NightcrewError) as exc:
            raise way.told(_named(exc, f"cannot send to {request.shown()}", request)) from exc

    async def kept(self, question: str) -> Any:
        """The last good answer to a question, None when there is none."""
        return await self._cache.get(question) if self._cache else None

    async def keep(self, question: str, value: Any, size: int) -> None:
        """Keep a good answer of `size` bytes, unless it is too large."""
        if self._cache is not None and size <= MAX_KEPT:
            await self._cache.put(question, value)

    async def _with_retries(self, request: Request, once: Callable[[], Awaitable[ResultT]]) -> ResultT:
        attempt = 1
        while True:
            way = RouteWay(self.routes, request)
            try:
                return await _translated(once)
            except (Again, NightcrewError) as exc:
                error = way.told(_named(exc, f"cannot read {request.shown()}", request))
                left = recovery.attempts_left(error, request.attempts - attempt, repeatable=request.repeatable)
                if recovery.next_step(recovery.trouble_of(error), Left(left)) is not Step.AGAIN:
                    raise error from exc
            attempt += 1
            await asyncio.sleep(recovery.pause_before(attempt, error.after if isinstance(error, Retry) else None))

    @contextlib.asynccontextmanager
    async def _open(
        self,
        request: Request,
        validators: Validators | None,
        *,
        spare: bool = True,
        good: frozenset[int] = READABLE,
        seconds: float | None = None,
    ) -> AsyncIterator[httpx2.Response]:
        """Send, follow redirects, and give the response with a good status, its body unread.

        `spare`: wait for one of the host's places, and keep it until the body is read. `good`: the statuses that are; a redirect
        that is one of them is not followed. `seconds`: the time until the end of the block, in which no turn is waited for.
        """
        url, headers = request.url, {**request.headers, **(validators.headers() if validators else {})}
        method, jar = request.method, request.jar if request.jar is not None else Jar()
        body: dict[str, Any] = {"json": request.json, "data": request.form, "files": request.files}
        outside, left = False, seconds
        for _ in range(MAX_REDIRECTS + 1):
            check_target(url)
            own = request.pace if urlsplit(url).netloc == urlsplit(request.url).netloc else None
            turn = (own or self._hosts.of(urlsplit(url).netloc)).turn(spare=spare, priority=request.priority)
            async with turn, asyncio.timeout(left) as limit:
                client = self._pools.of(request.route, private_of(request, url, outside=outside))
                outgoing = client.build_request(method, url, headers=headers, **body)
                jar.set_cookie_header(outgoing)
                response = await client.send(outgoing, stream=True)
                try:
                    jar.extract_cookies(response)
                    location = response.headers.get("location")
                    if response.status_code in good or not (response.is_redirect and location):
                        check_status(response, good, login=request.sends_login(url))
                        yield response
                        return
                finally:
                    await response.aclose()
                if (end := limit.when()) is not None:
                    left = end - asyncio.get_running_loop().time()
            target = redirected(url, location)
            if asks_again(method, response.status_code):
                method, body = "GET", {}
            if urlsplit(target).netloc != urlsplit(url).netloc:
                if any(value is not None for value in body.values()):
                    raise GiveUp("it redirects a request with data to another host")
                headers = {k: v for k, v in headers.items() if k.lower() in CARRIED}
            outside, url = outside or is_outside(url), target
        raise GiveUp(f"it redirects more than {MAX_REDIRECTS} times")


def _named(exc: Again | NightcrewError, what: str, request: Request) -> NightcrewError:
    """The error of an attempt as the caller gets it: it says what could not be done, and why."""
    sentence = f"{what}: {redact(str(exc), request.secrets)}"
    if isinstance(exc, Again):
        error: NightcrewError = Retry(sentence, after=exc.after)
    else:
        error = type(exc)(sentence, after=exc.after) if isinstance(exc, Retry) else type(exc)(sentence)
    error.status, error.unreached, error.last = exc.status, exc.unreached, exc.last
    return error


async def _translated(once: Callable[[], Awaitable[ResultT]]) -> ResultT:
    """Run one attempt; the library's errors become ours."""
    try:
        return await once()
    except TimeoutError as exc:
        raise Again("it took too long", last=True) from exc  # the whole time is used up
    except httpx2.TimeoutException as exc:
        raise Again("it does not answer in time", unreached=is_unreached(exc)) from exc
    except httpx2.RemoteProtocolError as exc:
        raise Again("the connection was closed before the answer was complete") from exc
    except httpx2.TransportError as exc:
        raise Again(reason_of(exc), unreached=is_unreached(exc)) from exc
    except (httpx2.InvalidURL, httpx2.HTTPError) as exc:
        raise GiveUp(f"its answer breaks the HTTP protocol ({type(exc).__name__})") from exc


async def _chunks(response: httpx2.Response, request: Request, inflate: Inflate | None) -> AsyncIterator[bytes]:
    try:
        async for chunk in response.aiter_raw():
            for piece in (chunk,) if inflate is None else inflate.feed(chunk):
                yield piece
    except httpx2.HTTPError as exc:
        raise Retry(f"{request.shown()} broke off: {redact(reason_of(exc), request.secrets)}") from exc


__all__ = ["Download", "Http", "Jar", "Limits", "Live", "Reply", "Request", "Validators"]
