"""Who may do what: one password for people, API keys for scripts, tokens in the address for players."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import math
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, ParamSpec, TypeVar, get_args

import sqlalchemy as sa
from pwdlib import PasswordHash

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import Invalid, NotFound, Retry
from nightcrew.kernel.guesses import Guesses, client_of
from nightcrew.kernel.sessions import Session, Sessions, digest
from nightcrew.kernel.store import DatabaseAway, Id, Moment, Store, metadata
from nightcrew.kernel.words import duration

MIN_PASSWORD = 8
MAX_PASSWORD = 1_000
"""Bytes."""
RELOAD = 30.0
AT_ONCE = 2
"""Passwords that are hashed at a time, whoever sent them: each takes 64 MiB and a core."""

P = ParamSpec("P")
ResultT = TypeVar("ResultT")
Scope = Literal["api", "player"]
Permission = Literal["read", "players", "operate", "admin"]
"""What a key may do. read: look; players: open what is for players; operate: both, and start, stop, change and delete what is
worked on; admin: also the settings, sources, connections and whom is told. None of them makes keys."""
PERMISSIONS: tuple[Permission, ...] = get_args(Permission)

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
    sa.Column("permission", sa.String(10), nullable=False),
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
    permission: Permission = "admin"
    """What an API key may do; a player's token has `players`."""


class MustWait(Retry):
    """Too many wrong passwords came from this client."""

    def __init__(self, seconds: float) -> None:
        whole = math.ceil(seconds)
        super().__init__(
            f"too many wrong passwords came from your address: try again in {duration(whole)}", after=whole
        )


class Access:
    """Passwords, sessions and tokens."""

    def __init__(self, store: Store, *, password: str | None) -> None:
        self._store = store
        self.sessions = Sessions(store, self._fingerprint)
        self._hasher = PasswordHash.recommended()
        self._given = password or None
        self._hash: str | None = None
        self._tokens: dict[str, Token] = {}
        self._loaded = 0.0
        self._guesses = Guesses()
        self._room = asyncio.Semaphore(AT_ONCE)

    async def load(self) -> None:
        """Read the password, the tokens and the sessions."""
        async with self._store.read() as connection:
            self._hash = (await connection.execute(sa.select(access_password.c.hash))).scalar()
            rows = (await connection.execute(sa.select(access_token))).all()
        self._tokens = {
            row.hash: Token(row.id, row.scope, row.name, row.output, row.created_at, row.permission) for row in rows
        }
        await self.sessions.load()
        self._loaded = time.monotonic()

    async def _refresh(self) -> None:
        """What another node has changed is known after half a minute, or when the database is back."""
        if time.monotonic() - self._loaded > RELOAD:
            self._loaded = time.monotonic()  # an outage must not hold up each request
            with contextlib.suppress(DatabaseAway):
                await self.load()

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
        """Whether the password is right. `address` is the client's: after some wrong ones it has to wait, and nobody else.

        Raises `MustWait`.
        """
        await self._refresh()
        client, now = client_of(address), time.monotonic()
        if not self._guesses.begin(client, now):
            raise MustWait(self._guesses.wait(client, now))
        right = await self._is_right(password)
        if right:
            self._guesses.forgive(client)
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

    async def find_session(self, cookie: str | None) -> Session | None:
        """The session of a cookie, if it is ours, not over, and made under the present password."""
        await self._refresh()
        return await self.sessions.find(cookie)

    def _fingerprint(self) -> str:
        return hashlib.sha256(f"{self._given or ''}\0{self._hash or ''}".encode()).hexdigest()[:16]

    # -- tokens ----------------------------------------------------------------------------------------------------

    async def tokens(self) -> list[Token]:
        """All of them, by name."""
        await self.load()
        return sorted(self._tokens.values(), key=lambda token: (token.scope, token.name.casefold()))

    async def make_token(self, scope: Scope, name: str, *, output: str = "", permission: Permission = "admin") -> str:
        """A new token; its text is only known now. Raises `Invalid`."""
        name = name.strip()
        if not 1 <= len(name) <= 100:
            raise Invalid("a token needs a name of 1 to 100 characters", field="name")
        text = secrets.token_urlsafe(24)
        async with self._store.write() as connection:
            await connection.execute(
                sa.insert(access_token).values(
                    scope=scope,
                    name=name,
                    output=output,
                    hash=digest(text),
                    created_at=utcnow(),
                    permission="players" if scope == "player" else permission,
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
        """The token behind `text`."""
        await self._refresh()
        token = self._tokens.get(digest(text))
        return token if token is not None and token.scope == scope else None
