"""How a target is reached: a webhook and a heartbeat over our own HTTP client, all else through apprise in a process."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any, Literal

from nightcrew.kernel.clock import iso
from nightcrew.kernel.errors import GiveUp, Invalid, Retry
from nightcrew.kernel.http import Http, Limits, Request
from nightcrew.kernel.notify import rules
from nightcrew.kernel.notify.models import Kind, Message
from nightcrew.kernel.pool import Pool
from nightcrew.kernel.processes import Command
from nightcrew.kernel.targets import is_web_address, points_private
from nightcrew.kernel.words import plain
from nightcrew.messenger.wire import Delivery, Told

LIMIT = 20.0
"""Seconds within which a target has to take a message."""
_MESSENGERS = Pool("messenger", at_once=8)  # each has apprise in memory, some 60 MB

Tone = Literal["info", "success", "warning", "failure"]


async def send(http: Http, kind: Kind, address: str, message: Message, *, base_url: str) -> None:
    """Have a message taken. Raises `Retry`, `GiveUp` or `NeedsUser`, with a sentence that shows no secret of the address."""
    try:
        async with asyncio.timeout(LIMIT):
            match kind:
                case "apprise":
                    await _through_apprise(address, message)
                case "webhook":
                    request = await _request(address, "POST", payload(message, base_url=base_url))
                    await http.send(request, limits=Limits(seconds=LIMIT))
                case "heartbeat":
                    await http.send(await _request(address, "GET", None), limits=Limits(seconds=LIMIT))
    except TimeoutError as exc:
        raise Retry(f"it did not answer within {LIMIT:.0f} s") from exc


def payload(message: Message, *, base_url: str) -> dict[str, Any]:
    """What a webhook gets."""
    return {
        "kind": message.kind,
        "level": message.level,
        "title": message.title,
        "message": message.text,
        "subject": message.subject,
        "count": message.count,
        "at": iso(message.at),
        "node": message.node,
        "url": base_url + message.page,
    }


async def checked(kind: Kind, address: str) -> str:
    """The address as it is stored. Raises `Invalid` when nobody can be told there."""
    address = address.strip()
    if plain(address) != address or " " in address:
        raise Invalid("address: it must not contain spaces or line breaks", field="address")
    if kind != "apprise":
        if not is_web_address(address):
            raise Invalid("address: it is not an http or https address", field="address")
        return address
    try:
        async with asyncio.timeout(LIMIT):
            told = await _ask(Delivery(address, send=False))
    except TimeoutError as exc:
        raise Retry(f"the address could not be checked within {LIMIT:.0f} s") from exc
    if not told.taken:
        raise Invalid(f"address: apprise cannot use it: {told.reason}", field="address")
    return address


async def _request(address: str, method: str, body: Any) -> Request:
    """Into a private network only where the address itself leads there."""
    private = await points_private(address)
    return Request(address, method, json=body, secrets=rules.secrets_in(address), allow_private=private)


async def _through_apprise(address: str, message: Message) -> None:
    told = await _ask(Delivery(address, message.title, message.text, _tone(message)))
    if not told.taken:
        raise GiveUp(f"{told.service or 'apprise'}: {told.reason}")


def _tone(message: Message) -> Tone:
    if message.good:
        return "success"
    tones: dict[str, Tone] = {"error": "failure", "warning": "warning"}
    return tones.get(message.level, "info")


async def _ask(ask: Delivery) -> Told:
    """One messenger's answer. It is ended with all that it has begun, also when nobody waits for it any more."""
    command = Command((sys.executable, "-m", "nightcrew.messenger", str(os.getpid())), grace=0)
    async with _MESSENGERS.one(command) as child:
        try:
            child.stdin.write(ask.line())
            await child.stdin.drain()
            return Told(**json.loads(await child.stdout.readline()))
        except (OSError, ValueError, TypeError) as exc:
            raise Retry("the messenger ended without an answer") from exc
