"""What the kernel says of devices and of where packets would leave, without asking for any privilege (rtnetlink, ioctl)."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_LINK, _IPV4_ADDRESS, _IPV4_ROUTE, _IPV4_RULE, _IPV6_ADDRESS, _IPV6_ROUTE = 0x1, 0x10, 0x40, 0x80, 0x100, 0x400
GROUPS = _LINK | _IPV4_ADDRESS | _IPV4_ROUTE | _IPV4_RULE | _IPV6_ADDRESS | _IPV6_ROUTE
"""Multicast groups of rtnetlink(7) that tell of changes."""
_GET_FLAGS = 0x8913
_UP, _RUNNING = 0x1, 0x40
_GET_ROUTE, _REQUEST, _NEW_ROUTE, _DEL_LINK = 26, 0x1, 24, 17
_DESTINATION, _SOURCE, _OUT = 1, 2, 4
_UNREACHED = 0


@dataclass(frozen=True, slots=True)
class DeviceLink:
    """A device as it is now. `index` 0: there is none."""

    index: int = 0
    up: bool = False


def link_of(device: str) -> DeviceLink:
    """What the kernel says of a device."""
    import fcntl

    try:
        index = socket.if_nametoindex(device)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            answer = fcntl.ioctl(asking, _GET_FLAGS, struct.pack("16sH14x", device.encode(), 0))
    except OSError:
        return DeviceLink()
    flags = struct.unpack_from("H", answer, 16)[0]
    return DeviceLink(index, bool(flags & _UP and flags & _RUNNING))


def leaves_by(source: str, destination: str) -> int:
    """The number of the device by which the kernel itself would send from one address to another; 0: by none.

    That is how it answers late packets of a connection that is closed (a reset, "port unreachable"): no socket holds it to a device.
    """
    four = ipaddress.ip_address(source).version == 4
    family, bits = (socket.AF_INET, 32) if four else (socket.AF_INET6, 128)
    body = struct.pack("=BBBBBBBBI", family, bits, bits, 0, 0, 0, 0, 0, 0)
    for kind, address in ((_DESTINATION, destination), (_SOURCE, source)):
        packed = ipaddress.ip_address(address).packed
        body += struct.pack("=HH", 4 + len(packed), kind) + packed
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as asking:
        asking.settimeout(1.0)
        asking.send(struct.pack("=IHHII", 16 + len(body), _GET_ROUTE, _REQUEST, 1, 0) + body)
        return _out_of(asking.recv(8192))


def _out_of(answer: bytes) -> int:
    size, kind = struct.unpack_from("=IH", answer)
    if kind != _NEW_ROUTE:
        return _UNREACHED
    place = 16 + 12
    while place + 4 <= min(size, len(answer)):
        length, attribute = struct.unpack_from("=HH", answer, place)
        if attribute == _OUT and length == 8:
            return int(struct.unpack_from("=I", answer, place + 4)[0])
        place += max(4, (length + 3) & ~3)
    return _UNREACHED


def _ended(messages: bytes) -> set[int]:
    """The numbers of devices that messages say have ended."""
    found, place = set(), 0
    while place + 24 <= len(messages):
        size, kind = struct.unpack_from("=IH", messages, place)
        if kind == _DEL_LINK:
            found.add(int(struct.unpack_from("=i", messages, place + 20)[0]))
        place += max(16, (size + 3) & ~3)
    return found


@contextlib.contextmanager
def watching(changed: Callable[[set[int]], None]) -> Iterator[None]:
    """While the block lasts, call `changed` on the event loop whenever devices, addresses, routes or rules change (Linux).

    It gets the numbers of devices that have ended: another may have the number already.
    """
    if sys.platform != "linux":
        yield
        return
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE) as hearing:
        hearing.bind((0, GROUPS))

        def heard() -> None:
            gone: set[int] = set()
            with contextlib.suppress(BlockingIOError):
                while True:
                    try:
                        gone |= _ended(hearing.recv(65_536))
                    except OSError as exc:
                        if isinstance(exc, BlockingIOError):
                            raise
                        break  # more came than was kept: all is looked at anyway
            changed(gone)

        loop.add_reader(hearing, heard)
        try:
            yield
        finally:
            loop.remove_reader(hearing)
