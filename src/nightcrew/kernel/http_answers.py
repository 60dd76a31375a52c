"""What answers mean: statuses, redirects, errors of the connection, Retry-After, bodies that are packed or too large or too slow."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin

import httpx2

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import GiveUp, NeedsUser, NightcrewError
from nightcrew.kernel.http_requests import Validators
from nightcrew.kernel.inflate import CHUNK, Inflate

MIN_RATE = 1_024
"""Bytes a second below which a download is given up, so that a few trickling sources cannot hold up all others."""
PATIENCE = 20.0
"""Seconds before the rate is looked at."""
READABLE = frozenset({200, 203, 206, 304})
"""Statuses with which a body comes that can be read, or is known."""
TAKEN = frozenset(range(200, 300))
"""Statuses that say that a message was taken."""
MAX_ETAG = 300
MAX_DATE = 100
"""Longer validators are not kept; the next request is then unconditional."""


class Again(Exception):
    """Inside of the retry loop of `http.py`: worth another attempt, now or (`last`) only in the next run."""

    def __init__(
        self,
        reason: str,
        after: float | None = None,
        *,
        last: bool = False,
        status: int | None = None,
        unreached: bool = False,
    ) -> None:
        super().__init__(reason)
        self.after = after
        self.last = last
        self.status = status
        self.unreached = unreached


def reason_of(exc: Exception) -> str:
    """Why there is no connection, in words."""
    cause: BaseException | None = exc
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return "its certificate is not valid, or it does not speak TLS"
        if isinstance(cause, socket.gaierror):
            return "its name is not known (DNS)"
        if isinstance(cause, ConnectionRefusedError):
            return "it refuses the connection"
        cause = cause.__cause__ or cause.__context__
    return f"no connection ({type(exc).__name__})"


def is_unreached(exc: Exception) -> bool:
    """Whether there was no connection at all, so that nothing of the request has arrived."""
    return isinstance(exc, httpx2.ConnectError | httpx2.ConnectTimeout)


def check_status(response: httpx2.Response, good: frozenset[int], *, login: bool) -> None:
    """Raise unless the status is one of `good`: `NeedsUser` for a refused login, `Again` for what may pass, else `GiveUp`.

    `login`: whether one was sent.
    """
    status = response.status_code
    if status in good:
        return
    if status in {401, 403}:
        raise _with_status(NeedsUser(_refusal(status, login=login)), status)
    if status in {408, 425, 429} or status >= 500:
        said = response.headers.get("retry-after") or response.headers.get("x-ratelimit-reset-in")
        after = retry_after(said, utcnow())
        raise Again(f"it answers HTTP {status}", after, status=status)
    raise _with_status(GiveUp(f"it answers HTTP {status}"), status)


def _refusal(status: int, *, login: bool) -> str:
    if login:
        return f"it refuses the login (HTTP {status}): check user name, password and subscription"
    return "it asks for a login (HTTP 401)" if status == 401 else "it refuses access (HTTP 403)"


def _with_status(error: NightcrewError, status: int | None) -> NightcrewError:
    error.status = status
    return error


def asks_again(method: str, status: int) -> bool:
    """Whether a redirect is followed with GET (RFC 9110, 15.4). Raises `GiveUp` where what was sent would be lost."""
    if status not in {301, 302, 303} or method in {"GET", "HEAD"}:
        return False
    if status != 303 and method != "POST":
        raise GiveUp(f"it redirects a {method} request to a page")
    return True


def redirected(url: str, location: str) -> str:
    """Where a redirect leads. Raises `GiveUp` for an address that cannot be read."""
    try:
        return urljoin(url, location)
    except ValueError as exc:
        raise GiveUp("it redirects to an address that cannot be read") from exc


def validators_of(response: httpx2.Response) -> Validators:
    """What the next request for the same thing sends back."""
    etag, modified = response.headers.get("etag"), response.headers.get("last-modified")
    return Validators(
        etag if etag and len(etag) <= MAX_ETAG else None, modified if modified and len(modified) <= MAX_DATE else None
    )


def is_trickle(size: int, seconds: float) -> bool:
    """Whether a body of `size` bytes after `seconds` comes so slowly that it only holds a place."""
    return seconds > PATIENCE and size < MIN_RATE * seconds


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds of a Retry-After header, given as a number or an HTTP date (RFC 9110, 10.2.3); None when unreadable."""
    if not value:
        return None
    if value.isascii() and value.strip().isdecimal():
        return float(min(int(value.strip()[:9]), 86_400)) if len(value) < 20 else 86_400.0
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        moment = parsedate_to_datetime(value)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, min((moment - now).total_seconds(), 86_400.0))
    return None


def inflate_of(response: httpx2.Response) -> Inflate | None:
    """What unpacks a body, None for one that is plain. Raises `GiveUp` for a packing that is not known."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"", "identity", "gzip", "x-gzip", "deflate"}:
        raise GiveUp(f"its answer is compressed with {encoding!r}, which was not requested")
    return None if encoding in {"", "identity"} else Inflate()


async def unpacked(response: httpx2.Response, max_bytes: int) -> AsyncIterator[bytes]:
    """The body in pieces of at most 64 KiB, unpacked here so that a bomb is stopped at its limit."""
    inflate = inflate_of(response)
    total = 0
    async for raw in response.aiter_raw(CHUNK):
        for piece in inflate.feed(raw) if inflate else (raw,):
            total += len(piece)
            if total > max_bytes:
                raise GiveUp(f"it is larger than the limit of {max_bytes >> 20} MiB")
            yield piece
    if inflate and not inflate.complete:
        raise Again("its packed answer is cut off")
