"""Which requests of a recording carry its headers and cookies: those to the site that they were given for. Pure.

A header that tells who asks, or anything that only one site understands, goes to the host of the recording's address, and to the
hosts below it where that is a name. So segments, keys and what a plugin asks there have it, and a redirect, a playlist or an
advertisement takes it nowhere else. What every browser tells everybody goes everywhere: some servers want to see it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

EVERYWHERE = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "dnt",
        "icy-metadata",
        "origin",
        "pragma",
        "referer",
        "user-agent",
        "x-requested-with",
    }
)
"""Headers that are no login."""
PORTS = {"http": 80, "https": 443}
COOKIE = "cookie"


def goes_everywhere(name: str) -> bool:
    """Whether a header may be sent to any host."""
    return name.lower() in EVERYWHERE or name.lower().startswith("sec-")


@dataclass(frozen=True, slots=True)
class Site:
    """Where a login belongs. `port` None: the usual one. `secure`: it was given for https, and goes over nothing else."""

    host: str
    port: int | None
    secure: bool

    def takes(self, url: str) -> bool:
        """Whether a request to `url` may carry the login."""
        parts = _split(url)
        if parts is None or parts.scheme not in PORTS or (self.secure and parts.scheme != "https"):
            return False
        host = _host(parts)
        below = not _is_numeric(self.host) and "." in self.host and host.endswith(f".{self.host}")
        return (host == self.host or below) and _port(parts) == self.port


def site_of(address: str) -> Site | None:
    """The site of a recording's address, which may say how it is read (`hls://`, `hls+http://`). None: there is none."""
    scheme, separator, rest = address.partition("://")
    if "://" in rest.partition("/")[0] or rest.lower().startswith(("http://", "https://")):
        address = rest
    elif scheme.lower().startswith("hls+"):
        address = f"{scheme[4:]}{separator}{rest}"
    elif scheme.lower() not in PORTS:
        address = f"https://{rest}"  # as streamlink takes it
    parts = _split(address.strip().partition(" ")[0])
    if parts is None:
        return None
    host = _host(parts)
    shorter = host.removeprefix("www.")
    return Site(shorter if "." in shorter else host, _port(parts), parts.scheme == "https") if host else None


@dataclass(frozen=True, slots=True)
class StreamLogin:
    """The headers of a recording that go to its own site alone."""

    site: Site | None
    headers: Mapping[str, str]

    def headers_for(self, url: str, present: Mapping[str, str]) -> dict[str, str]:
        """The headers of a request to `url` that has `present` ones. What another request has left in them is taken out."""
        mine = {name.lower(): value for name, value in self.headers.items()}
        kept = {name: value for name, value in present.items() if mine.get(name.lower()) != value}
        if self.site is None or not self.site.takes(url):
            return kept
        there = {name.lower(): name for name in kept}
        for name, value in self.headers.items():
            if name.lower() == COOKIE:
                kept[there.get(COOKIE, "Cookie")] = _cookies(value, kept.get(there.get(COOKIE, "Cookie"), ""))
            elif name.lower() not in there:  # what a plugin sends itself stays
                kept[name] = value
        return kept


def login_of(address: str, headers: Mapping[str, str]) -> StreamLogin:
    """What of the headers of a recording goes to the site of its address alone."""
    own = {name: value for name, value in headers.items() if not goes_everywhere(name)}
    return StreamLogin(site_of(address), own)


def _cookies(given: str, present: str) -> str:
    """Of one that was set anew meanwhile, the new value."""
    known = {pair.partition("=")[0].strip() for pair in present.split(";")}
    pairs = [pair.strip() for pair in given.split(";")]
    fresh = [pair for pair in pairs if pair and pair.partition("=")[0].strip() not in known]
    return "; ".join([*([present] if present else []), *fresh])


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port, parts.hostname
    except ValueError:
        return None
    return parts


def _host(parts: SplitResult) -> str:
    return (parts.hostname or "").lower().rstrip(".")


def _port(parts: SplitResult) -> int | None:
    return None if parts.port in {None, PORTS.get(parts.scheme)} else parts.port


def _is_numeric(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host.replace(".", "").isdigit()
    return True
