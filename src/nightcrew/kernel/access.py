"""Who may do what: one password for people, API keys for scripts, tokens in the address for players."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

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
"""Wrong passwords within a minute, after which further ones are refused unread."""

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
        self._wrong: list[float] = []

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
        hashed = self._hasher.hash(password)
        async with self._store.write() as connection:
            await connection.execute(sa.delete(access_password))
            await connection.execute(sa.insert(access_password).values(id=1, hash=hashed, changed_at=utcnow()))
        self._hash = hashed

    def check_password(self, password: str) -> bool:
        """Whether the password is right. Slow on purpose (argon2): call it in a thread."""
        now = time.monotonic()
        self._wrong = [moment for moment in self._wrong if now - moment < 60]
        if len(self._wrong) >= TRIES:
            return False
        right = self._is_right(password)
        if not right:
            self._wrong.append(now)
        return right

    def _is_right(self, password: str) -> bool:
        try:
            plain = password.encode()
        except UnicodeEncodeError:
            return False
        if len(plain) > MAX_PASSWORD:
            return False
        if self._given and secrets.compare_digest(plain, self._given.encode()):
            return True
        return bool(self._hash and self._hasher.verify(password, self._hash))

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
