"""Indexers that people connect: none is built in."""

from nightcrew.movies.indexers import list_movies, torznab
from nightcrew.movies.indexers.base import Found, IndexerKind, Wanted

INDEXERS: tuple[IndexerKind, ...] = (torznab.INDEXER, list_movies.INDEXER)

__all__ = ["INDEXERS", "Found", "IndexerKind", "Wanted"]
