"""Releases of a Torznab answer as ours. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from nightcrew.movies.indexers import values
from nightcrew.movies.indexers.base import Found
from nightcrew.movies.indexers.torznab_xml import TorznabItem, TorznabListing

MOVIES = range(2000, 3000)
CUSTOM, MOST_CATEGORY = 100_000, 999_999_999
"""From this number on categories are a server's own, and say nothing to others."""


def found_of(listing: TorznabListing, base: str, answered_at: datetime, secrets: Sequence[str]) -> list[Found]:
    """The releases of an answer that came from the address `base`. Those without a title, or with nothing to fetch, are left out."""
    read = [_read(item, base, secrets) for item in listing.items if not is_other_kind(item)]
    found = [one for one in read if one.title and (one.link or one.magnet or one.info_hash)]
    dates = values.known_dates([one.published_at for one in found], answered_at)
    return [replace(one, published_at=date) for one, date in zip(found, dates, strict=True)]


def is_other_kind(item: TorznabItem) -> bool:
    """Whether it is filed under other things than films alone, as some servers send all that they find."""
    numbers = {
        number
        for text in item.attrs.get("category", [])
        if (number := values.count_of(text, MOST_CATEGORY)) is not None
    }
    return bool(numbers) and all(number not in MOVIES and number < CUSTOM for number in numbers)


def _read(item: TorznabItem, base: str, secrets: Sequence[str]) -> Found:
    texts = item.values
    places = [texts.get("link", ""), item.enclosure.get("url", ""), item.attr("magneturl"), texts.get("guid", "")]
    magnet = next((one for place in places if (one := values.magnet_of(place))), "")
    # a guid with an address is mostly a page for people; what is called a magnet may be an http link that redirects to it
    link = next((one for place in places[:3] if place and (one := values.link_of(place, base))), "")
    title = values.line_of(texts.get("title", ""))
    info_hash = values.hash_of(item.attr("infohash"))
    seeds, peers = (values.count_of(item.attr(name), values.MOST_PEERS) for name in ("seeders", "peers"))
    said = texts.get("guid") or info_hash or link or title
    return Found(
        guid=values.guid_of(said, secrets),
        title=title,
        link=link,
        magnet=magnet,
        info_hash=info_hash,
        size=values.size_of(texts.get("size"), item.enclosure.get("length"), item.attr("size")),
        seeds=seeds,
        leechers=_leechers(item, seeds, peers),
        published_at=values.moment_of(texts.get("pubdate")),
        imdb_id=values.imdb_of(item.attr("imdbid", "imdb")),
        year=values.year_of(item.attr("year", "imdbyear")),
    )


def _leechers(item: TorznabItem, seeds: int | None, peers: int | None) -> int | None:
    """`peers` are seeders and leechers together."""
    said = values.count_of(item.attr("leechers"), values.MOST_PEERS)
    if said is not None or peers is None or seeds is None:
        return said
    return max(0, peers - seeds)
