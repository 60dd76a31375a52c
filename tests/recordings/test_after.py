"""What happens when a recording is finished: a webhook that is told, and a program that is run; once, and whatever goes wrong."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from counted import LONG, Counted
from counter import Film
from darkroom import finish, seconds, serving
from nightcrew.kernel import run as runs
from nightcrew.kernel.detached import identity_of
from nightcrew.kernel.errors import Invalid
from nightcrew.recordings import after, after_rules
from nightcrew.recordings.settings import RecordingSettings
from support import Node, pauses, running, until

SECRET = "geheim-4711"
COMMAND = "NIGHTCREW_RECORDINGS_DONE_COMMAND"
TITLE = '--help; $(touch /tmp/x) "it\'s" 🦉 {file}'


class Hook:
    """Takes what it is sent, after it has answered `first` with errors."""

    def __init__(self, *first: int) -> None:
        self.first = list(first)
        self.got: list[tuple[bytes, Any]] = []
        self.told = asyncio.Event()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/{SECRET}-path/hook"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError), contextlib.closing(writer):
            head = await reader.readuntil(b"\r\n\r\n")
            (length,) = [int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
            self.got.append((head, json.loads(await reader.readexactly(length))))
            status = self.first.pop(0) if self.first else 204
            writer.write(f"HTTP/1.1 {status} So\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
            if status == 204:
                self.told.set()


@contextlib.asynccontextmanager
async def hooked(*first: int) -> AsyncIterator[Hook]:
    hook = Hook(*first)
    async with await asyncio.start_server(hook.serve, "127.0.0.1", 0) as server:
        hook.port = server.sockets[0].getsockname()[1]
        yield hook


@pytest.fixture
async def source(film: Film) -> AsyncIterator[Counted]:
    async with Counted(film, window=8, keeps=LONG) as made:
        yield made


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between attempts are short."""
    monkeypatch.setattr(runs, "FIRST_WAIT", 0.02)


async def recorded(node: Any, source: Counted, **more: Any) -> dict[str, Any]:
    """A finished recording of some seconds."""
    row = await node.post("/api/v1/recordings", {"url": source.url, "name": "Film", **more})
    await seconds(node, row["id"], 3)
    return await finish(node, row["id"])


async def settings(node: Node, **values: Any) -> None:
    await node.runtime.settings.change(
        node.runtime.store, {f"recordings.{name}": value for name, value in values.items()}, actor="test"
    )


async def job(node: Any, name: str, recording: int, ready: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """The run of one of the two, as soon as it is as it should be."""
    found: dict[str, Any] = {}
    async with asyncio.timeout(60):
        for pause in pauses():
            items = (await node.get("/api/v1/jobs", params={"limit": 100}))["items"]
            found = next((one for one in items if one["id"] == f"{name}:{recording}"), {})
            if found and ready(found):
                break
            await asyncio.sleep(pause)
    return found


def over(one: dict[str, Any]) -> bool:
    return one["state"] in {"done", "failed", "cancelled"}


async def told(node: Any) -> list[str]:
    """What the activity says of what failed after a recording."""
    found = (await node.get("/api/v1/activity", params={"limit": 100}))["items"]
    return [one["message"] for one in found if one["kind"] == after.FAILED]


# -- the webhook -------------------------------------------------------------------------------------------------------


async def test_a_webhook_is_told_of_a_finished_recording_with_its_secret_header(node: Node, source: Counted) -> None:
    async with hooked(503, 404) as hook:
        await settings(
            node, done_webhook=hook.url, done_webhook_header=f"X-Secret: {SECRET}", done_webhook_private=True
        )
        row = await recorded(node, source, title=TITLE)
        async with asyncio.timeout(60):
            await hook.told.wait()
        assert (await job(node, after.WEBHOOK, row["id"], over))["state"] == "done"
        assert len(hook.got) == 3, "it is told again until it takes it"
        heads = [head for head, _ in hook.got]
        assert all(f"X-Secret: {SECRET}".encode() in head for head in heads)
        assert len({line for head in heads for line in head.split(b"\r\n") if line.startswith(b"Idempotency")}) == 1
        body = hook.got[-1][1]
        assert (body["event"], body["id"], body["title"], body["file"]) == (
            "recording.done",
            row["id"],
            TITLE,
            row["file"],
        )
        assert body["files"] == [row["file"]]
        assert Path(body["file"]).exists() and body["seconds"] >= 3 and body["gaps"] == 0
        assert body["url"].endswith(f"/recordings/{row['id']}")
        assert await told(node) == []
        for path in ("/settings", "/api/v1/settings", "/activity", "/jobs", "/api/v1/jobs"):
            assert SECRET not in (await node.http.get(path)).text, path
        for file in node.runtime.data_dir.rglob("*"):
            assert not file.is_file() or SECRET.encode() not in file.read_bytes(), file


async def test_a_webhook_in_a_private_network_is_called_only_where_the_setting_says_so(
    node: Node, source: Counted
) -> None:
    async with hooked() as hook:
        await settings(node, done_webhook=hook.url)
        row = await recorded(node, source)
        run = await job(node, after.WEBHOOK, row["id"], over)
        assert (run["state"], hook.got) == ("failed", [])
        (said,) = await told(node)
        assert "private network" in said and SECRET not in said
        assert (await node.get(f"/api/v1/recordings/{row['id']}"))["state"] == "done"


async def test_a_webhook_that_never_takes_it_is_given_up_and_told(
    node: Node, source: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "PATIENCE", 3)
    async with hooked(*[500] * 10) as hook:
        await settings(node, done_webhook=hook.url, done_webhook_private=True)
        row = await recorded(node, source)
        await job(node, after.WEBHOOK, row["id"], over)
        assert len(hook.got) == 3
        (said,) = await told(node)
        assert "HTTP 500" in said and SECRET not in said and "is finished, but" in said


# -- the program -------------------------------------------------------------------------------------------------------

TELL = """
import json, os, sys
with open(sys.argv[1], "a") as file:
    names = {name: text for name, text in os.environ.items() if name.startswith("NIGHTCREW_")}
    file.write(json.dumps([sys.argv[2:], names, sorted(os.environ)]) + "\\n")
print("out"), print("err", file=sys.stderr)
"""


def command(*words: object) -> str:
    return json.dumps([str(word) for word in words])


async def test_a_program_gets_whole_arguments_and_no_secret_of_the_server(
    tmp_path: Path, source: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = tmp_path / "notes"
    monkeypatch.setenv("SOME_SECRET", SECRET)
    monkeypatch.setenv(
        COMMAND, command(sys.executable, "-c", TELL, notes, "{file}", "{title}", "{id}", "plain {", "$HOME")
    )
    async with running(tmp_path / "data") as node:
        row = await recorded(node, source, title=TITLE)
        assert (await job(node, after.PROGRAM, row["id"], over))["state"] == "done"
        (line,) = notes.read_text().splitlines()
        words, variables, names = json.loads(line)
        assert words == [row["file"], TITLE, str(row["id"]), "plain {", "$HOME"]
        assert variables["NIGHTCREW_TITLE"] == TITLE and variables["NIGHTCREW_FILE"] == row["file"]
        assert COMMAND not in names and "SOME_SECRET" not in names
        log = node.runtime.data_dir / after.LOG
        assert sorted(log.read_text().split()) == ["err", "out"]
        assert log.stat().st_mode & 0o077 == 0
        assert await told(node) == []


FAILING = {
    "a status": (("/bin/sh", "-c", "exit 3"), "it ended with status 3"),
    "a signal": (("/bin/sh", "-c", "kill -9 $$"), "it was ended by SIGKILL"),
    "no program": (("/nowhere/at-all",), "could not be started: No such file or directory"),
    "no right": (("/etc/passwd",), "could not be started: Permission denied"),
}


@pytest.mark.parametrize("how", FAILING)
async def test_a_program_that_fails_is_told_and_fails_no_recording(
    tmp_path: Path, source: Counted, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    words, why = FAILING[how]
    monkeypatch.setenv(COMMAND, command(*words))
    async with running(tmp_path / "data") as node:
        row = await recorded(node, source)
        run = await job(node, after.PROGRAM, row["id"], over)
        assert run["state"] == "failed" and why in run["error"]
        (said,) = await told(node)
        assert why in said
        assert (await node.get(f"/api/v1/recordings/{row['id']}"))["state"] == "done"


async def test_a_program_that_takes_too_long_is_ended_with_all_that_it_has_begun(
    tmp_path: Path, source: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = tmp_path / "child"
    monkeypatch.setenv(COMMAND, command("/bin/sh", "-c", f"sleep 1000 & echo $! > {child}; wait"))
    async with running(tmp_path / "data") as node:
        await settings(node, done_command_limit=1)
        row = await recorded(node, source)
        await job(node, after.PROGRAM, row["id"], over)
        assert "took longer than 1 s and was ended" in (await told(node))[0]
        assert identity_of(int(child.read_text())) is None


async def test_a_program_is_ended_when_its_run_is_cancelled(
    tmp_path: Path, source: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = tmp_path / "child"
    monkeypatch.setenv(COMMAND, command("/bin/sh", "-c", f"echo $$ > {child}; sleep 1000"))
    async with running(tmp_path / "data") as node:
        row = await recorded(node, source)
        run = await job(node, after.PROGRAM, row["id"], lambda _: child.exists() and child.read_text())
        await node.post(f"/api/v1/jobs/{run['id']}/cancel")
        await job(node, after.PROGRAM, row["id"], over)
        assert identity_of(int(child.read_text())) is None


@pytest.mark.parametrize("how", ["killed", "stopped"])
async def test_a_server_that_goes_away_starts_no_second_program(tmp_path: Path, source: Counted, how: str) -> None:
    """It waits for the one that it finds, which goes on without it."""
    starts, go = tmp_path / "starts", tmp_path / "go"
    script = f"echo $$ >> {starts}; while [ ! -e {go} ]; do sleep 0.1; done; echo over >> {starts}"
    async with serving(tmp_path / "data", **{COMMAND: command("/bin/sh", "-c", script)}) as server:
        row = await recorded(server, source)
        await job(server, after.PROGRAM, row["id"], lambda _: starts.exists() and starts.read_text())
        if how == "killed":
            server.kill()
        else:
            await server.stop()
        assert identity_of(int(starts.read_text())) is not None
        await server.start()
        await job(server, after.PROGRAM, row["id"], lambda one: one["state"] == "running")
        go.touch()
        assert (await job(server, after.PROGRAM, row["id"], over))["state"] == "done"
        assert starts.read_text().splitlines()[1:] == ["over"]
        assert await told(server) == []


async def test_a_server_that_dies_before_it_has_stored_whom_it_started_starts_no_second_program(
    node: Node, source: Counted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = await recorded(node, source)
    starts = tmp_path / "starts"
    words = json.loads(command("/bin/sh", "-c", f"echo x >> {starts}; sleep 30 & sleep 30"))
    real = node.runtime.settings.of
    options = real(RecordingSettings).model_copy(update={"done_command": words})
    monkeypatch.setattr(node.runtime.settings, "of", lambda kind: options if kind is RecordingSettings else real(kind))
    first = await after._start(node.runtime, row["id"], "run:1")
    assert first is not None
    await until(starts.exists)
    try:
        assert await after._start(node.runtime, row["id"], "run:1") == first
        other = await after._start(node.runtime, row["id"], "run:2")
        assert other is not None and other != first
        await until(lambda: starts.read_text() == "x\nx\n")
    finally:
        for process in list(node.runtime.part(after.Programs).started.values()):
            await process.kill()


async def test_what_follows_is_begun_once_however_often_the_end_is_told(node: Node, source: Counted) -> None:
    async with hooked() as hook:
        await settings(node, done_webhook=hook.url, done_webhook_private=True)
        row = await recorded(node, source)
        await job(node, after.WEBHOOK, row["id"], over)
        ended = after.Ended(after.JOB, "", 1.0, None, args=(row["id"],))
        for _ in range(2):
            await after.ended(node.runtime, ended)
        await job(node, after.WEBHOOK, row["id"], over)
        assert len(hook.got) == 1


# -- settings ----------------------------------------------------------------------------------------------------------


def test_a_recording_of_several_files_gives_an_argument_for_each() -> None:
    known = {"file": "/a 1.mp4", "files": '["/a 1.mp4", "/a 2.ts"]', "title": "{file}"}
    assert after_rules.arguments(["/x", "{files}", "{title}"], known) == ("/x", "/a 1.mp4", "/a 2.ts", "{file}")
    assert after_rules.variables(known)["NIGHTCREW_FILES"] == known["files"]


def test_places_are_whole_arguments_that_are_known() -> None:
    good = ["/bin/x", "{file}", "--title", "{title}", "{", "json={}", "a{b}c"]
    assert after_rules.checked_command(good) == good
    assert after_rules.checked_command([]) == []
    for bad in (["x"], ["{file}"], ["/x", "{secret}"], ["/x", "--file={file}"], ["/x", "a\0"], ["/x"] * 51):
        with pytest.raises(ValueError):
            after_rules.checked_command(bad)


async def test_a_wrong_setting_shows_no_value(node: Node, subtests: pytest.Subtests) -> None:
    for name, value in (
        ("done_webhook", f"ftp://{SECRET}"),
        ("done_webhook", f"https://host/{SECRET} x"),
        ("done_webhook_header", SECRET),
        ("done_webhook_header", f"X-A: {SECRET}\r\nX-B: 1"),
    ):
        with subtests.test(name), pytest.raises(Invalid) as wrong:
            await settings(node, **{name: value})
        assert SECRET not in str(wrong.value)
