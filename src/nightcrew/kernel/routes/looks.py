"""One look at a route: its device, where the kernel's own answers would leave, and a canary through the route's own opener.

A dead tunnel shows only as time-outs: a link that is up, and gluetun's "running", say that something is down and never that it is up.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import httpcore2

from nightcrew.kernel.errors import GiveUp, NightcrewError
from nightcrew.kernel.routes.base import Datagrams, Route, RouteDown, Unavailable
from nightcrew.kernel.routes.definition import INTERFACE, RouteDefinition, endpoint, proxy_of, servers_of
from nightcrew.kernel.routes.device import DeviceRoute, addresses_of, families
from nightcrew.kernel.routes.hops import as_address
from nightcrew.kernel.routes.links import has_backstop, leaves_by, link_of
from nightcrew.kernel.routes.names import DnsServer
from nightcrew.kernel.routes.sockets import can_bind
from nightcrew.kernel.routes.socks import SocksProxy, SocksRoute
from nightcrew.kernel.routes.states import RouteSeen, RouteSight

SAMPLES = {4: ("11.0.0.1", "198.51.100.1"), 6: ("2001:db8::1",)}
"""Addresses, one in each half of IPv4, for which the kernel is asked by which device it would answer. Nothing is sent there."""

AnyRoute = DeviceRoute | SocksRoute


class LookAsks(Protocol):
    """The HTTP of a look: text from a web address by a route that has no gate, or directly."""

    async def text(self, url: str, through: Route | None) -> str:
        """The answer. Raises `NightcrewError`."""

    async def here(self, url: str, headers: dict[str, str]) -> str:
        """The answer of something in this network, and of nothing else. Raises `NightcrewError`."""


@dataclass(frozen=True, slots=True)
class RoutePace:
    """Seconds: of one canary, between looks at a route that is up, between those at any other, and between two of the public address."""

    canary: float = 3.0
    up: float = 5.0
    other: float = 1.5
    public: float = 300.0


def build(one: RouteDefinition, patience: RoutePace | None = None) -> AnyRoute:
    """The route that a definition means, which nobody has looked at yet."""
    if one.kind == INTERFACE:
        servers = [DnsServer(*where) for where in servers_of(one)]
        return DeviceRoute(one.name, one.device, servers, patience=min(2.0, (patience or RoutePace()).canary))
    host, port = proxy_of(one)
    return SocksRoute(one.name, SocksProxy(host, port, *one.login))


def look_at_link(route: AnyRoute, one: RouteDefinition) -> RouteSight | None:
    """What can be seen without sending anything: None when nothing is wrong. It takes no time."""
    if not isinstance(route, DeviceRoute):
        return None
    if not can_bind():
        return RouteSight(RouteSeen.GONE, "only Linux can hold a connection to a device")
    link = link_of(one.device)
    if not link.index:
        return RouteSight(RouteSeen.GONE, f"there is no device {one.device}")
    if not link.up:
        return RouteSight(RouteSeen.GONE, f"the device {one.device} is not up", index=link.index)
    if not any(families(one.device)):
        return RouteSight(RouteSeen.GONE, f"the device {one.device} has no address", index=link.index)
    if not one.strays and (sentence := strayed(one.device, link.index)):
        return RouteSight(RouteSeen.GONE, sentence, index=link.index)
    return None


def strayed(device: str, index: int) -> str:
    """Why a late packet would be answered by another device, if it would; a closed connection has no socket that holds to one."""
    for source in addresses_of(device):
        for sample in SAMPLES[ipaddress.ip_address(source).version]:
            try:
                out = leaves_by(source, sample)
            except OSError as exc:
                return f"the kernel does not say by which device it would answer: {exc}"
            if out not in {0, index}:
                other = socket.if_indextoname(out)
                return (
                    f"the kernel would answer late packets from {source} by {other}: add a rule such as "
                    f"`ip rule add from {source} lookup 51820` with `ip route add default dev {device} table 51820`"
                )
    return ""


def unstopped(device: str) -> str:
    """What a person should know though the route is open: where late packets could go while the device is made anew."""
    for source in addresses_of(device):
        with contextlib.suppress(OSError):
            if not has_backstop(source, SAMPLES[ipaddress.ip_address(source).version][0]):
                return (
                    f"while the device is made anew, answers to late packets from {source} could leave by another: "
                    "add `ip route add blackhole default metric 9999 table …` to the table of its rule"
                )
    return ""


async def look(route: AnyRoute, one: RouteDefinition, asks: LookAsks) -> RouteSight:
    """Whether a route leads somewhere now. The public address is not asked for: see `public_of`."""
    if (wrong := look_at_link(route, one)) is not None:
        return wrong
    index = link_of(one.device).index if isinstance(route, DeviceRoute) else 0
    if one.gluetun and (wrong := await _gluetun(one, asks)) is not None:
        return replace(wrong, index=index)
    try:
        took = await _canary(route, one)
    except (OSError, httpcore2.NetworkError, httpcore2.TimeoutException, RouteDown, GiveUp) as exc:
        return look_at_link(route, one) or RouteSight(
            RouteSeen.BAD, f"its canary does not answer: {_words(exc)}", index=index
        )
    after = look_at_link(route, one)
    if after is None and isinstance(route, DeviceRoute) and link_of(one.device).index != index:
        after = RouteSight(RouteSeen.GONE, f"the device {one.device} was made anew")
    return after or RouteSight(RouteSeen.GOOD, canary_s=took, index=index)


async def _canary(route: AnyRoute, one: RouteDefinition) -> float:
    """The seconds that the slowest of the canaries took. Raises what `look` knows."""
    began = time.monotonic()
    if isinstance(route, DeviceRoute):
        took = await route.probing.answers()
        if one.canary:
            host, port = endpoint(one.canary)
            began = time.monotonic()
            (address, *_) = await route.probed(host)
            stream = await route.probe.stream(address, port)
            await stream.aclose()
            took = max(took, time.monotonic() - began)
        return took
    await (await route.dialer.stream(*endpoint(one.canary))).aclose()
    return time.monotonic() - began


async def _gluetun(one: RouteDefinition, asks: LookAsks) -> RouteSight | None:
    """What gluetun's control server says against it. It may say nothing: the canary decides."""
    import json

    headers = {"X-API-Key": one.gluetun_key} if one.gluetun_key else {}
    try:
        said: Any = json.loads(await asks.here(f"{one.gluetun}/v1/vpn/status", headers))
    except (NightcrewError, ValueError, RecursionError):
        return None
    status = said.get("status") if isinstance(said, dict) else None
    if isinstance(status, str) and status != "running":
        return RouteSight(RouteSeen.GONE, f"gluetun says that the VPN is {status[:30]}")
    return None


async def carries_udp(route: AnyRoute) -> bool:
    """Whether datagrams can take it. Raises `httpcore2.ConnectError`."""
    if isinstance(route, DeviceRoute):
        return True
    try:
        _, stream, _ = await route.dialer.associated()
    except Unavailable:
        return False
    await stream.aclose()
    return True


# -- the public address ------------------------------------------------------------------------------------------------


async def public_of(one: RouteDefinition, asks: LookAsks, through: Route | None) -> str:
    """The public address that is seen by a way; "" when it is not said. Raises `NightcrewError`."""
    return address_in(await asks.text(one.ask, through))


def address_in(text: str) -> str:
    """The IP address in an answer: the text itself, or a value of a JSON object. "" when there is none."""
    import json

    if found := as_address(text.strip()):
        return found
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    values = said.values() if isinstance(said, dict) else [said]
    return next((found for value in values if isinstance(value, str) and (found := as_address(value.strip()))), "")


class UngatedRoute:
    """A route as its looks use it: by the same opener, without its gate."""

    generation = 0
    is_up = True

    def __init__(self, route: AnyRoute) -> None:
        self.name = route.name
        self.by_name = route.by_name
        self._route = route

    def admit(self) -> None:
        """It is looked at whatever its state."""

    async def looked_at(self) -> None:
        """It is what looks."""

    async def resolve(self, host: str) -> Sequence[str]:
        """As the route does."""
        return await self._route.probed(host) if isinstance(self._route, DeviceRoute) else [host]

    async def open(self, address: str, port: int) -> httpcore2.AsyncNetworkStream:
        """As the route does."""
        if isinstance(self._route, DeviceRoute):
            return await self._route.probe.stream(address, port)
        return await self._route.dialer.stream(address, port)

    async def datagrams(self, address: str, port: int, received: Callable[[bytes], None]) -> Datagrams:  # noqa: ARG002
        """No look needs them."""
        raise Unavailable("a look asks no datagrams")


def _words(exc: Exception) -> str:
    if isinstance(exc, TimeoutError):
        return str(exc) or "no answer in time"
    return str(exc) or type(exc).__name__


__all__ = [
    "AnyRoute",
    "LookAsks",
    "RoutePace",
    "UngatedRoute",
    "build",
    "carries_udp",
    "look",
    "look_at_link",
    "public_of",
]
