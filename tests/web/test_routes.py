"""Routes as people and scripts use them: pages, JSON and commands, with a proxy that runs on loopback."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "netlab"))

import socks_server

from nightcrew.kernel import upkeep
from nightcrew.kernel.routes import RouteDown
from nightcrew.kernel.routing.lookout import Lookout
from service import KIND, Service, services
from support import Node, running
from terminal import run

API = "/api/v1/routes"
PASSWORD = "secret-of-the-proxy"


class Proxy:
    """A SOCKS proxy on loopback whose world is one server: every name is that."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.port = 0
        self._server: asyncio.Server | None = None
        self._world: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Proxy:
        self._world = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.world = self._world.sockets[0].getsockname()[1]
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        assert self._world
        self._world.close()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._open):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            await socks_server.serve(
                reader, writer, login=f"anna:{PASSWORD}", lookup=lambda name: "127.0.0.1", seen=self.seen
            )
        finally:
            self._open.discard(writer)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    def body(self, **more: Any) -> dict[str, Any]:
        return {
            "name": "vpn",
            "spec": f"socks5h://anna@127.0.0.1:{self.port}",
            "password": PASSWORD,
            "canary": f"canary.example:{self.world}",
        } | more


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    async with Proxy() as started:
        yield started


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    async with running(tmp_path / "data", domains=(upkeep.DOMAIN, services(KIND))) as started:
        yield started


async def page(node: Node, path: str = "/routes") -> str:
    answer = await node.http.get(path)
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


async def sent(node: Node, path: str, **form: str) -> tuple[int, str]:
    answer = await node.http.post(path, data=form, headers={"HX-Request": "true"})
    return answer.status_code, unescape(answer.text)


async def until(node: Node, state: str, name: str = "vpn") -> dict[str, Any]:
    async with asyncio.timeout(20):
        while (one := await node.get(f"{API}/{name}"))["state"] != state:
            await asyncio.sleep(0.05)
    return dict(one)


async def test_a_route_is_added_comes_up_is_changed_and_removed(node: Node, proxy: Proxy) -> None:
    one = await node.post(API, proxy.body())
    assert one["spec"] == f"socks5h://127.0.0.1:{proxy.port}"
    assert one["secrets"] == ["password"] and one["used_by"] == []
    assert PASSWORD not in json.dumps(one)
    up = await until(node, "up")
    assert up["canary_s"] > 0 and [at["node"] for at in up["nodes"]] == [node.runtime.node]
    changed = await node.http.put(f"{API}/vpn", json={"spec": up["spec"], "canary": f"other.example:{proxy.world}"})
    assert changed.status_code == 200, changed.text
    assert changed.json()["state"] in {"unknown", "recovering"}, "it is another route, which nobody has looked at"
    assert changed.json()["secrets"] == ["password"], "an empty secret stays as it is"
    await until(node, "up")
    assert f"1 other.example {proxy.world}" in proxy.seen
    assert (await node.http.delete(f"{API}/vpn")).status_code == 204
    assert (await node.get(API))["items"] == []
    assert node.runtime.http.routes.names == ["direct"]
    kinds = [entry["kind"] for entry in (await node.get("/api/v1/activity?kind=route."))["items"]]
    assert kinds == ["route.removed", "route.changed", "route.added"]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": "direct"}, "name"),
    ({"name": "Über"}, "name"),
    ({"spec": "socks5://127.0.0.1:1080"}, "spec"),
    ({"spec": "socks5h://127.0.0.1:1080/path", "password": ""}, "spec"),
    ({"spec": "interface:wg0/../x"}, "spec"),
    ({"spec": "interface:wg0"}, "dns"),
    ({"spec": "interface:wg0", "dns": ["dns.example"]}, "dns"),
    ({"canary": ""}, "canary"),
    ({"canary": "192.168.1.1:80"}, "canary"),
    ({"canary": "no-port.example"}, "canary"),
    ({"ask": "http://192.168.1.1/"}, "ask"),
    ({"ask": "ftp://ip.example/"}, "ask"),
    ({"gluetun": "http://public.example/"}, "gluetun"),
    ({"password": "x" * 256}, "password"),
]


async def test_what_is_wrong_is_said_at_its_field(node: Node, proxy: Proxy) -> None:
    for wrong, field in WRONG:
        answer = await node.http.post(API, json=proxy.body() | wrong)
        assert answer.status_code == 422, (wrong, answer.text)
        assert field in answer.text and PASSWORD not in answer.json()["detail"], wrong
    assert (await node.get(API))["items"] == []


async def test_one_that_leads_nowhere_is_kept_only_when_that_is_meant(node: Node, proxy: Proxy) -> None:
    await proxy.stop()
    answer = await node.http.post(API, json=proxy.body())
    assert answer.status_code == 422 and "does not answer" in answer.json()["detail"]
    await node.post(API, proxy.body(anyway=True))
    down = await until(node, "down")
    assert "does not answer" in down["reason"]
    with pytest.raises(RouteDown):
        node.runtime.http.routes.admit("vpn", "http://public.example/")
    assert (await until(node, "down"))["parked"] == 1
    await proxy.start()
    await until(node, "up")
    node.runtime.http.routes.admit("vpn", "http://public.example/")
    async with asyncio.timeout(10):
        while len(feed := (await node.get("/api/v1/activity?kind=route."))["items"]) < 3:
            await asyncio.sleep(0.05)
    assert {entry["kind"] for entry in feed} == {"route.up", "route.down", "route.added"}


async def test_a_wrong_password_is_told_and_not_shown(node: Node, proxy: Proxy) -> None:
    found = await node.post(f"{API}/test", proxy.body(password="another-password"))
    assert not found["ok"] and "refuses the login" in found["message"]
    good = await node.post(f"{API}/test", proxy.body())
    assert good["ok"] and "it carries UDP" in good["facts"]
    assert (await node.get(API))["items"] == [], "a test stores nothing"


async def test_a_route_in_use_cannot_be_removed(node: Node, proxy: Proxy) -> None:
    await node.post(API, proxy.body())
    await until(node, "up")
    async with Service() as service:
        body = {"kind": "service", "name": "Mine", "url": service.url, "settings": {"api_key": "key-of-anna"}}
        one = await node.post("/api/v1/connections", body | {"route": "vpn"})
        assert (await node.post(f"/api/v1/connections/{one['id']}/test"))["ok"], "what lies here is asked directly"
    assert not [line for line in proxy.seen if line[0] == "1" and "canary" not in line], (
        "and nothing of it goes through the proxy"
    )
    answer = await node.http.delete(f"{API}/vpn")
    assert answer.status_code == 409 and "Mine" in answer.json()["detail"]
    assert "It is taken by Mine" in await page(node, "/routes/vpn/remove")
    await node.patch(f"/api/v1/connections/{one['id']}", {"route": "direct"})
    assert (await node.http.delete(f"{API}/vpn")).status_code == 204


async def test_the_form_of_a_connection_offers_the_routes(node: Node, proxy: Proxy) -> None:
    assert 'name="route"' not in await page(node, "/connections/new?kind=service")
    await node.post(API, proxy.body())
    shown = await page(node, "/connections/new?kind=service")
    assert '<option value="vpn">vpn</option>' in shown


async def test_the_page_adds_shows_edits_tests_and_removes(node: Node, proxy: Proxy) -> None:
    assert "No routes yet" in await page(node)
    form = {name: value for name, value in proxy.body().items() if isinstance(value, str)}
    status, shown = await sent(node, "/routes", **form | {"canary": ""})
    assert status == 422 and "name a host and port" in shown.lower() and PASSWORD not in shown
    status, shown = await sent(node, "/routes/try", **form)
    assert status == 200 and "Its canary answered" in shown
    status, _ = await sent(node, "/routes", **form)
    assert status == 200
    await until(node, "up")
    shown = await page(node)
    assert 'id="route-vpn"' in shown and "up" in shown and PASSWORD not in shown and "anna" not in shown
    shown = await page(node, "/routes/vpn/edit")
    assert f"socks5h://127.0.0.1:{proxy.port}" in shown and PASSWORD not in shown
    status, shown = await sent(
        node, "/routes/try?of=vpn", spec=f"socks5h://127.0.0.1:{proxy.port}", canary=form["canary"]
    )
    assert "Its canary answered" in shown
    status, shown = await sent(
        node, "/routes/vpn/edit", spec=f"socks5h://127.0.0.1:{proxy.port}", canary=form["canary"]
    )
    assert status == 200 and shown == ""
    status, shown = await sent(node, "/routes/vpn/test")
    assert "Its canary answered" in shown
    status, _ = await sent(node, "/routes/vpn/remove")
    assert status == 204
    assert "No routes yet" in await page(node)


async def test_a_route_that_is_down_while_work_waits_is_a_need(
    node: Node, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import timedelta

    from nightcrew.kernel.routing import work

    monkeypatch.setattr(work, "LASTING", timedelta(0))
    await proxy.stop()
    await node.post(API, proxy.body(anyway=True))
    await until(node, "down")
    assert await work.needs(node.runtime) == [], "nothing waits for it"
    with pytest.raises(RouteDown):
        node.runtime.http.routes.admit("vpn", "http://public.example/")
    monkeypatch.setattr("nightcrew.kernel.routing.lookout.SAID_EVERY", 0.0)
    async with asyncio.timeout(20):
        while not (found := await work.needs(node.runtime)):
            await asyncio.sleep(0.05)
    assert "work waits for it" in found[0].message and found[0].level == "error"
    metrics = (await node.http.get("/metrics")).text
    assert 'nightcrew_route_state{route="vpn",state="down"} 1.0' in metrics


async def test_what_another_key_has_sealed_is_closed_and_told(node: Node, proxy: Proxy) -> None:
    from cryptography.fernet import Fernet

    from nightcrew.kernel.routing import store, work
    from nightcrew.kernel.vault import Vault

    sealed = Vault(Fernet.generate_key()).seal({"name": "old", "spec": "interface:wg0", "dns": ["10.0.0.1"]})
    await store.add(node.runtime.store, "old", kind="interface", shown="interface:wg0", sealed=sealed)
    await node.runtime.part(Lookout).load()
    with pytest.raises(RouteDown, match="no route 'old'"):
        node.runtime.http.routes.of("old")
    assert "cannot be used" in (await work.needs(node.runtime))[0].message
    assert "another Nightcrew" not in await page(node)
    assert (await node.get(f"{API}/old"))["state"] == "unknown"
    assert (await node.http.delete(f"{API}/old")).status_code == 204


async def test_a_route_on_the_command_line(node: Node, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTCREW_URL", node.url)

    async def ask(*words: str, stdin: str = "", code: int = 0) -> str:
        result = await asyncio.to_thread(run, *words, stdin=stdin)
        assert result.code == code, result
        assert PASSWORD not in result.out + result.err
        return result.out + result.err

    options = ("--canary", f"canary.example:{proxy.world}", "--secret", "password=-", "--json")
    spec = f"socks5h://anna@127.0.0.1:{proxy.port}"
    assert '"vpn"' in await ask("routes", "add", "vpn", spec, *options, stdin=f"{PASSWORD}\n")
    await until(node, "up")
    assert '"ok": true' in await ask("routes", "test", "vpn", "--json")
    assert "127.0.0.1" in await ask("routes", "list")
    await proxy.stop()
    await ask("routes", "test", "vpn", code=1)
    assert '"dry_run": true' in await ask("routes", "remove", "vpn", "--dry-run", "--json")
    assert '"removed": "vpn"' in await ask("routes", "remove", "vpn", "--yes", "--json")
    assert (await node.get(API))["items"] == []
