"""What holds for every command, of the kernel and of each domain: its help, its options, and how it fails."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from support import free_port
from terminal import Result, commands, run

HERE = {"serve", "worker", "demo", "doctor", "passwd", "backup", "restore"}
"""Commands that ask no server."""
WITHOUT_A_RESULT = {("serve",), ("worker",), ("demo",), ("passwd",)}
"""They run until they are stopped, or ask somebody at a terminal."""
ASKING = [(words, command) for words, command in commands() if words[0] not in HERE]
NEEDED = {
    "source": "1",
    "token": "1",
    "stream": "1",
    "run": "1",
    "recording": "1",
    "download": "1",
    "offer": "1",
    "track": "1",
    "movie": "1",
    "show": "1",
    "number": "1",
    "handover": "1",
    "field": "name=A",
}
MORE = {
    ("check",): ["--all"],
    ("record",): ["http://192.0.2.1/"],
    ("recordings", "watch", "add"): ["http://192.0.2.1/"],
    ("recordings", "delete"): ["--yes"],
    ("connections", "remove"): ["--yes"],
    ("connections", "change"): ["--off"],
    ("movies", "indexer", "add"): ["--no-key"],
    ("movies", "drop"): ["--yes"],
}


def call(words: tuple[str, ...], command: Any, folder: Path, *more: str) -> Result:
    """The command with what it has to be given."""
    (folder / "config.json").write_text("{}")
    values = NEEDED | {"file": str(folder / "config.json")}
    needed = [values.get(p.name, "x") for p in command.params if p.param_type_name == "argument" and p.required]
    return run(*words, *needed, *MORE.get(words, []), *more)


@dataclass
class Stranger:
    """A web server that is no Nightcrew: every request has the same answer."""

    body: bytes = b"{}"
    status: int = 200

    def __post_init__(self) -> None:
        stranger = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", "0")))
                self.send_response(stranger.status)
                self.send_header("Content-Length", str(len(stranger.body)))
                self.end_headers()
                self.wfile.write(stranger.body)

            do_GET = do_POST = do_PATCH = do_DELETE = answer

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def stranger(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stranger]:
    made = Stranger()
    monkeypatch.setenv("NIGHTCREW_URL", made.url)
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_every_command_and_every_option_has_help() -> None:
    for words, command in commands():
        assert command.help, words
        assert re.fullmatch(r"[A-Z*].*[.?]", command.help, re.DOTALL), (words, command.help)
        for parameter in command.params:
            assert parameter.help or parameter.name == "help", (words, parameter.name)


def test_every_command_that_asks_has_the_same_three_options() -> None:
    for words, command in ASKING:
        options = {option for parameter in command.params for option in parameter.opts}
        assert {"--url", "--api-key"} <= options, words


def test_what_any_command_finds_can_be_had_as_json() -> None:
    for words, command in commands():
        options = {option for parameter in command.params for option in parameter.opts}
        assert ("--json" in options) is (words not in WITHOUT_A_RESULT), words


def test_with_nobody_there_each_ends_with_1_and_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NIGHTCREW_URL", f"http://127.0.0.1:{free_port()}")
    for words, command in ASKING:
        call(words, command, tmp_path).failed("no Nightcrew answers at http://127.0.0.1:")


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"<html>", 200), (b"[]", 200), (b"null", 200), (b"[]", 500), (b"{}", 404)],
)
def test_a_stranger_is_told_in_a_sentence(stranger: Stranger, tmp_path: Path, body: bytes, status: int) -> None:
    stranger.body, stranger.status = body, status
    for words, command in ASKING:
        result = call(words, command, tmp_path)
        assert "Traceback" not in result.err, (words, result)
        removes = {"remove", "revoke", "remove-profile"} & set(words)
        if not (removes and status == 200):
            result.failed("")


def test_a_server_of_another_version_is_told_in_a_sentence(stranger: Stranger, tmp_path: Path) -> None:
    for body in ({}, {"items": [{}]}, {"items": [{"id": 1, "name": "x"}], "jobs": ["x"], "feeds": [{}]}):
        stranger.body = json.dumps(body).encode()
        for words, command in ASKING:
            result = call(words, command, tmp_path)
            assert result.code in {0, 1}, (words, result)
            assert "Traceback" not in result.err, (words, result)
            if result.code == 1:
                assert "nightcrew: " in result.err.splitlines()[-1], (words, result)


@pytest.mark.parametrize("address", ["no address", "http://[", "ftp://192.0.2.1", "http://127.0.0.1:99999", ""])
def test_what_is_no_address_is_told_in_a_sentence(address: str, tmp_path: Path) -> None:
    for words, command in ASKING[:3]:
        call(words, command, tmp_path, "--url", address).failed("")


def test_wrong_use_ends_with_2(tmp_path: Path) -> None:
    for words, _ in commands():
        result = run(*words, "--no-such-option")
        assert (result.code, result.out) == (2, ""), words
        assert "Traceback" not in result.err
