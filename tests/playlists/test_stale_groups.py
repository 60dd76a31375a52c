"""A panel that cannot name its groups: the last known names stay, and people see that they are old."""

from __future__ import annotations

import asyncio
import json
from html import unescape
from pathlib import Path

import pytest

from nightcrew.kernel import recovery, upkeep
from nightcrew.kernel.connections import rules
from nightcrew.playlists.domain import DOMAIN
from support import running

LOGIN = {"kind": "xtream", "name": "Panel", "region": "DE", "username": "anna", "password": "secret-1", "guide": False}


async def test_old_names_of_groups_are_shown_as_old_until_there_are_new_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(rules, "QUIET", 0.0)
    broken = False

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        told: object = {"user_info": {"auth": 1, "status": "Active"}}
        if "get_live_streams" in asked:
            told = [{"stream_id": 7, "name": "A", "num": 1 + broken, "category_id": "1"}]
        elif "get_live_categories" in asked:
            told = [{"category_id": "1", "category_name": "News"}]
        line = "500 Oops" if broken and "get_live_categories" in asked else "200 OK"
        body = json.dumps(told).encode()
        writer.write(f"HTTP/1.1 {line}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    async with (
        await asyncio.start_server(serve, "127.0.0.1", 0) as server,
        running(tmp_path / "data", domains=(upkeep.DOMAIN, DOMAIN)) as node,
    ):
        source = await node.add(url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", **LOGIN)
        broken = True
        await node.refresh(source["id"])
        await node.refresh(source["id"])
        (channel,) = (await node.get("/api/v1/channels", params={"region": "DE"}))["items"]
        assert (channel["number"], channel["group"]) == ("2", "News")
        for path in ("/sources", "/connections"):
            shown = unescape((await node.http.get(path)).text)
            assert "answer is used" in shown, path
            assert "HTTP 500" in shown, path
        (one,) = (await node.get("/api/v1/connections"))["items"]
        (detour,) = one["detours"]
        assert (detour["kind"], detour["over_at"]) == ("stale", None)
        told = (await node.get("/api/v1/activity?kind=connection."))["items"]
        assert [entry["kind"] for entry in told] == ["connection.stale"]

        broken = False
        await node.refresh(source["id"])
        assert "answer is used" not in (await node.http.get("/sources")).text
        told = (await node.get("/api/v1/activity?kind=connection."))["items"]
        assert [entry["kind"] for entry in told] == ["connection.stale_over", "connection.stale"]
        assert 'nightcrew_recoveries_total{kind="stale"} 2.0' in (await node.http.get("/metrics")).text
