"""Playlists on disk: built whole from one view of the database, renamed into place, rebuilt when out of date.

A file says in its first line from which revision it was built. Whoever asks for one gets the present revision; when
building fails, the last good file. Every node builds its own files, so nothing but the database is shared.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import structlog

from nightcrew.kernel import files
from nightcrew.kernel.errors import NotFound, Retry
from nightcrew.kernel.store import DatabaseAway
from nightcrew.playlists import rules, ways
from nightcrew.playlists.formats import m3u
from nightcrew.playlists.models import Channel, Feed
from nightcrew.playlists.providers import Adapters
from nightcrew.playlists.rewriting import KnownFile, Record, RewritePlan, Rewriting, WrittenFiles
from nightcrew.playlists.settings import PlaylistSettings
from nightcrew.playlists.store import channels as channel_rows
from nightcrew.playlists.store import sources
from nightcrew.playlists.writing import PlaylistWriter

if TYPE_CHECKING:
    from nightcrew.kernel.runtime import Runtime

log = structlog.get_logger("nightcrew.playlists")

CHUNK = 1 << 18
FEW, FEW_OF, MOST_FRESH = 100, 0.25, 20_000
"""Up to this many channels that have changed, or this share of them, are read by themselves; never more than the last, as they are held."""
FORMAT = "8"
"""Part of every revision: a new way of writing makes all files out of date."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which channels a playlist has. `regions` None means all of them."""

    name: str
    regions: tuple[str, ...] | None
    group: str | None = None

    def has(self, region: str) -> bool:
        """Whether a region's channels belong to it."""
        return self.regions is None or region in self.regions

    def shows(self, channel: Channel, keep: rules.Filter) -> bool:
        """Whether a channel is among it, with what a filter keeps."""
        inside = self.has(channel.region) and (self.group is None or self.group in rules.groups_of(channel.group))
        return inside and not channel.hidden and keep.apply(channel.name, channel.group) is not None

    @property
    def file(self) -> str:
        """A file name that no other selection has: readable, with a short hash of what the name cannot hold."""
        text = f"{self.name}\0{self.regions}\0{self.group}"
        return f"{files.safe_name(self.name)}-{hashlib.sha256(text.encode()).hexdigest()[:8]}.m3u"


EVERYTHING = Selection("all", None)


@dataclass(frozen=True, slots=True)
class Region:
    """How a region stands. `channels` and `resolved` count before the filter; `size` is its playlist's, in bytes."""

    lang: str
    name: str
    channels: int
    resolved: int
    refreshed_at: datetime | None
    refreshing: bool
    feeds: tuple[Feed, ...] = ()

    def age(self, now: datetime) -> float | None:
        """Seconds since the oldest of its feeds was refreshed; None when it was never built."""
        return None if self.refreshed_at is None else max(0.0, (now - self.refreshed_at).total_seconds())

    def fresh(self, now: datetime, promise: float) -> bool:
        """Whether it is no older than `promise` seconds. One that was never built is, until an attempt has failed."""
        age = self.age(now)
        return not any(feed.failures for feed in self.feeds) if age is None else age <= promise


@dataclass(frozen=True, slots=True)
class Served:
    """What a playlist's file is made from. `parts`: the feeds of the selection and the guides, with their revisions.

    `hidden`: sources whose addresses no player is given.
    """

    selection: Selection
    parts: tuple[str, ...]
    base: str
    options: PlaylistSettings
    hidden: frozenset[int]

    @property
    def frame(self) -> str:
        """What all entries depend on, but for what is stored."""
        options = self.options
        served = (
            FORMAT,
            options.stream_mode,
            options.RES,
            options.FILTER_ENABLED,
            options.FILTER_KEYWORDS,
            options.hide_dead,
            options.placeholder_programmes,
        )
        return repr((served, sorted(self.hidden), self.base, self.selection))

    @property
    def name(self) -> str:
        """A text that changes whenever the file would."""
        return hashlib.sha256(repr((self.parts, self.frame)).encode()).hexdigest()[:16]


class Outputs:
    """The playlists of this node."""

    def __init__(self, runtime: Runtime, folder: Path) -> None:
        self._runtime = runtime
        self._folder = folder
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._written = WrittenFiles()

    # -- what there is ---------------------------------------------------------------------------------------------

    async def regions(self) -> dict[str, Region]:
        """All regions by name: those of enabled feeds, and for catalogues the configured locales that have none yet."""
        found: dict[str, list[Feed]] = {}
        for feed in await sources.feeds(self._runtime.store, enabled=True):
            if feed.kind == "channels":
                found.setdefault(feed.region, []).append(feed)
        locales = {region: lang for lang, region in self._options.LOCALES}
        catalogues = any(feed.lang for feeds in found.values() for feed in feeds)
        if catalogues or not found:  # lists alone know nothing of locales
            for region in locales:
                found.setdefault(region, [])
        return {name: _region(name, locales.get(name, ""), found[name]) for name in sorted(found)}

    async def select(self, name: str) -> Selection:
        """The selection for a region or `all`. Raises `NotFound`."""
        upper = name.upper()
        if upper == rules.ALL:
            return EVERYTHING
        selection = Selection(upper, (upper,))
        try:
            known = upper in await self.regions()
        except DatabaseAway:
            known = self.path(selection).exists()
        if not known:
            raise NotFound(f"there is no region {name!r}")
        return selection

    def combined(self, name: str) -> Selection:
        """The selection for a combined playlist. Raises `NotFound`."""
        for entry in self._options.COMBINED_PLAYLISTS:
            if str(entry["name"]).casefold() == name.casefold():
                return Selection(f"combined-{entry['name']}", tuple(entry["regions"]))
        raise NotFound(f"there is no combined playlist {name!r}")

    async def bound(self, output: str) -> Selection:
        """The channels that a player's token opens: those of its playlist, else all. Raises `NotFound` for one that is gone."""
        name, _, which = output.partition("/")
        if name != "playlist":
            return EVERYTHING
        kind, slash, rest = which.partition("/")
        if slash and kind.casefold() == "combined":
            return self.combined(rest)
        if slash and kind.casefold() == "group":
            return Selection(f"group-{rest}", None, rest)
        return await self.select(which)

    async def refreshed_at(self, selection: Selection) -> datetime | None:
        """When the data of a selection was fetched: as old as its oldest region; None when a named one was never built."""
        moments = {name: region.refreshed_at for name, region in (await self.regions()).items()}
        if selection.regions is None:
            return rules.oldest(moment for moment in moments.values() if moment is not None)
        return rules.oldest(moments.get(name) for name in selection.regions)

    # -- files -----------------------------------------------------------------------------------------------------

    def path(self, selection: Selection) -> Path:
        """Where the playlist lies."""
        return self._folder / selection.file

    def size(self, selection: Selection) -> int | None:
        """Bytes of the playlist on disk, or None when there is none yet."""
        try:
            return self.path(selection).stat().st_size
        except FileNotFoundError:
            return None

    async def current(self, selection: Selection) -> Path:
        """The path of the present playlist, built now if it is out of date; when that fails, of the last good one.

        Raises `Retry` when there is neither.
        """
        path = self.path(selection)
        try:
            served = await self._served(selection)
            if served is None:
                raise Retry(
                    f"playlist {selection.name!r} has never been built: its sources gave no channels yet", after=30
                )
            if await asyncio.to_thread(_written_revision, path) == served.name:
                return path
            async with self._locks.setdefault(selection.file, asyncio.Lock()):
                served = await self._served(selection) or served  # it may have waited for another one
                if await asyncio.to_thread(_written_revision, path) != served.name:
                    await self._build(served)
        except (OSError, DatabaseAway) as exc:
            if not path.exists():
                raise Retry(f"playlist {selection.name!r} cannot be built now: {exc}", after=30) from exc
            log.warning(
                "playlist could not be rebuilt, the last good one is served", playlist=selection.name, reason=str(exc)
            )
        return path

    async def rebuild_for(self, region: str) -> None:
        """After a refresh: the playlists of a region and of the combinations with it, so that nobody has to wait."""
        selections = [Selection(region, (region,))]
        selections += [
            self.combined(str(entry["name"]))
            for entry in self._options.COMBINED_PLAYLISTS
            if region in entry["regions"]
        ]
        for selection in selections:
            if await self._served(selection) is not None:
                await self.current(selection)

    async def _served(self, selection: Selection) -> Served | None:
        """What a file is made from now; None while no feed of the selection was ever refreshed."""
        feeds = [feed for feed in await sources.feeds(self._runtime.store, enabled=True) if feed.changed_at is not None]
        parts = [
            f"{feed.id}.{feed.revision}" for feed in feeds if feed.kind == "channels" and selection.has(feed.region)
        ]
        if not parts:
            return None
        parts += [f"{feed.id}.{feed.generation}" for feed in feeds if feed.kind == "guide"]
        hidden = await ways.hidden(self._runtime)
        return Served(selection, tuple(sorted(parts)), self._runtime.base_url(), self._options, hidden)

    async def _build(self, served: Served) -> None:
        """All that decides what is written is either in `served`, or read here and part of the frame."""
        store, path = self._runtime.store, self.path(served.selection)
        every = await sources.feeds(store)
        feeds = frozenset(feed.id for feed in every if feed.source_id in served.hidden)
        secrets = await _secrets(self._runtime)
        writer = PlaylistWriter(served.base, served.options, secrets, served.hidden, feeds)
        head = m3u.header(f"{served.base}/guide.xml", served.name).encode()
        async with channel_rows.view(store) as view:
            known_secrets = sorted(one for one in secrets.items() if one[1])
            frame = repr((served.frame, await view.guides(), known_secrets, sorted(feeds)))
            known = await asyncio.to_thread(self._written.of, path, frame)
            with known.file if known else contextlib.nullcontext(), files.replacing(path) as file:
                written = Rewriting(file, head)
                if known is None or not await _rewrite(view, served.selection, written, known, writer):
                    await _write(view, served.selection, written, writer)
                now = await asyncio.to_thread(written.written, frame)
        self._written.keep(path, now)

    @property
    def _options(self) -> PlaylistSettings:
        return self._runtime.settings.of(PlaylistSettings)


async def _write(
    view: channel_rows.PlaylistView, selection: Selection, written: Rewriting, writer: PlaylistWriter
) -> None:
    """All entries anew."""
    async for page in view.pages(selection.regions, group=selection.group):
        await asyncio.to_thread(written.append_all, _records(page, writer))


async def _rewrite(
    view: channel_rows.PlaylistView, selection: Selection, written: Rewriting, known: KnownFile, writer: PlaylistWriter
) -> bool:
    """Only the entries of channels that have changed, if they are few; returns whether they are."""
    made = RewritePlan(known.written)
    async for ids, marks in view.marks(selection.regions, group=selection.group):
        await asyncio.to_thread(made.add, ids, marks)
    ids = await asyncio.to_thread(made.fresh)
    if len(ids) > min(MOST_FRESH, max(FEW, len(made.ids) * FEW_OF)):
        return False
    fresh = dict[int, Record]()
    async for page in view.of_ids(ids):
        fresh |= await asyncio.to_thread(lambda page=page: {one[0]: one for one in _records(page, writer)})  # type: ignore[misc]
    await asyncio.to_thread(written.follow, made, known.file, fresh)
    return True


def _records(page: channel_rows.PlaylistPage, writer: PlaylistWriter) -> Iterator[Record]:
    return ((one.id, mark, writer.entry(one)) for one, mark in zip(page.channels, page.marks, strict=True))


async def _secrets(runtime: Runtime) -> dict[int, tuple[str, ...]]:
    adapters = runtime.part(Adapters)
    found = await sources.every(runtime.store, runtime.vault)
    return {source.id: adapters.of(source).secrets for source in found if source.kind != "guide" and not source.locked}


def _region(name: str, lang: str, feeds: Sequence[Feed]) -> Region:
    built = [feed for feed in feeds if feed.refreshed_at is not None]
    return Region(
        lang=lang or next((feed.lang for feed in feeds if feed.lang), ""),
        name=name,
        channels=sum(feed.channels for feed in feeds),
        resolved=sum(feed.resolved for feed in feeds),
        refreshed_at=rules.oldest(feed.refreshed_at for feed in built),
        refreshing=any(feed.refreshing for feed in feeds),
        feeds=tuple(feeds),
    )


def _written_revision(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            first = file.readline(2_000)
    except FileNotFoundError:
        return None
    _, _, rest = first.partition(b'x-revision="')
    return rest.partition(b'"')[0].decode("ascii", "replace") or None


async def served(path: Path, base: bytes, wanted: bytes, suffix: bytes) -> AsyncIterator[bytes]:
    """A playlist's bytes for one client: its own address in place of the written one, its token after each of ours.

    Works line by line on blocks, so that memory stays at a block whatever the list's size.
    """
    file = await asyncio.to_thread(path.open, "rb")
    try:
        rest = b""
        while True:
            block = await asyncio.to_thread(file.read, CHUNK)
            if not block:
                if rest:
                    yield _rewritten(rest, base, wanted, suffix)
                return
            whole, newline, tail = (rest + block).rpartition(b"\n")
            rest = tail
            if newline:
                yield _rewritten(whole + newline, base, wanted, suffix)
    finally:
        file.close()


def _rewritten(block: bytes, base: bytes, wanted: bytes, suffix: bytes) -> bytes:
    if base == wanted and not suffix:
        return block
    ours = (base + b"/play/", base + b"/guide.xml")
    if ours[0] not in block and ours[1] not in block:
        return block
    lines = block.split(b"\n")
    for index, line in enumerate(lines):
        if line.startswith(ours[0]):
            lines[index] = wanted + line[len(base) :] + suffix
        elif line.startswith(b"#EXTM3U"):
            lines[index] = line.replace(ours[1], wanted + b"/guide.xml" + suffix)
    return b"\n".join(lines)
