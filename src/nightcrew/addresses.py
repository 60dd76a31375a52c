"""IP addresses: whether one is on the public internet. Pure."""

from __future__ import annotations

import ipaddress
import socket
import unicodedata

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def is_private(address: str) -> bool:
    """Whether an IP address is not on the public internet (private, loopback, link-local, reserved …). Raises ValueError."""
    parsed = ipaddress.ip_address(address.split("%", 1)[0])
    return not (parsed if isinstance(parsed, ipaddress.IPv4Address) else _behind(parsed)).is_global


def names_private(host: str) -> bool:
    """Whether a host is written as a private address, in any spelling (127.1, 0x7f000001, ::1), or is this machine's own name.

    Nothing is looked up: any other name may have any address.
    """
    name = unicodedata.normalize("NFKC", host).replace("\u3002", ".").lower().strip("[]").rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return is_private(name)
    except ValueError:
        pass
    try:
        return is_private(socket.inet_ntoa(socket.inet_aton(name)))
    except (OSError, UnicodeError):
        return False


def _behind(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IPv4 address that an IPv6 address stands for (mapped, 6to4, or behind a NAT64 translator), else itself."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address
