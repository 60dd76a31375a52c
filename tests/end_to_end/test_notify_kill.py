"""`kill -9` between what happens and its message: nothing is lost, and only what was on its way may come twice."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from support import patient

from .conftest import Process, Start
from .test_kill import QUIET


class Receiver:
    """A webhook that remembers what came, and answers only while it is open."""

    def __init__(self) -> None:
        self.came: list[str] = []
        self.open = threading.Event()
        self.open.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.came.append(body["message"])
                if receiver.open.is_set():
                    self.send_response(204)
                    self.end_headers()
                else:
                    receiver.open.wait(60)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.open.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def until(done: Callable[[], Any], what: str) -> None:
    end = time.monotonic() + patient(30)
    while not done():
        assert time.monotonic() < end, f"there was no end to waiting for {what}"
        time.sleep(0.05)


def fail(server: Process, name: str) -> None:
    """Something fails, and that is recorded."""
    source = {"kind": "m3u", "name": name, "url": str(server.folder / f"{name}.m3u"), "region": name}
    assert server.post("/api/v1/sources", source).status_code == 201
    until(lambda: any(name in text for text in failures(server)), "the failure")


def failures(server: Process) -> list[str]:
    return [item["message"] for item in server.get("/api/v1/activity", kind="playlist.failed").json()["items"]]


@pytest.mark.slow
def test_killed_between_the_record_and_the_message_nothing_is_lost(start: Start, receiver: Receiver) -> None:
    server = start(env=QUIET)
    target = {"kind": "webhook", "name": "Hook", "address": receiver.url, "wants": ["failed"]}
    assert server.post("/api/v1/notifications/targets", target).status_code == 201
    fail(server, "AA")
    server.kill()
    assert receiver.came == [], "it is collected for some seconds"
    server.start()
    until(lambda: receiver.came, "the message")

    # killed while it is sent: nobody knows whether it was taken
    receiver.open.clear()
    fail(server, "BB")
    with sqlite3.connect(server.folder / "nightcrew.db", timeout=30) as database:
        database.execute("UPDATE notice SET due_at = created_at WHERE state = 'waiting'")
    database.close()
    until(lambda: len(receiver.came) == 2, "the second message")
    server.kill()
    receiver.open.set()
    with sqlite3.connect(server.folder / "nightcrew.db", timeout=30) as database:
        database.execute("UPDATE notify_target SET busy_until = NULL")  # as if its lease had ended
    database.close()
    server.start()
    until(lambda: len(receiver.came) == 3, "the same message again")
    until(lambda: states(server) == ["sent", "sent"], "the end")
    server.kill()
    assert [text.partition(" ")[0] for text in receiver.came] == ["AA", "BB", "BB"]


def states(server: Process) -> list[str]:
    return [item["state"] for item in server.get("/api/v1/notifications").json()["items"]]
