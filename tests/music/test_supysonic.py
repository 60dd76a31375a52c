"""Real Supysonic, in an environment of its own: what it has is found in our library, page by page."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nightcrew.demo.audio import Audio
from nightcrew.demo.songs import SONGS, SharedFile
from nightcrew.kernel.connections import actions, store
from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.errors import GiveUp, NeedsUser
from nightcrew.music.domain import DOMAIN
from nightcrew.music.libraries import base, subsonic
from support import at_rest, free_port, until

BIN = Path(__file__).parents[2] / ".tools" / "supysonic" / "bin"


@pytest.fixture
async def supysonic(audio: Path, tmp_path: Path) -> AsyncIterator[str]:
    """Its address. Its library has three tracks."""
    if not (BIN / "supysonic-cli").exists():
        if os.environ.get("CI") == "true":
            pytest.fail("Supysonic is missing, and CI must have it: make .tools/supysonic/.done")
        pytest.skip("Supysonic is not here: make .tools/supysonic/.done")
    music = tmp_path / "music"
    for song in SONGS[:3]:
        made = await Audio(audio).file(SharedFile(song, "x", "mp3", 192))
        place = music / song.artist / song.album / f"{song.title}.mp3"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(made.read_bytes())
    config, port = tmp_path / "supysonic.conf", free_port()
    config.write_text(
        f"[base]\ndatabase_uri = sqlite:///{tmp_path}/supy.db\n[webapp]\nlog_file =\n[daemon]\nsocket = {tmp_path}/d.sock\n"
    )
    env = {**os.environ, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "PYTHONPATH": ""}
    (tmp_path / "supysonic").mkdir()
    (tmp_path / "supysonic" / "supysonic.conf").write_text(config.read_text())

    def cli(*arguments: str) -> None:
        subprocess.run([str(BIN / "supysonic-cli"), *arguments], env=env, cwd=tmp_path, check=True, capture_output=True)

    for arguments in (
        ("user", "add", "demo", "-p", "secret"),
        ("user", "setroles", "-A", "demo"),
        ("folder", "add", "Music", str(music)),
        ("folder", "scan", "-f", "--foreground", "Music"),
    ):
        await asyncio.to_thread(cli, *arguments)
    (tmp_path / "wsgi.py").write_text(
        "from supysonic.web import create_application\napplication = create_application()\n"
    )
    serve = (
        "from wsgiref.simple_server import make_server; import wsgi; "
        f"make_server('127.0.0.1', {port}, wsgi.application).serve_forever()"
    )
    process = subprocess.Popen(
        [str(BIN / "python"), "-c", serve], env=env, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=sys.stderr
    )
    try:
        await until(lambda: _answers(port), 60.0)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def test_a_real_server_is_read(supysonic: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subsonic, "PAGE", 2)
    async with at_rest(tmp_path / "data", DOMAIN) as node:
        node.add(Connections(node))
        values = {"kind": "subsonic", "name": "Supysonic", "address": supysonic}
        one = await actions.add(node, {**values, "settings": {"user": "demo", "password": "secret"}}, actor="test")
        with pytest.raises(NeedsUser, match="knows no tokens"):
            await node.part(Connections).test(one)
        settings = {"user": "demo", "password": "secret", "plain": True}
        one = await actions.change(node, one.id, {"settings": settings}, actor="test")
        said = await node.part(Connections).test(one)
        assert "takes the login" in said[0]
        line = await node.part(Connections).line(one.id)
        found = [track async for page in subsonic.tracks(line) for track in page]
        assert sorted((track.artist, track.title, track.album) for track in found) == sorted(
            (song.artist, song.title, song.album) for song in SONGS[:3]
        )
        assert all(abs((track.seconds or 0) - song.seconds) <= 1 for track, song in zip(
            sorted(found, key=lambda one: one.title), sorted(SONGS[:3], key=lambda one: one.title), strict=True
        ))  # fmt: skip
        assert await subsonic.counts(line) == base.ServiceCounts(0, 0, 0), "without its daemon it does not count"
        with pytest.raises(GiveUp, match="daemon"):
            await subsonic.refresh(line, "")
        await actions.change(
            node, one.id, {"settings": {"user": "demo", "password": "wrong", "plain": True}}, actor="test"
        )
        with pytest.raises(NeedsUser):
            await node.part(Connections).test(await store.get(node.store, one.id))
