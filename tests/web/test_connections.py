"""Connections as people and scripts use them: forms, routes and commands, against a real service on loopback."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from nightcrew.kernel import upkeep
from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.connections.question import Question
from nightcrew.kernel.declare import ConnectionKind
from nightcrew.kernel.errors import NeedsUser
from service import KIND, Service, oauth_kind, services
from support import Node, running

SECRET = "key-of-anna-123"
API = "/api/v1/connections"


@asynccontextmanager
async def connected(folder: Path, *kinds: ConnectionKind, **config: Any) -> AsyncIterator[Node]:
    async with running(folder, domains=(upkeep.DOMAIN, services(*kinds)), **config) as node:
        yield node


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with Service() as started:
        yield started


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    async with connected(tmp_path / "data", KIND) as started:
        yield started


async def add(node: Node, service: Service, **more: Any) -> dict[str, Any]:
    body = {"kind": "service", "name": "My service", "url": service.url, "settings": {"api_key": SECRET}}
    return dict(await node.post(API, body | more))


async def page(node: Node, path: str = "/connections") -> str:
    answer = await node.http.get(path)
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


async def sent(node: Node, path: str, **form: str) -> tuple[int, str]:
    answer = await node.http.post(path, data=form, headers={"HX-Request": "true"})
    return answer.status_code, unescape(answer.text)


# -- scripts -------------------------------------------------------------------------------------------------------


async def test_a_connection_is_added_tested_changed_and_removed(node: Node, service: Service) -> None:
    one = await add(node, service)
    assert (one["state"], one["secrets"], one["settings"]) == ("new", ["api_key"], {"user": "", "shelf": 1})
    found = await node.post(f"{API}/{one['id']}/test")
    assert found == {"ok": True, "message": "It is version 3.", "facts": ["It has 7 items."]}
    assert service.keys == [SECRET]
    assert (await node.get(f"{API}/{one['id']}"))["state"] == "ok"
    changed = await node.patch(f"{API}/{one['id']}", {"name": "Other", "settings": {"shelf": 4, "api_key": ""}})
    assert (changed["name"], changed["settings"]["shelf"], changed["secrets"]) == ("Other", 4, ["api_key"])
    await node.post(f"{API}/{one['id']}/test")
    assert service.keys == [SECRET, SECRET], "an empty secret stays as it is"
    assert (await node.http.delete(f"{API}/{one['id']}")).status_code == 204
    assert (await node.get(API))["items"] == []
    assert (await node.http.get(f"{API}/{one['id']}")).status_code == 404
    kinds = [entry["kind"] for entry in (await node.get("/api/v1/activity?kind=connection."))["items"]]
    assert kinds == [f"connection.{what}" for what in ("removed", "tested", "changed", "tested", "added")]


async def test_no_answer_page_or_file_shows_a_secret(tmp_path: Path, service: Service) -> None:
    async with connected(tmp_path / "data", KIND) as node:
        one = await add(node, service)
        service.status = 401
        await node.post(f"{API}/{one['id']}/test")
        for path in (API, f"{API}/kinds", "/api/v1/activity", "/api/v1/needs", "/metrics"):
            assert SECRET not in (await node.http.get(path)).text
        for path in ("/connections", f"/connections/{one['id']}/edit", "/activity", "/"):
            assert SECRET not in await page(node, path)
    for file in (tmp_path / "data").rglob("*"):
        assert not file.is_file() or SECRET.encode() not in file.read_bytes(), file


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "other"}, "kind"),
        ({"name": " "}, "name"),
        ({"url": "ftp://a.example"}, "address"),
        ({"url": "https://anna:secret@a.example"}, "address"),
        ({"url": "https://a.example/?api_key=123456"}, "address"),
        ({"mirrors": ["nonsense"]}, "mirrors"),
        ({"route": "tunnel"}, "route"),
        ({"settings": {"shelf": 12}}, "shelf"),
    ],
)
async def test_what_cannot_be_is_said_at_its_field(
    node: Node, service: Service, body: dict[str, Any], field: str
) -> None:
    whole = {"kind": "service", "name": "A", "url": service.url, "settings": {}} | body
    for path in (API, f"{API}/test"):
        answer = await node.http.post(path, json=whole)
        assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert (await node.get(API))["items"] == []


async def test_a_name_is_taken_once(node: Node, service: Service) -> None:
    await add(node, service)
    answer = await node.http.post(API, json={"kind": "service", "name": "MY SERVICE", "url": service.url})
    assert (answer.status_code, "already" in answer.json()["detail"]) == (409, True)


async def test_it_is_tried_out_before_it_is_saved(node: Node, service: Service) -> None:
    body = {"kind": "service", "name": "A", "url": service.url, "settings": {"api_key": "new"}}
    assert (await node.post(f"{API}/test", body))["ok"]
    service.status = 500
    assert not (await node.post(f"{API}/test", body))["ok"]
    assert (await node.get(API))["items"] == []
    service.status = 200
    one = await add(node, service)
    change = {"kind": "service", "name": "A", "url": service.url, "settings": {"shelf": 2}, "id": one["id"]}
    assert (await node.post(f"{API}/test", change))["ok"]
    assert service.keys[-1] == SECRET, "what is not entered anew is what is stored"


async def test_a_test_that_is_refused_is_seen_on_the_page(node: Node, service: Service) -> None:
    one = await add(node, service)
    service.status = 401
    await node.post(f"{API}/{one['id']}/test")
    row = await node.get(f"{API}/{one['id']}")
    assert (row["state"], "HTTP 401" in row["reason"]) == ("person", True)
    service.status = 500
    await node.patch(f"{API}/{one['id']}", {"settings": {"api_key": "other"}})
    await node.post(f"{API}/{one['id']}/test")
    assert (await node.get(f"{API}/{one['id']}"))["state"] == "new", "an outage needs no person"


async def test_a_test_that_works_ends_what_waited_for_a_person(node: Node, service: Service) -> None:
    one = await add(node, service)
    line = await node.runtime.part(Connections).line(one["id"])
    service.status = 401
    with pytest.raises(NeedsUser):
        await line.json(Question("status"))
    needs = (await node.get("/api/v1/needs"))["items"]
    assert [need["page"] for need in needs if "My service" in need["message"]] == [
        f"/connections#connection-{one['id']}"
    ]
    row = (await node.get(API))["items"][0]
    assert (row["state"], row["retry_at"] is not None) == ("person", True)
    assert "needs you" in await page(node)
    assert not (await node.post(f"{API}/{one['id']}/test"))["ok"]
    assert (await node.get(API))["items"][0]["state"] == "person"
    service.status = 200
    assert (await node.post(f"{API}/{one['id']}/test"))["ok"]
    assert (await node.get(API))["items"][0]["state"] == "ok"
    assert await (await node.runtime.part(Connections).line(one["id"])).json(Question("status"))
    assert not [need for need in (await node.get("/api/v1/needs"))["items"] if "My service" in need["message"]]


async def test_troubles_are_counted_for_prometheus(node: Node, service: Service) -> None:
    one = await add(node, service)
    service.status = 500
    line = await node.runtime.part(Connections).line(one["id"])
    for _ in range(2):
        with pytest.raises(Exception, match="500"):
            await line.json(Question("status"))
    text = (await node.http.get("/metrics")).text
    assert 'nightcrew_recoveries_total{kind="mirror"} 6.0' in text
    assert 'nightcrew_recoveries_total{kind="skip"} 2.0' in text


# -- people --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kinds", [(KIND,), ()])
async def test_the_page_is_in_the_navigation_where_something_can_be_connected(
    tmp_path: Path, kinds: tuple[ConnectionKind, ...]
) -> None:
    async with connected(tmp_path / "data", *kinds) as node:
        assert ('href="/connections"' in await page(node, "/")) is bool(kinds)


async def test_the_form_comes_from_the_settings_class(node: Node) -> None:
    form = await page(node, "/connections/new?kind=service")
    for text in ("Connect A service", 'name="settings.user"', 'type="password"', 'name="settings.shelf"', "Mirrors"):
        assert text in form
    assert "Route" not in form, "there is one way out, so nothing to choose"


async def test_errors_stand_at_their_field_and_what_was_typed_stays(node: Node, service: Service) -> None:
    typed = {"name": "Shelves", "address": service.url, "settings.shelf": "12", "settings.api_key": SECRET}
    status, form = await sent(node, "/connections/new?kind=service", **typed)
    assert status == 422
    assert 'id="new-settings-shelf-error"' in form
    assert 'value="Shelves"' in form
    assert SECRET not in form
    assert (await node.get(API))["items"] == []


async def test_a_person_tests_saves_edits_and_removes(node: Node, service: Service) -> None:
    typed = {"name": "Shelves", "address": service.url, "settings.shelf": "2", "settings.api_key": SECRET}
    status, said = await sent(node, "/connections/try?kind=service", **typed)
    assert (status, "It is version 3." in said, "It has 7 items." in said) == (200, True, True)
    assert (await sent(node, "/connections/new?kind=service", **typed))[0] == 200
    one = (await node.get(API))["items"][0]
    assert (one["name"], one["settings"]["shelf"]) == ("Shelves", 2)
    assert "Shelves" in await page(node)
    form = await page(node, f"/connections/{one['id']}/edit")
    assert ("stored, not shown" in form, 'value="Shelves"' in form) == (True, True)
    typed |= {"name": "Racks", "settings.shelf": "3", "settings.api_key": ""}
    assert (await sent(node, f"/connections/{one['id']}/edit", **typed))[0] == 200
    status, said = await sent(node, f"/connections/{one['id']}/test")
    assert ("It is version 3." in said, service.keys[-1]) == (True, SECRET)
    await sent(node, f"/connections/{one['id']}/enabled")
    assert (await node.get(f"{API}/{one['id']}"))["state"] == "off"
    await sent(node, f"/connections/{one['id']}/enabled", on="1")
    assert "Remove Racks?" in await page(node, f"/connections/{one['id']}/remove")
    await sent(node, f"/connections/{one['id']}/remove")
    assert "No connections yet." in await page(node)


# -- granting access -----------------------------------------------------------------------------------------------


async def test_a_person_grants_access_by_the_browser_or_by_hand(tmp_path: Path, service: Service) -> None:
    async with connected(tmp_path / "data", oauth_kind(service.url)) as node:
        answer = await node.http.post(
            "/connections/new?kind=granted", data={"name": "Mine", "address": service.url, "settings.client_id": "app"}
        )
        one = (await node.get(API))["items"][0]
        assert answer.headers["location"] == f"/connections/{one['id']}/grant"
        assert (one["state"], one["reason"]) == ("person", "access is not granted yet")
        assert not (await node.post(f"{API}/{one['id']}/test"))["ok"]
        assert "/authorize?show=1" in await page(node, f"/connections/{one['id']}/grant")
        for way in ("browser", "hand"):
            url = (await node.post(f"{API}/{one['id']}/grant"))["url"]
            query = {key: values[0] for key, values in parse_qs(urlsplit(url).query).items()}
            assert query["redirect_uri"] == f"http://127.0.0.1:{urlsplit(node.url).port}/callback"
            back = f"/callback?state={query['state']}&code=abc"
            if way == "browser":
                assert "Access granted" in await page(node, back)
            else:
                await node.post(f"{API}/granted", {"address": f"http://127.0.0.1:1{back}"})
            assert (await node.post(f"{API}/{one['id']}/test"))["ok"]
            row = await node.get(f"{API}/{one['id']}")
            assert (row["state"], row["grant_ends_at"] > row["granted_at"]) == ("ok", True)
        assert (await node.http.get(back)).status_code == 422, "once"


async def test_a_person_who_says_no_is_told_so(tmp_path: Path, service: Service) -> None:
    async with connected(tmp_path / "data", oauth_kind(service.url)) as node:
        one = await node.post(API, {"kind": "granted", "name": "Mine", "url": service.url})
        url = (await node.post(f"{API}/{one['id']}/grant"))["url"]
        state = parse_qs(urlsplit(url).query)["state"][0]
        answer = await node.http.get(f"/callback?state={state}&error=access_denied")
        assert (answer.status_code, "access_denied" in answer.text) == (409, True)
        for address in ("http://127.0.0.1/callback", "http://[", "http://127.0.0.1/callback?state=x&code=y"):
            assert (await node.http.post(f"{API}/granted", json={"address": address})).status_code == 422


# -- the command line ----------------------------------------------------------------------------------------------


async def test_commands_list_and_test(node: Node, service: Service) -> None:
    code, said = await command(node, "list")
    assert (code, "Nothing is connected" in said) == (0, True)
    await add(node, service)
    code, said = await command(node, "list", "--json")
    assert (code, json.loads(said)[0]["name"]) == (0, "My service")
    assert await command(node, "test", "My service") == (0, "It is version 3.\nIt has 7 items.\n")
    service.status = 500
    code, said = await command(node, "test", "1")
    assert (code, "HTTP 500" in said) == (1, True)
    assert (await command(node, "test", "Nobody"))[0] == 1


async def command(node: Node, *words: str) -> tuple[int, str]:
    """A command's exit code, and what it says."""
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "nightcrew", "connections", *words, "--url", node.url,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await started.communicate()
    return int(started.returncode or 0), said.decode()


# -- detours -------------------------------------------------------------------------------------------------------


async def test_which_mirror_is_used_and_when_the_first_one_is_tried_again_is_shown(
    node: Node, service: Service
) -> None:
    async with Service() as mirror:
        one = await add(node, service, mirrors=[mirror.url])
        service.status = 500
        line = await node.runtime.part(Connections).line(one["id"])
        await line.json(Question("status"))
        row = await node.get(f"{API}/{one['id']}")
        first, second = row["addresses"]
        assert (first["url"], first["used"], first["failures"]) == (service.url, False, 1)
        assert "500" in first["reason"]
        assert first["retry_at"] is not None
        assert second == {"url": mirror.url, "used": True, "failures": 0, "reason": "", "retry_at": None}
        (detour,) = row["detours"]
        assert (detour["kind"], detour["count"], detour["over_at"]) == ("mirror", 1, None)
        assert row["failure_rate"] == 0
        shown = await page(node)
        assert "Another address is used since" in shown
        assert f"{mirror.url}</span> – in use" in shown
        assert "tried again" in shown
        assert (await node.get("/api/v1/activity?kind=connection.mirror"))["items"][0]["level"] == "warning"
        assert 'nightcrew_recoveries_total{kind="switch"} 1.0' in (await node.http.get("/metrics")).text
