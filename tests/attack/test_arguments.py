"""Secrets among the arguments of a command are seen by all users of a machine: there is another way for each, and a warning."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from nightcrew.client import Failed, secrets
from nightcrew.playlists.store import sources
from nightcrew.recordings.settings import RecordingSettings
from support import Node, running
from terminal import Result, run

ROOT = Path(__file__).parents[2]
SECRET = "geheim-4711"
WARNING = "all users of this machine can see"
PANEL = ("source", "add", "xtream")
anywhere = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def node(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Node]:
    async with running(tmp_path_factory.mktemp("node") / "data", work=False) as started:
        yield started


@pytest.fixture(autouse=True)
def no_secret_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NIGHTCREW_SOURCE_PASSWORD", "NIGHTCREW_SOURCE_USERNAME", "NIGHTCREW_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)


def test_a_databases_password_among_the_arguments_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"postgresql://me:{SECRET}@127.0.0.1:1/none"
    assert WARNING not in run("doctor", "--data-dir", tmp_path, "--database-url", url).err, "scripts stay quiet"
    monkeypatch.setattr(secrets, "is_seen", lambda: True)
    said = run("doctor", "--data-dir", tmp_path, "--database-url", url)
    assert WARNING in said.err and SECRET not in said.err + said.out
    monkeypatch.setenv("NIGHTCREW_DATABASE_URL", url)
    said = run("doctor", "--data-dir", tmp_path)
    assert WARNING not in said.err and SECRET not in said.err + said.out


def test_the_pages_password_may_stand_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NIGHTCREW_PASSWORD", raising=False)
    monkeypatch.setenv("NIGHTCREW_PASSWORD_FILE", str(tmp_path / "password"))
    with pytest.raises(Failed):
        secrets.page_password()
    (tmp_path / "password").write_text("correct horse\n")
    assert secrets.page_password() == "correct horse"
    monkeypatch.setenv("NIGHTCREW_PASSWORD", "another one")
    assert secrets.page_password() == "another one"


WRITTEN = [*ROOT.glob("*.md"), *ROOT.glob("*.yaml"), *ROOT.glob("Dockerfile*"), *(ROOT / "contrib").iterdir()]
WRITTEN += [path for path in (ROOT / "docs").rglob("*.md") if path.parent.name != "reference"]


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_what_we_tell_people_to_type_has_no_secret_among_the_arguments(path: Path) -> None:
    for line in path.read_text("utf-8").splitlines():
        command = re.search(r"\bnightcrew (?!is\b)[a-z]+ .*", line)
        if command is not None:
            assert not re.search(
                r"--password[ =](?!stdin|file)\S|://[^/\s]*:[^/\s]*@|tgram://\S", command.group().partition("#")[0]
            )


async def call(node: Node, *words: object, stdin: str = "") -> Result:
    return await asyncio.to_thread(run, *words, "--url", node.url, stdin=stdin)


async def config(node: Node, name: str) -> dict[str, Any]:
    (found,) = [one for one in await sources.every(node.runtime.store, node.runtime.vault) if one.name == name]
    return dict(found.config)


def login(name: str, *more: object) -> tuple[object, ...]:
    return (*PANEL, name, "http://192.0.2.1", "--username", "hans", "--no-wait", *more)


@anywhere
async def test_a_password_comes_from_stdin_a_file_or_the_environment(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\nnot this\n")
    ways = {
        "Stdin": await call(node, *login("Stdin", "--password-stdin"), stdin=f"{SECRET}\nnot this\n"),
        "File": await call(node, *login("File", "--password-file", file)),
    }
    monkeypatch.setenv("NIGHTCREW_SOURCE_PASSWORD", SECRET)
    ways["Environment"] = await call(node, *login("Environment"))
    for name, said in ways.items():
        assert (said.code, said.err) == (0, ""), said
        assert SECRET not in said.out
        assert (await config(node, name))["password"] == SECRET


@anywhere
async def test_the_argument_still_works_and_is_warned_of(node: Node) -> None:
    said = await call(node, *login("Argument", "--password", SECRET))
    assert said.code == 0
    assert WARNING in said.err
    assert SECRET not in said.err + said.out
    assert (await config(node, "Argument"))["password"] == SECRET


@anywhere
async def test_a_secret_setting_is_asked_for_and_warned_of_as_an_argument(node: Node) -> None:
    said = await call(node, "settings", "set", "done_webhook_header", "-", stdin=f"X-Token: {SECRET}\n")
    assert (said.code, said.err) == (0, "") and SECRET not in said.out
    assert node.runtime.settings.of(RecordingSettings).done_webhook_header == f"X-Token: {SECRET}"
    said = await call(node, "settings", "set", "done_webhook_header", f"X-Token: {SECRET}-2")
    assert said.code == 0 and WARNING in said.err and SECRET not in said.err + said.out
    said = await call(node, "settings", "set", "keep_count", "3")
    assert (said.code, said.err) == (0, "")


@anywhere
async def test_a_password_is_given_once_and_not_empty(node: Node, tmp_path: Path) -> None:
    assert (await call(node, *login("Twice", "--password-stdin", "--password", "x"), stdin="y\n")).code == 2
    (await call(node, *login("None", "--password-stdin"))).failed("stdin has no line for the password")
    (await call(node, *login("None", "--password-file", tmp_path / "no"))).failed("cannot read")
    (tmp_path / "empty").touch()
    (await call(node, *login("None", "--password-file", tmp_path / "empty"))).failed("has no password")


@anywhere
async def test_a_profile_and_an_edit_take_it_unseen_too(node: Node) -> None:
    await call(node, *login("Edited", "--password-stdin"), stdin="first\n")
    said = await call(node, "source", "edit", "Edited", "password=-", stdin=f"{SECRET}\n")
    assert (said.code, said.err) == (0, "")
    assert (await config(node, "Edited"))["password"] == SECRET
    said = await call(node, "source", "edit", "Edited", f"password={SECRET}2")
    assert WARNING in said.err and SECRET not in said.err
    profile = ("source", "add-profile", "Edited", "Two", "--username", "anna", "--password-stdin")
    said = await call(node, *profile, stdin="other-4711\n")
    assert (said.code, said.err) == (0, "")
    assert (await config(node, "Edited"))["profiles"][0]["password"] == "other-4711"


@anywhere
async def test_an_address_with_a_login_is_read_from_stdin_and_warned_of_among_the_arguments(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "is_seen", lambda: True)
    url = f"http://192.0.2.1/get.php?username=hans&password={SECRET}&type=m3u_plus"
    said = await call(node, "source", "add", "m3u", "Unseen", "-", "--no-wait", stdin=f"{url}\n")
    assert (said.code, said.err) == (0, "")
    assert (await config(node, "Unseen"))["url"] == url
    said = await call(node, "source", "add", "m3u", "Seen", url, "--no-wait")
    assert WARNING in said.err and SECRET not in said.err + said.out
    said = await call(node, "source", "add", "m3u", "Plain", "http://192.0.2.1/list.m3u", "--no-wait")
    assert said.err == ""
    target = ("notify", "add", "apprise")
    said = await call(node, *target, "Phone", "-", stdin=f"ntfy://{SECRET}@ntfy.example/topic\n")
    assert (said.code, said.err) == (0, "")
    said = await call(node, *target, "Tablet", f"ntfy://{SECRET}@ntfy.example/topic")
    assert WARNING in said.err and SECRET not in said.err + said.out


@anywhere
async def test_somebody_at_a_terminal_is_asked_and_sees_nothing(node: Node) -> None:
    def typed() -> str:
        ours, theirs = pty.openpty()
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-m", "nightcrew", *map(str, login("Typed")), "--url", node.url]
        process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
        )
        os.close(theirs)
        shown, asked = b"", False
        try:
            while True:
                shown += os.read(ours, 4096)
                if b"Password:" in shown and not asked:
                    asked = True
                    os.write(ours, f"{SECRET}\n".encode())
        except OSError:  # the program has ended
            pass
        os.close(ours)
        assert process.wait(30) == 0, shown
        return shown.decode()

    assert SECRET not in await asyncio.to_thread(typed)
    assert (await config(node, "Typed"))["password"] == SECRET
