"""The domains as the demo runs them, and what a person does at its page on which access is granted."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx2

from nightcrew import app, domains
from nightcrew.kernel.connections import actions
from nightcrew.kernel.connections.models import Connection
from nightcrew.kernel.declare import ConnectionKind, Domain
from nightcrew.kernel.runtime import Runtime


def at_world(url: str) -> tuple[Domain, ...]:
    """All domains, as `nightcrew demo` runs them; services may be asked as often as one likes."""
    return tuple(
        replace(domain, connections=tuple(_hasty(kind) for kind in domain.connections))
        for domain in domains.at_world(app.DOMAINS, url)
    )


def _hasty(kind: ConnectionKind) -> ConnectionKind:
    return replace(kind, allowance=replace(kind.allowance, per_second=1_000.0))


async def answer(url: str, said: str = "agree") -> str:
    """Open the page and press a button; returns the address that the browser is sent to."""
    page, _, query = url.partition("?")
    async with httpx2.AsyncClient(trust_env=False) as browser:
        shown = await browser.get(url)
        assert shown.status_code == 200 and "Agree" in shown.text and "Cancel" in shown.text, shown.text
        pressed = await browser.post(page, data={**dict(parse_qsl(query)), "answer": said})
    assert pressed.status_code == 303, pressed.text
    return str(pressed.headers["location"])


async def grant(node: Runtime, number: int) -> Connection:
    """Grant access to a connection, from its page to the tokens."""
    back = await answer(await actions.begin_grant(node, number))
    query = parse_qs(urlsplit(back).query)
    return await actions.finish_grant(node, state=query["state"][0], code=query["code"][0], actor="test")
