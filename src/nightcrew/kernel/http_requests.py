"""What is asked over HTTP, and what comes back."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from http.cookiejar import Cookie, CookieJar
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx2

from nightcrew.kernel import big_json
from nightcrew.kernel.errors import Misread
from nightcrew.kernel.http_gate import AskPriority
from nightcrew.kernel.http_pace import Pace
from nightcrew.kernel.redaction import credentials_in, redact
from nightcrew.kernel.routes import DIRECT

REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
"""Methods that may be sent twice: the second time changes nothing more (RFC 9110, 9.2.2)."""
_LOGINS = frozenset({"authorization", "cookie", "x-api-key", "x-plex-token"})
MOST_COOKIES = 50
LONGEST_COOKIE = 4_096


class Jar(httpx2.Cookies):
    """The cookies of one login. Never shared: with the wrong one a server takes one user for another."""

    def __init__(self) -> None:
        super().__init__(_FewCookies())


class _FewCookies(CookieJar):
    def set_cookie(self, cookie: Cookie) -> None:
        """Keep a cookie, unless it is too long or there are too many."""
        if len(self) < MOST_COOKIES and len(cookie.name) + len(cookie.value or "") <= LONGEST_COOKIE:
            super().set_cookie(cookie)


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
class Download:
    """What came back. `size` counts unpacked bytes, `sha256` is theirs; both are 0 and empty when `not_modified`."""

    url: str
    content_type: str
    validators: Validators
    size: int = 0
    sha256: str = ""
    not_modified: bool = False


class Attached(NamedTuple):
    """A file that goes with a form."""

    name: str
    content: bytes
    content_type: str = "application/octet-stream"


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
    form: Mapping[str, str] | None = None
    """Fields of a form, sent as one instead of `json`."""
    files: Mapping[str, Attached] | None = None
    """Files by field: the form is then sent with them (RFC 7578)."""
    safe: bool = False
    """Whether a method that is not repeatable by itself may be repeated: it only asks, or the other side knows it again."""
    attempts: int = 3
    jar: Jar | None = None
    """Where cookies are kept; without one they last for this request and its redirects."""
    route: str = DIRECT
    pace: Pace | None = None
    """The connection's own limits for the host that is asked; without one the limits for all who ask that host."""
    priority: AskPriority = AskPriority.STANDARD
    """Who comes first where little may be asked."""

    @property
    def repeatable(self) -> bool:
        """Whether it may be sent again though it may have arrived."""
        return self.safe or self.method in REPEATABLE

    def at(self, url: str) -> Request:
        """The same request for another address, which an answer names: no login goes along to another host."""
        if urlsplit(url).netloc == urlsplit(self.url).netloc:
            return replace(self, url=url)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _LOGINS}
        return replace(self, url=url, headers=headers)

    def question(self) -> str:
        """What tells this request's answer from another's."""
        return f"{self.method} {self.url} {json.dumps(self.json, sort_keys=True)}"

    def shown(self) -> str:
        """The address as an error may show it."""
        return redact(self.url, self.secrets)

    def sends_login(self, url: str) -> bool:
        """Whether a login goes to `url`, which is this request's own address or where it was redirected to."""
        if credentials_in(url):
            return True
        known = bool(self.secrets) or any(name.lower() in _LOGINS for name in self.headers)
        return known and urlsplit(url).netloc == urlsplit(self.url).netloc


@dataclass(frozen=True, slots=True)
class Reply:
    """A small answer, whole."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    shown: str
    """The address as an error may show it."""

    async def json(self) -> Any:
        """The body as JSON, None when there is none (201, 202, 204). Raises `Retry` when it is something else."""
        if self.status != 200 and not self.body:
            return None
        try:
            return await big_json.loads(self.body)
        except big_json.TooManyParts as exc:
            raise Misread(f"cannot read {self.shown}: {exc}") from exc
        except (ValueError, RecursionError) as exc:
            start = self.body.lstrip()[:1]
            looks = "an HTML page" if start == b"<" else "no valid JSON" if start else "nothing"
            raise Misread(f"cannot read {self.shown}: it answers {looks} where JSON is expected") from exc

    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Live:
    """A body that is being sent: the address after redirects, its type, its bytes, and how many if that was said.

    `partial`: it is the range that was asked for, and not all.
    """

    url: str
    content_type: str
    chunks: AsyncIterator[bytes]
    length: int | None = None
    partial: bool = False
