"""Requests of a recorder, through streamlink's session: limits of size and time, no local files, no way into a private network."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from streamlink import Streamlink
from streamlink.session.http import HTTPSession
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NewConnectionError

from nightcrew.addresses import is_private
from nightcrew.recorder.proxy import trouble_with

CONNECT = 5.0
READ = 10.0
"""Seconds without a byte at most; less where the source is due to show something new sooner."""
SMALL = 4 << 20
"""Bytes of a playlist or a key at most."""
LARGE = 256 << 20
"""Bytes of a segment at most."""
WHOLE = 16 << 20
WHOLE_SECONDS = 30.0
"""Bytes and seconds at most of what streamlink's plugins ask for."""
CHUNK = 1 << 16
MOST_ADDRESSES = 4
"""Addresses of one name that are tried."""


class Refused(OSError):
    """An answer that is not what was asked for. `status` is that of HTTP, 0 without one."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class _Limited(HTTPAdapter):
    """Reads the bodies that streamlink and its plugins ask for whole up to a limit of size and time, and no redirect's.

    What is asked for with `stream=True` is limited by who reads it.
    """

    def send(
        self, request: requests.PreparedRequest, stream: bool = False, *args: Any, **kwargs: Any
    ) -> requests.Response:
        response = super().send(request, stream, *args, **kwargs)
        if response.is_redirect:
            response.close()
            read_already(response, b"")
        elif not stream:
            with response:
                read_already(response, _whole(response, limit=WHOLE, seconds=WHOLE_SECONDS))
        return response


class _Guarded(_Limited):
    """Connects to no address of a private network: a name is resolved once, checked, and that address is connected to."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PublicPool, "https": _PublicTlsPool}


class PrivateNetwork(NewConnectionError):
    """An address that a public source must not lead to."""

    said = "it leads into a private network, which its source does not belong to"


class _Public(HTTPConnection):
    """A connection to an address that was checked. TLS and the Host header keep the name."""

    def _new_conn(self) -> socket.socket:
        name = self._dns_host
        error: Exception = NewConnectionError(self, "the name has no address")
        try:
            for address in self._addresses(name):
                self._dns_host = address
                try:
                    return super()._new_conn()
                except HTTPError as exc:
                    error = exc
        finally:
            self._dns_host = name
        raise error

    def _addresses(self, name: str) -> list[str]:
        try:
            found = socket.getaddrinfo(name, self.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as exc:
            raise NewConnectionError(self, "the name cannot be found") from exc
        addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
        if any(is_private(address) for address in addresses):
            raise PrivateNetwork(self, PrivateNetwork.said)
        return addresses[:MOST_ADDRESSES]


class _PublicTls(_Public, HTTPSConnection):
    pass


class _PublicPool(HTTPConnectionPool):
    ConnectionCls = _Public


class _PublicTlsPool(HTTPSConnectionPool):
    ConnectionCls = _PublicTls


def read_already(response: requests.Response, data: bytes) -> None:
    """Give an answer a body; nobody reads it from the network any more."""
    response._content = data
    response._content_consumed = True


def _whole(response: requests.Response, *, limit: int, seconds: float) -> bytes:
    """Raises `Refused` when it is larger, or takes longer; other OSErrors."""
    deadline, found, size = time.monotonic() + seconds, list[bytes](), 0
    for chunk in response.iter_content(CHUNK):
        found.append(chunk)
        size += len(chunk)
        if size > limit:
            raise Refused(f"the response is larger than {limit >> 20} MB")
        if time.monotonic() > deadline:
            raise Refused(f"the response took longer than {seconds:.0f} s")
    return b"".join(found)


class RecorderHttp(HTTPSession):
    """Requests of a recording: what was read already is not asked for again."""

    def __init__(self) -> None:
        super().__init__()
        self._read: dict[str, requests.Response] = {}

    def hand_on(self, url: str, response: requests.Response) -> None:
        """Give a whole answer to whoever asks for this address next."""
        self._read[url] = response

    def get(self, *args: Any, **kwargs: Any) -> Any:
        """As of a session of streamlink; the address comes first."""
        known = self._read.pop(str(args[0]), None) if args else None
        return super().get(*args, **kwargs) if known is None else known


def session(headers: Mapping[str, str], *, private: bool) -> Streamlink:
    """A session that knows all plugins, reads no files, and stays out of private networks unless `private`."""
    made = Streamlink()
    made.http = http = RecorderHttp()
    http.adapters.pop("file://", None)
    http.max_redirects = 8
    http.headers.update(dict(headers))
    http.trust_env = False
    for scheme in ("http://", "https://"):
        http.mount(scheme, _Limited() if private else _Guarded())
    return made


def body(
    made: Streamlink, url: str, *, limit: int, seconds: float, quiet: float = READ, **params: Any
) -> tuple[bytes, str]:
    """A whole body, and the address that it came from in the end; without a byte for `quiet` seconds it is given up.

    Raises `Refused` and other OSErrors.
    """
    with opened(made, url, quiet=quiet, **params) as response:
        return _whole(response, limit=limit, seconds=seconds), str(response.url)


def opened(made: Streamlink, url: str, *, quiet: float = READ, **params: Any) -> requests.Response:
    """An answer whose body is still to come. Raises `Refused` and other OSErrors."""
    response = requests.Session.request(
        made.http, params.pop("method", "GET"), url, stream=True, timeout=(min(CONNECT, quiet), quiet), **params
    )
    if response.status_code >= 400:
        response.close()
        raise Refused(f"HTTP {response.status_code}", response.status_code)
    return response


def chunks(response: requests.Response) -> Iterator[bytes]:
    """The body as it comes."""
    with response:
        raw = response.raw
        while True:
            try:
                chunk = raw.read1(CHUNK, decode_content=True)
            except HTTPError as exc:
                raise Refused("the stream broke off") from exc
            if not chunk:
                return
            yield chunk


def said(exc: BaseException) -> str:
    """An error in a few words, without addresses: they hold logins."""
    if isinstance(exc, Refused):
        return str(exc)
    if words := trouble_with(exc):
        return words
    if isinstance(exc, requests.Timeout):
        return "the server did not respond in time"
    if isinstance(exc, requests.exceptions.ChunkedEncodingError):
        return "the response broke off"
    if isinstance(exc, requests.ConnectionError):
        reason = getattr(exc.args[0] if exc.args else None, "reason", None)
        return PrivateNetwork.said if isinstance(reason, PrivateNetwork) else "the server cannot be reached"
    if isinstance(exc, requests.TooManyRedirects):
        return "it redirects in a loop"
    return type(exc).__name__


def causes(exc: BaseException) -> list[BaseException]:
    """An error, and what led to it."""
    found: list[BaseException] = []
    one: BaseException | None = exc
    while one is not None and one not in found:
        found.append(one)
        one = one.__cause__ or one.__context__
    return found


def status_of(exc: BaseException) -> int:
    """The status of HTTP that an error goes back to, 0 without one."""
    return next(filter(None, map(_status, causes(exc))), 0)


def _status(exc: BaseException) -> int:
    if isinstance(exc, Refused):
        return exc.status
    response = getattr(exc, "response", None)
    return response.status_code if isinstance(response, requests.Response) else 0
