"""Recordings of one channel that overlap, where the account allows one connection: each has its whole time.

Reported in public for programs of this kind; each test is named for the situation.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from counted import LONG, Counted
from counter import Film, account, encode
from darkroom import accounted, finish, in_state, kill, more, recorders, seconds, serving
from nightcrew.demo.pictures import find_ffmpeg
from nightcrew.recorder import ledger
from nightcrew.recorder.ledger import Tally
from stingy import Stingy, channel_of, order_for, pictures, recorder, status, stingy
from support import Node, until

STREAMS = ["/live.ts", "/live.m3u8", "/moved/live.m3u8"]


@pytest.fixture
async def provider(film: Film) -> AsyncIterator[Stingy]:
    async with Counted(film, window=8, keeps=LONG) as source, stingy(source) as made:
        yield made


def tally(folder: Path, number: int) -> Tally:
    return ledger.read(folder / f"out{number}")


async def grows(folder: Path, number: int, by: int = 3) -> None:
    """Wait until more is on disk."""
    before = tally(folder, number).segments
    await until(lambda: tally(folder, number).segments >= before + by, 40)


def check_gaps(folder: Path, number: int) -> None:
    """What is missing is listed, and nothing is doubled."""
    found = account(pictures(folder / f"out{number}"))
    missing = sum(last - first + 1 for first, last in found.missing)
    assert not found.doubled
    assert not found.disordered
    assert abs(missing - tally(folder, number).missing * 25) < 13, (found, tally(folder, number).gaps)


# -- the recorder ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", STREAMS)
async def test_the_second_has_the_overlap_and_goes_on_when_the_first_ends(
    tmp_path: Path, provider: Stingy, path: str
) -> None:
    one, two = (order_for(tmp_path, number, provider.url(path)) for number in (1, 2))
    async with recorder(tmp_path / "p", one):
        await grows(tmp_path, 1, 5)
        asked = max(pictures(tmp_path / "out1"))
        two.save(tmp_path / "p")
        await grows(tmp_path, 2, 5)
        replace(one, stop=True).save(tmp_path / "p")
        await until(lambda: (s := status(tmp_path / "p", 1)) and s.state == "over", 20)
        (tmp_path / "p" / "orders" / "1.json").unlink()
        await grows(tmp_path, 2, 8)
    first, second = account(pictures(tmp_path / "out1")), account(pictures(tmp_path / "out2"))
    assert first.whole and second.whole
    assert second.first <= asked + 25, "it has all from the moment that it was asked for"
    assert second.first < first.last < second.last
    assert (provider.peak, provider.refused) == (1, 0)
    assert provider.tokens == (1 if "moved" in path else 0)
    assert path != "/live.ts" or provider.gets("/live.ts") == 1


async def test_the_second_ends_first(tmp_path: Path, provider: Stingy) -> None:
    one, two = (order_for(tmp_path, number, provider.url("/live.ts")) for number in (1, 2))
    async with recorder(tmp_path / "p", one):
        await grows(tmp_path, 1)
        two.save(tmp_path / "p")
        await grows(tmp_path, 2)
        replace(two, stop=True).save(tmp_path / "p")
        await until(lambda: (s := status(tmp_path / "p", 2)) and s.state == "over", 20)
        await grows(tmp_path, 1, 5)
    assert account(pictures(tmp_path / "out1")).whole
    assert account(pictures(tmp_path / "out2")).whole
    assert provider.gets("/live.ts") == 1


async def test_each_segment_and_playlist_is_asked_for_once(tmp_path: Path, provider: Stingy) -> None:
    orders = [order_for(tmp_path, number, provider.url("/live.m3u8")) for number in (1, 2, 3)]
    async with recorder(tmp_path / "p"):
        for number, order in enumerate(orders, 1):  # each begins with what the others have passed
            order.save(tmp_path / "p")
            await grows(tmp_path, number, 5)
        await grows(tmp_path, 3, 5)
        began, looks = provider.source.newest, provider.gets("/live.m3u8")
        await grows(tmp_path, 3, 8)
        passed = provider.source.newest - began
        looked = provider.gets("/live.m3u8") - looks
    assert all(account(pictures(tmp_path / f"out{number}")).whole for number in (1, 2, 3))
    fetched = provider.source.fetched
    assert {count for number, count in fetched.items() if number > began} == {1}
    assert max(fetched.values()) <= 2, "the first one kept nothing while it was alone; the second and third share all"
    assert looked <= 2 * passed + 3, "three who look for themselves would ask three times as often"
    assert (provider.peak, provider.refused) == (1, 0)


async def test_fragments_are_shared_with_what_they_begin_with(tmp_path: Path) -> None:
    fragments = encode(tmp_path / "film", seconds=60, segment=1.0, kind="fmp4")
    async with Counted(fragments, window=8, keeps=LONG) as source, stingy(source) as provider:
        orders = [order_for(tmp_path, number, provider.url("/live.m3u8")) for number in (1, 2)]
        async with recorder(tmp_path / "p", *orders):
            await grows(tmp_path, 1, 12)
            await grows(tmp_path, 2, 4)
        assert all(account(pictures(tmp_path / f"out{number}")).whole for number in (1, 2))
        assert set(source.fetched.values()) == {1}
        assert provider.gets("/init.mp4") == 1


async def test_a_picture_and_its_sound_beside_it_are_one_connection_for_all(tmp_path: Path, provider: Stingy) -> None:
    provider.lag = 0.1
    url = provider.url("/beside.m3u8")
    orders = [order_for(tmp_path, number, url, ffmpeg=find_ffmpeg()) for number in (1, 2, 3)]

    def sound(number: int) -> Tally:
        (beside,) = [path for path in (tmp_path / f"out{number}").iterdir() if path.is_dir()]
        return ledger.read(beside)

    async with recorder(tmp_path / "p"):
        for number, order in enumerate(orders, 1):  # each begins with what the others have passed
            order.save(tmp_path / "p")
            await grows(tmp_path, number, 5)
        for number in (1, 2, 3):
            await until(lambda number=number: sound(number).segments > 8, 40)
    for number in (1, 2, 3):
        assert account(pictures(tmp_path / f"out{number}")).whole
        assert not sound(number).gaps
    assert (provider.peak, provider.refused, provider.gets("/beside.m3u8")) == (1, 0, 1)


async def test_numbers_that_begin_anew_are_no_old_segments(tmp_path: Path, provider: Stingy) -> None:
    """What one has kept for the other has the same name and is another picture."""
    orders = [order_for(tmp_path, number, provider.url("/live.m3u8")) for number in (1, 2)]
    async with recorder(tmp_path / "p", *orders):
        await grows(tmp_path, 2, 12)
        provider.source.reset(provider.source.number_of(provider.source.newest) - 6)
        await until(lambda: tally(tmp_path, 1).epoch and tally(tmp_path, 2).epoch, 60)
        await grows(tmp_path, 1, 9)
        await grows(tmp_path, 2, 3)
    for number in (1, 2):
        check_gaps(tmp_path, number)


@pytest.mark.parametrize("path", ["/live.ts", "/live.m3u8"])
async def test_a_recorder_that_is_killed_takes_both_up_over_one_connection(
    tmp_path: Path, provider: Stingy, path: str
) -> None:
    provider.linger = 1.0
    orders = [order_for(tmp_path, number, provider.url(path)) for number in (1, 2)]
    async with recorder(tmp_path / "p", *orders) as process:
        await grows(tmp_path, 1)
        await grows(tmp_path, 2)
        os.kill(process.pid, signal.SIGKILL)
        await until(lambda: process.poll() is not None)
    async with recorder(tmp_path / "p", *orders):
        await grows(tmp_path, 1, 4)
        await grows(tmp_path, 2, 4)
    for number in (1, 2):
        check_gaps(tmp_path, number)
    assert provider.refused <= 8, "they do not both ask in vain for long"


async def test_a_connection_that_breaks_off_is_opened_once_for_both(tmp_path: Path, provider: Stingy) -> None:
    provider.linger = 0.0
    orders = [order_for(tmp_path, number, provider.url("/live.ts")) for number in (1, 2)]
    async with recorder(tmp_path / "p", *orders):
        await grows(tmp_path, 2)
        provider.source.cut()
        await grows(tmp_path, 1)
        await grows(tmp_path, 2)
    for number in (1, 2):
        check_gaps(tmp_path, number)
    assert (provider.gets("/live.ts"), provider.refused) == (2, 0)


async def test_one_that_has_to_wait_keeps_the_other_from_nothing(tmp_path: Path, provider: Stingy) -> None:
    """As one does whose disk is spared."""
    one, two = (order_for(tmp_path, number, provider.url("/live.ts")) for number in (1, 2))
    async with recorder(tmp_path / "p", one, two):
        await grows(tmp_path, 2)
        replace(one, hold_until=0.0).save(tmp_path / "p")
        await until(lambda: (s := status(tmp_path / "p", 1)) and s.state == "held", 20)
        await grows(tmp_path, 2)
        one.save(tmp_path / "p")
        await grows(tmp_path, 1)
    check_gaps(tmp_path, 1)
    assert account(pictures(tmp_path / "out2")).whole
    assert (provider.gets("/live.ts"), provider.peak) == (1, 1)


# -- the server --------------------------------------------------------------------------------------------------------


async def begin(node: Any, channel: int, name: str) -> int:
    return int((await node.post("/api/v1/recordings", {"channel": channel, "name": name}))["id"])


async def test_two_recordings_of_a_channel_need_one_connection_of_its_account(
    node: Node, provider: Stingy, tmp_path: Path
) -> None:
    channel = await channel_of(node, tmp_path, provider.url("/live.ts"))
    one = await begin(node, channel, "One")
    await seconds(node, one, 5)
    two = await begin(node, channel, "Two")
    await seconds(node, two, 5)
    (holders,) = [account["holders"] for account in (await node.get("/api/v1/accounts"))["items"]]
    assert [holder["purpose"] for holder in holders] == ["recording"]
    first = await finish(node, one)
    await more(node, two, 5)
    (holders,) = [account["holders"] for account in (await node.get("/api/v1/accounts"))["items"]]
    assert len(holders) == 1, "it is held as long as one of them reads"
    second = await finish(node, two)
    (holders,) = [account["holders"] for account in (await node.get("/api/v1/accounts"))["items"]]
    assert holders == []
    for done in (first, second):
        assert (await accounted(node, done)).whole
    assert provider.gets("/live.ts") == 1


async def test_those_that_are_asked_for_at_once_share_as_well(any_node: Node, provider: Stingy, tmp_path: Path) -> None:
    node = any_node
    await node.patch("/api/v1/settings", {"recordings.per_recorder": 1})
    channel = await channel_of(node, tmp_path, provider.url("/live.ts"), most=3)
    numbers = await asyncio.gather(*(begin(node, channel, f"R{n}") for n in range(3)))
    for number in numbers:
        await seconds(node, number, 4)
    assert (provider.gets("/live.ts"), provider.peak, len(recorders(node))) == (1, 1, 1)
    for number in numbers:
        assert (await accounted(node, await finish(node, number))).whole


async def test_two_recordings_of_one_address_share_a_connection(node: Node, provider: Stingy) -> None:
    url = provider.url("/live.ts")
    first, second = [
        (await node.post("/api/v1/recordings", {"url": url, "name": name}))["id"] for name in ("One", "Two")
    ]
    await seconds(node, first, 4)
    await seconds(node, second, 4)
    await finish(node, first)
    await more(node, second, 3)
    assert (await accounted(node, await finish(node, second))).whole
    assert provider.gets("/live.ts") == 1


async def test_one_whose_folder_is_away_does_not_take_the_channel_from_the_other(
    node: Node, provider: Stingy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nightcrew.recordings.kept.LEFT", 2.0)
    monkeypatch.setattr("nightcrew.recordings.kept.ALONE", 2.0)
    channel = await channel_of(node, tmp_path, provider.url("/live.ts"))
    one, two = await begin(node, channel, "One"), await begin(node, channel, "Two")
    await seconds(node, one, 4)
    row = await seconds(node, two, 4)
    folder = Path(row["folder"])
    folder.rename(folder.with_name("away"))
    await in_state(node, two, "retrying")
    await more(node, one, 6)
    folder.with_name("away").rename(folder)
    await more(node, two, 3)
    assert (await accounted(node, await finish(node, one))).whole
    await accounted(node, await finish(node, two))
    assert provider.gets("/live.ts") == 1


@pytest.mark.slow
async def test_a_recorder_and_a_server_that_die_keep_both(provider: Stingy, tmp_path: Path) -> None:
    provider.linger = 1.0
    async with serving(tmp_path / "data") as server:
        (tmp_path / "list.m3u").write_text(f"#EXTM3U\n#EXTINF:-1,Kanal 1\n{provider.url('/live.ts')}\n")
        listed = {"kind": "m3u", "name": "List", "url": str(tmp_path / "list.m3u"), "region": "DE", "max_streams": 1}
        await server.post("/api/v1/sources", listed)

        async def channels() -> list[dict[str, Any]]:
            return list((await server.get("/api/v1/channels"))["items"])

        await until(channels, 30)
        channel = (await channels())[0]["id"]
        one, two = await begin(server, channel, "One"), await begin(server, channel, "Two")
        await seconds(server, one, 5)
        await seconds(server, two, 5)
        server.kill()
        await asyncio.sleep(1)
        await server.start()
        await more(server, one, 5)
        await more(server, two, 1)
        assert provider.gets("/live.ts") == 1, "the recorder went on, and was found again"
        kill(server, one)
        await more(server, one, 4)
        await more(server, two, 4)
        for number in (one, two):
            await accounted(server, await finish(server, number))
    assert provider.peak <= 2
    assert provider.gets("/live.ts") == 2
