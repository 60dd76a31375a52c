"""The torrent of a source, from the indexers that offer it, and what speaks against its files."""

from __future__ import annotations

import asyncio

from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.errors import GiveUp, NeedsUser, NightcrewError, Retry
from nightcrew.kernel.routes import RouteDown
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.store import DatabaseAway
from nightcrew.movies.catalogue.models import MovieEntry
from nightcrew.movies.sources import judging, reach
from nightcrew.movies.sources.crew import BY_KIND, indexers
from nightcrew.movies.sources.models import SourceEntry
from nightcrew.movies.store import sources
from nightcrew.movies.torrents import inspection, metainfo
from nightcrew.movies.torrents.errors import BadTorrent
from nightcrew.movies.torrents.magnet import Magnet
from nightcrew.movies.torrents.model import Metainfo


async def fetch(runtime: Runtime, source: SourceEntry, promised: str) -> bytes | Magnet:
    """The torrent file of a source from the first indexer that has it, else the first magnet link.

    `promised`: the info-hash; a file that has another one counts as none; empty: any file. Raises `RouteDown` while the way to an
    indexer is down, `DatabaseAway`, and as `Line.ask` when nobody gives either.
    """
    kinds = await kinds_by_number(runtime)
    found: Magnet | None = None
    wrong: NightcrewError = GiveUp("its indexers are not connected any more")
    for one in await sources.offers_of(runtime.store, source.id):
        if one.connection_id not in kinds:
            continue
        try:
            line = await runtime.part(Connections).line(one.connection_id)
            got = await BY_KIND[kinds[one.connection_id]].fetch(line, reach.offer_of(runtime.vault, source, one))
            if isinstance(got, bytes):
                await asyncio.to_thread(read, got, promised)
                return got
        except (RouteDown, DatabaseAway):
            raise
        except BadTorrent as exc:
            wrong = _hopeful(wrong, GiveUp(str(exc)))
        except NightcrewError as exc:
            wrong = _hopeful(wrong, exc)
        else:
            found = found or got
    if found is None:
        raise wrong
    return found


def _hopeful(before: NightcrewError, new: NightcrewError) -> NightcrewError:
    """Of two failures the one that counts: who may have it later comes before who has it once a person helps, and who has it not last."""
    for kind in (Retry, NeedsUser):
        if isinstance(before, kind):
            return before
        if isinstance(new, kind):
            return new
    return new


async def kinds_by_number(runtime: Runtime) -> dict[int, str]:
    """The kinds of the indexers that are connected."""
    return {one.connection.id: one.connection.kind for one in await indexers(runtime)}


def read(data: bytes, promised: str) -> Metainfo:
    """A torrent file, which has the info-hash that was promised, if one was. Raises `BadTorrent`."""
    return metainfo.verify(data, promised) if promised else metainfo.read(data)


async def refusals(torrent: Metainfo, film: MovieEntry, source: SourceEntry) -> list[str]:
    """What speaks against the files of a torrent."""
    expected = inspection.Expected(
        titles=judging.film_of(film).titles,
        year=film.year,
        runtime_min=film.runtime_min or None,
        claimed_size=source.size,
        claimed_hash=source.swarm or None,
    )
    return [one.words for one in await asyncio.to_thread(inspection.refusals, torrent, expected)]
