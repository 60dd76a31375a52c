"""Files that go with a form."""

from __future__ import annotations

from typing import Any

import pytest

from nightcrew.kernel.connections.calls import Calls
from nightcrew.kernel.connections.question import Question, Reach
from nightcrew.kernel.errors import GiveUp
from nightcrew.kernel.http import Http, Request
from nightcrew.kernel.http_requests import Attached

TORRENT = Attached("film.torrent", b"d4:infode\x00\xff\r\n--", "application/x-bittorrent")


async def test_a_file_goes_with_the_fields_of_its_form(http: Http, server: Any) -> None:
    server.answers("/add", b"Ok.")
    calls = Calls(http, Reach((server.url(),), private=True))
    await calls.ask(Question("add", "POST", form={"category": "films"}, files={"torrents": TORRENT}))
    seen = server.requests[-1]
    assert seen.headers["content-type"].startswith("multipart/form-data; boundary=")
    boundary = seen.headers["content-type"].partition("boundary=")[2].encode()
    parts = seen.body.split(b"--" + boundary)
    assert any(b'name="category"' in part and part.endswith(b"\r\n\r\nfilms\r\n") for part in parts)
    assert any(
        b'name="torrents"; filename="film.torrent"' in part and part.endswith(b"\r\n\r\n" + TORRENT.content + b"\r\n")
        for part in parts
    )


async def test_a_file_is_not_sent_to_another_host(http: Http, server: Any, other_server: Any) -> None:
    server.answers("/add", status="307 Temporary Redirect", Location=other_server.url("/add"))
    other_server.answers("/add", b"Ok.")
    request = Request(server.url("/add"), "POST", files={"torrents": TORRENT}, allow_private=True)
    with pytest.raises(GiveUp, match="with data to another host"):
        await http.ask(request)
    assert other_server.requests == []
