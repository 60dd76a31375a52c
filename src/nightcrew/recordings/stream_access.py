"""What a stream asks of who records it: headers, cookies, options of streamlink's plugins, a proxy. Checked at the edge. Pure.

No sentence of an error shows a value, and what is told of them is their names: values may be logins.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from nightcrew.kernel.errors import Invalid
from nightcrew.recorder.login import goes_everywhere
from nightcrew.recorder.plugin_options import read_option, secrets_in

COOKIE = "Cookie"
MOST = 50
MAX_VALUE = 8_000
MAX_PROXY = 600
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_COOKIE = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}=[\x21-\x3a\x3c-\x7e]*(?: [\x21-\x3a\x3c-\x7e]+)*")
OURS = frozenset(
    {
        "connection",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "range",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that belong to the connection, and not to who asks."""
PROXIES = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}


@dataclass(frozen=True, slots=True)
class StreamAccess:
    """`headers` include the cookies. `options` are as their plugins take them."""

    headers: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    proxy: str = ""

    def secrets(self) -> list[str]:
        """The values that are hidden wherever they turn up."""
        own = [value for name, value in self.headers.items() if not goes_everywhere(name)]
        words = [word for value in own for word in (value, *value.split())]
        words += [pair.partition("=")[2] for pair in self.cookies]
        login = [part for part in (urlsplit(self.proxy).password,) if part]
        return [word for word in (*words, *secrets_in(self.options), *login, *map(unquote, login)) if word]

    @property
    def key(self) -> str:
        """The same for two streams that are asked for in the same way."""
        return json.dumps([dict(self.headers), dict(self.options), self.proxy], sort_keys=True)

    @property
    def cookies(self) -> list[str]:
        """Each as NAME=VALUE."""
        given = next((value for name, value in self.headers.items() if name == COOKIE), "")
        return [pair.strip() for pair in given.split(";") if pair.strip()]

    @property
    def names(self) -> AccessNames:
        """What may be told of it."""
        return AccessNames(
            headers=sorted(name for name in self.headers if name != COOKIE),
            cookies=[pair.partition("=")[0] for pair in self.cookies],
            options=sorted(self.options),
            proxy=shown_proxy(self.proxy),
        )


@dataclass(frozen=True, slots=True)
class AccessNames:
    """What is told of it: names, and where the proxy is."""

    headers: list[str]
    cookies: list[str]
    options: list[str]
    proxy: str

    @property
    def words(self) -> list[str]:
        """As a person reads it."""
        lists = {"headers": self.headers, "cookies": self.cookies, "options": self.options}
        found = [f"{what}: {', '.join(names)}" for what, names in lists.items() if names]
        return [*found, *([f"proxy: {self.proxy}"] if self.proxy else [])]


def read_headers(given: Mapping[str, str]) -> dict[str, str]:
    """Headers with their names as they were given, those of cookies as `Cookie`. Raises `Invalid`."""
    found: dict[str, str] = {}
    if len(given) > MOST:
        raise _wrong("headers", f"there are more than {MOST}")
    for written, text in given.items():
        value, cookie = text.strip(), written.lower() == COOKIE.lower()
        name = COOKIE if cookie else written
        if not _NAME.fullmatch(name):
            raise _wrong("headers", "a name has signs that no header has, or is missing")
        if name.lower() in OURS or name.lower().startswith("proxy-"):
            raise _wrong("headers", f"{name} is set by Nightcrew itself")
        if not value or len(value) > MAX_VALUE or not value.isascii() or not value.isprintable():
            raise _wrong("headers", f"{name} needs a value of one line, in ASCII, of at most {MAX_VALUE} characters")
        if name.lower() in {one.lower() for one in found}:
            raise _wrong("headers", f"{name} is there twice")
        found[name] = read_cookies(value) if cookie else value
    return found


def read_cookies(text: str) -> str:
    """Cookies as a header has them; they may stand one in a line too. Raises `Invalid`."""
    text = re.sub(r"(?i)^\s*cookie:", "", text)
    pairs = [pair.strip() for line in text.splitlines() for pair in line.split(";") if pair.strip()]
    if not all(_COOKIE.fullmatch(pair) for pair in pairs):
        raise _wrong("cookies", "write them as NAME=VALUE, separated by semicolons, as a browser shows them")
    joined = "; ".join(pairs)
    if len(joined) > MAX_VALUE:
        raise _wrong("cookies", f"they are longer than {MAX_VALUE} characters")
    return joined


def read_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """Options of streamlink's plugins. Raises `Invalid` for one that may not be set, or has a wrong value."""
    if len(given) > MOST:
        raise _wrong("options", f"there are more than {MOST}")
    try:
        return {name: read_option(name, value) for name, value in given.items()}
    except ValueError as exc:
        raise _wrong("options", str(exc)) from None  # the cause would show the value in a traceback


def read_proxy(text: str) -> str:
    """The address of a proxy, which finds names itself. Raises `Invalid`."""
    text = text.strip()
    if not text:
        return ""
    hint = "write it as http://, https:// or socks5://, with a login if it needs one: socks5://name:password@host:1080"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _wrong("proxy", hint) from None
    scheme = parts.scheme.lower()
    rest = parts.path.strip("/") + parts.query + parts.fragment
    if scheme not in PROXIES or not host or rest or len(text) > MAX_PROXY or not text.isprintable() or " " in text:
        raise _wrong("proxy", hint)
    if not host.isascii() or port == 0:
        raise _wrong("proxy", "it needs a host name in ASCII, and a port between 1 and 65535 if any")
    if max(len(unquote(part or "")) for part in (parts.username, parts.password)) > 255:
        raise _wrong("proxy", "its login is too long")
    scheme = "socks5h" if scheme.startswith("socks5") else scheme
    login, at, _ = parts.netloc.rpartition("@")
    return f"{scheme}://{login}{at}{_named(host)}:{port or PROXIES[scheme]}"


def shown_proxy(proxy: str) -> str:
    """Where a proxy is, without its login."""
    parts = urlsplit(proxy)
    return f"{parts.scheme.removesuffix('h')}://{_named(parts.hostname or '')}:{parts.port}" if proxy else ""


def _named(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _wrong(field_name: str, why: str) -> Invalid:
    return Invalid(f"{field_name}: {why}", field=field_name)
