"""How a person writes a route down. Pure: what is wrong with it is said with the field's name, and nothing is looked up."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from nightcrew.kernel.errors import Invalid
from nightcrew.kernel.routes.base import DIRECT
from nightcrew.kernel.routes.hops import Hop, as_address, hop_of, plain_host

INTERFACE, SOCKS = "interface", "socks5h"
MOST_SERVERS = 4
LONGEST_LOGIN = 255
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_DEVICE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,14}")


@dataclass(frozen=True, slots=True)
class RouteDefinition:
    """One route. Addresses are checked: see `checked`."""

    name: str
    spec: str
    """`interface:<device>` or `socks5h://user:password@host:port`."""
    dns: tuple[str, ...] = ()
    """DNS servers that are asked through the route, as `address` or `address:port`."""
    canary: str = ""
    """`host:port` that answers a TCP connection through the route."""
    ask: str = ""
    """A web address that answers the caller's public address."""
    gluetun: str = ""
    """The address of gluetun's control server."""
    gluetun_key: str = ""
    strays: bool = False
    """Accept that the kernel itself may answer late packets by another device (see docs/routes.md)."""

    @property
    def kind(self) -> str:
        """What it is: `interface` or `socks5h`."""
        return self.spec.partition(":")[0]

    @property
    def device(self) -> str:
        """Of an interface."""
        return self.spec.partition(":")[2]

    @property
    def shown(self) -> str:
        """What it is, without a login."""
        if self.kind == INTERFACE:
            return self.spec
        parts = urlsplit(self.spec)
        return f"{SOCKS}://{_written(parts.hostname or '', parts.port or 0)}"

    @property
    def login(self) -> tuple[str, str]:
        """User name and password of a proxy."""
        parts = urlsplit(self.spec)
        return unquote(parts.username or ""), unquote(parts.password or "")

    @property
    def secrets(self) -> tuple[str, ...]:
        """What nobody may see."""
        return tuple(text for text in (self.login[1] if self.kind == SOCKS else "", self.gluetun_key) if text)

    def as_json(self) -> dict[str, Any]:
        """As it is sealed."""
        return asdict(self)


def from_json(found: dict[str, Any]) -> RouteDefinition:
    """A definition as it was sealed."""
    return RouteDefinition(**{**found, "dns": tuple(found.get("dns", ()))})


def checked(one: RouteDefinition, before: RouteDefinition | None = None) -> RouteDefinition:
    """A definition as it is kept. `before`: whose secrets stand in for those that are not entered anew. Raises `Invalid`."""
    if not _NAME.fullmatch(one.name) or one.name == DIRECT:
        raise Invalid("name: 1 to 40 of a-z, 0-9, - and _, and not direct", field="name")
    one = replace(
        one, spec=one.spec.strip(), canary=one.canary.strip(), ask=one.ask.strip(), gluetun=one.gluetun.strip()
    )
    if before is not None:
        one = _with_secrets_of(one, before)
    one = _interface(one) if one.kind == INTERFACE else _socks(one)
    servers = [_written(*_server(text)) for text in one.dns if text.strip()]
    if len(servers) > MOST_SERVERS:
        raise Invalid(f"dns: at most {MOST_SERVERS} servers", field="dns")
    if one.kind == INTERFACE and not servers:
        raise Invalid(
            "dns: name the DNS server that is asked through the device, such as the tunnel's own; the system's is never used",
            field="dns",
        )
    if one.canary:
        host, port = endpoint(one.canary, "canary")
        if hop_of(host) is not Hop.PUBLIC:
            raise Invalid("canary: it lies in this network, which a route does not lead to", field="canary")
        one = replace(one, canary=_written(host, port))
    if one.kind == SOCKS and not one.canary:
        raise Invalid(
            "canary: name a host and port that answers through the proxy, such as example.net:443", field="canary"
        )
    return replace(one, dns=tuple(dict.fromkeys(servers)), ask=_web("ask", one.ask), gluetun=_gluetun(one.gluetun))


def with_password(spec: str, password: str, before: RouteDefinition | None = None) -> str:
    """A proxy's text with a password that was entered beside it. `before`: whose user name holds where none is named."""
    kind, _, rest = spec.strip().partition("://")
    if kind != SOCKS or not password:
        return spec
    login, at, where = rest.rpartition("@")
    user = unquote(login.partition(":")[0]) if at else (before.login[0] if before and before.kind == SOCKS else "")
    return f"{SOCKS}://{quote(user, safe='')}:{quote(password, safe='')}@{where}"


def endpoint(text: str, field: str = "", port: int = 0) -> tuple[str, int]:
    """Host and port of `host:port`, `[address]:port`, or with a usual `port` of the host alone. Raises `Invalid`."""
    wrong = Invalid(f"{field}: {text[:80]!r} is not host:port", field=field)
    alone = as_address(text.strip("[]")) if port else None
    if alone is not None:
        return alone, port
    try:
        parts = urlsplit(f"//{text}")
        host, found = plain_host(parts.hostname or ""), parts.port or port
    except ValueError:
        raise wrong from None
    if not host or not found or parts.path or parts.username is not None or parts.query or parts.fragment:
        raise wrong
    return host, found


def _server(text: str) -> tuple[str, int]:
    host, port = endpoint(text.strip(), "dns", 53)
    if as_address(host) is None:
        raise Invalid(f"dns: {text[:80]!r} is not an IP address", field="dns")
    return host, port


def servers_of(one: RouteDefinition) -> list[tuple[str, int]]:
    """The DNS servers as addresses and ports."""
    return [_server(text) for text in one.dns]


def proxy_of(one: RouteDefinition) -> tuple[str, int]:
    """Where a proxy is."""
    parts = urlsplit(one.spec)
    return parts.hostname or "", parts.port or 1080


def _interface(one: RouteDefinition) -> RouteDefinition:
    if not _DEVICE.fullmatch(one.device) or one.device == "lo":
        raise Invalid("spec: interface: is followed by the name of a device, such as interface:wg0", field="spec")
    return one


def _socks(one: RouteDefinition) -> RouteDefinition:
    """As it is kept: the host in one spelling, a port always."""
    wrong = Invalid("spec: it is interface:<device> or socks5h://user:password@host:port", field="spec")
    try:
        parts = urlsplit(one.spec)
        host, port = plain_host(parts.hostname or ""), parts.port or 1080
    except ValueError:
        raise wrong from None
    if parts.scheme != SOCKS or not host or parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise wrong
    user, word = unquote(parts.username or ""), unquote(parts.password or "")
    if bool(user) != bool(word) or max(len(user.encode()), len(word.encode())) > LONGEST_LOGIN:
        raise Invalid("spec: a login has a user name and a password of at most 255 bytes each", field="spec")
    login = f"{quote(user, safe='')}:{quote(word, safe='')}@" if user else ""
    if one.strays:
        one = replace(one, strays=False)
    return replace(one, spec=f"{SOCKS}://{login}{_written(host, port)}")


def _with_secrets_of(one: RouteDefinition, before: RouteDefinition) -> RouteDefinition:
    if one.spec in {"", before.shown}:
        one = replace(one, spec=before.spec)
    if not one.gluetun_key and one.gluetun == before.gluetun:
        one = replace(one, gluetun_key=before.gluetun_key)
    return one


def _web(field: str, text: str) -> str:
    try:
        parts = urlsplit(text)
        good = not text or (parts.scheme in {"http", "https"} and hop_of(parts.hostname or "") is Hop.PUBLIC)
        good = good and parts.username is None and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise Invalid(f"{field}: it is not a public http or https address", field=field)
    return text


def _gluetun(text: str) -> str:
    """It is asked directly, so it has to lie in this network."""
    try:
        parts = urlsplit(text)
        good = not text or (parts.scheme in {"http", "https"} and hop_of(parts.hostname or "") is Hop.LOCAL)
        good = good and parts.username is None and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise Invalid("gluetun: it is not an http address of this machine or network", field="gluetun")
    return text.rstrip("/")


def _written(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
