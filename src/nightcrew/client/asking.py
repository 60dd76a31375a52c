"""Requests to one server, one after the other on one connection. With Python's own HTTP client, as any other takes longer to load
than most answers take.
"""

from __future__ import annotations

import base64
import http.client
import json
import select
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

LIMIT = 60.0
"""Seconds that an answer may take to go on."""
LITERAL = "/?&=%:;@!$'()*+,~[]"
"""Characters of an address that are sent as they are."""


class Asking:
    """A connection to the server at an address. `key` is printable ASCII. Raises ValueError for what is no address."""

    def __init__(self, address: str, key: str = "") -> None:
        parts = urlsplit(address)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("it begins with http:// or https:// and has a host")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=LIMIT)
        self._base = address.partition("://")[2].partition("/")[2].rstrip("/")
        self._headers = {"Accept": "application/json", "User-Agent": "nightcrew-cli"}
        if key:
            self._headers["X-Api-Key"] = key
        if parts.username:
            login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"

    def ask(self, method: str, path: str, params: Mapping[str, Any], body: object) -> tuple[int, bytes]:
        """The status and the body of the answer. Raises OSError and `http.client.HTTPException` when there is none."""
        target = quote(f"/{self._base}{path}" if self._base else path, safe=LITERAL)
        if params:
            target += ("&" if "?" in target else "?") + urlencode(
                {name: _text(value) for name, value in params.items()}
            )
        headers, sent = dict(self._headers), None
        if body is not None:
            headers["Content-Type"], sent = "application/json", json.dumps(body, ensure_ascii=False).encode()
        if self._connection.sock is not None and select.select([self._connection.sock], [], [], 0)[0]:
            self._connection.close()  # the server has closed it meanwhile
        try:
            self._connection.request(method, target, sent, headers)
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except BaseException:
            self._connection.close()  # what comes on it belongs to no other question
            raise

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
