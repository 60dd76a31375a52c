"""Where a host lies: in this network, on the public one, or nowhere that a route leads to. Pure: nothing is looked up.

A route belongs to the hop. What lies in this network is opened directly and never through a tunnel; all else takes the route.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import unicodedata
from enum import StrEnum

from nightcrew.addresses import is_private

LOCAL_ENDINGS = (".localhost", ".local", ".lan", ".internal", ".home.arpa")
"""Names that only this network knows (RFC 6761, 6762, 8375, and ICANN's reservation of `internal`)."""
_LOCAL = [
    ipaddress.ip_network(text)
    for text in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "100.64.0.0/10",  # of a mesh network, or of the provider's own translation
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
]
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)")
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*")


class Hop(StrEnum):
    """Where one target lies."""

    LOCAL = "local"
    PUBLIC = "public"
    NOWHERE = "nowhere"
    """Reserved, multicast, or nothing that is an address or a name."""


def plain_host(host: str) -> str:
    """A host as one spelling: an address in its usual form (`127.1` is 127.0.0.1), else the name in lower case.

    "" for what is neither: a name that ends in a number is one to nobody, though some resolvers read it as an address.
    """
    name = unicodedata.normalize("NFKC", host).replace("\u3002", ".").lower().strip("[]").removesuffix(".")
    if (literal := as_address(name)) is not None:
        return literal
    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        try:
            return socket.inet_ntoa(socket.inet_aton(name)) if name.isascii() and " " not in name else ""
        except OSError:
            return ""
    return name if _NAME.fullmatch(name) else ""


def as_address(text: str) -> str | None:
    """An IP address in its usual form, IPv4 as IPv4 however it is wrapped; None for anything else."""
    bare, percent, zone = text.partition("%")
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return f"{address}{percent}{zone}" if address.is_link_local else str(address)


def hop_of(host: str) -> Hop:
    """Where a host lies, from how it is written."""
    name = plain_host(host)
    if not name:
        return Hop.NOWHERE
    if as_address(name) is not None:
        return _hop_of_address(name)
    return Hop.LOCAL if "." not in name or name.endswith(LOCAL_ENDINGS) else Hop.PUBLIC


def _hop_of_address(text: str) -> Hop:
    address = ipaddress.ip_address(text.partition("%")[0])
    if any(address in network for network in _LOCAL if network.version == address.version):
        return Hop.LOCAL
    return Hop.NOWHERE if is_private(text) or address.is_multicast else Hop.PUBLIC
