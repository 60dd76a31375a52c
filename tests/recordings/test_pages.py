"""The pages of the recordings, as a browser without JavaScript sees them."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from nightcrew.kernel.clock import utcnow
from nightcrew.recorder.ledger import Gap, Part, Tally
from nightcrew.recordings import actions
from nightcrew.recordings.keeper import Keeper
from nightcrew.recordings.models import Recording, RecordingState
from nightcrew.recordings.store import recordings, states, tallies, watches
from nightcrew.recordings.stream_ref import StreamRef
from support import Node

HOSTILE = '<script>alert(1)</script> "it\'s" &amp; 🦉 {{ 7 * 7 }}'
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
async def idle(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is really recorded: the rows stay as a test has made them."""

    async def nothing(_keeper: Keeper) -> None:
        """Leave it."""

    monkeypatch.setattr(Keeper, "look", nothing)


async def page(node: Node, path: str, status: int = 200, **headers: str) -> str:
    answer = await node.http.get(path, headers={"Accept": "text/html", **headers})
    assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text[:500]}"
    return answer.text


async def send(node: Node, path: str, status: int = 303, *, htmx: bool = False, **fields: str) -> Any:
    answer = await node.http.post(path, data=fields, headers=HTMX if htmx else {}, follow_redirects=False)
    assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text[:500]}"
    return answer


def words(text: str) -> str:
    """What a person reads."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


async def begun(node: Node, name: str = "Owl", title: str = "Night flight", **more: Any) -> Recording:
    """A recording with two parts and a gap."""
    url = "https://example.test/owl.m3u8"
    row = await actions.start(node.runtime, StreamRef(url=url), name=name, shown=url, title=title, actor="test", **more)
    store, now = node.runtime.store, utcnow()
    parts = [
        Part(1, f"{row.stem}_part001.ts", 0.0, bytes=40_000_000, seconds=60.0, frames=1500, first=1, last=30),
        Part(2, f"{row.stem}_part002.ts", 60.0, bytes=20_000_000, seconds=30.0, frames=750, first=36, last=50),
    ]
    gaps = [Gap(0, 31, 35, 60.0, 10.0, HOSTILE)]
    tally = Tally(parts=parts, gaps=gaps, bytes=60_000_000, seconds=100.0, segments=45)
    await tallies.save_tallies(store, {row.id: tally}, now)
    await states.change_state(store, row.id, RecordingState.RECORDING, "", now=now)
    await tallies.add_title(store, row.id, f"{title} II", "Birds")
    return await recordings.get(store, row.id)


async def ended(node: Node, to: RecordingState = RecordingState.DONE, **more: Any) -> Recording:
    """A finished or failed recording, an hour old, with its file."""
    row = await begun(node, **more)
    store, now = node.runtime.store, utcnow() - timedelta(hours=1)
    await states.change_state(store, row.id, RecordingState.FINISHING, "it was stopped manually", now=now, ended_at=now)
    if to is RecordingState.DONE:
        path = Path(row.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"film")
        await states.change_state(store, row.id, RecordingState.PROCESSING, "one file is made", now=now)
        await recordings.change(store, row.id, file=True, file_bytes=50_000_000, node=node.runtime.node)
        await states.change_state(store, row.id, RecordingState.DONE, "", now=now)
    else:
        await states.change_state(store, row.id, to, f"no file: {HOSTILE}", now=now)
    return await recordings.get(store, row.id)


# -- reading -----------------------------------------------------------------------------------------------------------


async def test_pages_are_whole_with_an_empty_database(node: Node) -> None:
    text = words(await page(node, "/recordings"))
    assert "Nothing is being recorded." in text
    assert "No watched streams yet." in text
    assert "No finished recordings yet." in text
    assert "Nothing to delete" in await page(node, "/recordings/retention")
    assert "0 running recordings checked." in await page(node, "/recordings/stuck")
    for part in ("now", "watches", "disk", "library", "failed"):
        assert "<html" not in await page(node, f"/fragments/recordings/{part}", **HTMX)
    await page(node, "/")


async def test_what_goes_on_is_told_with_what_is_missing(node: Node) -> None:
    row = await begun(node)
    text = words(await page(node, "/recordings"))
    assert "Owl Night flight recording" in text
    assert "0:01:30 60.0 MB" in text, "on disk is what is not missing"
    assert "10 s in 1 gap" in text
    assert f'action="/recordings/{row.id}/stop"' in await page(node, "/recordings")
    assert "recording" in words(await page(node, "/"))


async def test_one_recording_shows_its_parts_gaps_titles_and_history(node: Node) -> None:
    row = await begun(node)
    found = await page(node, f"/recordings/{row.id}")
    text = words(found)
    assert 'aria-label="0:01:40 in 2 parts, 10 s missing in 1 gap"' in found
    assert "1 0:00:00 0:01:00 40.0 MB 1 500" in text
    assert "2 0:01:10 0:00:30 20.0 MB 750" in text
    assert "0:01:00 10 s 31 to 35" in text
    assert "Night flight II Birds" in text
    assert "It was requested" in text
    assert f'data-player="/api/v1/recordings/{row.id}/play.m3u8"' in found


async def test_a_finished_one_is_in_the_library_and_plays_its_file(node: Node) -> None:
    row = await ended(node)
    text = await page(node, "/recordings")
    assert f'src="/api/v1/recordings/{row.id}/thumbnail.jpg"' in text
    assert "10 s missing in 1 gap" in words(text)
    found = await page(node, f"/recordings/{row.id}")
    assert f'src="/api/v1/recordings/{row.id}/films/1"' in found
    assert "hls.light" not in found, "the browser plays a file by itself"


async def test_a_curve_that_is_stored_is_drawn(node: Node) -> None:
    row = await ended(node)
    await recordings.change(node.runtime.store, row.id, plot="[10.0, [5000, null, 4000]]")
    assert "4.5 Mbit/s on average" in await page(node, f"/recordings/{row.id}")


async def test_the_library_is_paged_and_narrowed_by_name(node: Node) -> None:
    for number in range(26):
        await ended(node, name="Owl" if number % 2 else "Wren & Son", title=f"Flight {number:02}")
    first = await page(node, "/recordings")
    assert first.count('class="film"') == 24
    assert "Flight 25" in first
    assert "Flight 01" not in first
    following = html.unescape(re.findall(r'href="(/recordings\?before=\d+)', first)[0])
    second = await page(node, following)
    assert second.count('class="film"') == 2
    assert "Flight 01" in second
    assert "First page" in second
    narrowed = await page(node, "/recordings?name=Wren+%26+Son")
    assert narrowed.count('class="film"') == 13
    assert '<option value="Wren &amp; Son" selected>' in narrowed


async def test_hostile_names_titles_and_reasons_are_shown_as_text(node: Node) -> None:
    running = await begun(node, name=HOSTILE, title=HOSTILE)
    done = await ended(node, name=f"{HOSTILE} done", title=HOSTILE)
    failed = await ended(node, RecordingState.FAILED, name=f"{HOSTILE} failed", title=HOSTILE)
    await watches.add(
        node.runtime.store,
        {
            "name": HOSTILE,
            "enabled": True,
            "sealed": "",
            "shown": HOSTILE,
            "channel_id": None,
            "windows": (),
            "favourite": True,
            "priority": 0,
            "keep_count": 1,
            "error": HOSTILE,
            "live": None,
        },
        now=utcnow() + timedelta(days=1),
    )
    paths = ["/recordings", "/", "/recordings/watches/1/remove", f"/recordings/{done.id}/delete"]
    for path in [*paths, *(f"/recordings/{row.id}" for row in (running, done, failed))]:
        text = await page(node, path)
        assert "<script>alert" not in text, path
        assert "49" not in re.findall(r"🦉 (\d+)", text), path
        assert HOSTILE in html.unescape(text), path


async def test_what_is_not_there_is_said_on_a_page(node: Node) -> None:
    for path in ("/recordings/77", "/recordings/77/delete", "/recordings/watches/77/remove"):
        assert "<html" in await page(node, path, 404)


# -- doing -------------------------------------------------------------------------------------------------------------


async def test_an_address_is_recorded_by_a_plain_form(node: Node) -> None:
    answer = await send(
        node, "/recordings", url="https://example.test/a.m3u8", name=HOSTILE, minutes="1,5", quality="worst"
    )
    assert answer.headers["location"] == "/recordings"
    (row,) = await recordings.page(node.runtime.store)
    assert row.name == HOSTILE
    assert row.stop_at is not None
    assert 80 < (row.stop_at - row.created_at).total_seconds() <= 90


WRONG = (
    ({"url": "gopher://example.test"}, "record-url", "The address must start with http"),
    ({"url": ""}, "record-url", "Give either an address"),
    ({"url": "https://example.test/a", "name": "n" * 201}, "record-name", "at most 200 characters"),
    ({"url": "https://example.test/a", "minutes": "soon"}, "record-minutes", "Not a number."),
    ({"url": "https://example.test/a", "minutes": "-1"}, "record-minutes", "greater than 0"),
    ({"url": "https://example.test/a", "minutes": "nan"}, "record-minutes", ""),
    ({"url": "https://example.test/a", "quality": "; rm"}, "record-quality", ""),
)


async def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays(node: Node) -> None:
    for fields, at, said in WRONG:
        for htmx in (True, False):
            answer = await send(node, "/recordings", 422, htmx=htmx, **fields)
            assert f'id="{at}-error"' in answer.text, fields
            assert said in html.unescape(answer.text)
            assert f'value="{fields["url"]}"' in answer.text
            assert ("<html" in answer.text) is not htmx
    assert await recordings.page(node.runtime.store) == []


async def test_a_stream_is_watched_switched_off_and_removed_by_plain_forms(node: Node) -> None:
    fields = {
        "url": "https://example.test/live",
        "name": "Owl",
        "windows": "sat,sun 10:00-12:00\r\n\r\ndaily 23:30-00:30",
    }
    fields |= {"start_early": "5", "end_late": ""}
    await send(node, "/recordings/watches", favourite="on", **fields)
    (watch,) = await watches.every(node.runtime.store)
    assert (watch.start_early, watch.end_late) == (5, None)
    assert "starts 5 min early" in await page(node, "/recordings")
    assert watch.windows == ("sat,sun 10:00-12:00", "daily 23:30-00:30")
    assert watch.favourite
    assert "daily 23:30-00:30" in await page(node, "/recordings")
    await send(node, f"/recordings/watches/{watch.id}/enabled")
    assert not (await watches.get(node.runtime.store, watch.id)).enabled
    await send(node, f"/recordings/watches/{watch.id}/enabled", on="1")
    assert (await watches.get(node.runtime.store, watch.id)).enabled
    assert "Its recordings stay." in await page(node, f"/recordings/watches/{watch.id}/remove")
    assert len(await watches.every(node.runtime.store)) == 1, "that was only a question"
    await send(node, f"/recordings/watches/{watch.id}/remove")
    assert await watches.every(node.runtime.store) == []


async def test_a_wrong_window_and_a_name_in_use_are_said_at_their_fields(node: Node) -> None:
    answer = await send(node, "/recordings/watches", 422, url="https://example.test/live", windows="someday")
    assert 'id="watch-windows-error"' in answer.text
    assert "is not a time window" in answer.text
    for wrong in ("-1", "241", "soon"):
        answer = await send(node, "/recordings/watches", 422, url="https://example.test/live", end_late=wrong)
        assert 'id="watch-end_late-error"' in answer.text, wrong
    await send(node, "/recordings/watches", url="https://example.test/live", name="Owl")
    answer = await send(node, "/recordings/watches", 422, url="https://example.test/live", name="owl")
    assert 'id="watch-name-error"' in answer.text


async def test_a_recording_is_cut_and_stopped_by_plain_forms(node: Node) -> None:
    row = await begun(node)
    await send(node, f"/recordings/{row.id}/rotate")
    await send(node, f"/recordings/{row.id}/stop")
    found = await recordings.get(node.runtime.store, row.id)
    assert (found.rotations, found.stop_asked) == (1, True)
    assert "stopping" in words(await page(node, "/recordings"))


async def test_a_failed_one_is_listed_with_its_reason_and_tried_again(node: Node) -> None:
    row = await ended(node, RecordingState.FAILED)
    text = await page(node, "/recordings")
    assert "No file: <script>" in html.unescape(text)
    assert "Its parts are kept." in text
    await send(node, f"/recordings/{row.id}/retry")
    assert (await recordings.get(node.runtime.store, row.id)).state is RecordingState.FINISHING


async def test_a_favourite_is_marked_on_its_card(node: Node) -> None:
    row = await ended(node)
    headers = {**HTMX, "HX-Target": f"li#film-{row.id}"}
    answer = await node.http.post(f"/recordings/{row.id}/keep", headers=headers)
    assert answer.status_code == 200
    assert f'id="film-{row.id}"' in answer.text
    assert "★" in answer.text
    assert (await recordings.get(node.runtime.store, row.id)).favourite
    await send(node, f"/recordings/{row.id}/release")
    assert not (await recordings.get(node.runtime.store, row.id)).favourite


async def test_a_deletion_is_tried_first(node: Node) -> None:
    row = await ended(node)
    text = html.unescape(await page(node, f"/recordings/{row.id}/delete"))
    assert str(row.path) in text
    assert Path(row.path).exists()
    await send(node, f"/recordings/{row.id}/delete")
    assert not Path(row.path).exists()
    assert 'class="film"' not in await page(node, "/recordings")
    assert "deleted" in words(await page(node, f"/recordings/{row.id}"))


async def test_what_goes_on_cannot_be_deleted(node: Node) -> None:
    row = await begun(node)
    assert "stop it first" in await page(node, f"/recordings/{row.id}/delete", 409)


async def test_the_retention_page_deletes_nothing_until_it_is_told_to(node: Node) -> None:
    old, new = await ended(node, title="Old"), await ended(node, title="New")
    await node.patch("/api/v1/settings", {"recordings.keep_count": 1})
    text = await page(node, "/recordings/retention")
    assert "Delete 1 recording?" in text
    assert f'name="ids" value="{old.id}"' in text
    assert Path(old.path).exists()
    await send(node, "/recordings/retention", ids=str(new.id))
    assert Path(old.path).exists(), "it was not what was shown"
    assert Path(new.path).exists(), "the policies keep it"
    await send(node, "/recordings/retention", 422)
    await send(node, "/recordings/retention", ids=str(old.id))
    assert not Path(old.path).exists()
    assert Path(new.path).exists()


async def test_stuck_recordings_are_shown_before_they_are_finished(node: Node) -> None:
    row = await begun(node)
    past = utcnow() - timedelta(days=3)
    await recordings.change(node.runtime.store, row.id, progress_at=past, node=node.runtime.node)
    ledger = Path(row.segments) / "ledger.jsonl"
    ledger.parent.mkdir(parents=True, exist_ok=True)
    ledger.write_text('{"k":"open","at":0,"up":0,"boot":"x"}\n')
    text = await page(node, "/recordings/stuck", **HTMX)
    assert "It has no recorder and has received nothing for 24 h" in text
    assert (await recordings.get(node.runtime.store, row.id)).state is RecordingState.RECORDING
    await send(node, "/recordings/stuck")
    assert (await recordings.get(node.runtime.store, row.id)).state is not RecordingState.RECORDING
