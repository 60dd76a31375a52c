"""Debian's opentracker as a program of its own on loopback, and peers that announce themselves to it, for tests and benches."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from support import free_port

NAME = "opentracker"
PROTOCOL = 0x41727101980
STARTED, COMPLETED = 2, 1
PROBE = b"torrent of the tests"
WINDOW = 32

Wanted = tuple[int, int, int]
"""Seeds, leechers, and how many of the seeds have fetched it while the tracker looked on."""


def program() -> str | None:
    """Where it is; None when it is not installed."""
    return shutil.which(NAME, path="/usr/local/bin:/usr/bin:/usr/sbin:/bin")


@contextlib.contextmanager
def running(folder: Path, hashes: list[bytes]) -> Iterator[int]:
    """Its port, for UDP and TCP, while it knows that these torrents may be announced. Debian's knows no others."""
    found = program()
    assert found is not None
    folder = folder / NAME
    folder.mkdir()
    folder.chmod(0o755)  # started as root it locks itself in there, and goes on as nobody
    (folder / "whitelist").write_text("".join(f"{one.hex()}\n" for one in [*hashes, PROBE]))
    port = free_port()
    command = [found, "-i", "127.0.0.1", "-p", str(port), "-P", str(port), "-w", "whitelist", "-d", str(folder)]
    user = "nobody" if os.geteuid() == 0 else getpass.getuser()
    process = subprocess.Popen([*command, "-u", user], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with Announcer(port) as peers:
            peers.wait(60.0)
        yield port
    finally:
        process.kill()
        process.wait()


class Announcer:
    """Peers behind one socket (BEP 15): a tracker tells them apart by the ports that they say they have."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(("127.0.0.1", port))
        self._connection, self._transaction = 0, 0

    def __enter__(self) -> Announcer:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def connect(self, seconds: float) -> None:
        """Get a connection id; the tracker may be starting."""
        until = time.monotonic() + seconds
        self._socket.settimeout(0.1)
        while time.monotonic() < until:
            try:
                self._transaction += 1
                self._socket.send(struct.pack(">QII", PROTOCOL, 0, self._transaction))
                while (answer := struct.unpack(">IIQ", self._socket.recv(100)))[1] != self._transaction:
                    pass  # to a request that was given up
                self._connection = answer[2]
                return
            except (TimeoutError, ConnectionRefusedError):
                time.sleep(0.02)
        raise TimeoutError("the tracker does not start")

    def wait(self, seconds: float) -> None:
        """Until the tracker has read which torrents it may know. Before that it takes announces, and forgets them."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.announce({PROBE: (1, 0, 0)})
            self._socket.send(struct.pack(">QII", self._connection, 2, 8) + PROBE)
            if struct.unpack(">IIIII", self._socket.recv(100))[2]:
                return
            time.sleep(0.02)
        raise TimeoutError("the tracker does not start")

    def announce(self, wanted: Mapping[bytes, Wanted]) -> None:
        """Make the swarms of these torrents what is wanted."""
        self.connect(60.0)
        self._socket.settimeout(5.0)
        waiting = 0
        for one, event, port, left in _events(wanted):
            peer = b"-XX0000-" + struct.pack(">I", port) * 3
            body = struct.pack(">QII", self._connection, 1, 9) + one + peer
            body += struct.pack(">QQQIIIiH", 0, left, 0, event, 0, port, 0, port)
            self._socket.send(body)
            waiting += 1
            if waiting == WINDOW:
                self._answers(waiting)
                waiting = 0
        self._answers(waiting)

    def _answers(self, count: int) -> None:
        for _ in range(count):
            action = struct.unpack_from(">I", self._socket.recv(2048))[0]
            assert action == 1, "an announce was refused"


def _events(wanted: Mapping[bytes, Wanted]) -> Iterator[tuple[bytes, int, int, int]]:
    """Hash, event, port, and bytes that the peer has to fetch yet."""
    for one, (seeds, leechers, completed) in wanted.items():
        assert completed <= seeds
        for number in range(seeds):
            yield one, COMPLETED if number < completed else STARTED, 10_000 + number, 0
        for number in range(leechers):
            yield one, STARTED, 30_000 + number, 1
