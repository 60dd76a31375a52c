"""Lists of wanted tracks that people have in files: M3U playlists, CSV tables as streaming services export them, plain text. Pure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

MOST = 50_000
"""Tracks of one list."""
MAX_BYTES = 16 << 20
_EXTINF = re.compile(r"#EXTINF:\s?(-?[\d.]{1,12})[^,]{0,1000},(.{0,1000})")
_COLUMNS = {
    "title": ("track name", "title", "track", "song", "name", "track title"),
    "artist": ("artist name(s)", "artist name", "artist", "artists", "artist(s)", "artist names"),
    "album": ("album name", "album", "release", "album title"),
    "isrc": ("isrc",),
    "mbid": ("recording mbid", "mbid", "musicbrainz recording id"),
    "ms": ("track duration (ms)", "duration (ms)", "duration_ms", "duration ms"),
    "length": ("duration", "length", "time", "seconds"),
    "popularity": ("popularity",),
    "number": ("track number",),
}
_SEVERAL = re.compile(r"\s?;\s?")
_SLASH = re.compile(r" / ")
_ONE_BAND = re.compile(r" (?:&|and|und|y|et) ", re.IGNORECASE)
_GOES_ON = re.compile(r"the .|(?:jr|sr|ii|iii)\b", re.IGNORECASE)
_DASH = re.compile(r" [-–—] ")


@dataclass(frozen=True, slots=True)
class ListedTrack:
    """A track of a list. `seconds`: its length; `place`: its line, for what is said of it."""

    title: str
    artists: tuple[str, ...]
    album: str = ""
    seconds: float | None = None
    number: int | None = None
    isrc: str = ""
    mbid: str = ""
    popularity: int | None = None


@dataclass(frozen=True, slots=True)
class ReadList:
    """What a list has. `problems`: lines that could not be read, in words, the first of them."""

    tracks: tuple[ListedTrack, ...]
    problems: tuple[str, ...]
    unread: int


def read(text: str) -> ReadList:
    """Read a list of any of the three kinds. Raises ValueError for one without any track, or with too many."""
    text = text.removeprefix("\ufeff")
    lines = _m3u(text) if "#EXTINF" in text or text.lstrip().startswith("#EXTM3U") else None
    if lines is None:
        lines = _table(text) or _plain(text)
    tracks: list[ListedTrack] = []
    problems: list[str] = []
    unread = 0
    for place, found in lines:
        if isinstance(found, ListedTrack):
            tracks.append(found)
            if len(tracks) > MOST:
                raise ValueError(f"a list may have {MOST} tracks; divide this one")
        else:
            unread += 1
            if len(problems) < 20:
                problems.append(f"line {place}: {found}")
    if not tracks:
        said = problems[0] if problems else "it is empty"
        raise ValueError(f"the list has no track that can be read: {said}")
    return ReadList(tuple(tracks), tuple(problems), unread)


Lines = Iterator[tuple[int, "ListedTrack | str"]]


def _m3u(text: str) -> Lines:
    """`#EXTINF:215,Artist - Title` before each address; the address itself says nothing that is sure."""
    for place, line in enumerate(text.splitlines(), 1):
        if not line.startswith("#EXTINF"):
            continue
        found = _EXTINF.match(line)
        if found is None:
            yield place, "its #EXTINF has no length or no name"
            continue
        seconds = float(found[1]) if re.fullmatch(r"\d+(?:\.\d+)?", found[1]) else 0.0
        yield place, _named(found[2], seconds if 0 < seconds < 86_400 else None)


def _plain(text: str) -> Lines:
    """`Artist - Title`, one in a line; lines that begin with # are remarks."""
    for place, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield place, _named(line, None)


def _named(text: str, seconds: float | None) -> ListedTrack | str:
    artist, *rest = _DASH.split(" ".join(text.split()), maxsplit=1)
    if not rest or not artist.strip() or not rest[0].strip():
        return f"{text.strip()[:80]!r} is not `artist - title`"
    return _checked(ListedTrack(rest[0].strip(), tuple(_artists(artist)), seconds=seconds))


def _table(text: str) -> Lines | None:
    """A CSV with a line of names; None when it is none."""
    first = next(iter(text.splitlines()), "")
    dialect = max(",;\t", key=first.count)
    if not first.count(dialect):
        return None
    try:
        names = [name.strip().strip('"').lower() for name in next(csv.reader([first], delimiter=dialect), [])]
    except csv.Error:
        return None
    columns = {
        key: names.index(found)
        for key, known in _COLUMNS.items()
        if (found := next((n for n in known if n in names), ""))
    }
    if not {"title", "artist"} <= columns.keys():
        return None
    return _rows(text, dialect, columns)


def _rows(text: str, dialect: str, columns: Mapping[str, int]) -> Lines:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=dialect)
    try:
        next(reader)
        for row in reader:
            if any(cell.strip() for cell in row):
                yield reader.line_num, _of_row({key: row[at].strip() for key, at in columns.items() if at < len(row)})
    except csv.Error as exc:
        yield reader.line_num, f"it is no CSV from here on ({exc})"


def _of_row(cells: Mapping[str, str]) -> ListedTrack | str:
    title, artist = cells.get("title", ""), cells.get("artist", "")
    if not title or not artist:
        return "it has no title or no artist"
    return _checked(
        ListedTrack(
            title,
            tuple(_artists(artist)),
            cells.get("album", ""),
            _milliseconds(cells.get("ms", "")) or _length(cells.get("length", "")),
            _whole(cells.get("number", ""), 999),
            cells.get("isrc", ""),
            cells.get("mbid", ""),
            _whole(cells.get("popularity", ""), 100),
        )
    )


def _checked(track: ListedTrack) -> ListedTrack | str:
    if max(len(track.title), len(track.album), *map(len, track.artists)) > 500:
        return "a name is longer than 500 characters"
    if len(track.isrc) > 20 or len(track.mbid) > 40:
        return "its ISRC or MBID is too long"
    return track


def _artists(text: str) -> list[str]:
    """The artists of a credit. Where semicolons divide them, a comma is part of a name."""
    text = text.strip()
    several = [one.strip() for one in _SEVERAL.split(text) if one.strip()]
    if len(several) < 2:
        several = [name for one in _SLASH.split(several[0] if several else text) for name in _at_commas(one)]
    return several[:30] or [text]


def _at_commas(text: str) -> list[str]:
    """Names between commas. "Earth, Wind & Fire" and "Tyler, The Creator" are one name each, and "Beatles, The" is put in order."""
    if _ONE_BAND.search(text.rpartition(", ")[2]):
        return [text]
    names: list[str] = []
    for one in text.split(", "):
        if names and one.lower() == "the":
            names[-1] = f"{one} {names[-1]}"
        elif names and _GOES_ON.match(one):
            names[-1] += f", {one}"
        elif one.strip():
            names.append(one.strip())
    return names


def _milliseconds(text: str) -> float | None:
    number = _whole(text, 86_400_000)
    return number / 1000 if number else None


def _length(text: str) -> float | None:
    """`3:35`, `1:02:03` or seconds."""
    parts = text.split(":")
    if not 1 <= len(parts) <= 3 or not all(re.fullmatch(r"\d{1,5}(?:\.\d{1,6})?", part) for part in parts):
        return None
    seconds = 0.0
    for part in parts:
        seconds = seconds * 60 + float(part)
    return seconds if 0 < seconds < 86_400 else None


def _whole(text: str, most: int) -> int | None:
    return int(text) if re.fullmatch(r"\d{1,9}", text) and int(text) <= most else None
