"""Requests as they go over the wire: addresses, values, bodies, logins, and connections that were closed meanwhile."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from nightcrew.client import Failed, Row, Server, Unreachable
from support import free_port


class Told(ThreadingHTTPServer):
    """Answers with what it was asked. `gone` closes each connection behind its answer, without a word of it."""

    asked: list[dict[str, Any]]
    gone = False


@pytest.fixture
def told() -> Iterator[Told]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            one = {"method": self.command, "path": self.path, "body": body, "headers": dict(self.headers)}
            made.asked.append(one | {"connection": self.client_address[1]})
            content = json.dumps(one).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            self.close_connection = made.gone

        do_GET = do_POST = do_PATCH = do_DELETE = answer

        def log_message(self, *_: Any) -> None:
            pass

    made = Told(("127.0.0.1", 0), Handler)
    made.asked = []
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def test_values_and_names_arrive_as_they_are_meant(told: Told) -> None:
    server = Server(f"http://127.0.0.1:{told.server_port}/")
    paths = [
        server.get(Row, "/a", q="Ärzte & Co", wait=True, limit=None, size=5)["path"],
        server.get(Row, "/sources/Später #1")["path"],
        server.post(Row, "/refresh/*?container=mkv", rebuild=False)["path"],
    ]
    assert paths == [
        "/a?q=%C3%84rzte+%26+Co&wait=true&size=5",
        "/sources/Sp%C3%A4ter%20%231",
        "/refresh/*?container=mkv&rebuild=false",
    ]
    sent = server.patch(Row, "/settings", {"name": "Ä"})
    assert (sent["method"], json.loads(sent["body"]), sent["headers"]["Content-Type"]) == (
        "PATCH",
        {"name": "Ä"},
        "application/json",
    )
    assert server.post(Row, "/x")["headers"]["Content-Length"] == "0"
    server.close()
    assert len({one["connection"] for one in told.asked}) == 1


def test_a_server_below_a_path_and_behind_a_login_is_found(told: Told) -> None:
    server = Server(f"http://me:p%40ss@127.0.0.1:{told.server_port}/night/crew", "the-key")
    answer = server.get(Row, "/health")
    assert answer["path"] == "/night/crew/health"
    assert answer["headers"]["X-Api-Key"] == "the-key"
    assert base64.b64decode(answer["headers"]["Authorization"].removeprefix("Basic ")) == b"me:p@ss"
    server.close()


def test_a_connection_that_was_closed_meanwhile_is_opened_anew(told: Told) -> None:
    told.gone = True
    server = Server(f"http://127.0.0.1:{told.server_port}")
    for _ in range(3):
        server.get(Row, "/health")
        asking = server._asking._connection
        while asking.sock is not None and asking.sock.recv(1):  # until the server's end of it is seen
            pass
    server.close()
    assert len({one["connection"] for one in told.asked}) == 3


def test_what_cannot_be_sent_is_told_in_a_sentence() -> None:
    with pytest.raises(Failed, match="is no API key"):
        Server("http://127.0.0.1", "schlüssel\n").get(Row, "/health")
    for address in ("127.0.0.1:8780", "http://", "http://127.0.0.1:port", "http://[::1"):
        with pytest.raises(Failed, match="is not an address"):
            Server(address).get(Row, "/health")
    with pytest.raises(Unreachable, match="no Nightcrew answers"):
        Server(f"http://127.0.0.1:{free_port()}").get(Row, "/health")
