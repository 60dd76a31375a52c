"""How the torrent of a source is reached. Its addresses may hold an API key or a passkey, so they are stored sealed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nightcrew.kernel.errors import NeedsUser
from nightcrew.kernel.vault import Vault
from nightcrew.movies.indexers.base import Found
from nightcrew.movies.sources.models import SourceEntry, SourceOffer
from nightcrew.movies.torrents import magnet
from nightcrew.movies.torrents.magnet import BadMagnet, Magnet

LONGEST = 4_000
"""Characters of an address."""


def sealed(vault: Vault, found: Found) -> str:
    """What a row keeps."""
    return vault.seal({"link": found.link[:LONGEST], "magnet": found.magnet[: 2 * LONGEST]})


def offer_of(vault: Vault, entry: SourceEntry, offer: SourceOffer) -> Found:
    """A source as one indexer offered it. Raises `NeedsUser` when it was sealed with another key."""
    reach = vault.unseal(offer.reach)
    return Found(
        guid=offer.guid,
        title=entry.title,
        link=str(reach.get("link", "")),
        magnet=str(reach.get("magnet", "")),
        info_hash=entry.swarm,
        size=entry.size,
        seeds=entry.claimed_seeds,
        leechers=entry.claimed_leechers,
        published_at=entry.published_at,
        imdb_id="",
        year=None,
    )


def magnet_of(
    vault: Vault, entry: SourceEntry, offers: Iterable[SourceOffer], trackers: Sequence[str] = ()
) -> Magnet | None:
    """The magnet of a source, made of its hash where no indexer gave one; None where there is neither.

    `trackers`: those that know its swarm, which the link names that is made of the hash.
    """
    for one in offers:
        try:
            if said := offer_of(vault, entry, one).magnet:
                return magnet.parse(said)
        except (BadMagnet, NeedsUser):
            continue
    if not entry.swarm:
        return None
    if entry.hash_v2.startswith(entry.swarm):
        return Magnet(hash_v2=entry.hash_v2, name=entry.title, trackers=tuple(trackers))
    return Magnet(hash_v1=entry.swarm, name=entry.title, trackers=tuple(trackers))
