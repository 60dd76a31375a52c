"""Access that a person granted at a service (OAuth 2): codes for tokens, and tokens for newer ones.

Refresh tokens rotate: the old one is worth nothing once the new one was sent. So over all nodes one at a time fetches them, who
holds the lease, and they are stored whatever happens meanwhile.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from pydantic import BaseModel

from nightcrew.kernel import redaction
from nightcrew.kernel.connections import tokens_store
from nightcrew.kernel.connections.models import Connection
from nightcrew.kernel.declare import ConnectionKind, OAuth
from nightcrew.kernel.errors import Conflict, GiveUp, Invalid, NeedsUser, NightcrewError, Retry
from nightcrew.kernel.http import Http, Limits, Request
from nightcrew.kernel.store import DatabaseAway, Store
from nightcrew.kernel.vault import Vault

EARLY = 60.0
"""Seconds before their end at which tokens are fetched anew."""
LIMITS = Limits(max_bytes=1 << 20, seconds=20.0)
LEASE = 90.0
"""Seconds for which one node fetches new tokens: longer than all its attempts."""
LOOK = 0.25
"""Seconds between two looks whether another node has them: nothing tells us over SQLite."""
SAVING = 60.0
"""Seconds for which new tokens are tried to be stored."""
GRANT = 900.0
"""Seconds that a person has for the service's page."""
_ANSWERS = frozenset({200, 400, 401})


@dataclass(frozen=True, slots=True)
class Granted:
    """Tokens as they are sealed."""

    access: str
    refresh: str
    until: float
    """Seconds since 1970, in the database's time."""

    def fresh(self, now: datetime) -> bool:
        """Whether they are good for a while."""
        return self.until - now.timestamp() > EARLY


class Tokens:
    """The tokens of all connections, as this node uses them."""

    def __init__(self, store: Store, http: Http, vault: Vault) -> None:
        self._store = store
        self._http = http
        self._vault = vault
        self._me = secrets.token_hex(16)
        self._renewing: dict[int, asyncio.Lock] = {}

    # -- granting ------------------------------------------------------------------------------------------------------

    async def begin(self, one: Connection, kind: ConnectionKind, settings: BaseModel, back: str) -> str:
        """The address of the service's page; from there the browser comes back to `back`. Raises `Conflict` for other kinds."""
        oauth = _oauth_of(kind)
        state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
        sealed = self._vault.seal({"verifier": verifier, "back": back})
        await tokens_store.begin_grant(self._store, _key(state), one.id, sealed, seconds=GRANT)
        query = {
            "response_type": "code",
            "client_id": str(getattr(settings, "client_id", "")),
            "redirect_uri": back,
            "scope": " ".join(oauth.scopes),
            "state": state,
            "code_challenge": challenge_of(verifier),
            "code_challenge_method": "S256",
        }
        return oauth.authorize + ("&" if urlsplit(oauth.authorize).query else "?") + urlencode(query)

    async def whose(self, state: str) -> int:
        """The connection that a browser comes back for. Raises `Invalid` when nobody waits for it, or not any more."""
        found = await tokens_store.waiting_grant(self._store, _key(state))
        if found is None:
            raise Invalid("this is not known, or it has expired. Start again on the page Connections", field="state")
        return found

    async def finish(self, one: Connection, kind: ConnectionKind, settings: BaseModel, state: str, code: str) -> None:
        """Exchange the code that the browser brought for tokens, once. Raises `Invalid`, `NeedsUser`, `Retry`."""
        sealed = await tokens_store.take_grant(self._store, _key(state), one.id)
        if sealed is None:
            raise Invalid("this is not known, or it has expired. Start again on the page Connections", field="state")
        waiting = self._vault.unseal(sealed)
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": waiting["back"]}
        got = await self._fetch(one, kind, settings, form | {"code_verifier": waiting["verifier"]}, secrets=(code,))
        await self._save(one.id, got, holder=None)

    # -- using ---------------------------------------------------------------------------------------------------------

    async def bearer(self, one: Connection, kind: ConnectionKind, settings: BaseModel, *, refused: str = "") -> str:
        """A token that is good for a while, and another one than the service has `refused`.

        Raises `NeedsUser` when a person has to grant access, `Retry` when it cannot be had now.
        """
        known, now = await self._known(one)
        if not known.fresh(now) or known.access == refused:
            known = await self._renewed(one, kind, settings, known)
        return known.access

    async def _known(self, one: Connection) -> tuple[Granted, datetime]:
        sealed, now = await tokens_store.tokens(self._store, one.id)
        if sealed is None:
            raise NeedsUser("access is not granted yet; grant it on the page Connections")
        granted = Granted(**self._vault.unseal(sealed))
        redaction.know((granted.access, granted.refresh))
        return granted, now

    async def _renewed(self, one: Connection, kind: ConnectionKind, settings: BaseModel, old: Granted) -> Granted:
        """Newer tokens than `old`: those that somebody else has fetched meanwhile, or our own."""
        async with self._renewing.setdefault(one.id, asyncio.Lock()):
            while True:
                known, _ = await self._known(one)
                if known.access != old.access:
                    return known
                if await tokens_store.lease(self._store, one.id, self._me, is_old=self._same(old), seconds=LEASE):
                    return await self._exchanged(one, kind, settings, old)
                await asyncio.sleep(LOOK)

    def _same(self, old: Granted) -> Callable[[str], bool]:
        """Whether sealed tokens are still the old ones, asked under the lease."""

        def same(sealed: str) -> bool:
            return Granted(**self._vault.unseal(sealed)).access == old.access

        return same

    async def _exchanged(self, one: Connection, kind: ConnectionKind, settings: BaseModel, old: Granted) -> Granted:
        """As the holder of the lease."""
        form = {"grant_type": "refresh_token", "refresh_token": old.refresh}
        exchange = asyncio.create_task(self._exchange(one, kind, settings, form, old), name=f"tokens {one.id}")
        try:
            return await asyncio.shield(exchange)
        except asyncio.CancelledError:
            await asyncio.wait({exchange}, timeout=LIMITS.seconds)  # what was sent is answered, and must not get lost
            exchange.cancel()
            await asyncio.gather(exchange, return_exceptions=True)
            raise

    async def _exchange(
        self, one: Connection, kind: ConnectionKind, settings: BaseModel, form: dict[str, str], old: Granted
    ) -> Granted:
        try:
            got = await self._fetch(one, kind, settings, form, secrets=(old.refresh,), refresh=old.refresh)
        except NightcrewError:
            await tokens_store.release(self._store, one.id, self._me)
            raise
        await self._save(one.id, got, holder=self._me)
        return got

    async def _fetch(
        self,
        one: Connection,
        kind: ConnectionKind,
        settings: BaseModel,
        form: dict[str, str],
        *,
        secrets: tuple[str, ...],
        refresh: str = "",
    ) -> Granted:
        client = {"client_id": str(getattr(settings, "client_id", ""))}
        if password := str(getattr(settings, "client_secret", "")):
            client["client_secret"] = password
        request = Request(
            _oauth_of(kind).token,
            "POST",
            form=form | client,
            secrets=(*secrets, password),
            allow_private=one.private,
            route=one.route,
        )
        reply = await self._http.ask(request, limits=LIMITS, good=_ANSWERS)
        answer = await reply.json()
        if not isinstance(answer, dict):
            raise Retry("the service's answer contains no tokens")
        if reply.status != 200:
            raise _refusal(str(answer.get("error") or f"HTTP {reply.status}"))
        now = await tokens_store.now(self._store)
        return _granted(answer, now, refresh)

    async def _save(self, connection_id: int, got: Granted, *, holder: str | None) -> None:
        """Store new tokens. The old ones are worth nothing now, so a database that is away is waited for."""
        redaction.know((got.access, got.refresh))
        sealed = self._vault.seal({"access": got.access, "refresh": got.refresh, "until": got.until})
        deadline = asyncio.get_running_loop().time() + SAVING
        while True:
            try:
                await tokens_store.save(self._store, connection_id, sealed, holder=holder)
            except DatabaseAway:
                if asyncio.get_running_loop().time() > deadline:
                    raise
                await asyncio.sleep(1.0)
            else:
                return


def challenge_of(verifier: str) -> str:
    """What is sent with the person, so that only who knows the verifier can use the code (RFC 7636, 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def _key(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()


def _oauth_of(kind: ConnectionKind) -> OAuth:
    if kind.oauth is None:
        raise Conflict(f"{kind.title} does not need access to be granted")
    return kind.oauth


def _refusal(error: str) -> NightcrewError:
    """An answer of the token endpoint that is none (RFC 6749, 5.2)."""
    if error == "invalid_grant":
        return NeedsUser("the access that was granted has expired or was revoked. Grant it again")
    if error in {"invalid_client", "unauthorized_client"}:
        return NeedsUser("the service does not accept the client's id or secret")
    return GiveUp(f"the service refuses to issue tokens ({error[:60]})")


def _granted(answer: dict[str, Any], now: datetime, refresh: str) -> Granted:
    """Tokens from an answer. A service that does not rotate keeps the old refresh token. Raises `Retry`."""
    access, seconds = answer.get("access_token"), answer.get("expires_in", 3600)
    if not isinstance(access, str) or not access or not isinstance(seconds, int | float):
        raise Retry("the service's answer contains no tokens")
    until = now + timedelta(seconds=min(max(float(seconds), EARLY + 1), 86_400 * 365.0))
    return Granted(access, str(answer.get("refresh_token") or refresh), until.timestamp())
