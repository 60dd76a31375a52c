import asyncio
import contextlib
import signal
import sys

import httpx2
import pytest

from nightcrew.app import Config
from nightcrew.cli.demo import WORLD_PORT, run_demo
from nightcrew.demo.faults import Fault
from nightcrew.demo.world import World
from nightcrew.kernel.errors import NeedsUser


async def test_sources_name_one_of_each_kind(world):
    sources = world.sources()
    assert [s["kind"] for s in sources] == ["m3u", "xtream", "catalogue", "guide"]
    assert all(str(s["url"]).startswith(world.url) for s in sources)
    sources[2]["options"]["items"] = "spoilt"
    assert world.sources()[2]["options"]["items"] == "items"


async def test_world_starts_again_on_the_same_port():
    async with World(live=False) as first:
        url = first.url
        async with httpx2.AsyncClient() as client:
            await client.get(f"{url}/m3u/list.m3u")
    async with World(int(url.rpartition(":")[2]), live=False) as second, httpx2.AsyncClient() as client:
        assert second.url == url
        assert (await client.get(f"{url}/m3u/list.m3u")).status_code == 200


async def test_taken_port_is_refused(world):
    with pytest.raises(OSError):
        async with World(int(world.url.rpartition(":")[2]), live=False):
            pass


async def test_the_command_says_which_port_is_taken_and_what_to_do(world, tmp_path):
    port = int(world.url.rpartition(":")[2])
    config = Config(data_dir=tmp_path, port=port - (WORLD_PORT - 8780))
    with pytest.raises(NeedsUser, match=f"cannot listen on port {port}: .* Choose another with --port"):
        await run_demo(config, lambda _node: None)


@contextlib.asynccontextmanager
async def open_request(url, path):
    """Sends a request and then reads nothing."""
    host, _, port = url.removeprefix("http://").partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    await writer.drain()
    try:
        yield
    finally:
        writer.close()


async def test_leaving_takes_less_than_two_seconds_with_everything_open(pictures, capfd, caplog):
    before = asyncio.all_tasks()
    async with contextlib.AsyncExitStack() as connections:
        async with World(streams=pictures) as world:
            await world.ready()
            world.faults.set("m3u", Fault.ENDLESS)
            world.faults.set("guide", Fault.HANG)
            world.faults.set("xtream", Fault.SLOW, times=1)
            paths = [
                "/m3u/list.m3u",
                "/guide/guide.xml",
                "/xtream/get.php?username=demo&password=demo-password",
                "/live/harbour.ts",
            ]
            for path in [*paths, "/xtream/live/demo/demo-password/20001.ts"]:
                await connections.enter_async_context(open_request(world.url, path))
            await asyncio.sleep(0.3)
        assert asyncio.all_tasks() == before
    assert capfd.readouterr().err == ""
    assert [record for record in caplog.records if record.levelname in {"ERROR", "CRITICAL"}] == []


async def test_leaving_closes_idle_connections():
    async with World(live=False) as world:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(world.url.rpartition(":")[2]))
        writer.write(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
    assert await asyncio.wait_for(reader.read(), 1) == b""
    writer.close()


async def test_leaving_ends_the_encoder(tmp_path):
    async with World(streams=tmp_path):
        await asyncio.sleep(0.3)
    assert [entry for entry in tmp_path.iterdir() if entry.name.startswith("encoding-")] == []


async def test_viewers_that_leave_cause_no_complaint(live_world, capfd, caplog):
    for fault in (None, Fault.ENDLESS, Fault.GARBAGE, Fault.HALF, Fault.SLOW, Fault.HANG, Fault.GZIP_BOMB):
        live_world.faults.clear()
        if fault:
            live_world.faults.set("live", fault)
        async with open_request(live_world.url, "/live/harbour.ts"):
            await asyncio.sleep(0.15)
    await asyncio.sleep(0.3)
    assert capfd.readouterr().err == ""
    assert [record for record in caplog.records if record.levelname in {"ERROR", "CRITICAL"}] == []


async def test_a_mistake_in_a_server_is_logged(world, caplog):
    world.catalogue.channels.append("not a channel")
    async with httpx2.AsyncClient() as client:
        assert (await client.get(f"{world.url}/m3u/list.m3u")).status_code == 500
    assert "AttributeError" in caplog.text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_command_line_serves_until_interrupted(number):
    arguments = ["-m", "nightcrew.demo", "--port", "0", "--channels", "7", "--no-streams"]
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=-1, stderr=-1)
    url = (await asyncio.wait_for(process.stdout.readline(), 10)).decode().strip()
    async with httpx2.AsyncClient() as client:
        assert (await client.get(f"{url}/m3u/list.m3u")).text.count("#EXTINF") == 7
    process.send_signal(number)
    _, errors = await asyncio.wait_for(process.communicate(), 5)
    assert (process.returncode, errors) == (0, b"")
