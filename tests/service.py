"""A kind of outside service for tests, and what connections stand on without a whole node."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

from cryptography.fernet import Fernet
from prometheus_client import CollectorRegistry, Counter
from pydantic import BaseModel

from nightcrew.kernel.activity import Activity
from nightcrew.kernel.connections import store
from nightcrew.kernel.connections.ground import Ground
from nightcrew.kernel.connections.line import Line
from nightcrew.kernel.connections.models import Connection
from nightcrew.kernel.connections.question import Question
from nightcrew.kernel.connections.tokens import Tokens
from nightcrew.kernel.declare import Allowance, ConnectionKind, Domain, OAuth, Signed
from nightcrew.kernel.events import Bus
from nightcrew.kernel.fields import Secret, ask
from nightcrew.kernel.http import Http
from nightcrew.kernel.http_cache import HttpCache
from nightcrew.kernel.recovery import Recoveries
from nightcrew.kernel.settings import Options
from nightcrew.kernel.store import Store
from nightcrew.kernel.vault import Vault

KEY = Fernet.generate_key()


class ServiceSettings(BaseModel):
    """What a person enters."""

    user: str = ask("", label="User", max_length=50)
    api_key: Secret = ask("", label="API key", max_length=200)
    shelf: int = ask(1, label="Shelf", ge=1, le=9)


class GrantSettings(BaseModel):
    """Of a service with its own page."""

    client_id: str = ask("my-app", label="Client id")
    client_secret: Secret = ask("", label="Client secret")


def sign(settings: ServiceSettings) -> Signed:
    return Signed({"X-Api-Key": settings.api_key} if settings.api_key else {})


async def try_service(line: Line) -> list[str]:
    answer = await line.json(Question("status"))
    return [f"It is version {answer['version']}.", f"It has {answer['items']} items."]


KIND = ConnectionKind("service", "A service", ServiceSettings, try_service, sign=sign, mirrors=True)


def oauth_kind(url: str) -> ConnectionKind:
    oauth = OAuth(f"{url}/authorize?show=1", f"{url}/token", ("read", "list"), lifetime_days=180)
    return ConnectionKind("granted", "A service with a page", GrantSettings, try_service, oauth=oauth)


def allowing(**allowance: Any) -> ConnectionKind:
    return replace(KIND, allowance=Allowance(**allowance))


@dataclass
class Site:
    """What one node has of connections."""

    ground: Ground
    counts: CollectorRegistry

    async def add(self, address: str, *mirrors: str, kind: ConnectionKind = KIND, **settings: Any) -> Connection:
        values = kind.settings.model_validate(settings).model_dump()
        sealed = {key: values.pop(key) for key in list(values) if key in {"api_key", "client_secret"}}
        return await store.add(
            self.ground.store,
            {
                "kind": kind.name,
                "name": f"Service {len(await store.every(self.ground.store)) + 1}",
                "address": address,
                "mirrors": mirrors,
                "settings": values,
                "sealed": self.ground.vault.seal(sealed),
                "route": "direct",
                "private": True,
                "enabled": True,
            },
        )

    async def line(self, address: str, *mirrors: str, kind: ConnectionKind = KIND, **settings: Any) -> Line:
        return Line(self.ground, kind, await self.add(address, *mirrors, kind=kind, **settings))

    async def standing(self, number: int = 1) -> Connection:
        return await store.get(self.ground.store, number)

    def count(self, kind: str) -> float:
        return self.counts.get_sample_value("troubles_total", {"kind": kind}) or 0.0

    async def told(self) -> list[tuple[str, str]]:
        entries = await self.ground.activity.page()
        return [(entry.kind, entry.message) for entry in reversed(entries)]


@contextlib.asynccontextmanager
async def site(database: Store) -> AsyncIterator[Site]:
    """One node's view of a database that is there."""
    vault, bus = Vault(KEY), Bus()
    registry = CollectorRegistry()
    recoveries = Recoveries(Counter("troubles", "", ["kind"], registry=registry))
    http = Http(HttpCache(database, vault), recoveries=recoveries)
    tokens = Tokens(database, http, vault)
    yield Site(Ground(database, http, vault, Activity(database, bus), bus, tokens), registry)
    await http.close()


class NoOptions(Options):
    """Nothing can be set."""


def services(*kinds: ConnectionKind) -> Domain:
    """A domain that asks these, and does nothing else."""
    return Domain(name="services", title="Services", settings=NoOptions, connections=kinds)


class Service:
    """Answers what is asked of it, and remembers with which keys."""

    def __init__(self) -> None:
        self.status = 200
        self.keys: list[str] = []
        self.url = ""

    async def __aenter__(self) -> Service:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        await reader.readexactly(int(headers.get("content-length", "0")))
        if key := headers.get("x-api-key"):
            self.keys.append(key)
        body = json.dumps({"version": 3, "items": 7, "access_token": "access-of-anna", "expires_in": 3600}).encode()
        line = f"HTTP/1.1 {self.status} X\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(line.encode() + body)
        await writer.drain()
        writer.close()
