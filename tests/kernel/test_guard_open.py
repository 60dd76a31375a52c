"""The door without a password: local callers come in, and only they."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from support import Node, raw, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

PASSWORD = "correct horse"


@pytest_asyncio.fixture(loop_scope="module", scope="module", name="node")
async def shared_node(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Node]:
    """One node for all tests of this file."""
    async with running(tmp_path_factory.mktemp("node")) as started:
        yield started


async def test_without_a_password_only_local_names_and_sites_are_let_in(node: Node) -> None:
    port = node.url.rsplit(":", 1)[1]
    for host in (f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}", "app.localhost", "LOCALHOST", "127.9.9.9"):
        assert (await node.http.get("/health", headers={"Host": host})).status_code == 200, host
    for host in (
        f"evil.example:{port}",
        "192.168.1.5",
        "localhost.evil.example",
        "127.0.0.1.nip.io",
        "x@127.0.0.1.evil.example",
        "0.0.0.0",
        "[::]",
        "[::ffff:192.168.1.5]",
        "localhost.",
        "xlocalhost",
        "127.0.0.1, evil.example",
        "evil.example:80",
        "a b",
    ):
        answer = await node.http.get("/health", headers={"Host": host})
        assert answer.status_code == 403, host
        assert answer.headers["content-type"] == "application/problem+json"

    setting = {"activity_days": 10}
    for header, value in (
        ("Origin", "http://evil.example"),
        ("Origin", "null"),
        ("Origin", f"http://localhost:{port}"),
        ("Origin", f"{node.url}.evil.example"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
    ):
        answer = await node.http.patch("/api/v1/settings", json=setting, headers={header: value})
        assert answer.status_code == 403, (header, value)
    assert (await node.get("/api/v1/settings"))["values"]["kernel.activity_days"] == 90
    assert (await node.http.get("/health", headers={"Origin": "http://evil.example"})).status_code == 200

    same = {"Origin": node.url, "Sec-Fetch-Site": "same-origin"}
    assert (await node.http.patch("/api/v1/settings", json=setting, headers=same)).status_code == 200
    assert (await node.get("/api/v1/settings"))["values"]["kernel.activity_days"] == 10


async def test_every_answer_has_the_security_headers(node: Node) -> None:
    for path in ("/", "/health", "/api/v1/jobs/none", "/nothing", "/static/app.css"):
        answer = await node.http.get(path)
        assert answer.headers["x-content-type-options"] == "nosniff", path
        assert answer.headers["x-frame-options"] == "DENY", path
        assert answer.headers["referrer-policy"] in {"no-referrer", "same-origin"}, path
        assert "default-src 'self'" in answer.headers["content-security-policy"], path
        assert "server" not in answer.headers, path
    refused = await node.http.get("/", headers={"Host": "evil.example"})
    assert refused.headers["x-content-type-options"] == "nosniff"


async def test_a_request_body_has_a_limit(node: Node) -> None:
    big = b'{"kernel.public_url": "' + b"x" * (9 << 20) + b'"}'
    status, _ = await raw(
        node,
        "PATCH /api/v1/settings HTTP/1.1",
        "Host: 127.0.0.1",
        f"Content-Length: {len(big)}",
        "Content-Type: application/json",
    )
    assert status == 413


async def test_a_request_body_without_a_length_has_the_same_limit(node: Node) -> None:
    big = b'{"kernel.public_url": "' + b"x" * (9 << 20) + b'"}'

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(big), 1 << 16):
            yield big[start : start + (1 << 16)]

    answer = await node.http.patch("/api/v1/settings", content=chunks(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


async def test_a_head_request_answers_like_a_get_without_a_body(node: Node) -> None:
    answer = await node.http.head("/health")
    assert (answer.status_code, answer.content) == (200, b"")
