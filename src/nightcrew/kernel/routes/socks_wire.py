"""SOCKS 5 as bytes (RFC 1928, RFC 1929). Pure."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass

VERSION, LOGIN_VERSION = 5, 1
NO_LOGIN, LOGIN, NONE_FITS = 0x00, 0x02, 0xFF
CONNECT, ASSOCIATE = 0x01, 0x03
IPV4, NAME, IPV6 = 0x01, 0x03, 0x04
COMMAND_UNKNOWN, REFUSED_BY_RULE = 0x07, 0x02
LONGEST_LOGIN = 255
REPLIES = {
    0x01: "the proxy failed",
    0x02: "the proxy's rules do not allow it",
    0x03: "the network cannot be reached",
    0x04: "the host cannot be reached",
    0x05: "the connection is refused",
    0x06: "the connection took too long",
    0x07: "the proxy does not know this command",
    0x08: "the proxy does not know this kind of address",
}


class BadProxy(OSError):
    """The proxy does not speak SOCKS 5, or says no. `code`: its reply, where it gave one."""

    def __init__(self, sentence: str, code: int = 0) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, slots=True)
class SocksTarget:
    """A host and a port; `host` is an IP address or a name."""

    host: str
    port: int


def greeting(*, login: bool) -> bytes:
    """Which logins are offered."""
    methods = bytes((LOGIN,)) if login else bytes((NO_LOGIN,))
    return bytes((VERSION, len(methods))) + methods


def credentials(user: str, password: str) -> bytes:
    """User name and password (RFC 1929). Raises ValueError when one is empty or too long."""
    name, word = user.encode(), password.encode()
    if not 1 <= len(name) <= LONGEST_LOGIN or not 1 <= len(word) <= LONGEST_LOGIN:
        raise ValueError("a SOCKS login has 1 to 255 bytes each")
    return bytes((LOGIN_VERSION, len(name))) + name + bytes((len(word),)) + word


def address(target: SocksTarget) -> bytes:
    """A target as requests and datagrams have it. A name is sent as it is and never looked up here."""
    try:
        parsed = ipaddress.ip_address(target.host)
    except ValueError:
        name = target.host.encode("ascii")
        if not 1 <= len(name) <= 255:
            raise ValueError("the name is too long for SOCKS") from None
        packed = bytes((NAME, len(name))) + name
    else:
        packed = bytes((IPV4 if parsed.version == 4 else IPV6,)) + parsed.packed
    return packed + struct.pack("!H", target.port)


def request(command: int, target: SocksTarget) -> bytes:
    """CONNECT or UDP ASSOCIATE."""
    return bytes((VERSION, command, 0)) + address(target)


def length_of_rest(kind: int, first: int) -> int:
    """Bytes of an address behind its kind and its first byte, with the port. Raises `BadProxy`."""
    if kind == IPV4:
        return 3 + 2
    if kind == IPV6:
        return 15 + 2
    if kind == NAME:
        return first + 2
    raise BadProxy("the proxy answers an address of an unknown kind")


def checked_reply(head: bytes) -> int:
    """The kind of address that follows the first four bytes of a reply. Raises `BadProxy`."""
    version, code, _, kind = head
    if version != VERSION:
        raise BadProxy("the proxy does not speak SOCKS 5")
    if code:
        raise BadProxy(REPLIES.get(code, f"the proxy says no ({code})"), code)
    return kind


def read_address(data: bytes) -> tuple[SocksTarget, int]:
    """An address at the beginning of `data`, and where it ends. Raises ValueError when it is cut off or unknown."""
    if len(data) < 2:
        raise ValueError("it is cut off")
    kind = data[0]
    start, size = {IPV4: (1, 4), IPV6: (1, 16), NAME: (2, data[1])}.get(kind, (0, 0))
    end = start + size
    if not size or len(data) < end + 2:
        raise ValueError("it is cut off, or of an unknown kind")
    raw = data[start:end]
    host = raw.decode("ascii") if kind == NAME else str(ipaddress.ip_address(raw))
    return SocksTarget(host, int.from_bytes(data[end : end + 2], "big")), end + 2


def wrapped(target: SocksTarget, data: bytes) -> bytes:
    """A datagram for the relay."""
    return b"\0\0\0" + address(target) + data


def unwrapped(data: bytes) -> tuple[SocksTarget, bytes] | None:
    """Who sent a datagram that the relay passed on, and its bytes; None for what is none, or a fragment."""
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] != 0:
        return None
    try:
        sender, end = read_address(data[3:])
    except (ValueError, UnicodeDecodeError):
        return None
    return sender, data[3 + end :]
