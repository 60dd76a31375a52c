"""Accounts that allow one connection: it is asked for once, kept, and waited for where it still counts.

Reported in public for programs of this kind; each test is named for the situation.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from counted import LONG, Counted
from counter import Film, account
from darkroom import accounted, finish, get, in_state, kill, more, seconds
from nightcrew.recorder import ledger, pacing, scout
from nightcrew.recorder.source import PAGE, Offline, Unreadable
from nightcrew.recorder.wire import Order
from stingy import Stingy, channel_of, order_for, pictures, recorder, status, stingy
from support import Node, until


@pytest.fixture
async def provider(film: Film) -> AsyncIterator[Stingy]:
    async with Counted(film, window=8, keeps=LONG) as source, stingy(source) as made:
        yield made


@pytest.mark.parametrize("path", ["/live.ts", "/live.m3u8", "/master.m3u8", "/moved/live.ts", "/moved/live.m3u8"])
@pytest.mark.parametrize("kind", ["auto", "plain"])
async def test_it_is_asked_for_once_and_read_on(tmp_path: Path, provider: Stingy, path: str, kind: str) -> None:
    """No HEAD, no look that is thrown away, no second connection; where it was led to is where it stays."""
    hls = path.endswith("m3u8")
    exact = {"plain": "hls" if hls else "http"}.get(kind, "auto")
    async with recorder(tmp_path / "p", order_for(tmp_path, 1, provider.url(path), kind=exact)):
        await until(lambda: ledger.read(tmp_path / "out1").segments > (9 if hls else 3), 30)
    assert {method for method, _, _ in provider.asked} == {"GET"}
    assert (provider.refused, provider.peak) == (0, 1)
    first = path.removeprefix("/moved")
    assert provider.gets(first) == (1 if first != "/live.m3u8" else provider.gets("/live.m3u8"))
    assert provider.tokens == (1 if "moved" in path else 0)
    assert account(pictures(tmp_path / "out1")).whole


async def test_the_playlist_that_was_looked_at_is_the_first_that_is_read(tmp_path: Path, provider: Stingy) -> None:
    async with recorder(tmp_path / "p", order_for(tmp_path, 1, provider.url("/live.m3u8"))):
        await until(lambda: ledger.read(tmp_path / "out1").segments > 2, 30)
        first = [path for _, path, _ in provider.asked][:3]
    assert first[0] == "/live.m3u8"
    assert first[1].startswith("/seg/"), first


async def test_a_stream_with_the_name_of_a_playlist_is_recorded(tmp_path: Path, film: Film) -> None:
    """Panels answer `.m3u8` with a transport stream when a setting there says so."""
    data = b"".join(film.segments[:20])

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\nConnection: close\r\n\r\n" + data)
        await writer.drain()
        await reader.read(1)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/live/anna/1.m3u8"
        async with recorder(tmp_path / "p", order_for(tmp_path, 1, url)):
            await until(lambda: ledger.read(tmp_path / "out1").segments > 10, 30)
    assert account(pictures(tmp_path / "out1")).whole


@pytest.mark.parametrize("path", ["/live/anna/1.m3u8", "/live/anna/1"])
@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (b"\n<!DOCTYPE html><title>Limit</title>", PAGE),
        (b'{"error": "too many connections"}', PAGE),
        (b"", "it sends nothing"),
    ],
)
async def test_a_page_in_a_streams_place_is_not_live(path: str, sent: bytes, why: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + sent)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{path}"
        found = await asyncio.to_thread(scout.look, 1, Order(0, "", "", url, private=True))
    assert (found.live, found.error) == (None, why)


async def test_a_connection_that_has_broken_off_and_still_counts_is_waited_for(
    tmp_path: Path, provider: Stingy
) -> None:
    folder = tmp_path / "p"
    async with recorder(folder, order_for(tmp_path, 1, provider.url("/live.ts"))):
        await until(lambda: ledger.read(tmp_path / "out1").segments > 3, 30)
        provider.source.cut()
        await until(lambda: pacing.STILL_COUNTED in (s.reason if (s := status(folder)) else ""), 10)
        before = ledger.read(tmp_path / "out1").segments
        await until(lambda: ledger.read(tmp_path / "out1").segments > before + 3, 30)
    assert provider.refused <= 6, "the pauses grow"
    tally = ledger.read(tmp_path / "out1")
    found = account(pictures(tmp_path / "out1"))
    missing = sum(last - first + 1 for first, last in found.missing)
    assert abs(missing - tally.missing * 25) < 13, (found, tally.gaps)


async def test_a_recorder_that_was_killed_finds_its_connection_still_counted(tmp_path: Path, provider: Stingy) -> None:
    folder, one = tmp_path / "p", order_for(tmp_path, 1, provider.url("/live.ts"))
    async with recorder(folder, one) as process:
        await until(lambda: ledger.read(tmp_path / "out1").segments > 3, 30)
        provider.linger = 1000.0  # longer than a recorder takes to start
        os.kill(process.pid, signal.SIGKILL)
        await until(lambda: process.poll() is not None)
    before = ledger.read(tmp_path / "out1").segments
    async with recorder(folder, one):
        await until(lambda: pacing.STILL_COUNTED in (s.reason if (s := status(folder)) else ""), 10)
        provider.forget()
        await until(lambda: ledger.read(tmp_path / "out1").segments > before + 3, 30)
    assert provider.peak == 2, "it was refused meanwhile"


def test_the_pauses_grow_where_each_try_may_count() -> None:
    crowded, plain = Unreadable("HTTP 403", crowded=True), Unreadable("HTTP 500")
    waits = [pacing.put_off(crowded, failures, connected=True)[1] for failures in range(9)]
    assert waits == sorted(waits)
    assert waits[0] == 0 and waits[-1] > max(pacing.put_off(plain, n, connected=True)[1] for n in range(9))
    assert pacing.STILL_COUNTED in pacing.put_off(crowded, 1, connected=True)[0]
    for other in (plain, Offline("HTTP 404")):
        assert pacing.put_off(other, 1, connected=True)[0] == str(other)
    assert pacing.put_off(crowded, 1, connected=False)[0] == f"HTTP 403: {pacing.IN_USE}"


async def test_a_stream_that_is_recorded_is_not_opened_to_see_whether_it_is_live(provider: Stingy) -> None:
    for path in ("/live.ts", "/live.m3u8"):
        asked = Order(0, "", "", provider.url(path), private=True)
        found = await asyncio.to_thread(scout.look, 1, asked, recorded=True)
        assert (found.live, provider.asked) == (True, [])
    found = await asyncio.to_thread(scout.look, 1, asked)
    assert found.live
    assert [path for _, path, _ in provider.asked] == ["/live.m3u8"]


async def test_a_look_hangs_up_at_once(provider: Stingy) -> None:
    provider.linger = 0.0
    found = await asyncio.to_thread(scout.look, 1, Order(0, "", "", provider.url("/live.ts"), private=True))
    assert found.live
    await until(lambda: provider.counted == 0, 2)


# -- through the whole server ------------------------------------------------------------------------------------------


async def test_a_channel_is_recorded_over_one_connection_whatever_happens(
    node: Node, provider: Stingy, tmp_path: Path
) -> None:
    channel = await channel_of(node, tmp_path, provider.url("/live.ts"))
    row = await node.post("/api/v1/recordings", {"channel": channel})
    await seconds(node, row["id"], 4)
    assert [one for one in provider.asked if one[1] == "/live.ts"] == [("GET", "/live.ts", 200)]
    kill(node, row["id"])
    await more(node, row["id"], 4)
    done = await finish(node, row["id"])
    await accounted(node, done)
    assert provider.gets("/live.ts") == 2
    assert (await get(node, row["id"]))["gaps"] == 1


async def test_where_there_is_nothing_else_to_try_the_connection_is_waited_for_in_peace(
    node: Node, provider: Stingy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The recorder is not given the same address anew again and again, which would begin its pauses anew."""
    monkeypatch.setattr("nightcrew.recordings.kept.LEFT", 1.0)
    provider.linger = 8.0
    channel = await channel_of(node, tmp_path, provider.url("/live.ts"))
    row = await node.post("/api/v1/recordings", {"channel": channel})
    await seconds(node, row["id"], 4)
    provider.source.cut()
    told = await in_state(node, row["id"], "retrying")
    assert told["reason"] == f"HTTP 403: {pacing.STILL_COUNTED}"
    await more(node, row["id"], 4)
    await accounted(node, await finish(node, row["id"]))
    assert provider.refused <= 6
