"""M3U as IPTV providers write it and players read it.

There is no standard; the reader takes what is found in the wild: `#EXTM3U` with `x-tvg-url`/`url-tvg`, `#EXTINF:<dur> attributes,name`
in double or single quotes, with quotes inside of values, commas between the attributes or no comma at all, `#EXTGRP`, `#EXTVLCOPT`,
`#KODIPROP`, `#EXTHTTP`, `#WEBPROP`, `url|User-Agent=…&Referer=…`, attributes of all entries in the first line, headings as plain text,
addresses relative to the list's own, CRLF, a byte order mark, Latin-1, blank lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from nightcrew.kernel.errors import GiveUp, Misread, Retry
from nightcrew.playlists.formats import charsets
from nightcrew.playlists.formats.entries import SAYS, PendingEntry, clean
from nightcrew.playlists.formats.headers import EXTHTTP, HTTP
from nightcrew.playlists.formats.packed import packing
from nightcrew.playlists.rules import ListEntry, is_playable, leads_elsewhere, one_line

MAX_LINE = 65_536
"""Bytes. A longer line is no playlist."""
MAX_PIECE = 2 * MAX_LINE
"""Bytes of a text in which no entry begins that are read at a time."""
MOST_GUIDES = 200
UNPLAYABLE = "[NOT PLAYABLE]"
"""Stands where a player expects an address and there is none that it may open."""
SNIFF = 4_096

_HEADER_ATTRIBUTE = re.compile(
    r"""(?<![\w.-])([A-Za-z][\w.-]{0,40})(?:=(?:\s{1,3}(?=["']))?|\s{1,3}=\s{0,3}(?=["']))(?:"([^"]*)"|'([^']*)'|([^\s",]*))"""
)
_PLAIN = " ()/;,:=+?@!*'[]{}<>~"
"""Characters of a header's value that players read as they are; others are percent-encoded."""
_REMARK = re.compile(r"\[[^\]\[\\/:]{1,200}\]")
"""What lists have in place of an address, such as `[NO PUBLIC STREAM]`."""
_PICTURE = re.compile(r"(?i)[a-z]{0,2}https?:/.*|[^/\\.]*")
"""Also a mistyped `hhttps://` or a mere word, which no player opens: lists are passed on as they are where that harms nobody."""
_UNSAFE_OPTION = re.compile(
    r"(?i)(?:vlc:(?:sout|input-|sub-|extraintf|intf|lua|config|logfile|no-?ignore-config)|vlc:.*-file$)"
)
"""VLC's options that write files, read others, or load modules."""
_FOR_ALL = {"catchup", "catchup-type", "catchup-source", "catchup-days", "catchup-correction", "tvg-shift", "timeshift"}
_FOR_ALL |= {"http-user-agent", "http-referrer", "user-agent", "tvg-user-agent"}
"""Attributes of the first line that hold for each entry which does not say otherwise."""
_MEDIA = re.compile(r"(?i)[^\s].*\.(?:m3u8?|mpd|ts|m2ts|mp4|mkv|flv|aac|mp3)(?:[?|].*)?")
_ONE_STREAM = re.compile(rb"(?m)^#EXT-X-(?:STREAM-INF|TARGETDURATION|MEDIA-SEQUENCE)\b")
_TOLD = re.compile(rb"(?mi)^#EXTINF[: \t]{0,3}(-?\d{0,9}(?:\.\d{0,9})?)[ \t]{0,9},?[ \t]{0,9}([^\n]?)")
"""The seconds of an entry, and the first sign of its name."""
_OF_LISTS = re.compile(rb"(?i)tvg-|group-title")
_NO_COLON = re.compile(r"(?i)#EXTINF(?=[\s,0-9-])")
_RELATIVE = re.compile(r"(?=[^?=0-9]*[?=0-9])[A-Za-z0-9?][A-Za-z0-9?=&%._~+-]{0,999}")
"""A word that is perhaps an address, such as stream1 or ?ch=5; one that is a word and nothing else is a heading or a remark."""
_BOM = b"\xef\xbb\xbf"
ENTRY = b"#EXTINF"
"""How a line begins that begins an entry."""
_NEXT = b"\n" + ENTRY


@dataclass(slots=True)
class ListHeader:
    """What is known after the header line.

    `guides`: the addresses that the list names; `attributes`: what holds for each entry that does not say otherwise.
    """

    guides: list[str] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)


def sniff(first: bytes, content_type: str) -> None:
    """Refuse early what is no playlist, by its first bytes.

    Raises `Misread`: providers answer so when they have a bad minute; `GiveUp` for the playlist of one stream (RFC 8216).
    """
    if packing(first):
        return
    head = charsets.utf8(first[:SNIFF]).removeprefix(_BOM).lstrip()
    if _is_one_stream(head.replace(b"\r", b"\n")):
        raise GiveUp("this is one stream (an HLS playlist) and not a list of channels: put its address into a list")
    if b"#EXT" in head or b"#EXT".startswith(head[:4]):
        return
    if head[:1] == b"<" or "html" in content_type:
        raise Misread("it returned an HTML page instead of a playlist")
    if head[:1] in {b"{", b"["}:
        raise Misread("it returned JSON instead of a playlist")
    if b"\0" in head or "image/" in content_type:
        raise Misread("it returned binary data instead of a playlist")
    if head and b"://" not in head:
        raise Misread("its answer is not a playlist")


def _is_one_stream(head: bytes) -> bool:
    """Whether a text is a playlist of one stream by its first bytes: lists have such lines too, but they name what they play."""
    if b"#EXT-X-" not in head or _OF_LISTS.search(head):
        return False
    entries = _TOLD.findall(head)
    if any(name and (not seconds or float(seconds) <= 0) for seconds, name in entries):
        return False
    return bool(_ONE_STREAM.search(head)) or (bool(entries) and not any(name for _, name in entries))


def read(blocks: Iterable[bytes], listing: ListHeader | None = None, base: str = "") -> Iterator[ListEntry]:
    """Entries in order, one for each address line. Raises `Retry` when the text ends inside of an entry (it was cut off).

    `base`: the list's own address, to which relative ones are joined.
    """
    reader = Reader(listing, base)
    for piece in pieces(blocks):
        yield from reader.entries(piece)
    reader.end()


def pieces(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """A text cut where `#EXTINF` begins a line, so that most pieces hold an entry; all of them together are the text.

    Raises `GiveUp` for a line that is too long to be one of a playlist.
    """
    rest, lines = b"", 0
    for block in _with_newlines(blocks):
        whole, mark, tail = (rest + block).rpartition(_NEXT)
        rest = mark[1:] + tail
        if mark:
            first, *others = whole.split(_NEXT)
            for piece in (first + b"\n", *[ENTRY + one + b"\n" for one in others]):
                if len(piece) < MAX_LINE:
                    yield piece
                else:
                    _check_lines(whole, lines)
                    yield from _portions(piece)
            lines += whole.count(b"\n") + 1
        elif len(rest) > MAX_PIECE:
            _check_lines(rest, lines)
            head, newline, rest = rest.rpartition(b"\n")
            lines += head.count(b"\n") + 1
            yield from _portions(head + newline)
    if rest:
        _check_lines(rest, lines)
        yield from _portions(rest)


def _with_newlines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The same text, in which lines end in newlines: some are written with carriage returns alone."""
    alone: bool | None = None
    for block in blocks:
        if alone is None:
            alone = b"\r#EXT" in block
        yield block.replace(b"\r", b"\n") if alone else block


def _portions(piece: bytes) -> Iterator[bytes]:
    """A piece cut at the ends of lines, none of which is too long."""
    start = 0
    while len(piece) - start > MAX_LINE:
        end = piece.rindex(b"\n", start, start + MAX_LINE) + 1
        yield piece[start:end]
        start = end
    yield piece[start:]


def _check_lines(piece: bytes, before: int) -> None:
    for number, line in enumerate(piece.split(b"\n"), before + 1):
        if len(line) >= MAX_LINE:
            raise GiveUp(f"line {number} is longer than {MAX_LINE} bytes, so this is not a playlist")


class Reader:
    """Reads a text piece by piece. What is said of an entry may stand in the piece before, and what holds for all in the first line."""

    def __init__(self, header: ListHeader | None = None, base: str = "") -> None:
        self.header = header or ListHeader()
        self._base = base
        self._pending: PendingEntry | None = None
        self._begun = self._whole = False

    @property
    def is_between(self) -> bool:
        """Whether nothing was said yet of the next entry, so that a piece means the same as anywhere else."""
        return self._pending is None

    def entries(self, piece: bytes) -> list[ListEntry]:
        """The entries whose addresses are in the next piece."""
        if not self._begun:
            self._begun, piece = True, piece.removeprefix(_BOM)
        self._whole = piece.endswith(b"\n")
        found = list[ListEntry]()
        for raw in piece.split(b"\n"):
            line = _text(raw).strip()
            if not line:
                continue
            if line.startswith("#"):
                if self._pending is not None and self._pending.perhaps and line[: len(ENTRY)].upper() == "#EXTINF":
                    self._add(self._pending.perhaps, found)
                self._directive(line)
                continue
            named = self._pending is not None and self._pending.name is not None
            if _is_address(line, named=named):
                self._add(line, found)
            elif self._base and named and self._pending is not None and _RELATIVE.fullmatch(line):
                self._pending.perhaps = self._pending.perhaps or line
        if self._pending is not None and self._pending.perhaps:
            self._add(self._pending.perhaps, found)
        return found

    def _add(self, line: str, found: list[ListEntry]) -> None:
        entry = (self._pending or PendingEntry()).entry(line, self._base, self.header.attributes)
        self._pending = None
        if entry.url:
            found.append(entry)

    def alone(self, piece: bytes, for_all: dict[str, str]) -> list[ListEntry]:
        """The entries of a piece that was passed over, where nothing was said of it before; `for_all` is what the header said then."""
        return Reader(ListHeader([], for_all), self._base).entries(piece)

    def end(self) -> None:
        """The text is over. Raises `Retry` when it ended inside of an entry."""
        if self._pending is not None and self._pending.name is not None and not self._whole:
            raise Retry("the list ends in the middle of an entry, so it is incomplete")

    def _directive(self, line: str) -> None:
        keyword, _, rest = line.partition(":")
        said = SAYS.get(keyword.upper())
        if said is None and (bare := _NO_COLON.match(line)):
            said, rest = PendingEntry.extinf, line[bare.end() :]
        if said is not None:
            self._pending = self._pending or PendingEntry()
            said(self._pending, rest)
        elif line.upper().startswith("#EXTM3U"):
            found = {key.lower(): "".join(values) for key, *values in _HEADER_ATTRIBUTE.findall(line)}
            new = [one for one in _guides(found) if one not in self.header.guides]
            self.header.guides += new[: MOST_GUIDES - len(self.header.guides)]
            self.header.attributes = {key: clean(value) for key, value in found.items() if key in _FOR_ALL and value}


def _is_address(line: str, *, named: bool) -> bool:
    """Whether a line is an address, or the remark that a list has in its place, and not a heading. `named`: an entry waits for one."""
    if "://" in line or _MEDIA.fullmatch(line):
        return True
    if named and _REMARK.fullmatch(line):
        return True
    return " " not in line and "\t" not in line and ("/" in line or "\\" in line or "." in line)


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _guides(found: Mapping[str, str]) -> list[str]:
    text = found.get("x-tvg-url") or found.get("url-tvg") or found.get("tvg-url") or ""
    return [url for url in (part.strip() for part in text.split(",")) if url.startswith(("http://", "https://"))]


# -- writing -----------------------------------------------------------------------------------------------------------


def header(guide_url: str, revision: str) -> str:
    """The first line; `revision` lets the server see whether the file is the present one."""
    return f'#EXTM3U x-tvg-url="{guide_url}" url-tvg="{guide_url}" x-revision="{_quoted(revision)}"\n'


def item(
    *,
    channel_id: int,
    name: str,
    group: str,
    number: str,
    logo: str,
    guide_id: str,
    url: str,
    attributes: dict[str, str],
) -> str:
    """One entry. Double quotes inside of values become single ones: M3U knows no escape."""
    pairs = [("tvg-id", guide_id), ("tvg-chno", number), ("tvg-logo", logo), ("group-title", group)]
    pairs += [("tvg-name", attributes.get("tvg-name", name)), ("channel-id", str(channel_id))]
    own = {"tvg-name", "duration", "channel-id", *(["tvg-chno"] if number else [])}
    pairs += [(k, v) for k, v in attributes.items() if ":" not in k and k not in own]
    shown = " ".join(f'{key}="{_quoted(value)}"' for key, value in pairs if value)
    lines = [f"#EXTINF:{attributes.get('duration', '-1')} {shown},{one_line(name)}"]
    lines += [f"#EXTVLCOPT:{k[4:]}={v}" for k, v in attributes.items() if k.startswith("vlc:")]
    lines += [f"#KODIPROP:{k[5:]}={v}" for k, v in attributes.items() if k.startswith("kodi:")]
    lines += [f"#WEBPROP:{k[4:]}={v}" for k, v in attributes.items() if k.startswith("web:")]
    lines += [f"#EXTHTTP:{attributes[EXTHTTP]}"] if EXTHTTP in attributes else []
    headers = "&".join(f"{k[5:]}={quote(v, safe=_PLAIN)}" for k, v in attributes.items() if k.startswith(HTTP))
    lines.append(f"{url}|{headers}" if headers else url)
    return "\n".join(map(one_line, lines)) + "\n"


# -- what players may be given: a list is a stranger's text, and some players open whatever stands there -----------------


def playable(url: str) -> str:
    """An address that a player may open, or the remark that a list has in its place."""
    return url if is_playable(url) or _REMARK.fullmatch(url) else UNPLAYABLE


def picture(logo: str) -> str:
    """A logo's address without those of files, scripts and other services."""
    fits = _PICTURE.fullmatch(one_line(logo)) is not None
    return logo if fits and ("http" in logo[:6].lower() or not leads_elsewhere(logo)) else ""


def harmless(attributes: Mapping[str, str]) -> dict[str, str]:
    """Attributes and options without those that make a player open a file, write one or run something."""
    return {
        key: value
        for key, value in attributes.items()
        if not (
            _UNSAFE_OPTION.match(key) or leads_elsewhere(value) or (key.startswith("tvg-logo") and not picture(value))
        )
    }


def _quoted(text: str) -> str:
    return one_line(text).replace('"', "'")
