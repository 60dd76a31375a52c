"""Accounts: the logins behind sources, and how many connections each allows. Sources with one login share its slots."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nightcrew.kernel.errors import NotFound
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.slots import Claim, Holder, Limit, Priority
from nightcrew.playlists.models import Feed, Source
from nightcrew.playlists.providers import Adapters
from nightcrew.playlists.rules import digest
from nightcrew.playlists.store import sources


@dataclass(frozen=True, slots=True)
class Account:
    """One login. `most` 0: any number of connections; `told` by the panel when no source sets a limit."""

    resource: str
    sources: tuple[Source, ...]
    most: int
    told: bool = False

    @property
    def name(self) -> str:
        """The sources that use it."""
        return ", ".join(source.name for source in self.sources)

    def claim(self, owner: str, purpose: str, priority: Priority) -> Claim:
        """A wish for one connection."""
        return Claim((Limit(self.resource, self.most),), owner, purpose, priority)


async def accounts(runtime: Runtime) -> list[Account]:
    """All accounts of sources that have channels, in the order of their first source."""
    found: dict[str, list[Source]] = {}
    adapters = runtime.part(Adapters)
    for source in await sources.every(runtime.store, runtime.vault):
        if source.kind != "guide" and not source.locked:
            found.setdefault(_resource(source, adapters.of(source).login), []).append(source)
    feeds = await sources.feeds(runtime.store)
    return [_account(resource, tuple(sharing), feeds) for resource, sharing in found.items()]


async def account_of(runtime: Runtime, source_id: int) -> Account:
    """The account that a source's streams use. Raises `NotFound` for a source that is gone or has no channels."""
    for account in await accounts(runtime):
        if any(source.id == source_id for source in account.sources):
            return account
    raise NotFound(f"source {source_id} has no account")


async def in_use(runtime: Runtime) -> dict[str, list[Holder]]:
    """Who holds connections now, by resource."""
    found: dict[str, list[Holder]] = {}
    for holder in await runtime.slots.holders():
        found.setdefault(holder.resource, []).append(holder)
    return found


def _resource(source: Source, login: str | None) -> str:
    return f"login:{digest(login).hex()}" if login else f"source:{source.id}"


def _account(resource: str, sharing: tuple[Source, ...], feeds: Iterable[Feed]) -> Account:
    """The smallest limit that a source sets counts; else what the panel said last."""
    limits = [number for source in sharing if (number := int(source.config.get("max_streams") or 0))]
    if limits:
        return Account(resource, sharing, min(limits))
    ids = {source.id for source in sharing}
    told = [_told(feed) for feed in feeds if feed.source_id in ids]
    known = [number for number in told if number]
    return Account(resource, sharing, min(known, default=0), told=bool(known))


def _told(feed: Feed) -> int:
    account = feed.notes.get("account")
    number = account.get("max_connections") if isinstance(account, dict) else None
    return number if isinstance(number, int) else 0
