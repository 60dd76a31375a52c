"""Outbound HTTP: limits per host, retry with backoff, size and time limits, conditional requests, redaction.

Every byte from outside is hostile. Bodies are counted while they are read and while they are unpacked; redirects are
followed by hand, a few, to http(s) only, and never from a public address into the private network.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx2
import stamina
from aiolimiter import AsyncLimiter
from stamina.instrumentation import set_on_retry_hooks

from nightcrew import __version__
from nightcrew.kernel import big_json
from nightcrew.kernel.errors import GiveUp, NightcrewError, Retry
from nightcrew.kernel.http_answers import (
    MIN_RATE,
    READABLE,
    TAKEN,
    Again,
    check_status,
    is_trickle,
    reason_of,
    unpacked,
)
from nightcrew.kernel.http_cache import MAX_KEPT, HttpCache
from nightcrew.kernel.redaction import redact
from nightcrew.kernel.targets import check_target

ResultT = TypeVar("ResultT")

set_on_retry_hooks(())  # retries are told by the error that remains, not one by one

ATTEMPTS = 3
MAX_REDIRECTS = 5
MAX_JSON = 16 << 20
MAX_WAIT = 20.0
"""A Retry-After longer than this many seconds is not slept here: the whole run is put off instead."""
PER_HOST = 4
"""Connections to one host at a time."""
MAX_HOSTS = 1_000
"""Hosts whose limits are kept in memory."""
PER_HOST_RATE = 20.0
"""Requests a second to one host."""
CARRIED = frozenset({"user-agent", "accept", "accept-encoding"})
"""Headers that follow a redirect to another host; any other may be a login."""
MAX_ETAG = 300
MAX_DATE = 100
"""Longer validators are not kept; the next request is then unconditional."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one answer may cost: unpacked bytes, and seconds from the connection to the last byte."""

    max_bytes: int = 256 << 20
    seconds: float = 120.0


@dataclass(frozen=True, slots=True)
class Validators:
    """What a conditional request sends back (RFC 9110, section 13)."""

    etag: str | None = None
    last_modified: str | None = None

    def headers(self) -> dict[str, str]:
        """As request headers; empty when nothing is known."""
        found = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in found.items() if value}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `size` counts unpacked bytes, `sha256` is theirs; both are 0 and empty when `not_modified`."""

    url: str
    content_type: str
    validators: Validators
    size: int = 0
    sha256: str = ""
    not_modified: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """One outgoing request. `secrets` are values that must not show up in an error."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    secrets: tuple[str, ...] = ()
    allow_private: bool = False
    """Whether the target may lie in a private network: only when the user configured a source there."""

    def question(self) -> str:
        """What tells this request's answer from another's."""
        return f"{self.method} {self.url} {json.dumps(self.json, sort_keys=True)}"

    def shown(self) -> str:
        """The address as an error may show it."""
        return redact(self.url, self.secrets)


@dataclass(frozen=True, slots=True)
class Live:
    """A body that is being sent: the address after redirects, its type, its bytes, and how many if that was said."""

    url: str
    content_type: str
    chunks: AsyncIterator[bytes]
    length: int | None = None


class Http:
    """The one HTTP client of a node."""

    def __init__(self, cache: HttpCache | None = None) -> None:
        self._client = httpx2.AsyncClient(
            follow_redirects=False,
            trust_env=False,
            timeout=httpx2.Timeout(15.0, read=30.0),
            limits=httpx2.Limits(max_connections=100, max_keepalive_connections=20),
            headers={"User-Agent": f"Nightcrew/{__version__}", "Accept-Encoding": "gzip"},
        )
        self._cache = cache
        self._hosts: dict[str, _Host] = {}

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    def _host(self, name: str) -> _Host:
        """A host's limits. The hosts that were not asked for longest are forgotten."""
        host = self._hosts.pop(name, None) or _Host()
        self._hosts[name] = host
        if len(self._hosts) > MAX_HOSTS:
            del self._hosts[next(iter(self._hosts))]
        return host

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
    ) -> Answer:
        """Write the unpacked body to `into`, from its beginning, and return what it was.

        `sniff(first bytes, content type)` may raise to refuse a body early. `on_bytes` gets the count so far.
        Raises `Retry`, `GiveUp` or `NeedsUser`, each with a sentence that names the address without its secrets.
        """
        limits = limits or Limits()

        async def once() -> Answer:
            into.seek(0)
            into.truncate()
            async with asyncio.timeout(limits.seconds), self._open(request, validators) as response:
                if response.status_code == 304:
                    if validators is None or validators == Validators():
                        raise GiveUp("it answers that nothing has changed, which was not asked")
                    return Answer(str(response.url), "", validators, not_modified=True)
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
                return Answer(str(response.url), content_type, _validators(response), size, digest.hexdigest())

        return await self._with_retries(request, once, limits)

    @contextlib.asynccontextmanager
    async def live(self, request: Request) -> AsyncIterator[Live]:
        """A body that may never end, as it comes: one attempt, no limit of size, and none of the host's few places taken.

        The caller limits the time, of the opening too. Raises as `download`; `Live.chunks` raises `Retry` when it breaks off.
        """
        plain = replace(request, headers={**request.headers, "Accept-Encoding": "identity"})
        try:
            async with self._open(plain, None, spare=False) as response:
                if response.headers.get("content-encoding", "identity").lower() != "identity":
                    raise GiveUp("it is packed, which was not asked for")
                said = response.headers.get("content-length", "")
                length = int(said) if said.isascii() and said.isdecimal() and len(said) < 19 else None
                kind = response.headers.get("content-type", "")
                yield Live(str(response.url), kind, _chunks(response, request), length)
        except (httpx2.HTTPError, httpx2.InvalidURL) as exc:
            error = Retry(f"cannot open {request.shown()}: {redact(reason_of(exc), request.secrets)}")
            error.unreached = isinstance(exc, httpx2.ConnectError | httpx2.ConnectTimeout)
            raise error from exc
        except Again as exc:
            error = Retry(f"cannot open {request.shown()}: {exc}", after=exc.after)
            error.status = exc.status
            raise error from exc

    async def json(self, request: Request, *, limits: Limits | None = None) -> Any:
        """The body as JSON. Raises as `download`, and `Retry` when it is not JSON (an error page, cut short)."""
        value, _size = await self._json(request, limits)
        return value

    async def _json(self, request: Request, limits: Limits | None) -> tuple[Any, int]:
        """The body as JSON, and its size in bytes."""
        body, _url = await self._small(request, limits or Limits(max_bytes=MAX_JSON, seconds=60))
        return await _parse_json(body, request), len(body)

    async def text(self, request: Request, *, limits: Limits) -> tuple[str, str]:
        """A small body as text, and the address it came from after redirects."""

        body, url = await self._small(request, limits)
        return body.decode("utf-8", "replace"), url

    async def _small(self, request: Request, limits: Limits) -> tuple[bytes, str]:
        """A body that fits in memory, and the address that it came from."""

        async def once() -> tuple[bytes, str]:
            async with asyncio.timeout(limits.seconds), self._open(request, None) as response:
                return b"".join([chunk async for chunk in unpacked(response, limits.max_bytes)]), str(response.url)

        return await self._with_retries(request, once, limits)

    async def send(self, request: Request, *, limits: Limits) -> None:
        """Send `request` once, and see that it is taken (any status of 200 to 299). What is answered is not read.

        It is not repeated here: whoever sends it knows whether twice is worse than never. Raises as `download`.
        """

        async def once() -> None:
            async with asyncio.timeout(limits.seconds), self._open(request, None, good=TAKEN) as response:
                if response.request.method != request.method:
                    raise GiveUp("it redirects to a page that takes no messages")

        try:
            await _translated(once)
        except (Again, NightcrewError) as exc:
            raise _named(exc, f"cannot send to {request.shown()}", request) from exc

    async def cached_json(self, request: Request, *, limits: Limits | None = None) -> tuple[Any, bool]:
        """JSON with the last good answer kept: returns (value, stale).

        When the other side fails, the kept answer is given with `stale` True; without one the error is raised.
        """
        try:
            value, size = await self._json(request, limits)
        except NightcrewError:
            kept = await self._cache.get(request.question()) if self._cache else None
            if kept is None:
                raise
            return kept, True
        if self._cache is not None and size <= MAX_KEPT:
            await self._cache.put(request.question(), value)
        return value, False

    async def _with_retries(self, request: Request, once: Callable[[], Awaitable[ResultT]], limits: Limits) -> ResultT:
        try:
            async for attempt in stamina.retry_context(
                on=_backoff, attempts=ATTEMPTS, timeout=limits.seconds * ATTEMPTS, wait_initial=0.3, wait_max=10.0
            ):
                with attempt:
                    return await _translated(once)
        except (Again, NightcrewError) as exc:
            raise _named(exc, f"cannot read {request.shown()}", request) from exc
        raise AssertionError("unreachable")

    @contextlib.asynccontextmanager
    async def _open(
        self,
        request: Request,
        validators: Validators | None,
        *,
        spare: bool = True,
        good: frozenset[int] = READABLE,
    ) -> AsyncIterator[httpx2.Response]:
        """Send, follow redirects, and give the response with a good status, its body unread.

        `spare`: wait for one of the host's places, and keep it until the body is read. `good`: the statuses that are.
        """
        url, headers = request.url, {**request.headers, **(validators.headers() if validators else {})}
        method, body = request.method, request.json
        for _ in range(MAX_REDIRECTS + 1):
            await check_target(url, allow_private=request.allow_private)
            host = self._host(urlsplit(url).netloc)
            async with host.slots if spare else contextlib.nullcontext():
                await host.rate.acquire()
                outgoing = self._client.build_request(method, url, headers=headers, json=body)
                response = await self._client.send(outgoing, stream=True)
                try:
                    location = response.headers.get("location")
                    if not (response.is_redirect and location):
                        check_status(response, good)
                        yield response
                        return
                finally:
                    await response.aclose()
            target = _target(url, location)
            if response.status_code in {301, 302, 303} and method != "GET":
                method, body = "GET", None
            if urlsplit(target).netloc != urlsplit(url).netloc:
                if body is not None:
                    raise GiveUp("it redirects a request with data to another host")
                headers = {k: v for k, v in headers.items() if k.lower() in CARRIED}
            url = target
        raise GiveUp(f"it redirects more than {MAX_REDIRECTS} times")


def _named(exc: Again | NightcrewError, what: str, request: Request) -> NightcrewError:
    """The error of an attempt as the caller gets it: it says what could not be done, and why."""
    sentence = f"{what}: {redact(str(exc), request.secrets)}"
    error = Retry(sentence, after=exc.after) if isinstance(exc, Again) else type(exc)(sentence)
    error.status = exc.status
    return error


def _target(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError as exc:
        raise GiveUp("it redirects to an address that cannot be read") from exc


class _Host:
    """What one host is spared from."""

    def __init__(self) -> None:
        self.slots = asyncio.Semaphore(PER_HOST)
        self.rate = AsyncLimiter(PER_HOST_RATE, 1.0)


async def _translated(once: Callable[[], Awaitable[ResultT]]) -> ResultT:
    """Run one attempt; the library's errors become ours."""
    try:
        return await once()
    except TimeoutError as exc:
        raise Again("it took too long", last=True) from exc  # the whole time is used up
    except httpx2.TimeoutException as exc:
        raise Again("it does not answer in time") from exc
    except httpx2.RemoteProtocolError as exc:
        raise Again("the connection was closed before the answer was complete") from exc
    except httpx2.TransportError as exc:
        raise Again(reason_of(exc)) from exc
    except (httpx2.InvalidURL, httpx2.HTTPError) as exc:
        raise GiveUp(f"it answers against the protocol ({type(exc).__name__})") from exc


def _backoff(exc: Exception) -> bool | float:
    """stamina's hook: whether to try again, and after how many seconds if the other side said so."""
    if not isinstance(exc, Again) or exc.last:
        return False
    if exc.after is None:
        return True
    return exc.after if exc.after <= MAX_WAIT else False


async def _chunks(response: httpx2.Response, request: Request) -> AsyncIterator[bytes]:
    try:
        async for chunk in response.aiter_raw():
            yield chunk
    except httpx2.HTTPError as exc:
        raise Retry(f"{request.shown()} broke off: {redact(reason_of(exc), request.secrets)}") from exc


def _validators(response: httpx2.Response) -> Validators:
    etag, modified = response.headers.get("etag"), response.headers.get("last-modified")
    return Validators(
        etag if etag and len(etag) <= MAX_ETAG else None, modified if modified and len(modified) <= MAX_DATE else None
    )


async def _parse_json(body: bytes, request: Request) -> Any:
    try:
        return await big_json.loads(body)
    except (ValueError, RecursionError) as exc:
        looks = "an HTML page" if body.lstrip()[:1] == b"<" else "no valid JSON" if body.strip() else "nothing"
        raise Retry(f"cannot read {request.shown()}: it answers {looks} where JSON is expected") from exc
