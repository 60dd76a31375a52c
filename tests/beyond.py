"""A route for tests: names below `beyond.test` lead to loopback through it, and nowhere without it. What is looked up past it is seen."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Callable
from typing import Any

import httpcore2
import pytest

from nightcrew.kernel.routes import Direct, RouteDown

ZONE = "beyond.test"
PUBLIC = "93.184.215.14"
_generations = itertools.count(1)


class Beyond(Direct):
    """A way out that a test opens and closes."""

    name = "vpn"

    def __init__(self) -> None:
        self.asked: list[str] = []
        """Names that were looked up through it."""
        self.opened = 0
        self.refused = 0
        self.looks = 0
        self.on_look: Callable[[], None] = lambda: None
        self.is_up = True
        self.generation = next(_generations)

    def turn(self, *, up: bool) -> None:
        """It goes, or comes."""
        self.is_up = up
        self.generation = next(_generations)

    def admit(self) -> None:
        if not self.is_up:
            self.refused += 1
            raise RouteDown("the route vpn is down: its canary does not answer; nothing goes another way instead")

    async def looked_at(self) -> None:
        self.looks += 1
        self.on_look()

    async def resolve(self, host: str) -> list[str]:
        self.admit()
        self.asked.append(host)
        if not host.endswith(ZONE):
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [PUBLIC]

    async def open(self, address: str, port: int) -> httpcore2.AsyncNetworkStream:
        self.admit()
        assert address == PUBLIC
        self.opened += 1
        return await super().open("127.0.0.1", port)


def watched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is looked up past the route, by any part of this process, from now on."""
    seen: list[str] = []
    look_up = socket.getaddrinfo

    def asked(host: Any, *args: Any, **more: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        if name.endswith(ZONE) or name == PUBLIC:
            seen.append(name)
            raise socket.gaierror(socket.EAI_NONAME, "no such name at home")
        return look_up(host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", asked)
    return seen
