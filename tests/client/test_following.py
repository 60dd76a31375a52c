"""Following what goes on at a server: when it is looked at, what is said, and how it ends."""

from __future__ import annotations

import io
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import pytest
import typer

from nightcrew.client import Changes, Failed, Server, Unreachable, changes, exits, follow, follow_jobs, patiently
from nightcrew.client.following import JOBS, JobJson


def job(state: str = "running", **more: Any) -> JobJson:
    fields: JobJson = {
        "id": "j1", "title": "A list", "state": state, "progress": None, "message": "", "error": None, "result": None,
    }  # fmt: skip
    return {**fields, **more}  # type: ignore[typeddict-item]


class Played(Server):
    """A server whose answers are given; those that are errors are raised."""

    def __init__(self, *answers: JobJson | BaseException) -> None:
        super().__init__()
        self.answers = list(answers)

    def ask(self, method: str, path: str, /, **more: Any) -> Any:
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def events(self) -> httpx2.Response:
        raise Failed("there is no stream of events")


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pauses between looks."""
    monkeypatch.setattr(changes, "LOOK_EVERY", 0.0)
    monkeypatch.setattr(changes, "SOON", 0.0)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


# -- to the end --------------------------------------------------------------------------------------------------------


def test_a_line_is_said_for_each_state(at_once: None, capsys: pytest.CaptureFixture[str]) -> None:
    server = Played(job(), job(message="half of it"), job("done", message="all of it"))
    (ended,) = follow(server, [job("queued")], JOBS, lines=True)
    assert ended["state"] == "done"
    assert capsys.readouterr() == ("A list\nA list\nall of it\n", "")


def test_who_did_not_ask_for_lines_gets_none(at_once: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert follow_jobs(Played(job("queued"), job(), job("failed")), ["j1"])[0]["state"] == "failed"
    assert capsys.readouterr() == ("", "")


def test_what_is_over_is_not_looked_at() -> None:
    assert follow(Played(), [job("done")], JOBS) == [job("done")]
    assert follow(Played(), [], JOBS) == []


def test_several_are_followed_until_the_last_is_over(at_once: None) -> None:
    first, second = job("running"), {**job("running"), "id": "j2"}
    server = Played(job("done"), {**second}, {**second}, {**second, "state": "cancelled"})  # type: ignore[arg-type]
    ended = follow(server, [first, second], JOBS)  # type: ignore[list-item]
    assert [(one["id"], one["state"]) for one in ended] == [("j1", "done"), ("j2", "cancelled")]
    assert server.answers == []


def test_on_a_terminal_there_is_a_bar_and_no_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = Terminal()
    monkeypatch.setattr(changes, "SOON", 0.3)  # the bar is drawn ten times a second
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setenv("TERM", "xterm")
    away = Unreachable("nobody")
    title = "\x1b]0;[red]List\a"
    follow(Played(job(message=title, progress=0.5), away, job("done")), [job(message=title)], JOBS, lines=True)
    assert "[red]List" in shown.getvalue(), "titles are no markup"
    assert "\x1b]0;" not in shown.getvalue(), "and no orders to the terminal"
    assert capsys.readouterr().out == ""


def test_the_interrupt_ends_the_following_with_130_and_says_how_to_go_on(
    at_once: None, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as ended:
        follow(Played(job(), KeyboardInterrupt()), [job()], JOBS)
    assert ended.value.exit_code == exits.INTERRUPTED
    assert capsys.readouterr().err == (
        "job j1 goes on, and is not followed any more; see `nightcrew jobs show j1`, end it with `nightcrew jobs cancel j1`\n"
    )


# -- a server that is away ---------------------------------------------------------------------------------------------


def test_a_server_that_is_restarted_is_waited_for(at_once: None) -> None:
    away = Unreachable("nobody answers")
    assert follow(Played(away, away, job("done")), [job()], JOBS)[0]["state"] == "done"


def test_one_that_stays_away_is_given_up(at_once: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "PATIENCE", 0.05)

    def look() -> None:
        raise Unreachable("nobody answers")

    with pytest.raises(Unreachable, match="nobody answers"):
        patiently(look)


def test_a_refusal_is_not_waited_for() -> None:
    with pytest.raises(Failed, match="there is no job"):
        follow(Played(Failed("there is no job")), [job()], JOBS)


# -- when to look ------------------------------------------------------------------------------------------------------


@pytest.fixture
def stream() -> Iterator[tuple[Server, Callable[[str], None]]]:
    """A server with a stream of events, and a function that publishes one."""
    told, gone = threading.Semaphore(0), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"retry: 2000\nevent: hello\ndata: hello\n\n")
            while told.acquire() and not gone.is_set():
                self.wfile.write(b"event: jobs\ndata: jobs\n\n")

        def log_message(self, *_: Any) -> None:
            pass

    served = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=served.serve_forever, daemon=True).start()
    server = Server(f"http://127.0.0.1:{served.server_port}")
    yield server, lambda _: told.release()
    gone.set()
    told.release(10)
    server.close()
    served.shutdown()
    served.server_close()


def test_a_change_is_looked_at_at_once(
    stream: tuple[Server, Callable[[str], None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "LOOK_EVERY", 60.0)
    monkeypatch.setattr(changes, "SOON", 0.01)
    server, publish = stream
    with Changes(server) as waiting:
        begun = time.monotonic()
        waiting.wait()  # the stream is opened: something may have changed before
        for _ in range(3):
            threading.Timer(0.2, publish, ["jobs"]).start()
            waiting.wait()
            waiting.wait()  # what was told may be stored a moment later
        assert time.monotonic() - begun < 30


def test_without_a_stream_it_is_looked_at_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "LOOK_EVERY", 0.05)
    monkeypatch.setattr(changes, "SOON", 0.05)
    with Changes(Played()) as waiting:
        begun = time.monotonic()
        for _ in range(4):
            waiting.wait()
        assert time.monotonic() - begun >= 0.19, "not all the time either"
