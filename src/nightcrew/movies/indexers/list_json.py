"""The JSON of `list_movies.json`: films with their torrents. Pure.

`{"status": "ok", "data": {"movie_count": 1, "movies": [{"imdb_code": …, "title": …, "year": …, "torrents": [{"hash": …}]}]}}`;
`peers` are those that do not seed, and `movies` is missing where there are none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from nightcrew.kernel.errors import Misread
from nightcrew.movies.indexers import values
from nightcrew.movies.indexers.base import Found, Wanted

MOST_MOVIES, MOST_TORRENTS = 100, 50
"""Films of an answer, and torrents of a film, that are looked at."""
_KINDS = {"bluray": "BluRay", "web": "WEBRip", "webrip": "WEBRip", "web-dl": "WEB-DL", "dvd": "DVDRip"}
MOST_COUNTED = 1_000_000_000
_LATEST = 4_102_444_800
"""Seconds since 1970 at the end of the century."""


def found_of(answer: Any, base: str, wanted: Wanted) -> list[Found]:
    """The torrents of the film that was asked for; other films, which come too, are left out. Raises `Misread`."""
    return [found for movie in movies_of(answer) if _is_wanted(movie, wanted) for found in _torrents(movie, base)]


def movies_of(answer: Any) -> list[Mapping[str, Any]]:
    """The films of an answer. Raises `Misread` for what is none, says that it failed, or counts films that it does not have."""
    if not isinstance(answer, dict) or "status" not in answer:
        raise Misread("it answers something else than a list of films")
    if answer["status"] != "ok":
        said = values.line_of(answer.get("status_message"), 200)
        raise Misread(f"it answers that it failed: {said}" if said else "it answers that it failed")
    data = answer.get("data")
    if not isinstance(data, dict):
        raise Misread("its list of films has no data")
    movies = data.get("movies")
    if movies is None and not values.count_of(data.get("movie_count"), MOST_COUNTED):
        return []
    if not isinstance(movies, list) or (movies and not any(isinstance(one, dict) for one in movies)):
        raise Misread("its list of films has no films")
    return [one for one in movies[:MOST_MOVIES] if isinstance(one, dict)]


def _is_wanted(movie: Mapping[str, Any], wanted: Wanted) -> bool:
    """By the IMDb id where one is wanted: the search also looks into titles and names."""
    return not wanted.imdb_id or values.imdb_of(movie.get("imdb_code")) == wanted.imdb_id


def _torrents(movie: Mapping[str, Any], base: str) -> Iterator[Found]:
    torrents = movie.get("torrents")
    for one in torrents[:MOST_TORRENTS] if isinstance(torrents, list) else ():
        if not isinstance(one, dict):
            continue
        info_hash, link = values.hash_of(one.get("hash")), values.link_of(one.get("url"), base)
        title = name_of(movie, one)
        if title and (info_hash or link):
            yield Found(
                guid=info_hash or values.guid_of(link, ()),
                title=title,
                link=link,
                magnet="",
                info_hash=info_hash,
                size=values.size_of(one.get("size_bytes")),
                seeds=values.count_of(one.get("seeds"), values.MOST_PEERS),
                leechers=values.count_of(one.get("peers"), values.MOST_PEERS),
                published_at=_moment(one.get("date_uploaded_unix")),
                imdb_id=values.imdb_of(movie.get("imdb_code")),
                year=values.year_of(movie.get("year")),
            )


def name_of(movie: Mapping[str, Any], torrent: Mapping[str, Any]) -> str:
    """The name of a release, as others write them: `Title 1968 1080p BluRay x265 10bit 5.1`. Empty without a title."""
    title = values.line_of(movie.get("title_english"), 200) or values.line_of(movie.get("title"), 200)
    if not title:
        return ""
    kind = values.line_of(torrent.get("type"), 20)
    depth = values.count_of(torrent.get("bit_depth"), 16)
    parts = [
        title,
        str(values.year_of(movie.get("year")) or ""),
        values.line_of(torrent.get("quality"), 20),
        _KINDS.get(kind.lower(), kind),
        values.line_of(torrent.get("video_codec"), 20),
        f"{depth}bit" if depth and depth > 8 else "",
        values.line_of(torrent.get("audio_channels"), 5),
        "REPACK" if torrent.get("is_repack") in (True, 1, "1") else "",
    ]
    return " ".join(part for part in parts if part)


def _moment(value: Any) -> datetime | None:
    seconds = values.count_of(value, _LATEST)
    moment = datetime.fromtimestamp(seconds, UTC) if seconds else None
    return moment if moment is not None and moment >= values.EARLIEST else None
