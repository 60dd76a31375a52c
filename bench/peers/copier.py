"""The limit of passing a stream on: one process that copies the same bytes to some sockets, and does nothing else.

    python bench/peers/copier.py VIEWERS BYTES_A_SECOND

Prints the share of a core that it takes. Each socket is drained by a process of its own.
"""

from __future__ import annotations

import os
import socket
import sys
import time

SECONDS = 5.0
BLOCK = bytes(64 << 10)


def drained(ours: socket.socket, theirs: list[socket.socket]) -> int:
    """Start a process that reads one end; returns its id."""
    child = os.fork()
    if child == 0:
        for one in theirs:
            one.close()
        while ours.recv(1 << 18):
            pass
        os._exit(0)
    return child


def main() -> None:
    viewers, rate = int(sys.argv[1]), int(sys.argv[2])
    pairs = [socket.socketpair() for _ in range(viewers)]
    senders = [one for one, _ in pairs]
    children = [drained(other, senders) for _, other in pairs]
    began, cpu, sent = time.monotonic(), time.process_time(), 0
    while (passed := time.monotonic() - began) < SECONDS:
        while sent < passed * rate:
            for sender in senders:
                sender.sendall(BLOCK)
            sent += len(BLOCK)
        time.sleep(0.02)
    print((time.process_time() - cpu) / (time.monotonic() - began))
    for sender in senders:
        sender.close()
    for child in children:
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
