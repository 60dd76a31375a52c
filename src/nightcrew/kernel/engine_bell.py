"""DBOS looks into its queues when there may be something to begin, and not twice a second.

A thread of DBOS for each queue asks the database whether a run may begin, and then sleeps. It sleeps on an event of `threading`,
the one that tells it to stop. Here it is handed another one, whose sleep ends when the bell is rung as well.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import dbos._dbos
import dbos._workflow_commands
from dbos._utils import INTERNAL_QUEUE_NAME

REST = 60.0
"""Seconds after which a queue is looked into unasked: what was missed (a database that was away) waits so long at most."""
AGAIN = 0.5
"""Seconds before another look, after two nodes have got into each other's way."""
WORKER = "queue-worker-"
"""How the name of a thread that looks into a queue begins; the queue's own name follows."""

_queues: Callable[..., None] = dbos._dbos.queue_thread
_recovery: Callable[..., None] = dbos._dbos.startup_recovery_thread


class Bell:
    """Wakes the threads that look into queues. Safe to be rung from any thread, also while nobody sleeps."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._rung: Counter[str | None] = Counter()
        self._heard = threading.local()

    def ring(self, queue: str | None = None) -> None:
        """Have a queue looked into; None: all of them."""
        with self._changed:
            self._rung[queue] += 1
            self._changed.notify_all()

    def hang_up(self) -> None:
        """Have the threads of the DBOS that is launched next sleep on this bell."""

        def queues(stop: threading.Event, *rest: Any) -> None:
            _queues(Sleep(self, stop), *rest)

        def recovery(*rest: Any) -> None:
            _recovery(*rest)
            self.ring()  # what went on before waits in its queue again

        vars(dbos._dbos).update(queue_thread=queues, startup_recovery_thread=recovery)
        vars(dbos._workflow_commands).update(_BACKGROUND_JOBS_INTERVAL_SEC=REST)

    def wait(self, timeout: float, stopped: Callable[[], bool]) -> bool:
        """Sleep until the bell has been rung since this thread's last sleep; returns whether `stopped`.

        The first sleep of a thread is none.
        """
        until = time.monotonic() + timeout
        queue = threading.current_thread().name.removeprefix(WORKER)
        with self._changed:
            while getattr(self._heard, "last", -1) == self._count(queue) and not stopped():
                left = until - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
            self._heard.last = self._count(queue)
        return stopped()

    def _count(self, queue: str) -> int:
        return self._rung[None] + self._rung[queue]


class Sleep:
    """What a thread of DBOS takes for the event that stops it."""

    def __init__(self, bell: Bell, stop: threading.Event) -> None:
        self._bell, self._stop = bell, stop
        tell = stop.set

        def stopping() -> None:
            tell()
            bell.ring()

        stop.set = stopping  # type: ignore[method-assign]  # whoever sets it wakes who sleeps

    def is_set(self) -> bool:
        """Whether the thread is to end."""
        return self._stop.is_set()

    def wait(self, timeout: float) -> bool:
        """Sleep; returns whether the thread is to end.

        DBOS itself chooses a second where it looks for new queues, and for its own queue: nothing comes there without a ring. It
        doubles a queue's time to the next look when another node was in the way: nobody may ring for what it has left there.
        """
        name = threading.current_thread().name
        if not name.startswith(WORKER) or name == f"{WORKER}{INTERNAL_QUEUE_NAME}":
            timeout = REST
        elif timeout > 1.5 * REST:
            timeout = AGAIN
        return self._bell.wait(timeout, self._stop.is_set)
