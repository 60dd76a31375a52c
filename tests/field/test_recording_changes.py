"""Streams that change in the middle, recorded by a running node: what its library, its page and its API say of them."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import av
import pytest

from darkroom import get, in_state
from films import Source, content, content_of, source
from nightcrew.recordings import muxers
from nightcrew.recordings.store import recordings
from support import Node


class Shelf(http.server.BaseHTTPRequestHandler):
    """Answers with what a test has put there. Asked for what is not there, it says so."""

    files: ClassVar[dict[str, bytes]] = {}

    def do_GET(self) -> None:
        body = self.files.get(self.path)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body or b"")

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def shelf() -> Iterator[tuple[str, dict[str, bytes]]]:
    """Where a server is, and the files that it has."""

    class Mine(Shelf):
        files: ClassVar[dict[str, bytes]] = {}

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mine)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", Mine.files
    server.shutdown()
    server.server_close()


def listed(name: str, sources: list[Source], files: dict[str, bytes]) -> None:
    """An HLS playlist of some stretches that has ended; between two of them is a discontinuity."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-TARGETDURATION:2", "#EXT-X-MEDIA-SEQUENCE:0"]
    for number, one in enumerate(sources):
        lines += ["#EXT-X-DISCONTINUITY"] if number else []
        if one.init:
            files[f"/{name}/{number}/init.mp4"] = one.init
            lines.append(f'#EXT-X-MAP:URI="{number}/init.mp4"')
        for place, body in enumerate(one.segments):
            files[f"/{name}/{number}/{place}.ts"] = body
            lines += [f"#EXTINF:{2 / len(one.segments):.6f},", f"{number}/{place}.ts"]
    files[f"/{name}/live.m3u8"] = "\n".join([*lines, "#EXT-X-ENDLIST", ""]).encode()


async def recorded(node: Node, url: str, state: str = "done") -> dict[str, Any]:
    row = await node.post("/api/v1/recordings", {"url": url, "name": "Owl", "title": "Night"})
    return await in_state(node, row["id"], state)


async def test_a_stream_that_changes_becomes_two_files_with_all_that_belongs_to_them(
    node: Node, shelf: tuple[str, dict[str, bytes]], tmp_path: Path
) -> None:
    base, files = shelf
    sources = [source("plain", 0), source("larger", 2)]
    listed("film", sources, files)
    row = await recorded(node, f"{base}/film/live.m3u8")
    names = [one["name"] for one in row["films"]]
    assert [name.rpartition(" - ")[2] for name in names] == ["part1.mp4", "part2.mp4"]
    folder = Path(row["file"]).parent
    assert Path(row["file"]).name == names[0]
    assert sum((content(folder / name).pictures for name in names), 0) == content_of(sources, tmp_path).pictures
    assert [one["streams"][0] for one in row["films"]] == ["Video H.264 160x90", "Video H.264 320x180"]
    assert [one["start"] for one in row["films"]] == [0.0, pytest.approx(2.0, abs=0.1)]
    assert row["file_bytes"] == sum((folder / name).stat().st_size for name in names)
    assert {one["words"] for one in row["streams"]} >= {"Video H.264 160x90", "Video H.264 320x180"}
    there = {path.name for path in folder.iterdir()}
    stems = [name.removesuffix(".mp4") for name in names]
    assert {f"{stem}.nfo" for stem in stems} | {f"{stem}-thumb.jpg" for stem in stems} <= there
    assert not Path(row["folder"]).exists(), "its parts are in the files"
    assert "(2 of 2)" in (folder / f"{stems[1]}.nfo").read_text("utf-8")
    second = await node.http.get(f"/api/v1/recordings/{row['id']}/films/2")
    assert second.content == (folder / names[1]).read_bytes()
    assert (await node.http.get(f"/api/v1/recordings/{row['id']}/films/3")).status_code == 404
    page = (await node.http.get(f"/recordings/{row['id']}")).text
    assert all(name in page for name in names)
    told = await node.get("/api/v1/activity?kind=recording.done")
    assert "is finished in 2 files, nothing is missing" in told["items"][0]["message"]
    gone = await node.http.delete(f"/api/v1/recordings/{row['id']}")
    assert gone.status_code == 200
    assert not folder.exists()


async def test_a_container_that_cannot_hold_a_stream_is_told_at_once_and_another_one_is_tried(
    node: Node, shelf: tuple[str, dict[str, bytes]]
) -> None:
    base, files = shelf
    listed("latm", [source("latm", 0)], files)
    await node.patch("/api/v1/settings", {"recordings.container": "mp4"})
    row = await recorded(node, f"{base}/latm/live.m3u8", "failed")
    assert row["reason"] == "MP4 cannot hold AAC (LATM): try again with the container auto; the parts are kept"
    assert list(Path(row["folder"]).glob("*.ts"))
    assert len([one for one in (await get(node, row["id"]))["moves"] if one["to"] == "post-processing"]) == 1
    await node.post(f"/api/v1/recordings/{row['id']}/retry?container=auto")
    row = await in_state(node, row["id"], "done")
    assert [Path(one["name"]).suffix for one in row["films"]] == [".ts"]
    assert content(Path(row["file"])).pictures == 50


async def test_all_recordings_can_be_mkv(node: Node, shelf: tuple[str, dict[str, bytes]]) -> None:
    base, files = shelf
    listed("mkv", [source("plain", 0)], files)
    await node.patch("/api/v1/settings", {"recordings.container": "mkv"})
    row = await recorded(node, f"{base}/mkv/live.m3u8")
    with av.open(row["file"]) as film:
        assert "matroska" in film.format.name
        assert film.metadata["title"] == "Night"
    answer = await node.http.get(f"/api/v1/recordings/{row['id']}/films/1")
    assert answer.headers["content-type"] == "video/x-matroska"


async def test_sounds_with_playlists_of_their_own_are_recorded_with_their_languages(
    node: Node, shelf: tuple[str, dict[str, bytes]], tmp_path: Path
) -> None:
    base, files = shelf
    listed("picture", [source("mute", 0), source("mute", 2)], files)
    for name in ("english", "german"):
        listed(name, [source("radio", 0), source("radio", 2)], files)
    media = (
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="{0}",LANGUAGE="{1}",DEFAULT={2},AUTOSELECT=YES,URI="{3}/live.m3u8"'
    )
    files["/live.m3u8"] = "\n".join(
        [
            "#EXTM3U",
            media.format("English", "en", "NO", "english"),
            media.format("Deutsch", "de", "YES", "german"),
            '#EXT-X-STREAM-INF:BANDWIDTH=500000,RESOLUTION=160x90,CODECS="avc1.42c00b,mp4a.40.2",AUDIO="a"',
            "picture/live.m3u8",
            "",
        ]
    ).encode()
    row = await recorded(node, f"{base}/live.m3u8")
    with av.open(row["file"]) as film:
        shown = [(one.type, one.language) for one in film.streams if one.type in {"video", "audio"}]
    assert shown == [("video", "und"), ("audio", "deu"), ("audio", "eng")]
    sent = content_of([source("mute", 0), source("mute", 2), *[source("radio", 0), source("radio", 2)] * 2], tmp_path)
    assert content(Path(row["file"])) == sent


async def test_a_film_that_does_not_hold_all_is_never_put_in_its_place(
    node: Node, shelf: tuple[str, dict[str, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever makes a film lose a stream: the parts stay, and the reason says what is missing from it."""
    base, files = shelf
    listed("film", [source("languages", 0)], files)
    make = muxers.make

    async def loses_english(order: Any, progress: Any) -> Any:
        report = await make(order, progress)
        with av.open(order.output) as whole:
            kept = [one for one in whole.streams if one.language != "eng"]
            with av.open(f"{order.output}.cut", "w", format="mp4") as cut:
                copies = {one.index: cut.add_stream_from_template(one, opaque=True) for one in kept}
                for packet in whole.demux(kept):
                    if packet.size:
                        packet.stream = copies[packet.stream.index]
                        cut.mux(packet)
        await asyncio.to_thread(Path(f"{order.output}.cut").replace, order.output)
        return report

    monkeypatch.setattr(muxers, "make", loses_english)
    row = await recorded(node, f"{base}/film/live.m3u8", "failed")
    assert "2 of 3 streams" in row["reason"]
    assert "the parts are kept" in row["reason"]
    assert list(Path(row["folder"]).glob("*.ts"))
    assert row["file"] is None
    assert not list(Path(row["folder"]).parent.glob("*.mp4*"))
    monkeypatch.undo()
    await node.post(f"/api/v1/recordings/{row['id']}/retry")
    assert len((await in_state(node, row["id"], "done"))["films"][0]["streams"]) == 3


async def test_a_recording_of_the_version_before_is_finished_without_a_ledger_of_streams(
    node: Node, shelf: tuple[str, dict[str, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ledgers knew nothing of streams: libav is asked what there is."""
    base, files = shelf
    listed("old", [source("plain", 0)], files)
    await node.patch("/api/v1/settings", {"recordings.container": "mp4"})
    listed("latm", [source("latm", 0)], files)
    row = await recorded(node, f"{base}/latm/live.m3u8", "failed")
    ledger = Path(row["folder"]) / "ledger.jsonl"
    old = [line.partition(',"c":')[0] + "}" if '"seg"' in line else line for line in ledger.read_text().splitlines()]
    ledger.write_text("\n".join([*old, ""]))
    await recordings.change(node.runtime.store, row["id"], container="auto")
    await node.post(f"/api/v1/recordings/{row['id']}/retry")
    row = await in_state(node, row["id"], "done")
    assert content(Path(row["file"])).pictures == 50
