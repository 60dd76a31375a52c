"""Playlists on disk: built whole from one view of the database, renamed into place, rebuilt when out of date.

A file says in its first line from which revision it was built. Whoever asks for one gets the present revision; when
building fails, the last good file. Every node builds its own files, so nothing but the database is shared.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Sequence
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
from nightcrew.playlists.rewriting import Known, Plan, Rewriting, WrittenFiles
from nightcrew.playlists.settings import PlaylistSettings
from nightcrew.playlists.store import channels as channel_rows
from nightcrew.playlists.store import sources
from nightcrew.playlists.writing import PlaylistWriter

if TYPE_CHECKING:
    from nightcrew.kernel.runtime import Runtime

log = structlog.get_logger("nightcrew.playlists")

CHUNK = 1 << 18
FEW, FEW_OF = 100, 0.25
"""Up to this many channels that have changed, or this share of them, are read by themselves."""
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
class Revision:
    """What a playlist's file is made from. `name` changes whenever the file would; `frame` is what all its entries depend on."""

    name: str
    frame: str


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
            revision = await self._revision(selection)
            if revision is None:
                raise Retry(
                    f"playlist {selection.name!r} has never been built: its sources gave no channels yet", after=30
                )
            if await asyncio.to_thread(_written_revision, path) == revision.name:
                return path
            async with self._locks.setdefault(selection.file, asyncio.Lock()):
                if await asyncio.to_thread(_written_revision, path) != revision.name:
                    await self._build(selection, revision)
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
            if await self._revision(selection) is not None:
                await self.current(selection)

    async def _revision(self, selection: Selection) -> Revision | None:
        """What a file is made from; None while no feed of the selection was ever refreshed."""
        feeds = [feed for feed in await sources.feeds(self._runtime.store, enabled=True) if feed.changed_at is not None]
        parts = [
            f"{feed.id}.{feed.revision}" for feed in feeds if feed.kind == "channels" and selection.has(feed.region)
        ]
        if not parts:
            return None
        guides = [f"{feed.id}.{feed.generation}" for feed in feeds if feed.kind == "guide"]
        options = self._options
        served = (
            FORMAT,
            options.stream_mode,
            options.RES,
            options.FILTER_ENABLED,
            options.FILTER_KEYWORDS,
            options.hide_dead,
            options.placeholder_programmes,
        )
        passed_on = sorted(await ways.hidden(self._runtime))
        frame = repr((sorted(guides), served, passed_on, self._runtime.base_url(), selection))
        text = repr((sorted(parts), frame))
        return Revision(hashlib.sha256(text.encode()).hexdigest()[:16], frame)

    async def _build(self, selection: Selection, revision: Revision) -> None:
        base = self._runtime.base_url()
        hidden = await ways.hidden(self._runtime)
        feeds = await ways.hidden_feeds(self._runtime)
        secrets = await _secrets(self._runtime)
        writer = PlaylistWriter(base, self._options, secrets, hidden, feeds)
        head = m3u.header(f"{base}/guide.xml", revision.name).encode()
        path, frame = (
            self.path(selection),
            repr((revision.frame, sorted(one for one in secrets.items() if one[1]), sorted(feeds))),
        )
        known = await asyncio.to_thread(self._written.of, path, frame)
        with known.file if known else contextlib.nullcontext(), files.replacing(path) as file:
            written = Rewriting(file, head)
            if known is None or not await self._rewrite(selection, written, known, writer):
                await self._write(selection, written, writer)
            now = await asyncio.to_thread(written.written, frame)
        self._written.keep(path, now)

    async def _write(self, selection: Selection, written: Rewriting, writer: PlaylistWriter) -> None:
        """All entries anew."""

        def append(page: channel_rows.PlaylistPage) -> None:
            for channel, mark in zip(page.channels, page.marks, strict=True):
                written.append(channel.id, mark, writer.entry(channel))

        async for page in channel_rows.pages(self._runtime.store, selection.regions, group=selection.group):
            await asyncio.to_thread(append, page)

    async def _rewrite(self, selection: Selection, written: Rewriting, known: Known, writer: PlaylistWriter) -> bool:
        """Only the entries of channels that have changed, if they are few; returns whether they are."""
        store, made = self._runtime.store, Plan(known.written)
        async for some in channel_rows.marks(store, selection.regions, group=selection.group):
            await asyncio.to_thread(made.add, some)
        ids = await asyncio.to_thread(lambda: made.fresh)
        if len(ids) > FEW and len(ids) > len(made.ids) * FEW_OF:
            return False
        fresh = dict[int, bytes]()
        async for channels in channel_rows.of_ids(store, ids):
            fresh |= await asyncio.to_thread(writer.entries, channels)
        await asyncio.to_thread(written.follow, made, known.file, fresh)
        return True

    @property
    def _options(self) -> PlaylistSettings:
        return self._runtime.settings.of(PlaylistSettings)


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
