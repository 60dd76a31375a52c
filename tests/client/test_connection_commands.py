"""Connections by command, against a node in this process and a real service on loopback."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import subprocess
import sys
import termios
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog

from nightcrew.kernel import upkeep
from nightcrew.kernel.connections import store
from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.connections.question import Question
from nightcrew.kernel.errors import NightcrewError
from service import KIND, Service, oauth_kind, services
from support import Node, running
from terminal import Result, run

SECRET = "key-of-anna-123"


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with Service() as started:
        yield started


@pytest.fixture
async def node(tmp_path: Path, service: Service, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Node]:
    """Commands find it through the environment, and what it logs is not taken for theirs."""
    domains = (upkeep.DOMAIN, services(KIND, oauth_kind(service.url)))
    async with running(tmp_path / "data", domains=domains) as started:
        monkeypatch.setenv("NIGHTCREW_URL", started.url)
        with structlog.testing.capture_logs():
            yield started


async def call(*arguments: object, stdin: str = "") -> Result:
    return await asyncio.to_thread(run, "connections", *arguments, stdin=stdin)


async def ok(*arguments: object, stdin: str = "") -> str:
    result = await call(*arguments, stdin=stdin)
    assert (result.code, result.err) == (0, ""), result
    return result.out


async def told(*arguments: object, stdin: str = "") -> Any:
    return json.loads(await ok(*arguments, "--json", stdin=stdin))


async def added(service: Service, *more: object) -> Any:
    command = ("add", "service", "--name", "Shelves", "--address", service.url, "--secret", "api_key=-", *more)
    return await told(*command, stdin=f"{SECRET}\n")


# -- adding ------------------------------------------------------------------------------------------------------------


async def test_a_service_is_connected_with_a_secret_from_stdin(node: Node, service: Service) -> None:
    assert "user, shelf" in await ok("kinds")
    add = ("add", "service", "--address", service.url, "--set", "user=007", "--set", "shelf=4", "--secret", "api_key=-")
    said = await ok(*add, stdin=f"{SECRET}\nnot read\n")
    assert said == (
        f"connection 1 A service (A service, {service.url}): not used yet; `nightcrew connections test` tries it\n"
    )
    (one,) = await told("list")
    assert (one["settings"], one["secrets"]) == ({"user": "007", "shelf": 4}, ["api_key"])
    assert await ok("test", "a SERVICE") == "It is version 3.\nIt has 7 items.\n"
    assert service.keys == [SECRET]
    assert SECRET not in said + await ok("list") + json.dumps(one)


async def test_a_secret_is_no_argument(node: Node, service: Service) -> None:
    add = ("add", "service", "--address", service.url)
    for wrong in (["--secret", f"api_key={SECRET}"], ["--set", f"api_key={SECRET}"]):
        result = await call(*add, *wrong)
        assert result.code == 2, result
        assert "--secret api_key" in " ".join(result.err.split())
        assert SECRET not in result.err
    assert (await call(*add, "--secret", "user=-", stdin="a\n")).code == 2, "that one is no secret"
    (await call(*add, "--secret", "api_key=-")).failed("stdin has no line for api_key")
    (await call(*add, "--secret", "api_key")).failed("nobody can be asked for api_key")
    assert await told("list") == []
    assert service.keys == []


async def test_what_cannot_be_connected_is_one_clear_line(node: Node, service: Service) -> None:
    (await call("add", "other")).failed("there is no kind of connection 'other'; `nightcrew connections kinds`")
    (await call("add", "service", "--address", "ftp://a.example")).failed("http or https address")
    (await call("add", "service", "--address", service.url, "--set", "shelf=12")).failed("shelf")
    for wrong in ("colour=red", "shelf"):
        result = await call("add", "service", "--address", service.url, "--set", wrong)
        assert (result.code, "user, api_key, shelf" in " ".join(result.err.split())) == (2, True), result
    await added(service)
    (await call("add", "service", "--name", "SHELVES", "--address", service.url)).failed("already")


async def test_where_access_is_granted_is_said(node: Node, service: Service) -> None:
    said = await ok("add", "granted", "--address", service.url)
    assert "needs you (access is not granted yet); grant access on the page Connections" in said


# -- looking, changing, removing ---------------------------------------------------------------------------------------


async def test_the_list_says_how_each_stands_why_and_when_it_is_asked_again(node: Node, service: Service) -> None:
    one = await added(service)
    assert "not used yet" in await ok("list")
    await ok("test", one["id"])
    assert "works" in await ok("list")
    service.status = 429
    line = await node.runtime.part(Connections).line(one["id"])
    with pytest.raises(NightcrewError):
        await line.json(Question("status"))
    assert (await store.get(node.runtime.store, one["id"])).standing.until is not None
    text = await ok("list")
    assert "again in" in text
    assert "limited" in text and "429" in text
    assert any(unit in text.split("429", 1)[1] for unit in (" s ", " min "))


async def test_what_is_not_named_stays(node: Node, service: Service) -> None:
    await added(service, "--set", "shelf=4")
    assert (await call("change", "Shelves")).code == 2, "say what to change"
    said = await ok("change", "Shelves", "--name", "Racks", "--set", "user=anna", "--off")
    assert said == f"connection 1 Racks (A service, {service.url}): off\n"
    one = await told("change", 1, "--on", "--mirror", service.url + "/b", "--mirror", service.url + "/c")
    assert (one["name"], one["settings"], len(one["mirrors"])) == ("Racks", {"user": "anna", "shelf": 4}, 2)
    await ok("test", "Racks")
    assert service.keys[-1] == SECRET
    await ok("change", 1, "--secret", "api_key=-", stdin="other\n")
    await ok("test", "Racks")
    assert service.keys[-1] == "other"
    (await call("change", "Shelves", "--on")).failed("there is no connection 'Shelves'; `nightcrew connections list`")


async def test_a_removal_is_shown_first_and_asked_for(node: Node, service: Service) -> None:
    await added(service)
    shown = f"would remove connection 1 Shelves (A service, {service.url}): not used yet; its secrets are forgotten\n"
    assert await ok("remove", "Shelves", "--dry-run") == shown
    assert (await told("remove", 1, "--dry-run")) == {"dry_run": True, "removed": 1, "name": "Shelves"}
    assert (await call("remove", "Shelves", "--json")).code == 2, "with --json nobody is asked"
    no = await call("remove", "Shelves", stdin="n\n")
    assert (no.code, no.out.strip()) == (1, shown.strip()), no
    assert no.err == "Remove that? [y/N]:nightcrew: nothing was done\n"
    assert "nobody answered" in (await call("remove", "Shelves")).err
    assert len(await told("list")) == 1
    yes = await call("remove", "Shelves", stdin="y\n")
    assert (yes.code, yes.out.replace("\n ", "\n")) == (0, f"{shown}Shelves was removed\n")
    assert await ok("list") == "Nothing is connected.\n"
    await added(service)
    assert (await told("remove", "Shelves", "--yes"))["dry_run"] is False
    (await call("remove", "Shelves", "--yes")).failed("there is no connection 'Shelves'")


# -- at a terminal -----------------------------------------------------------------------------------------------------


@contextmanager
def at_a_terminal(*arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A command with a terminal of its own, and our end of that."""
    ours, theirs = os.openpty()

    def take() -> None:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    command = [sys.executable, "-m", "nightcrew", *arguments]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, preexec_fn=take)  # noqa: PLW1509
    os.close(theirs)
    try:
        yield process, ours
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def read_until(terminal: int, words: str, limit: float = 60) -> str:
    """What is shown there, up to these words, or to the command's end where they are empty."""
    shown, end = "", time.monotonic() + limit
    while not words or words not in shown:
        assert time.monotonic() < end, shown
        try:
            shown += os.read(terminal, 10_000).decode("utf-8", "replace")
        except OSError:
            break
    return shown


async def test_on_a_terminal_secrets_are_asked_for_and_not_shown(node: Node, service: Service) -> None:
    def add() -> str:
        words = ("connections", "add", "service", "--address", service.url, "--set", "shelf=2")
        with at_a_terminal(*words) as (process, terminal):
            shown = read_until(terminal, "api_key (empty: none): ")
            os.write(terminal, f"{SECRET}\n".encode())
            shown += read_until(terminal, "")
            assert process.wait(30) == 0, shown
            return shown

    shown = await asyncio.to_thread(add)
    assert "not used yet" in shown
    assert SECRET not in shown
    await ok("test", "A service")
    assert service.keys == [SECRET]
