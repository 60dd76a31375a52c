"""What a person does at the demo's page on which access is granted."""

from __future__ import annotations

from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx2

from nightcrew.kernel.connections import actions
from nightcrew.kernel.connections.models import Connection
from nightcrew.kernel.runtime import Runtime


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
