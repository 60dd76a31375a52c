"""Tells whether streams are live, and what they are called: `python -m nightcrew.recorder.scout`.

Reads a line of JSON for each question and writes one for each answer, in any order. Ends with its standard input.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

from nightcrew.recorder.wire import LiveStatus, Order

AT_ONCE = 8
MAX_TEXT = 500


def look(number: int, order: Order, *, recorded: bool = False) -> LiveStatus:
    """Ask one source. One that is `recorded` now is not opened a second time: only what its site says of it is asked for."""
    from streamlink.exceptions import StreamError

    from nightcrew.recorder.fetch import said, session
    from nightcrew.recorder.protection import Protected
    from nightcrew.recorder.segments import ended
    from nightcrew.recorder.source import Offline, Unreadable, is_named, resolve

    if recorded and not is_named(session({}, private=order.private), order.url):
        return LiveStatus(number, live=True)
    try:
        with contextlib.closing(resolve(order)) as source:
            if source.hls is not None and ended(source, source.hls):
                return LiveStatus(number, live=False, error="its playlist has ended")
    except Offline as exc:
        return LiveStatus(number, live=False, error=str(exc))
    except Protected as exc:
        return LiveStatus(number, live=None, error=str(exc), protected=True)
    except (Unreadable, OSError, ValueError, StreamError) as exc:
        return LiveStatus(number, live=None, error=(str(exc) if isinstance(exc, Unreadable) else said(exc))[:MAX_TEXT])
    return LiveStatus(number, True, source.title[:MAX_TEXT], source.category[:MAX_TEXT], source.author[:MAX_TEXT])


def answer(number: int, order: Order, *, recorded: bool = False) -> LiveStatus:
    """As `look`. Catches everything: a plugin of streamlink may raise anything, and who asks would wait for an answer in vain."""
    try:
        return look(number, order, recorded=recorded)
    except Exception as exc:  # noqa: BLE001 - a plugin's defect is an answer too
        return LiveStatus(number, live=None, error=f"its plugin failed: {type(exc).__name__}")


def main() -> None:
    """Answer until standard input ends."""
    answers, writing = os.fdopen(os.dup(1), "w", encoding="utf-8"), threading.Lock()
    os.dup2(2, 1)  # what a library prints must not come between the answers

    def write(number: int, order: Order, *, recorded: bool) -> None:
        found = answer(number, order, recorded=recorded)
        with writing, contextlib.suppress(OSError):
            answers.write(json.dumps(asdict(found)) + "\n")
            answers.flush()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for line in sys.stdin:
            asked = json.loads(line)
            number, recorded = int(asked.pop("id")), bool(asked.pop("recorded"))
            pool.submit(write, number, Order(**asked), recorded=recorded)
        pool.shutdown(wait=False, cancel_futures=True)
    os._exit(0)


if __name__ == "__main__":
    main()
