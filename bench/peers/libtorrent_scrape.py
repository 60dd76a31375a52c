"""`python libtorrent_scrape.py PORT COUNT ROUNDS`: scrape that many torrents of a tracker on loopback with libtorrent.

It sends one hash a packet. Prints as JSON, for each number of questions at a time, how many seconds each round took.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from typing import Any

import libtorrent as lt


def session() -> Any:
    """One that talks to nobody but trackers, on loopback too."""
    settings = {
        "alert_mask": lt.alert.category_t.tracker_notification,
        "alert_queue_size": 10_000_000,
        "listen_interfaces": "127.0.0.1:0",
        "ssrf_mitigation": False,
        "active_limit": -1,
        **{f"enable_{name}": False for name in ("dht", "lsd", "upnp", "natpmp")},
    }
    return lt.session(settings)


def torrents(made: Any, port: int, count: int) -> list[Any]:
    """Torrents that do nothing, and have the tracker."""
    found = []
    for number in range(count):
        one = lt.add_torrent_params()
        one.info_hashes = lt.info_hash_t(lt.sha1_hash(hashlib.sha1(b"%d" % number).digest()))
        one.trackers, one.save_path, one.flags = (
            [f"udp://127.0.0.1:{port}/announce"],
            "/nowhere",
            lt.torrent_flags.paused,
        )
        found.append(made.add_torrent(one))
    return found


def scrape(made: Any, handles: list[Any], window: int) -> float:
    """Seconds until all are answered. Raises OSError when one fails."""
    began, left, waiting = time.perf_counter(), iter(handles), 0
    answered = 0
    while answered < len(handles):
        while waiting < window and (handle := next(left, None)) is not None:
            handle.scrape_tracker()
            waiting += 1
        made.wait_for_alert(1000)
        for alert in made.pop_alerts():
            if isinstance(alert, lt.scrape_failed_alert):
                raise OSError(alert.message())
            if isinstance(alert, lt.scrape_reply_alert):
                answered += 1
                waiting -= 1
    return time.perf_counter() - began


def main() -> None:
    """Several windows: which is best depends on the machine."""
    port, count, rounds = (int(one) for one in sys.argv[1:])
    made = session()
    handles = torrents(made, port, count)
    seconds = {window: [scrape(made, handles, window) for _ in range(rounds)] for window in (20, 50, 100)}
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
