"""Transmission's RPC in both of its forms, and the session that it hands out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from nightcrew.kernel import recovery
from nightcrew.kernel.errors import GiveUp, Misread, NeedsUser, Retry
from nightcrew.kernel.http import Http
from nightcrew.movies.clients import transmission_rpc as rpc
from nightcrew.movies.clients.base import Rejected
from nightcrew.movies.clients.remote import RemoteState
from nightcrew.movies.clients.transmission import KIND, Transmission
from plain_line import plain_line

SWARM = "a" * 40
ROW = {
    "hashString": SWARM,
    "name": "Film",
    "status": 4,
    "percentDone": 0.25,
    "sizeWhenDone": 400,
    "leftUntilDone": 300,
    "haveValid": 90,
    "haveUnchecked": 10,
    "eta": -1,
    "error": 0,
    "errorString": "",
    "downloadDir": "/downloads",
    "metadataPercentComplete": 1,
    "peersSendingToUs": 0,
    "webseedsSendingToUs": 0,
    "trackerStats": [{"seederCount": -1}, {"seederCount": 7}],
    "labels": ["films", "nightcrew"],
}


def standing(**more: Any) -> rpc.Remote:
    return rpc.remote_of(rpc.newly({**ROW, **more}), SWARM)


def test_a_torrent_is_read_alike_in_both_forms() -> None:
    newer = rpc.newly(ROW)
    assert "metadata_percent_complete" in newer
    assert rpc.newly(newer) == newer
    remote = standing()
    assert (remote.state, remote.got, remote.size, remote.seeds) == (RemoteState.DOWNLOADING, 100, 400, 7)
    assert remote.eta_s is None


@pytest.mark.parametrize(
    ("more", "state"),
    [
        ({"status": 0}, RemoteState.PAUSED),
        ({"status": 0, "leftUntilDone": 0}, RemoteState.DONE),
        ({"status": 6, "leftUntilDone": 0}, RemoteState.DONE),
        ({"status": 6, "leftUntilDone": 0, "sizeWhenDone": 0}, RemoteState.PAUSED),  # all of its files are left out
        ({"status": 2}, RemoteState.CHECKING),
        ({"status": 3}, RemoteState.QUEUED),
        ({"status": 4, "metadataPercentComplete": 0.3, "leftUntilDone": 0}, RemoteState.METADATA),
        ({"status": 6, "metadataPercentComplete": 0, "leftUntilDone": 0}, RemoteState.METADATA),
        ({"status": 0, "error": 3, "errorString": "No space left on device"}, RemoteState.ERROR),
        (
            {"status": 0, "error": 3, "errorString": "No data found! Ensure your drives are connected"},
            RemoteState.MISSING,
        ),
        ({"status": 4, "error": 2, "errorString": "Tracker gave HTTP response 500"}, RemoteState.DOWNLOADING),
        ({"status": 17}, RemoteState.UNKNOWN),
    ],
)
def test_states(more: dict[str, Any], state: RemoteState) -> None:
    assert standing(**more).state is state


def test_an_older_one_is_asked_with_its_own_names() -> None:
    asked = rpc.body("torrent_get", {"ids": [SWARM], "fields": ["hash_string", "have_valid"]}, newer=False)
    assert asked == {
        "method": "torrent-get",
        "arguments": {"ids": [SWARM], "fields": ["hashString", "haveValid"]},
        "tag": 1,
    }
    asked = rpc.body("torrent_remove", {"ids": [SWARM], "delete_local_data": True}, newer=False)
    assert asked["arguments"] == {"ids": [SWARM], "delete-local-data": True}


@pytest.mark.parametrize(
    "said",
    [
        {"result": "invalid or corrupt torrent file"},
        {
            "jsonrpc": "2.0",
            "id": 1,
            "error": {"code": 2, "message": "x", "data": {"errorString": "invalid or corrupt torrent file"}},
        },
        {"jsonrpc": "2.0", "id": 1, "error": {"code": 2, "message": "invalid or corrupt torrent file"}},
    ],
)
def test_a_refusal_is_told_in_its_words(said: dict[str, Any]) -> None:
    with pytest.raises(GiveUp, match="invalid or corrupt torrent file"):
        rpc.answer(said)


@pytest.mark.parametrize(
    "said", [None, [], {}, {"result": 3}, {"result": "success", "arguments": []}, {"torrents": []}]
)
def test_what_is_no_answer_is_misread(said: Any) -> None:
    with pytest.raises(Misread):
        rpc.answer(said)


@dataclass
class Daemon:
    """Speaks JSON-RPC 2.0, as 4.1 does; `session` is what it wants to be given."""

    session: str = "first"
    newer: bool = True
    refuses: int = 0
    port: int = 0
    asked: list[dict[str, Any]] = field(default_factory=list)
    empty_but: str = ""
    """It has no torrent, and takes none for this reason."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        fields = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head.split("\r\n")[1:])
        }
        body = json.loads(await reader.readexactly(int(fields["content-length"])))
        status, more, said = "200 OK", "", b""
        if self.refuses:
            status = f"{self.refuses} Refused"
        elif fields.get("x-transmission-session-id") != self.session:
            status, more = "409 Conflict", f"X-Transmission-Session-Id: {self.session}\r\n"
            more += "X-Transmission-Rpc-Version: 6.0.0\r\n" if self.newer else ""
        else:
            self.asked.append(body)
            said = json.dumps(self.answer(body)).encode()
        writer.write(
            f"HTTP/1.1 {status}\r\nConnection: close\r\n{more}Content-Length: {len(said)}\r\n\r\n".encode() + said
        )
        await writer.drain()
        writer.close()

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {"torrents": [rpc.newly(ROW) if self.newer else ROW]}
        if self.empty_but:
            found = {"torrents": []}
            if body["method"] in {"torrent_add", "torrent-add"}:
                error = {"code": 7, "message": "cannot do that", "data": {"errorString": self.empty_but}}
                return {"jsonrpc": "2.0", "id": 1, "error": error} if self.newer else {"result": self.empty_but}
        return {"jsonrpc": "2.0", "id": 1, "result": found} if self.newer else {"result": "success", "arguments": found}


@pytest.fixture
async def daemon(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Daemon]:
    monkeypatch.setattr(recovery, "FIRST_PAUSE", 0.0)
    made = Daemon()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()


@pytest.fixture
async def ours(daemon: Daemon) -> AsyncIterator[Transmission]:
    http = Http()
    yield Transmission(plain_line(http, KIND, f"http://127.0.0.1:{daemon.port}"))
    await http.close()


@pytest.mark.parametrize("newer", [True, False])
async def test_it_is_asked_in_the_form_that_it_speaks_and_a_new_session_is_taken(
    daemon: Daemon, ours: Transmission, newer: bool
) -> None:
    daemon.newer = newer
    assert (await ours.look([SWARM]))[SWARM].got == 100
    daemon.session = "second"  # it was started again
    assert SWARM in await ours.look([SWARM])
    assert [("jsonrpc" in body, body["method"]) for body in daemon.asked] == [
        (newer, "torrent_get" if newer else "torrent-get")
    ] * 2


async def test_one_that_never_takes_its_own_session_is_left_alone(daemon: Daemon, ours: Transmission) -> None:
    daemon.session = ""
    with pytest.raises(Retry, match="without a session"):
        await ours.look([SWARM])


@pytest.mark.parametrize(("status", "words"), [(401, "login"), (421, "rpc-host-whitelist")])
async def test_a_refusal_needs_a_person(daemon: Daemon, ours: Transmission, status: int, words: str) -> None:
    daemon.refuses = status
    with pytest.raises(NeedsUser, match=words):
        await ours.look([SWARM])


@pytest.mark.parametrize("newer", [True, False])
@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("invalid or corrupt torrent file", Rejected),
        ("unrecognized info", Rejected),
        ("Invalid magnet link", Rejected),
        ("the metainfo is invalid", Rejected),
        ("download directory path is not absolute", NeedsUser),
        ("Invalid download folder", NeedsUser),
        ("No space left on device", NeedsUser),
        ("torrent folder cannot be written", NeedsUser),
    ],
)
async def test_only_words_about_the_torrent_count_against_it(
    daemon: Daemon, ours: Transmission, words: str, error: type[Exception], newer: bool
) -> None:
    daemon.newer, daemon.empty_but = newer, words
    with pytest.raises(error, match=words):
        await ours.add(b"d4:infode", swarm=SWARM, category="films", tags=("nightcrew",))
