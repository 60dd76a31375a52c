"""Accounts: the logins behind sources, and how many connections each allows. Sources with one login share its slots.

A profile is one way to use an account: another login at the same source, or the same addresses written differently. Every
source has the profile `DEFAULT`, which is the source as it was entered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from nightcrew.kernel.errors import NotFound
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.slots import Claim, Holder, Limit, Priority
from nightcrew.playlists.models import Feed, Source
from nightcrew.playlists.providers import Adapters
from nightcrew.playlists.providers.base import DEFAULT, ProfileConfig
from nightcrew.playlists.providers.document import local_path
from nightcrew.playlists.rules import digest
from nightcrew.playlists.store import sources

VIEWER = "viewer"
"""What a connection is for that somebody watches through."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One way to use a source. `source` has the profile's login; `limits` are the connections that it takes one of."""

    name: str
    source: Source
    account: str
    limits: tuple[Limit, ...]
    search: str = ""
    replace: str = ""

    def claim(self, owner: str, purpose: str, priority: Priority, *, subject: str = "") -> Claim:
        """A wish for one connection."""
        return Claim(self.limits, owner, purpose, priority, subject)

    def written(self, url: str) -> str:
        """A stream's address as this profile has it."""
        return url.replace(self.search, self.replace) if self.search else url

    @property
    def most(self) -> int:
        """Connections at a time; 0: any number."""
        return min((limit.most for limit in self.limits if limit.most), default=0)


@dataclass(frozen=True, slots=True)
class Account:
    """One login. `most` 0: any number of connections; `told` by the panel when no source sets a limit."""

    resource: str
    sources: tuple[Source, ...]
    most: int
    told: bool = False
    profiles: tuple[str, ...] = ()
    """The profiles that use it, unless it is the source's own."""

    @property
    def name(self) -> str:
        """The sources that use it."""
        names = ", ".join(source.name for source in self.sources)
        return f"{names}: {', '.join(self.profiles)}" if self.profiles else names


@dataclass(frozen=True, slots=True)
class _Use:
    """A login as one source uses it: its own (`profile` None), or one of its profiles'."""

    resource: str
    source: Source
    profile: ProfileConfig | None = None

    @property
    def most(self) -> int:
        limit = self.source.config.get("max_streams") if self.profile is None else self.profile.max_streams
        return int(limit or 0)


async def accounts(runtime: Runtime) -> list[Account]:
    """All logins of sources that have channels, in the order of their first source."""
    return _accounts(await _uses(runtime), await sources.feeds(runtime.store))


async def connections(runtime: Runtime) -> int:
    """How many connections all accounts allow at a time together; 0: any number, or there are none."""
    most = [account.most for account in await accounts(runtime)]
    return sum(most) if all(most) else 0


async def watching(runtime: Runtime) -> int:
    """How many connections are used for viewers now."""
    return len({holder.lease for holder in await runtime.slots.holders() if holder.purpose == VIEWER})


async def profiles(runtime: Runtime) -> dict[int, list[Profile]]:
    """The ways to use each source that has channels, its own first."""
    uses = await _uses(runtime)
    limits = {account.resource: account.most for account in _accounts(uses, await sources.feeds(runtime.store))}
    found: dict[int, list[Profile]] = {}
    own: dict[int, str] = {}
    for use in uses:
        first = own.setdefault(use.source.id, use.resource)
        found.setdefault(use.source.id, []).append(_profile(use, limits, first))
    return found


async def profiles_of(runtime: Runtime, source_id: int) -> list[Profile]:
    """The ways to use one source. Raises `NotFound` for a source that is gone or has no channels."""
    found = (await profiles(runtime)).get(source_id)
    if not found:
        raise NotFound(f"source {source_id} has no account")
    return found


def preferred(profiles: Sequence[Profile], name: str | None) -> list[Profile]:
    """The same profiles, the one of that name first: it is known to work."""
    return sorted(profiles, key=lambda profile: profile.name != name)


def is_own_list(source: Source) -> bool:
    """Whether its streams were put together by a person: a list that is a file on this machine."""
    return source.kind == "m3u" and local_path(str(source.config.get("url") or "")) is not None


def subject_of(channel_id: int) -> str:
    """How the ledger names a channel that is watched."""
    return f"channel:{channel_id}"


async def in_use(runtime: Runtime) -> dict[str, list[Holder]]:
    """Who holds connections now, by resource."""
    found: dict[str, list[Holder]] = {}
    for holder in await runtime.slots.holders():
        found.setdefault(holder.resource, []).append(holder)
    return found


async def _uses(runtime: Runtime) -> list[_Use]:
    adapters = runtime.part(Adapters)
    uses = [
        use
        for source in await sources.every(runtime.store, runtime.vault)
        if source.kind != "guide" and not source.locked
        for use in _of_source(source, adapters)
    ]
    adapters.keep({(use.source.id, use.source.profile) for use in uses})
    return uses


def _of_source(source: Source, adapters: Adapters) -> Iterator[_Use]:
    own = _resource(source, adapters.of(source).login)
    yield _Use(own, source)
    for profile in profile_configs(source):
        if not profile.enabled:
            continue
        if profile.username:
            login = {"username": profile.username, "password": profile.password}
            other = replace(source, config={**source.config, **login}, profile=profile.name)
            yield _Use(_resource(other, adapters.of(other).login), other, profile)
        else:
            yield _Use(f"profile:{source.id}:{profile.name}", source, profile)


def profile_configs(source: Source) -> list[ProfileConfig]:
    """The profiles that were added to a source."""
    return [ProfileConfig.model_validate(entry) for entry in source.config.get("profiles") or ()]


def _profile(use: _Use, most: dict[str, int], own: str) -> Profile:
    if use.profile is None:
        return Profile(DEFAULT, use.source, own, (Limit(own, most[own]),))
    limits: tuple[Limit, ...] = (Limit(use.resource, most[use.resource]),)
    if use.resource != own and not use.profile.username and not use.profile.own_login:
        limits = (Limit(own, most[own]), *limits)
    return Profile(use.profile.name, use.source, own, limits, use.profile.search, use.profile.replace)


def _resource(source: Source, login: str | None) -> str:
    return f"login:{digest(login).hex()}" if login else f"source:{source.id}"


def _accounts(uses: Iterable[_Use], feeds: Sequence[Feed]) -> list[Account]:
    found: dict[str, list[_Use]] = {}
    for use in uses:
        found.setdefault(use.resource, []).append(use)
    return [_account(resource, sharing, feeds) for resource, sharing in found.items()]


def _account(resource: str, uses: list[_Use], feeds: Iterable[Feed]) -> Account:
    """The smallest limit that a source or profile sets counts; else what the panel said last."""
    sharing = tuple({use.source.id: use.source for use in uses}.values())
    only = tuple(use.profile.name for use in uses if use.profile is not None)
    profiles = only if len(only) == len(uses) else ()
    limits = [use.most for use in uses if use.most]
    if limits:
        return Account(resource, sharing, min(limits), profiles=profiles)
    ids = {use.source.id for use in uses if use.profile is None}
    told = [_allowed_by_panel(feed) for feed in feeds if feed.source_id in ids]
    known = [number for number in told if number]
    return Account(resource, sharing, min(known, default=0), told=bool(known), profiles=profiles)


def _allowed_by_panel(feed: Feed) -> int:
    account = feed.notes.get("account")
    number = account.get("max_connections") if isinstance(account, dict) else None
    return number if isinstance(number, int) else 0
