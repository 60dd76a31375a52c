"""Recordings from end to end: watched streams, channels and their connections, post-processing, retention, what is stuck."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from counted import LONG, Counted, lose_one
from counter import Film
from darkroom import accounted, finish, finished, get, in_state, more, record, recorders, seconds, wait_for
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.slots import Claim, Limit, Priority
from nightcrew.recordings import processing, stuck
from nightcrew.recordings.models import RecordingState
from nightcrew.recordings.store import recordings, states, tallies, watches
from nightcrew.recordings.store.states import StateChange
from support import Node, running, until


@pytest.fixture
async def source(film: Film) -> AsyncIterator[Counted]:
    """A live source."""
    async with Counted(film, window=8, keeps=LONG) as made:
        yield made


async def the_only_one(node: Node) -> dict[str, Any]:
    """The recording that a watch begins, a moment after it is known to be live."""
    while not (found := (await node.get("/api/v1/recordings"))["items"]):
        await asyncio.sleep(0.1)
    (row,) = found
    return dict(row)


async def soon(node: Node, recording: int) -> None:
    """Wait until it has begun."""
    await seconds(node, recording, 8)


# -- the finished file -------------------------------------------------------------------------------------------------


async def test_a_recording_becomes_a_file_with_chapters_and_metadata_in_the_library(
    any_node: Node, source: Counted
) -> None:
    node = any_node
    name, title = 'The "Night" show: 1/2', 'Émile’s\nfirst "quote" 🎬 ' + "long " * 80
    row = await record(node, source.url, name=name, title=title)
    await soon(node, row["id"])
    await tallies.add_title(node.runtime.store, row["id"], "Second part", "Games")
    lose_one(source)
    await more(node, row["id"], 5)
    done = await finish(node, row["id"])
    await accounted(node, done, source)
    file = Path(done["file"])
    assert len(file.name.encode()) <= 255
    season = file.parent
    assert season.name == f"Season {utcnow().astimezone():%Y-%m}"
    assert season.parent.parent == Path(node.runtime.data_dir / "recordings")
    names = sorted(path.name for path in season.iterdir())
    assert names == sorted([file.name, f"{file.stem}.nfo", f"{file.stem}-thumb.jpg", "poster.jpg"])
    assert (season.parent / "tvshow.nfo").exists()
    assert b"missing" in file.with_suffix(".nfo").read_bytes()
    asked = ["ffprobe", "-v", "error", "-show_chapters", "-show_format", "-of", "json", f"file:{file}"]
    found = json.loads(await asyncio.to_thread(subprocess.check_output, asked))
    chapters = [one["tags"]["title"] for one in found["chapters"]]
    assert any("Second part" in one for one in chapters)
    assert any("Gap of 1 s" in one for one in chapters)
    assert not Path(done["folder"]).exists(), "the parts went, after the file was read"
    ledger = await node.get(f"/api/v1/recordings/{row['id']}/ledger")
    assert ledger["parts"][0]["frames"] > 0
    assert ledger["gaps"][0].keys() >= {"first_sequence", "last_sequence", "start", "seconds", "reason"}
    answer = await node.http.get(f"/api/v1/recordings/{row['id']}/file.mp4", headers={"Range": "bytes=0-99"})
    assert (answer.status_code, len(answer.content)) == (206, 100)
    assert (await node.http.get(f"/api/v1/recordings/{row['id']}/thumbnail.jpg")).content.startswith(b"\xff\xd8\xff")


async def test_what_grows_can_be_played(node: Node, source: Counted) -> None:
    row = await record(node, source.url)
    await soon(node, row["id"])
    text = (await node.http.get(f"/api/v1/recordings/{row['id']}/play.m3u8")).text
    assert "#EXT-X-PLAYLIST-TYPE:EVENT" in text
    assert "#EXT-X-ENDLIST" not in text
    play = ["ffmpeg", "-v", "error", "-t", "4", "-i", f"{node.url}/api/v1/recordings/{row['id']}/play.m3u8"]
    count = [*play, "-f", "framecrc", "-c:v", "copy", "-an", "-"]
    lines = (await asyncio.to_thread(subprocess.check_output, count)).decode().splitlines()
    assert sum(not line.startswith("#") for line in lines) >= 90


async def test_a_file_that_is_not_what_was_recorded_keeps_the_parts(
    node: Node, source: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = await record(node, source.url)
    await soon(node, row["id"])
    ledger = Path(row["folder"]) / "ledger.jsonl"
    original, begin = "", processing._begin

    async def altered(runtime: Runtime, recording_id: int) -> None:
        """As if thirty seconds had been on disk that are not; the recorder has written its last line."""
        nonlocal original
        original = ledger.read_text()
        changed = [json.loads(line) for line in original.splitlines()]
        next(line for line in changed if line["k"] == "seg")["s"] += 30.0
        ledger.write_text("".join(f"{json.dumps(line)}\n" for line in changed))
        await begin(runtime, recording_id)

    with monkeypatch.context() as patched:
        patched.setattr(processing, "_begin", altered)
        await node.post(f"/api/v1/recordings/{row['id']}/stop")
        failed = await in_state(node, row["id"], "failed", "done")
    assert failed["state"] == "failed", failed
    assert "does not match the recording" in failed["reason"]
    assert list(Path(row["folder"]).glob("*_part001.ts"))
    ledger.write_text(original)
    await node.post(f"/api/v1/recordings/{row['id']}/retry")
    assert (await accounted(node, await finished(node, row["id"]), source)).whole


async def test_a_recording_ends_when_its_time_is_over(node: Node, source: Counted) -> None:
    row = await record(node, source.url, seconds=20)  # a busy machine takes some of them to start a recorder
    done = await finished(node, row["id"])
    assert any(move["reason"] == "its end time was reached" for move in done["moves"])


async def test_a_stream_that_never_begins_fails_and_says_so(node: Node, source: Counted) -> None:
    source.offline = True
    await node.patch("/api/v1/settings", {"recordings.wait_for_source": 3})
    row = await record(node, source.url)
    failed = await in_state(node, row["id"], "failed")
    assert "did not start" in failed["reason"]
    assert not Path(failed["folder"]).exists()


async def test_what_cannot_be_recorded_gets_a_sentence(node: Node) -> None:
    for body, word in (
        ({"url": "file:///etc/passwd"}, "http"),
        ({"url": "nonsense"}, "http"),
        ({}, "address or a channel"),
        ({"url": "http://127.0.0.1/x", "channel": 1}, "not both"),
        ({"channel": 77}, "channel"),
        ({"url": "http://127.0.0.1/x", "seconds": 5, "until": "2030-01-01T00:00:00Z"}, "either"),
        ({"url": "http://127.0.0.1/x", "until": "9999-12-31T23:59:00-10:00"}, "year"),
    ):
        answer = await node.http.post("/api/v1/recordings", json=body)
        assert answer.status_code in {404, 422}, body
        assert word in answer.json()["detail"], answer.json()


# -- watched streams ---------------------------------------------------------------------------------------------------


async def test_a_watched_stream_is_recorded_when_it_goes_live_and_is_over_when_it_does_not_come_back(
    any_node: Node, source: Counted
) -> None:
    node = any_node
    await node.patch("/api/v1/settings", {"recordings.look_every": 10, "recordings.offline_grace": 3})
    source.offline = True
    watch = await node.post("/api/v1/watches", {"url": source.url, "name": "Streamer"})
    await until_watch(node, watch["id"], live=False)
    assert not (await node.get("/api/v1/recordings"))["items"]
    source.offline = False
    await look_now(node, watch["id"])
    await until_watch(node, watch["id"], live=True)
    row = await the_only_one(node)
    assert (row["watch"], row["name"]) == (watch["id"], "Streamer")
    await soon(node, row["id"])
    await look_now(node, watch["id"])
    assert len((await node.get("/api/v1/recordings"))["items"]) == 1, "one recording, however often it is looked at"
    source.offline = True
    done = await finished(node, row["id"])
    assert any("was offline" in move["reason"] for move in done["moves"])


async def test_what_a_person_stops_is_not_begun_again_until_the_stream_was_away(node: Node, source: Counted) -> None:
    watch = await node.post("/api/v1/watches", {"url": source.url, "name": "Streamer"})
    await until_watch(node, watch["id"], live=True)
    row = await the_only_one(node)
    await soon(node, row["id"])
    await finish(node, row["id"])
    await look_now(node, watch["id"])
    assert len((await node.get("/api/v1/recordings"))["items"]) == 1
    source.offline = True
    await look_now(node, watch["id"])
    await until_watch(node, watch["id"], live=False)
    source.offline = False
    await look_now(node, watch["id"])
    await until_watch(node, watch["id"], live=True)
    while len((await node.get("/api/v1/recordings"))["items"]) < 2:
        await asyncio.sleep(0.1)


async def test_a_window_is_recorded_once_and_ends_with_its_time(node: Node, source: Counted) -> None:
    now = utcnow().astimezone()
    if now.hour == 23 and now.minute > 55:
        pytest.skip("the window would lie across midnight")
    begin, end = now - timedelta(minutes=1), now + timedelta(minutes=30)
    window = f"{now:%Y-%m-%d} {begin:%H:%M}-{end:%H:%M}"
    watch = await node.post("/api/v1/watches", {"url": source.url, "name": "Evening", "windows": [window]})
    await until(lambda: bool(recorders(node)), 20)
    row = await the_only_one(node)
    assert row["stop_at"] is not None
    await soon(node, row["id"])
    await recordings.change(node.runtime.store, row["id"], stop_at=utcnow())
    await finished(node, row["id"])
    await look_now(node, watch["id"])
    assert len((await node.get("/api/v1/recordings"))["items"]) == 1


async def test_a_window_that_cannot_be_read_is_refused_with_an_example(node: Node) -> None:
    answer = await node.http.post("/api/v1/watches", json={"url": "http://127.0.0.1/x", "windows": ["noon"]})
    assert answer.status_code == 422
    assert "mon-fri 20:00-22:15" in answer.json()["detail"]


async def look_now(node: Node, watch_id: int) -> None:
    """Have a watch looked at, and wait until that is done."""
    before = (await watches.get(node.runtime.store, watch_id)).looked_at
    await watches.change(node.runtime.store, watch_id, next_look_at=utcnow())
    await node.post("/api/v1/workers/recordings.watch/run")
    for _ in range(200):
        if (await watches.get(node.runtime.store, watch_id)).looked_at != before:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it was not looked at")


async def until_watch(node: Node, watch_id: int, *, live: bool) -> None:
    """Wait until a watch is known to be live, or not."""
    for _ in range(300):
        watch = await watches.get(node.runtime.store, watch_id)
        if watch.live is live:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{watch.live} {watch.error}")


# -- channels and their connections ------------------------------------------------------------------------------------


async def add_channel(node: Node, folder: Path, *urls: str, max_streams: int = 1) -> int:
    """A list with one channel that has a stream for each URL; returns the channel."""
    for number, url in enumerate(urls):
        path = folder / f"list{number}.m3u"
        path.write_text(f'#EXTM3U\n#EXTINF:-1 tvg-id="one.example",One\n{url}\n')
        await node.add(kind="m3u", name=f"List {number}", url=str(path), region="DE", max_streams=max_streams)
    return int((await node.get("/api/v1/channels"))["items"][0]["id"])


async def test_a_channel_is_recorded_over_a_connection_of_its_account(
    node: Node, source: Counted, tmp_path: Path
) -> None:
    channel = await add_channel(node, tmp_path, source.url)
    row = await node.post("/api/v1/recordings", {"channel": channel})
    await soon(node, row["id"])
    (account,) = (await node.get("/api/v1/accounts"))["items"]
    assert [holder["purpose"] for holder in account["holders"]] == ["recording"]
    done = await finish(node, row["id"])
    assert (await accounted(node, done, source)).whole
    (account,) = (await node.get("/api/v1/accounts"))["items"]
    assert not account["holders"], "it was given back"


async def test_a_recording_waits_for_a_connection_and_takes_that_of_a_check(
    node: Node, source: Counted, tmp_path: Path
) -> None:
    channel = await add_channel(node, tmp_path, source.url)
    (account,) = (await node.get("/api/v1/accounts"))["items"]
    limit = (Limit(account["id"], 1),)
    async with node.runtime.slots.lease(Claim(limit, "somebody", "viewer", Priority.USE)) as held:
        assert held is not None
        row = await node.post("/api/v1/recordings", {"channel": channel})
        waiting = await wait_for(node, row["id"], lambda now: "in use" in (now["reason"] or ""))
        assert waiting["state"] == "waiting"
    await soon(node, row["id"])
    await finish(node, row["id"])


async def test_a_stream_that_fails_makes_room_for_the_channels_next_one(
    node: Node, film: Film, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nightcrew.recordings.kept.LEFT", 3.0)
    async with Counted(film, window=8, keeps=LONG) as first, Counted(film, window=8, keeps=LONG) as second:
        channel = await add_channel(node, tmp_path, first.url, second.url)
        row = await node.post("/api/v1/recordings", {"channel": channel})
        await soon(node, row["id"])
        broken, other = (first, second) if first.fetched else (second, first)
        assert not other.fetched
        broken.answer = 503
        await until(lambda: bool(other.fetched), 30)
        await more(node, row["id"], 3)
        done = await finish(node, row["id"])
        assert done["state"] == "done"


# -- what is stuck -----------------------------------------------------------------------------------------------------


async def test_a_stuck_recording_is_found_told_and_finished(any_node: Node, source: Counted) -> None:
    node = any_node
    row = await record(node, source.url)
    await soon(node, row["id"])
    await node.post("/api/v1/workers/recordings.keep/pause")
    await asyncio.sleep(1.5)
    node.runtime.part(stuck.Keeper).kept.pop(row["id"], None)
    await node.runtime.part(stuck.Keeper).fleet.release(row["id"])
    long_ago = utcnow() - timedelta(hours=25)
    await recordings.change(node.runtime.store, row["id"], progress_at=long_ago, started_at=long_ago)
    dry = await node.post("/admin/recordings/cleanup-process-orphaned")
    assert (dry["success"], dry["dry_run"], dry["data"]["cleaned"]) == (True, True, 0)
    assert [one["recording_id"] for one in dry["data"]["details"]] == [row["id"]]
    assert dry.keys() == {"success", "dry_run", "message", "data"}
    assert dry["data"].keys() == {"checked", "cleaned", "errors", "details"}
    assert (await get(node, row["id"]))["state"] == "recording", "nothing was changed"
    real = await node.post("/admin/recordings/cleanup-process-orphaned?dry_run=false")
    assert real["data"]["cleaned"] == 1
    await node.post("/api/v1/workers/recordings.keep/resume")
    done = await finished(node, row["id"])
    await accounted(node, done, source)


async def test_the_recording_of_a_machine_that_is_gone_is_taken_over(node: Node, source: Counted) -> None:
    row = await record(node, source.url)
    await soon(node, row["id"])
    await node.post("/api/v1/workers/recordings.keep/pause")
    await asyncio.sleep(1.2)
    before = utcnow() - timedelta(minutes=2)
    await recordings.change(node.runtime.store, row["id"], node="gone-abc", progress_at=before, since=before)
    _, found = await stuck.find(node.runtime)
    assert [(one.row.id, one.remedy) for one in found] == [(row["id"], "adopt")]
    await node.post("/admin/recordings/cleanup-process-orphaned?dry_run=false")
    assert (await get(node, row["id"]))["node"] == node.runtime.node
    await node.post("/api/v1/workers/recordings.keep/resume")
    await more(node, row["id"], 3)
    assert (await accounted(node, await finish(node, row["id"]), source)).whole


async def test_the_recording_of_a_machine_that_is_gone_with_its_parts_fails_and_can_be_tried_when_it_is_back(
    node: Node, source: Counted
) -> None:
    row = await record(node, source.url)
    await soon(node, row["id"])
    await node.post("/api/v1/workers/recordings.keep/pause")
    await asyncio.sleep(1.2)
    here, away = Path((await get(node, row["id"]))["folder"]), node.runtime.data_dir / "its own disk"
    here.rename(away)
    before = utcnow() - timedelta(hours=25)
    await recordings.change(node.runtime.store, row["id"], node="gone-abc", progress_at=before, since=before)
    _, found = await stuck.find(node.runtime)
    assert [(one.row.id, one.remedy) for one in found] == [(row["id"], "fail")]
    answer = await node.post("/admin/recordings/cleanup-process-orphaned?dry_run=false")
    assert answer["data"]["errors"] == []
    failed = await get(node, row["id"])
    assert failed["state"] == "failed"
    assert "gone-abc, is gone, and they cannot be reached" in failed["reason"]
    await node.post("/api/v1/workers/recordings.keep/resume")
    away.rename(here)
    await recordings.change(node.runtime.store, row["id"], node=node.runtime.node)
    await node.post(f"/api/v1/recordings/{row['id']}/retry")
    assert (await accounted(node, await finished(node, row["id"]), source)).whole


async def test_post_processing_that_was_cancelled_is_told_and_can_be_done_again(node: Node, source: Counted) -> None:
    row = await record(node, source.url)
    await soon(node, row["id"])
    done = await finish(node, row["id"])
    assert done["state"] == "done"
    await until(partial(_nothing_runs, node))
    async with node.runtime.store.write() as connection:
        await connection.exec_driver_sql(
            "UPDATE recording SET state = 'post-processing', since = '2020-01-01 00:00:00'"
        )
    _, found = await stuck.find(node.runtime)
    assert [one.remedy for one in found] == ["fail"]


async def _nothing_runs(node: Node) -> bool:
    """The job is over a moment after its recording."""
    return not await node.runtime.jobs.active("recordings.finish:")


async def test_a_login_in_an_address_names_no_recording(node: Node) -> None:
    row = await node.post("/api/v1/recordings", {"url": "http://127.0.0.1:9/live/hans/s3cr3t/index.m3u8"})
    assert row["name"] == "127.0.0.1"
    assert "s3cr3t" not in str(row)


# -- retention ---------------------------------------------------------------------------------------------------------


async def test_retention_shows_what_would_go_and_deletes_it_with_its_folders(any_node: Node, source: Counted) -> None:
    node = any_node
    ids = []
    for number in range(3):
        row = await record(node, source.url, name="Streamer", title=f"Episode {number}")
        await seconds(node, row["id"], 2)
        ids.append((await finish(node, row["id"]))["id"])
    await node.patch("/api/v1/settings", {"recordings.keep_count": 1})
    young = await node.get("/api/v1/recordings/retention")
    assert young["items"] == [], "nothing that has just ended goes"
    old = utcnow() - timedelta(hours=1)
    for recording_id in ids:
        await recordings.change(node.runtime.store, recording_id, ended_at=old + timedelta(minutes=recording_id))
    await node.post(f"/api/v1/recordings/{ids[0]}/keep")
    dry = await node.get("/api/v1/recordings/retention")
    assert [one["recording"] for one in dry["items"]] == ids[1:], "the favourite stays, and counts"
    files = {recording_id: Path((await get(node, recording_id))["file"]) for recording_id in ids}
    assert all(path.exists() for path in files.values())
    await node.post("/api/v1/recordings/retention?dry_run=false")
    assert [files[recording_id].exists() for recording_id in ids] == [True, False, False]
    assert len((await node.get("/api/v1/recordings"))["items"]) == 1
    await node.post(f"/api/v1/recordings/{ids[0]}/release")
    answer = await node.http.delete(f"/api/v1/recordings/{ids[0]}")
    assert answer.status_code == 200
    library = node.runtime.data_dir / "recordings"
    assert not any(library.iterdir()), "the season's and the streamer's folder went too"


async def test_what_was_deleted_is_not_acted_on_again(node: Node, source: Counted) -> None:
    row = await record(node, source.url, name="A\x00\x1bB")
    assert row["name"] == "A  B", "no control characters"
    await soon(node, row["id"])
    await finish(node, row["id"])
    assert (await node.http.delete(f"/api/v1/recordings/{row['id']}")).status_code == 200
    assert (await get(node, row["id"]))["deleted_at"]
    path = f"/api/v1/recordings/{row['id']}"
    for answer in (await node.http.delete(path), await node.http.post(f"{path}/keep")):
        assert answer.status_code == 409
        assert "was deleted" in answer.json()["detail"]


async def test_what_is_going_on_cannot_be_deleted(node: Node, source: Counted) -> None:
    row = await record(node, source.url)
    await soon(node, row["id"])
    answer = await node.http.delete(f"/api/v1/recordings/{row['id']}")
    assert answer.status_code == 409
    assert "stop it first" in answer.json()["detail"]
    await finish(node, row["id"])


# -- the state machine -------------------------------------------------------------------------------------------------


async def test_every_move_is_recorded_with_its_reason(node: Node, source: Counted) -> None:
    row = await record(node, source.url)
    await soon(node, row["id"])
    done = await finish(node, row["id"])
    states = [move["to"] for move in done["moves"]]
    assert states == ["waiting", "recording", "finishing", "post-processing", "done"]
    assert all(move["at"] for move in done["moves"])
    assert done["moves"][2]["reason"] == "it was stopped manually"


async def test_a_move_that_there_is_not_is_refused(node: Node, source: Counted) -> None:
    row = await record(node, source.url)
    with pytest.raises(Exception, match="cannot go from"):
        await states.change_state(node.runtime.store, row["id"], RecordingState.DONE, "", now=utcnow())


async def test_many_move_in_one_transaction_and_one_that_cannot_stays_as_it_is(any_node: Node) -> None:
    store, now = any_node.runtime.store, utcnow()
    rows = [await record(any_node, "http://127.0.0.1:9/nothing.m3u8", name=name) for name in ("a", "b", "c")]
    first, second, third = (row["id"] for row in rows)
    for one in (first, second, third):
        await recordings.change(store, one, node="another machine")  # nobody else moves them
    await states.change_state(store, second, RecordingState.FINISHING, "it was stopped manually", now=now)
    wanted = [StateChange(one, RecordingState.RETRYING, "no source") for one in (first, second, third, 999)]
    assert await states.change_states(store, wanted, now=now) == {first, third}
    assert (
        await states.change_states(store, [StateChange(first, RecordingState.RETRYING, "still none")], now=now) == set()
    )
    found = {one: await recordings.get(store, one) for one in (first, second, third)}
    assert [(row.state.value, row.reason) for row in found.values()] == [
        ("retrying", "still none"),
        ("finishing", "it was stopped manually"),
        ("retrying", "no source"),
    ]
    assert [move.reason for move in await states.moves(store, third)][-1] == "no source"
    assert len(await states.moves(store, second)) == 2


async def test_a_server_that_is_started_again_knows_its_recordings(tmp_path: Path, source: Counted) -> None:
    async with running(tmp_path / "data") as node:
        row = await record(node, source.url)
        await soon(node, row["id"])
    assert not recorders(node)
    async with running(tmp_path / "data") as node:
        await more(node, row["id"], 2)
        assert (await accounted(node, await finish(node, row["id"]), source)).whole
