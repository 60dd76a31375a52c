"""The commands about recordings and watches, against a node in this process and a live source."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from counted import LONG, Counted, lose_one
from counter import Film
from darkroom import accounted, in_state, more, seconds, wait_for
from nightcrew.kernel.clock import utcnow
from nightcrew.recordings.store import recordings
from support import Node
from terminal import Result, run


@pytest.fixture
async def source(film: Film) -> AsyncIterator[Counted]:
    """A live source with a window of eight segments of a second."""
    async with Counted(film, window=8, keeps=LONG) as made:
        yield made


@pytest.fixture(autouse=True)
def here(node: Node, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Commands find the node through the environment, and what it logs is not taken for theirs."""
    monkeypatch.setenv("NIGHTCREW_URL", node.url)
    with structlog.testing.capture_logs():
        yield


async def call(*arguments: object, stdin: str = "") -> Result:
    """A command in another thread, as the node runs in this one."""
    return await asyncio.to_thread(run, *arguments, stdin=stdin)


async def ok(*arguments: object) -> str:
    """What a command printed; it must have worked and kept quiet on stderr."""
    result = await call(*arguments)
    assert (result.code, result.err) == (0, ""), result
    return result.out


async def told(*arguments: object) -> Any:
    """What a command printed as JSON."""
    return json.loads(await ok(*arguments, "--json"))


async def recorded(node: Node, source: Counted, **values: object) -> dict[str, Any]:
    """A finished recording of some seconds."""
    row = await told("record", source.url, "--name", "Film", "--title", "Plain")
    await seconds(node, row["id"], 3)
    done: dict[str, Any] = await told("recordings", "stop", row["id"], "--follow")
    if values:
        await recordings.change(node.runtime.store, row["id"], **values)
    return done


async def nothing_recorded(source: Counted) -> dict[str, Any]:
    """A recording that has failed, as its source was never there."""
    with source.fault(answer=404):
        row: dict[str, Any] = await told("record", source.url, "--name", "Empty")
        (await call("recordings", "stop", row["id"], "--follow")).failed(f"recording {row['id']} Empty failed: ")
    return row


# -- recording ---------------------------------------------------------------------------------------------------------


async def test_a_recording_is_followed_to_its_file(node: Node, source: Counted) -> None:
    text = await ok("record", source.url, "--name", "Film", "--title", "Plain", "--for", "6s", "--follow")
    first, *states, last = text.splitlines()
    assert first == "recording 1 Film: waiting"
    assert [line.split(",")[0] for line in states if "recording, " in line or "done, " in line] == [
        "Film: recording",
        "Film: done",
    ]
    assert "Mbit/s" in text or "kbit/s" in text
    (row,) = await told("recordings", "list")
    assert row["state"] == "done"
    assert last.endswith(f"no gaps: {row['file']}")
    assert (await accounted(node, row, source)).whole


async def test_the_interrupt_ends_following_and_not_the_recording(node: Node, source: Counted) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "nightcrew", "record", source.url, "--name", "Film", "--follow"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        # a shell that runs the tests in the background has them ignore the interrupt, and children inherit that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            while b"Film: recording" not in await process.stdout.readline():
                pass
            process.send_signal(signal.SIGINT)
            _, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 130
    assert err.decode().splitlines() == [
        "recording 1 goes on, and is not followed any more; see `nightcrew recordings show 1`, end it with `nightcrew recordings stop 1`"
    ]
    await more(node, 1, 3)
    assert ": done, " in (await ok("recordings", "stop", 1, "--follow"))


async def test_a_recording_that_fails_ends_with_1_and_its_reason(node: Node, source: Counted) -> None:
    row = await nothing_recorded(source)
    assert [one["id"] for one in await told("recordings", "list", "--show", "failed")] == [row["id"]]
    again = await told("recordings", "retry", row["id"])
    assert again["state"] == "finishing"
    await in_state(node, row["id"], "failed")
    source.offline = True
    result = await call("record", source.url, "--name", "Empty", "--for", "1s", "--follow", "--json")
    assert result.code == 1
    assert json.loads(result.out)["state"] == "failed"
    assert len(result.err.splitlines()) == 1


async def test_the_end_of_a_recording_is_told_by_length_or_moment(node: Node, source: Counted) -> None:
    row = await told("record", source.url, "--for", "1h30m", "--quality", "worst", "--kind", "hls")
    assert row["name"] == "live" or row["name"]
    await ok("recordings", "stop", row["id"])
    row = await told("record", source.url, "--until", "2099-12-31T22:15+01:00")
    assert row["stop_at"].startswith("2099-12-31T21:15")
    (await call("record", source.url, "--until", "2001-01-01T10:00")).failed("that time has passed")


async def test_a_channel_is_named_by_words(node: Node, source: Counted, tmp_path: Path) -> None:
    (tmp_path / "a.m3u").write_text(
        f"#EXTM3U\n#EXTINF:-1,News One\n{source.url}\n#EXTINF:-1,News Two\n{source.url}?2\n"
    )
    await node.add(kind="m3u", name="S", url=str(tmp_path / "a.m3u"), region="DE")
    row = await told("record", "--channel", "news one")
    assert (row["name"], row["url"]) == ("News One", "channel News One")
    (await call("record", "--channel", "News")).failed("'News' is not clear, give the number of one: ")
    (await call("record", "--channel", "Sport")).failed("there is no channel 'Sport'")
    (await call("recordings", "watch", "add", "--channel", "news one")).failed("a channel is always on")


# -- looking and steering ----------------------------------------------------------------------------------------------


async def test_recordings_are_listed_shown_and_cut(node: Node, source: Counted) -> None:
    assert await ok("recordings", "list") == "No recordings.\n"
    row = await told("record", source.url, "--name", "Film", "--title", "[/b] [red]Plain")
    await in_state(node, row["id"], "recording")
    await seconds(node, row["id"], 8)
    lost = lose_one(source)
    assert "Film: recording" in await ok("recordings", "rotate", row["id"])
    await wait_for(node, row["id"], lambda now: now["parts"] == 2 and now["gaps"] == 1)
    assert [one["id"] for one in await told("recordings", "list", "--show", "now", "--name", "Film")] == [row["id"]]
    assert await ok("recordings", "list", "--name", "Other") == "No recordings.\n"
    assert "[/b] [red]Plain" in await ok("recordings", "list"), "titles are no markup"
    text = await ok("recordings", "show", row["id"])
    for words in (
        "Film: recording",
        "1 gap of 1 s",
        "it was requested",
        "_part002",
        f"{lost}",
        "HTTP 404",
        "[red]Plain",
    ):
        assert words in text, (words, text)
    shown = await told("recordings", "show", row["id"])
    assert [part["number"] for part in shown["ledger"]["parts"]] == [1, 2]
    assert [(gap["first_sequence"], gap["last_sequence"]) for gap in shown["ledger"]["gaps"]] == [(lost, lost)]
    assert [move["to"] for move in shown["moves"]][:2] == ["waiting", "recording"]
    await ok("recordings", "stop", row["id"], "--follow")


async def test_what_cannot_be_done_is_one_clear_line(node: Node, source: Counted) -> None:
    for verb in ("show", "stop", "rotate", "retry", "keep", "release"):
        (await call("recordings", verb, 99)).failed("there is no recording 99")
    (await call("recordings", "delete", 99, "--yes")).failed("there is no recording 99")
    row = await told("record", source.url)
    (await call("recordings", "retry", row["id"])).failed("only a failed recording can be processed again")
    (await call("recordings", "delete", row["id"], "--yes")).failed("stop it first")
    (await call("record", "file:///etc/passwd")).failed("the address must start with http")


# -- deleting ----------------------------------------------------------------------------------------------------------


async def test_a_deletion_is_shown_first_and_asked_for(node: Node, source: Counted) -> None:
    row = await recorded(node, source)
    delete = ("recordings", "delete", row["id"])
    dry = await ok(*delete, "--dry-run")
    assert dry.startswith(f"would delete recording {row['id']} Film, Plain: ")
    assert f"  {row['file']}\n" in dry
    assert row["file"] in (await told(*delete, "--dry-run"))["removed"]
    no = await call(*delete, stdin="n\n")
    assert no.code == 1
    assert no.err.startswith("Delete that? [y/N]:")
    assert no.err.endswith("nightcrew: nothing was done\n")
    nobody = await call(*delete)
    assert nobody.code == 1
    assert "nobody answered, so nothing was done; --yes answers beforehand" in nobody.err.splitlines()[-1]
    assert Path(row["file"]).exists()
    yes = await call(*delete, stdin="y\n")
    assert yes.code == 0
    assert "deleted: " in yes.out
    assert not Path(row["file"]).exists()
    assert await ok("recordings", "list") == "No recordings.\n"


async def test_the_policies_delete_what_is_not_kept(node: Node, source: Counted) -> None:
    assert await ok("recordings", "retention") == "The policies let nothing go.\n"
    row = await recorded(node, source, ended_at=utcnow() - timedelta(days=2))
    await node.patch("/api/v1/settings", {"recordings.keep_days": 1})
    await ok("recordings", "keep", row["id"])
    assert await ok("recordings", "retention", "--apply", "--yes") == "The policies let nothing go.\n"
    await ok("recordings", "release", row["id"])
    assert "would delete 1 recording of " in await ok("recordings", "retention")
    assert (await call("recordings", "retention", "--apply", stdin="n\n")).code == 1
    assert Path(row["file"]).exists()
    assert "deleted 1 recording: " in await ok("recordings", "retention", "--apply", "--yes")
    assert not Path(row["file"]).exists()
    assert (await told("recordings", "retention", "--apply", "--yes"))["items"] == []


async def test_files_that_stay_end_a_deletion_with_1(
    node: Node, source: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = await recorded(node, source)
    file = Path(row["file"])
    file.unlink()
    file.mkdir()
    (file / "kept").touch()
    result = await call("recordings", "delete", row["id"], "--yes")
    assert result.code == 1
    assert len(result.err.splitlines()) == 1
    assert (file / "kept").exists()


async def test_recordings_that_are_stuck_are_named_and_with_apply_taken_care_of(node: Node, source: Counted) -> None:
    assert await ok("recordings", "stuck") == "0 of 0 recordings are stuck; nothing was changed\n"
    row = await recorded(node, source, state="post-processing", since=utcnow() - timedelta(hours=1))
    text = await ok("recordings", "stuck")
    assert "its post-processing was cut short" in text
    assert "1 of 1 recordings are stuck; nothing was changed" in text
    assert (await told("recordings", "stuck"))["data"]["details"][0]["recording_id"] == row["id"]
    assert "1 of 1 stuck recordings were dealt with" in await ok("recordings", "stuck", "--apply")
    assert (await told("recordings", "show", row["id"]))["state"] == "failed"


# -- watches -----------------------------------------------------------------------------------------------------------


async def test_watches_are_added_listed_switched_and_removed(node: Node, source: Counted) -> None:
    assert await ok("recordings", "watch", "list") == "No stream is watched.\n"
    windows = ("--window", "mon-fri 03:00-03:01", "--window", "2099-12-31 20:00-23:30")
    added = await ok("recordings", "watch", "add", source.url, "--name", "Evening", *windows, "--keep-count", 3)
    assert added == "watch 1 Evening: recorded mon-fri 03:00-03:01; 2099-12-31 20:00-23:30\n"
    other = await told("recordings", "watch", "add", source.url + "?2", "--name", "Other", "--favourite", *windows[:2])
    assert (other["favourite"], other["keep_count"], other["windows"]) == (True, None, ["mon-fri 03:00-03:01"])
    early = ("--start-early", 5, "--end-late", 0)
    added = await ok("recordings", "watch", "add", source.url + "?3", "--name", "Third", *windows[:2], *early)
    assert added == "watch 3 Third: recorded mon-fri 03:00-03:01, 5 min before, 0 min after\n"
    await ok("recordings", "watch", "remove", "Third")
    text = await ok("recordings", "watch", "list")
    assert "3 recordings" in text
    assert "everything" in text
    assert await ok("recordings", "watch", "off", "Evening") == "watch 1 Evening: off\n"
    assert [one["enabled"] for one in await told("recordings", "watch", "list")] == [False, True]
    assert (await told("recordings", "watch", "on", 1))["enabled"]
    gone = await ok("recordings", "watch", "remove", "Other")
    assert gone == "Other is not watched any more; what was recorded stays\n"
    assert await told("recordings", "watch", "remove", 1) == {"removed": 1}
    (await call("recordings", "watch", "off", 1)).failed("there is no watch '1'; `nightcrew recordings watch list`")


async def test_a_watch_that_cannot_be_is_one_clear_line(node: Node, source: Counted) -> None:
    add = ("recordings", "watch", "add", source.url, "--name", "W", "--window")
    (await call(*add, "noon")).failed("'noon' is not a time window")
    (await call(*add, "blursday 10:00-11:00")).failed("has an unknown day")
    await ok(*add, "mon 03:00-03:01")
    (await call(*add, "mon 03:00-03:01")).failed("W")
