"""The torrent of a hand-over: how it is had for the client, and what its files say once the client knows them."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from nightcrew.kernel.errors import GiveUp, NightcrewError, NotFound, Retry
from nightcrew.kernel.routes import RouteDown
from nightcrew.kernel.runtime import Runtime
from nightcrew.movies.clients.base import Client
from nightcrew.movies.clients.remote import RemoteTorrent
from nightcrew.movies.handover.models import HandoverEntry
from nightcrew.movies.handover.rules import described
from nightcrew.movies.sources import offered, reach
from nightcrew.movies.sources.models import SourceEntry, SourceState
from nightcrew.movies.store import films, sources, swarms
from nightcrew.movies.torrents import magnet, metainfo
from nightcrew.movies.torrents.errors import BadTorrent
from nightcrew.movies.torrents.magnet import Magnet
from nightcrew.movies.torrents.model import Metainfo

MOST_FAILURES = 5
"""Looks in a row in which no indexer gave the torrent file of a checked source, until its magnet is taken."""


async def fetch(runtime: Runtime, source: SourceEntry, swarm: str, failures: int) -> bytes | str:
    """The torrent file of a source if an indexer gives it and it is what was promised, else its magnet link.

    What is private is never a magnet: by that its hash would be told to everybody (BEP 27). `failures`: looks in a row that came to
    nothing; a checked source waits some of them for its file. Raises `GiveUp` where there is neither, and as `offered.fetch` while
    the file is waited for.
    """
    private = source.private or await swarms.is_private(runtime.store, swarm)
    got: bytes | Magnet | None
    try:
        got = await offered.fetch(runtime, source, swarm)
    except RouteDown:
        raise
    except NightcrewError as exc:
        is_checked = source.state is SourceState.VERIFIED
        if private or (is_checked and isinstance(exc, Retry) and failures < MOST_FAILURES):
            raise
        got = None  # the magnet is bound to the hash
    if isinstance(got, bytes):
        return got
    if private:
        raise GiveUp("it is of a private tracker, and no indexer gives its torrent file")
    if got is None or got.swarm != swarm:
        known = await swarms.trackers_of(runtime.store, runtime.vault, swarm)
        got = reach.magnet_of(runtime.vault, source, await sources.offers_of(runtime.store, source.id), known)
    if got is None or got.swarm != swarm:
        raise GiveUp("it has neither a torrent file nor a magnet link")
    return magnet.written(got)


async def refused(runtime: Runtime, client: Client, entry: HandoverEntry, remote: RemoteTorrent) -> list[str] | None:
    """What speaks against the files that the client knows of; None: it names none yet. A person's word counts for more."""
    try:
        source = await sources.get(runtime.store, entry.source_id)
        film = await films.get(runtime.store, entry.movie_id)
    except NotFound as exc:
        return [str(exc)]
    if is_refused_by_person(source):
        return ["a person has refused this source"]
    torrent = await _torrent(client, entry, remote)
    if torrent is None:
        return None
    if source.final:
        return []
    return await offered.refusals(torrent, film, replace(source, swarm=entry.swarm))


def is_refused_by_person(source: SourceEntry) -> bool:
    """Whether a person has said that a source is not the film."""
    return source.final and source.state is SourceState.REFUSED


async def _torrent(client: Client, entry: HandoverEntry, remote: RemoteTorrent) -> Metainfo | None:
    """As the client has it: its torrent file where it gives that away, else the list of its files."""
    files = await client.files(entry.swarm)
    if not files:
        return None
    if (data := await client.metainfo(entry.swarm)) is not None:
        try:
            return await asyncio.to_thread(metainfo.verify, data, entry.swarm)
        except BadTorrent:
            pass  # it may leave out what it does not need
    return described(remote, files)
