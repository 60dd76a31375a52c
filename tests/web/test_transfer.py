"""What pages and lists cost on the wire, and what a browser is shown instead of JSON."""

from __future__ import annotations

import gzip
import re
from datetime import timedelta
from pathlib import Path

import pytest

from nightcrew.kernel.clock import utcnow
from nightcrew.web import server
from support import Node

HOUR = 3600
PACKED = {"Accept-Encoding": "gzip"}
PLAIN = {"Accept-Encoding": "identity"}


async def on_the_wire(node: Node, path: str, **headers: str) -> tuple[int, str]:
    """How many bytes an answer has as it is sent, and how they are packed."""
    async with node.http.stream("GET", path, headers=PACKED | headers) as answer:
        raw = b"".join([piece async for piece in answer.aiter_raw()])
        return len(raw), answer.headers.get("content-encoding", "")


async def test_an_overview_that_is_left_open_costs_little(node: Node) -> None:
    """What the page asks for by itself; events add a part when something changes."""
    page = (await node.http.get("/")).text
    parts = re.findall(r'hx-get="(/fragments/[^"]+)" hx-trigger="[^"]*every (\d+)s"', page)
    assert {path for path, _ in parts} >= {"/fragments/workers", "/fragments/standing", "/fragments/figures"}
    hourly = 0.0
    for path, seconds in parts:
        size, _ = await on_the_wire(node, path, **{"HX-Request": "true"})
        hourly += HOUR / int(seconds) * size
    assert hourly < 2_000_000, f"{hourly / 1e6:.1f} MB an hour"


@pytest.mark.parametrize(
    "path", ["/", "/static/vendor/hls.light.min.js", "/static/app.css", "/api/openapi.json", "/metrics", "/health"]
)
async def test_text_is_packed_for_those_who_can_read_that(node: Node, path: str) -> None:
    packed, how = await on_the_wire(node, path)
    plain = await node.http.get(path, headers=PLAIN)
    assert how == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed < 0.5 * len(plain.content)


async def test_lists_and_guides_are_packed_and_stay_what_they_are(node: Node, tmp_path: Path) -> None:
    lines = [f'#EXTINF:-1 tvg-id="c{n}" group-title="News",Channel {n}\nhttp://127.0.0.1:9/{n}.ts' for n in range(300)]
    (tmp_path / "list.m3u").write_text("\n".join(["#EXTM3U", *lines]))
    now = utcnow()
    days = [(now + timedelta(hours=hour), now + timedelta(hours=hour + 1)) for hour in range(24)]
    shows = [
        f'<programme start="{start:%Y%m%d%H%M%S} +0000" stop="{stop:%Y%m%d%H%M%S} +0000" channel="c1"><title>Show</title></programme>'
        for start, stop in days
    ]
    (tmp_path / "guide.xml").write_text("".join(["<tv>", *shows, "</tv>"]))
    body = {"kind": "m3u", "name": "S", "url": str(tmp_path / "list.m3u"), "region": "DE"}
    made = await node.post("/api/v1/sources", body | {"guide_url": str(tmp_path / "guide.xml")})
    for feed in made["feeds"]:
        await node.runtime.jobs.wait(feed["run"], limit=30)
    for path in ("/playlist/DE.m3u", "/guide.xml"):
        async with node.http.stream("GET", path, headers=PACKED) as answer:
            raw = b"".join([piece async for piece in answer.aiter_raw()])
            assert answer.headers["content-encoding"] == "gzip"
        plain = await node.http.get(path, headers=PLAIN)
        assert gzip.decompress(raw) == plain.content
        assert len(raw) < 0.3 * len(plain.content)
    known = (await node.http.get("/playlist/DE.m3u", headers=PACKED)).headers["etag"]
    again = await node.http.get("/playlist/DE.m3u", headers=PACKED | {"If-None-Match": known})
    assert (again.status_code, again.content) == (304, b"")


async def test_events_come_at_once_and_are_not_packed(node: Node) -> None:
    async with node.http.stream("GET", "/api/v1/events", headers=PACKED) as answer:
        assert "content-encoding" not in answer.headers
        async for piece in answer.aiter_raw():
            assert b"event: hello" in piece
            break


async def test_a_browser_at_an_unknown_address_is_shown_a_page(node: Node) -> None:
    shown = await node.http.get("/nonsense", headers={"Accept": "text/html,*/*"})
    assert (shown.status_code, shown.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "There is no page at this address" in shown.text
    for path, accept in (("/nonsense", "*/*"), ("/api/v1/nonsense", "text/html")):
        told = await node.http.get(path, headers={"Accept": accept})
        assert (told.status_code, told.json()["status"]) == (404, 404)


@pytest.mark.parametrize("path", ["/channels/99", "/nonsense", "/api/v1/channels?limit=x"])
async def test_an_error_leaves_what_a_page_shows(node: Node, path: str) -> None:
    """Else the row of a table, or the form with what was typed, would become raw JSON."""
    answer = await node.http.get(path, headers={"HX-Request": "true"})
    assert answer.status_code in {404, 422}
    assert answer.headers["hx-reswap"] == "none"
    assert answer.json()["detail"]


def test_no_kind_of_picture_or_sound_that_is_sent_is_packed() -> None:
    """A live stream would wait in the packer, and come no smaller out of it."""
    source = Path(server.__file__).parents[1]
    kinds = {
        kind for file in source.rglob("*.py") for kind in re.findall(r'"((?:audio|video)/[\w.+-]+)"', file.read_text())
    }
    assert {"video/mp2t", "audio/mpeg"} <= kinds
    packed = {
        kind
        for kind in kinds
        if kind not in server.AS_THEY_ARE and f"{kind.partition('/')[0]}/*" not in server.AS_THEY_ARE
    }
    assert packed == {"audio/x-mpegurl"}
