"""Sockets that belong to one device: made, bound to it, read back, and only then connected.

`SO_BINDTODEVICE` holds a socket to the device's number, so that neither a missing route, nor the device's end, nor another device
of its name leads a packet elsewhere. It needs no privilege for a socket that is not bound yet (Linux 5.7).
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from nightcrew.kernel.routes.base import RouteDown
from nightcrew.kernel.routes.hops import as_address

LONGEST_DEVICE = 15
"""Bytes of a device's name (IFNAMSIZ - 1)."""
RESTING = 20.0
"""Seconds for which a socket that is not used any more still takes what comes for it."""
LONGEST = 900.0
"""Seconds for which it stays while its route is down: the other side of a connection tries for that long (RFC 9293, tcp(7))."""
MOST_RESTING = 800
SWEEP = 0.5
"""Seconds between two looks at all of them."""
_BIND_TO_INDEX = 62
"""SO_BINDTOIFINDEX, which Python has no name for; reading it gives the number that a socket is held to."""
_CLOSED = 7
"""TCP_CLOSE, the first byte of TCP_INFO."""
_AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER: closing resets the connection."""


def can_bind() -> bool:
    """Whether this system can hold a socket to a device."""
    return sys.platform == "linux" and hasattr(socket, "SO_BINDTODEVICE")


def bound(device: str, index: int, family: int, kind: int) -> socket.socket:
    """A socket of the device, not connected. `index`: the device's number as the last look saw it; 0: whatever it is.

    Raises `RouteDown` when it cannot be held to exactly this device.
    """
    if not can_bind():
        raise RouteDown("only Linux can hold a connection to a device")
    made = socket.socket(family, kind)
    try:
        made.setblocking(False)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode() + b"\0")
        _read_back(made, device, index)
    except OSError as exc:
        made.close()
        if exc.errno == errno.ENODEV:
            raise RouteDown(f"there is no device {device}") from exc
        raise RouteDown(f"a connection cannot be held to the device {device}: {exc.strerror}") from exc
    except RouteDown:
        made.close()
        raise
    return made


def _read_back(made: socket.socket, device: str, index: int) -> None:
    """Raises `RouteDown` unless the kernel says of the socket what it was told."""
    said = made.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, LONGEST_DEVICE + 1).rstrip(b"\0").decode()
    number = made.getsockopt(socket.SOL_SOCKET, _BIND_TO_INDEX)
    if said != device or number <= 0 or (index and number != index):
        raise RouteDown(f"the device {device} is not the one that was looked at")


async def connected(made: socket.socket, address: str, port: int) -> socket.socket:
    """Connect a socket of a device to an address. Raises `OSError`; the socket is then closed."""
    try:
        if as_address(address) is None:
            raise OSError(errno.EADDRNOTAVAIL, f"{address} is no IP address")
        if made.type & socket.SOCK_DGRAM:
            made.connect((address, port))  # of UDP: sets the peer, sends nothing, and does not wait
        else:
            await asyncio.get_running_loop().sock_connect(made, (address, port))
    except BaseException:
        REST.keep(os.dup(made.fileno()))  # an answer to what was begun may still come
        made.close()
        raise
    return made


def ended(made: socket.socket) -> None:
    """End a connection for whoever reads it: it reads the end. Nothing is sent."""
    with suppress(OSError):
        made.shutdown(socket.SHUT_RD)


@dataclass(frozen=True, slots=True)
class _Resting:
    descriptor: int
    until: float
    device: Callable[[], int] | None


class RestingSockets:
    """Sockets that nobody uses any more and that stay a while, so that what still comes for them finds one.

    Else the kernel itself answers (a reset, "port unreachable"), and that answer is held to no device. What comes fills a small
    buffer, and then is dropped. A rule for the tunnel's address holds such answers to the tunnel as well (docs/routes.md): this
    is the second of two locks.
    """

    def __init__(self) -> None:
        self._kept: deque[_Resting] = deque()
        self._swept = 0.0

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, descriptor: int, *, finished: bool = False, device: Callable[[], int] | None = None) -> None:
        """Keep a socket; it is closed here later. `finished`: the other side of a TCP connection is told at once that nothing more comes.

        Not so where its reading side is shut already: the kernel then resets the connection at the next byte, and has no socket
        for what follows. `device`: the number of its route's device while that is up, else 0. At its end a connection is reset, so
        that the other side sends nothing more; which it hears only by a route that leads to it.
        """
        self._sweep()
        self._kept.append(_Resting(descriptor, time.monotonic() + RESTING, device))
        with socket.socket(fileno=os.dup(descriptor)) as one, suppress(OSError):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)  # the least there is
            if finished:
                one.shutdown(socket.SHUT_WR)

    def _sweep(self) -> None:
        """Close what nothing comes for any more, and the oldest where there are too many."""
        now = time.monotonic()
        if len(self._kept) < MOST_RESTING and now - self._swept < SWEEP:
            return
        self._swept = now
        staying: deque[_Resting] = deque()
        for one in self._kept:
            present = one.device() if one.device else None
            leads = present is None or present > 0
            if present:
                _move(one.descriptor, present)
            if _is_over(one.descriptor) or (one.until <= now and (leads or one.until + LONGEST <= now)):
                _close(one.descriptor)
            else:
                staying.append(one)
        while len(staying) >= MOST_RESTING:
            _close(staying.popleft().descriptor)
        self._kept = staying


def _move(descriptor: int, device: int) -> None:
    """Hold a socket to a device that was made anew, else what comes for it finds none. That takes CAP_NET_RAW."""
    with socket.socket(fileno=os.dup(descriptor)) as one, suppress(OSError):
        if one.getsockopt(socket.SOL_SOCKET, _BIND_TO_INDEX) != device:
            one.setsockopt(socket.SOL_SOCKET, _BIND_TO_INDEX, device)


def _close(descriptor: int) -> None:
    with socket.socket(fileno=descriptor) as one, suppress(OSError):
        if one.type is socket.SOCK_STREAM:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)


def _is_over(descriptor: int) -> bool:
    """Whether both sides of a TCP connection have ended it, so that the kernel knows what to answer without its socket."""
    with socket.socket(fileno=os.dup(descriptor)) as one, suppress(OSError):
        return one.type is socket.SOCK_STREAM and one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _CLOSED
    return False


REST = RestingSockets()
"""Of this process."""
