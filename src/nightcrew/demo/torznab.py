"""Torznab's XML, as a server writes it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import formatdate
from xml.sax.saxutils import escape, quoteattr

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
SPACES = 'xmlns:atom="http://www.w3.org/2005/Atom" xmlns:torznab="http://torznab.com/schemas/2015/feed"'


@dataclass(frozen=True)
class TorznabOffer:
    """A release. What is empty or 0 is left out; `published` in seconds since 1970."""

    name: str
    guid: str
    link: str
    published: float
    size: int
    info_hash: str
    imdb: str
    year: int
    seeds: int
    peers: int
    magnet: str = ""


def caps(movie_params: str | None) -> str:
    """What the server can do."""
    can = "no" if movie_params is None else "yes"
    return (
        f'{HEAD}<caps><server title="Demo indexer"/><limits default="100" max="100"/><searching>'
        '<search available="yes" supportedParams="q"/><tv-search available="no" supportedParams="q,season,ep"/>'
        f"<movie-search available={quoteattr(can)} supportedParams={quoteattr(movie_params or 'q')}/></searching>"
        '<categories><category id="2000" name="Movies"><subcat id="2040" name="Movies/HD"/><subcat id="2045" name="Movies/UHD"/>'
        '</category><category id="5000" name="TV"/><category id="100001" name="Films"/></categories></caps>'
    )


def listing(offers: Iterable[TorznabOffer], now: float) -> str:
    """A list of releases."""
    items = "".join(map(_item, offers))
    return (
        f'{HEAD}<rss version="2.0" {SPACES}><channel><atom:link rel="self" type="application/rss+xml"/>'
        f"<title>Demo indexer</title><pubDate>{formatdate(now)}</pubDate>{items}</channel></rss>"
    )


def error(code: int, description: str) -> str:
    """What went wrong."""
    return f'{HEAD}<error code="{code}" description={quoteattr(description)}/>'


def _item(one: TorznabOffer) -> str:
    attrs = {
        "infohash": one.info_hash,
        "magneturl": one.magnet,
        "imdbid": one.imdb.removeprefix("tt"),
        "year": one.year,
    }
    attrs |= {"seeders": str(one.seeds), "peers": str(one.peers)}
    given = "".join(
        f'<torznab:attr name="{name}" value={quoteattr(str(value))}/>' for name, value in attrs.items() if value
    )
    size = f"<size>{one.size}</size>" if one.size else ""
    link = f"<link>{escape(one.link)}</link>" if one.link else "<link/>"
    length = f" length={quoteattr(str(one.size))}" if one.size else ""
    enclosure = f'<enclosure url={quoteattr(one.link)}{length} type="application/x-bittorrent"/>' if one.link else ""
    return (
        f"<item><title>{escape(one.name)}</title><guid>{escape(one.guid)}</guid><type>public</type>"
        f"<pubDate>{formatdate(one.published)}</pubDate>{size}{link}{enclosure}"
        f'<category>2000</category><category>100001</category><torznab:attr name="category" value="2040"/>{given}</item>'
    )
