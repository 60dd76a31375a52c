"""Who may do what: one password for people, API keys for scripts, tokens in the address for players."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import ipaddress
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, ParamSpec, TypeVar

import sqlalchemy as sa
from pwdlib import PasswordHash

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import Invalid, NeedsUser, NotFound
from nightcrew.kernel.store import DatabaseAway, Id, Moment, Store, metadata
from nightcrew.kernel.vault import Vault

SESSION_SECONDS = 30 * 86_400
MIN_PASSWORD = 8
MAX_PASSWORD = 1_000
"""Bytes."""
RELOAD = 30.0
TRIES = 5
"""Wrong passwords of one client within a minute, after which further ones are refused unread."""
MAX_CLIENTS = 1_000
"""Clients whose wrong passwords are remembered."""
AT_ONCE = 2
"""Passwords that are hashed at a time, whoever sent them: each takes 64 MiB and a core."""

P = ParamSpec("P")
ResultT = TypeVar("ResultT")
Scope = Literal["api", "player"]

access_password = sa.Table(
    "access_password",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("hash", sa.String(300), nullable=False),
    sa.Column("changed_at", Moment, nullable=False),
)
access_token = sa.Table(
    "access_token",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("scope", sa.String(10), nullable=False),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("output", sa.String(210), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False, unique=True),
    sa.Column("created_at", Moment, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Token:
    """An API key or a player's token; its text is shown once, when it is made."""

    id: int
    scope: Scope
    name: str
    output: str
    """Which of the players' outputs a player's token opens; empty: all of them."""
    created_at: datetime


class Guesses:
    """Wrong passwords by who sent them, so that a stranger's keep nobody else out. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._at: dict[str, list[float]] = {}

    def __len__(self) -> int:
        return len(self._at)

    def begin(self, client: str, now: float) -> bool:
        """Count a guess as wrong until `forgive` takes it back; False when the client has to wait."""
        recent = [moment for moment in self._at.pop(client, ()) if now - moment < 60]
        may = len(recent) < TRIES
        self._at[client] = [*recent, now] if may else recent
        if len(self._at) > MAX_CLIENTS:
            del self._at[next(iter(self._at))]
        return may

    def forgive(self, client: str, begun: float) -> None:
        """The guess that began then was right."""
        with contextlib.suppress(KeyError, ValueError):
            self._at[client].remove(begun)


def client_of(address: str) -> str:
    """Whom an address stands for: itself, or the IPv6 network of 64 bits, as one client has all addresses of it."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or ipaddress.IPv6Network((int(found) >> 64 << 64, 64)))


class Access:
    """Passwords, sessions and tokens."""

    def __init__(self, store: Store, vault: Vault, *, password: str | None) -> None:
        self._store = store
        self._vault = vault
        self._hasher = PasswordHash.recommended()
        self._given = password or None
        self._hash: str | None = None
        self._tokens: dict[str, Token] = {}
        self._loaded = 0.0
        self._guesses = Guesses()
        self._room = asyncio.Semaphore(AT_ONCE)

    async def load(self) -> None:
        """Read the password and the tokens."""
        async with self._store.read() as connection:
            self._hash = (await connection.execute(sa.select(access_password.c.hash))).scalar()
            rows = (await connection.execute(sa.select(access_token))).all()
        self._tokens = {row.hash: Token(row.id, row.scope, row.name, row.output, row.created_at) for row in rows}
        self._loaded = time.monotonic()

    @property
    def protected(self) -> bool:
        """Whether a password is set."""
        return bool(self._given or self._hash)

    async def set_password(self, password: str) -> None:
        """Store a new password; all sessions end. Raises `Invalid` for a short one."""
        if len(password) < MIN_PASSWORD:
            raise Invalid(f"a password needs {MIN_PASSWORD} or more characters", field="password")
        hashed = await self._slowly(self._hasher.hash, password)
        async with self._store.write() as connection:
            await connection.execute(sa.delete(access_password))
            await connection.execute(sa.insert(access_password).values(id=1, hash=hashed, changed_at=utcnow()))
        self._hash = hashed

    async def check_password(self, password: str, *, address: str) -> bool:
        """Whether the password is right. `address` is the client's: after `TRIES` wrong ones it has to wait, and nobody else."""
        client, now = client_of(address), time.monotonic()
        if not self._guesses.begin(client, now):
            return False
        right = await self._is_right(password)
        if right:
            self._guesses.forgive(client, now)
        return right

    async def _is_right(self, password: str) -> bool:
        try:
            plain = password.encode()
        except UnicodeEncodeError:
            return False
        if len(plain) > MAX_PASSWORD:
            return False
        if self._given and secrets.compare_digest(plain, self._given.encode()):
            return True
        return self._hash is not None and await self._slowly(self._hasher.verify, password, self._hash)

    async def _slowly(self, work: Callable[P, ResultT], *args: P.args, **kwargs: P.kwargs) -> ResultT:
        """Hash, in a thread: it is slow on purpose (argon2)."""
        async with self._room:
            return await asyncio.to_thread(work, *args, **kwargs)

    def open_session(self) -> str:
        """The value of a session cookie."""
        return self._vault.seal({"until": time.time() + SESSION_SECONDS, "password": self._fingerprint()})

    def session_is_valid(self, cookie: str | None) -> bool:
        """Whether a cookie is ours, young enough, and made under the present password."""
        if not cookie or len(cookie) > 1_000:
            return False
        try:
            session = self._vault.unseal(cookie)
        except (NeedsUser, ValueError):  # whatever a stranger sends is simply no session
            return False
        return isinstance(session, dict) and bool(
            session.get("until", 0) > time.time() and session.get("password") == self._fingerprint()
        )

    def _fingerprint(self) -> str:
        return hashlib.sha256(f"{self._given or ''}\0{self._hash or ''}".encode()).hexdigest()[:16]

    # -- tokens ----------------------------------------------------------------------------------------------------

    async def tokens(self) -> list[Token]:
        """All of them, by name."""
        await self.load()
        return sorted(self._tokens.values(), key=lambda token: (token.scope, token.name.casefold()))

    async def make_token(self, scope: Scope, name: str, *, output: str = "") -> str:
        """A new token; its text is only known now."""
        name = name.strip()
        if not 1 <= len(name) <= 100:
            raise Invalid("a token needs a name of 1 to 100 characters", field="name")
        text = secrets.token_urlsafe(24)
        async with self._store.write() as connection:
            await connection.execute(
                sa.insert(access_token).values(
                    scope=scope, name=name, output=output, hash=_digest(text), created_at=utcnow()
                )
            )
        await self.load()
        return text

    async def revoke_token(self, token_id: int) -> str:
        """Delete a token; returns its name. Raises `NotFound`."""
        known = next((token for token in self._tokens.values() if token.id == token_id), None)
        async with self._store.write() as connection:
            result = await connection.execute(sa.delete(access_token).where(access_token.c.id == token_id))
        await self.load()
        if not result.rowcount or known is None:
            raise NotFound(f"there is no token {token_id}")
        return known.name

    async def find_token(self, text: str, scope: Scope) -> Token | None:
        """The token behind `text`. What another node made or revoked is known after half a minute, or when the database is back."""
        if time.monotonic() - self._loaded > RELOAD:
            with contextlib.suppress(DatabaseAway):
                await self.load()
        token = self._tokens.get(_digest(text))
        return token if token is not None and token.scope == scope else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
