"""A thread that sees a blocked event loop, which no task on the loop can see, and answers in its place meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import json
import select
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

log = structlog.get_logger("nightcrew.health")

LOOP_BLOCKED = 5.0
"""An event loop that does not turn for this many seconds is reported with its stack."""
TURN = 0.5
LOOK = 1.0
YIELD = 0.2
"""Seconds in which a loop that has just begun to turn again can take a client itself: it gives a better answer."""
CLIENT_TIME = 2.0
"""Seconds that a client has for its request while the thread answers: it serves one at a time."""
MAX_HEAD = 16_384


class Pulse:
    """Watches one event loop from its creation until `stop`.

    `listener` is the server's listening socket. While the loop stands still this thread accepts in its place, so that
    `/health` says what is wrong when it matters most. `report(sentence)` gives that answer's JSON, `blocked(seconds)` counts.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        listener: socket.socket | None,
        *,
        report: Callable[[str], dict[str, Any]],
        blocked: Callable[[float], None],
    ) -> None:
        self._loop = loop
        self._listener = listener
        self._report = report
        self._blocked = blocked
        self._looping = threading.get_ident()
        self._beat = time.monotonic()
        self._stop = threading.Event()
        self._turn()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._thread.start()

    def _turn(self) -> None:
        self._beat = time.monotonic()
        if not self._stop.is_set():
            self._loop.call_later(TURN, self._turn)

    def stop(self) -> None:
        """Let the thread end; it takes no further connection."""
        self._stop.set()

    @property
    def silent(self) -> float:
        """Seconds since the loop turned last."""
        return time.monotonic() - self._beat

    def _watch(self) -> None:
        reported = False
        while not self._stop.wait(LOOK if not reported else 0.0):
            if self.silent <= LOOP_BLOCKED:
                reported = False
                continue
            if not reported:
                reported = True
                self._blocked(self.silent)
                log.critical(self._sentence(), stack="".join(self._stack().format()))
            began = time.monotonic()
            self._answer_one()
            self._blocked(time.monotonic() - began)

    def _answer_one(self) -> None:
        """Wait up to a second for a client; the loop's own accept fails harmlessly when this one was first."""
        if self._listener is None:
            self._stop.wait(LOOK)
            return
        try:
            if not _waits(self._listener, LOOK) or self._stop.wait(YIELD):
                return
            if self.silent <= LOOP_BLOCKED or not _waits(self._listener, 0.0):
                return
            client, _address = self._listener.accept()
        except (OSError, ValueError):  # taken by the loop after all, or closed
            self._stop.wait(TURN)
            return
        with (
            contextlib.suppress(OSError, RuntimeError),
            client,
        ):  # the latter: the loop turned while the report was made
            client.settimeout(CLIENT_TIME)
            self._reply(client)

    def _reply(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head and len(head) < MAX_HEAD:
            block = client.recv(4096)
            if not block:
                return
            head += block
        body = json.dumps(self._report(self._sentence())).encode()
        client.sendall(
            b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n"
            b"Retry-After: 5\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        if not head.startswith(b"HEAD "):
            client.sendall(body)

    def _sentence(self) -> str:
        stack = self._stack()
        where = f", in {Path(stack[-1].filename).name} line {stack[-1].lineno} ({stack[-1].name})" if stack else ""
        return f"the event loop has stood still for {self.silent:.0f} s{where}"

    def _stack(self) -> traceback.StackSummary:
        return traceback.extract_stack(sys._current_frames().get(self._looping))


def _waits(listener: socket.socket, patience: float) -> bool:
    """Whether a client waits to be taken, now or within so many seconds."""
    return bool(select.select([listener], [], [], patience)[0])
