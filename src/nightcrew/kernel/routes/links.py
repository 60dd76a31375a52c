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
_MOST_PARTS = 1_000
EVERY = -1
"""Among the numbers of devices that have ended: any may have."""


_TABLE, _MAIN, _DUMP, _STRICT, _SOL_NETLINK = 15, 254, 0x300, 12, 270
_NAME_TABLE = 0x1000
"""RTM_F_LOOKUP_TABLE: have the answer say which table it is from."""
_STOPS = {6, 7, 8}
"""Kinds of routes that lead nowhere: blackhole, unreachable, prohibit."""


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
    return _number(_looked_up(source, destination), _OUT)


def has_backstop(source: str, destination: str) -> bool:
    """Whether the table that answers from `source` leads nowhere without the device, and not on to another table.

    True also for the main table, behind which there is none.
    """
    found = _looked_up(source, destination)
    table = _number(found, _TABLE)
    if table in {0, _MAIN}:
        return True
    body = struct.pack("=BBBBBBBBI", found[16], 0, 0, 0, 0, 0, 0, 0, 0) + struct.pack("=HHI", 8, _TABLE, table)
    with _netlink() as asking:
        asking.setsockopt(_SOL_NETLINK, _STRICT, 1)
        asking.send(struct.pack("=IHHII", 16 + len(body), _GET_ROUTE, _REQUEST | _DUMP, 1, 0) + body)
        for _ in range(_MOST_PARTS):
            messages = asking.recv(65_536)
            for kind, message in _messages(messages):
                if kind != _NEW_ROUTE:
                    return False
                if message[17] == 0 and message[23] in _STOPS and _number(message, _TABLE) == table:
                    return True
    return False


def _looked_up(source: str, destination: str) -> bytes:
    """What the kernel says of the way from one address to another; empty when there is none. Raises `OSError`."""
    four = ipaddress.ip_address(source).version == 4
    family, bits = (socket.AF_INET, 32) if four else (socket.AF_INET6, 128)
    body = struct.pack("=BBBBBBBBI", family, bits, bits, 0, 0, 0, 0, 0, _NAME_TABLE)
    for kind, address in ((_DESTINATION, destination), (_SOURCE, source)):
        packed = ipaddress.ip_address(address).packed
        body += struct.pack("=HH", 4 + len(packed), kind) + packed
    with _netlink() as asking:
        asking.send(struct.pack("=IHHII", 16 + len(body), _GET_ROUTE, _REQUEST, 1, 0) + body)
        kind, message = next(_messages(asking.recv(8192)), (0, b""))
    return message if kind == _NEW_ROUTE else b""


def _netlink() -> socket.socket:
    asking = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    asking.settimeout(1.0)
    return asking


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The messages of one answer, each with its kind (netlink(7))."""
    place = 0
    while place + 16 <= len(data):
        size, kind = struct.unpack_from("=IH", data, place)
        yield kind, data[place : place + size]
        place += max(16, (size + 3) & ~3)


def _number(message: bytes, wanted: int) -> int:
    """An attribute of a route that is a number; 0 where it has none."""
    place = 16 + 12
    while place + 4 <= len(message):
        length, attribute = struct.unpack_from("=HH", message, place)
        if attribute == wanted and length == 8:
            return int(struct.unpack_from("=I", message, place + 4)[0])
        place += max(4, (length + 3) & ~3)
    return 0


def _hearing() -> socket.socket | None:
    """A socket that hears of changes; None where this system has none, or does not let us."""
    if sys.platform != "linux":
        return None
    hearing = None
    try:
        hearing = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
        hearing.bind((0, GROUPS))
    except OSError:
        if hearing is not None:
            hearing.close()
        return None
    return hearing


def _ended(messages: bytes) -> set[int]:
    """The numbers of devices that messages say have ended."""
    ended = (message for kind, message in _messages(messages) if kind == _DEL_LINK and len(message) >= 24)
    return {int(struct.unpack_from("=i", message, 20)[0]) for message in ended}


@contextlib.contextmanager
def watching(changed: Callable[[set[int]], None]) -> Iterator[None]:
    """While the block lasts, call `changed` on the event loop whenever devices, addresses, routes or rules change (Linux).

    It gets the numbers of devices that have ended: another may have the number already. Where the kernel does not tell, nothing
    calls it, and changes are seen at the next look.
    """
    hearing = _hearing()
    if hearing is None:
        yield
        return
    loop = asyncio.get_running_loop()
    with hearing:

        def heard() -> None:
            gone: set[int] = set()
            with contextlib.suppress(BlockingIOError):
                while True:
                    try:
                        gone |= _ended(hearing.recv(65_536))
                    except OSError as exc:
                        if isinstance(exc, BlockingIOError):
                            raise
                        gone.add(EVERY)  # more came than was kept
                        break
            changed(gone)

        loop.add_reader(hearing, heard)
        try:
            yield
        finally:
            loop.remove_reader(hearing)
