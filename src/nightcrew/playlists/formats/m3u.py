"""M3U as IPTV providers write it and players read it.

There is no standard; the reader takes what is found in the wild: `#EXTM3U` with `x-tvg-url`/`url-tvg`, `#EXTINF:<dur> attributes,name`
in double or single quotes, with quotes inside of values, commas between the attributes or no comma at all, `#EXTGRP`, `#EXTVLCOPT`,
`#KODIPROP`, `#EXTHTTP`, `#WEBPROP`, `url|User-Agent=…&Referer=…`, attributes of all entries in the first line, headings as plain text,
addresses relative to the list's own, CRLF, a byte order mark, Latin-1, blank lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urljoin

from nightcrew.kernel.errors import GiveUp, Misread, Retry
from nightcrew.playlists.formats import charsets
from nightcrew.playlists.formats.headers import EXTHTTP, HTTP, LONGEST, pairs
from nightcrew.playlists.formats.packed import packing
from nightcrew.playlists.rules import ListEntry, is_playable, leads_elsewhere, one_line

MAX_LINE = 65_536
"""Bytes. A longer line is no playlist."""
MAX_PIECE = 2 * MAX_LINE
"""Bytes of a text in which no entry begins that are read at a time."""
MAX_ATTRIBUTES = 40
MOST_GUIDES = 200
UNPLAYABLE = "[NOT PLAYABLE]"
"""Stands where a player expects an address and there is none that it may open."""
SNIFF = 4_096

# a quote ends a value when a comma, the end or the next attribute follows; others belong to the value
_ATTRIBUTE = re.compile(
    r"""\s*([A-Za-z][\w.-]*)=(?:
        "([^"]*(?:"(?!\s*(?:,|$|[A-Za-z][\w.-]*="))[^"]*)*)"
        |'([^']*(?:'(?!\s*(?:,|$|[A-Za-z][\w.-]*=['"]))[^']*)*)'
        |([^\s",]*)
    )\s*""",
    re.VERBOSE,
)
_HEADER_ATTRIBUTE = re.compile(r"""(?<![\w.-])([A-Za-z][\w.-]{0,40})=(?:"([^"]*)"|'([^']*)'|([^\s",]*))""")
_GOES_ON = re.compile(r"""\s*[A-Za-z][\w.-]*=(?:"[^"]*"|'[^']*')\s*(?:,|[A-Za-z][\w.-]*=["'])""")
"""Behind a comma that does not end the attributes."""
_JUNK = re.compile(r"\s*([^\s,]+)\s*")
_DURATION = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*")
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
_KNOWN = {"tvg-id", "tvg-logo", "tvg-chno", "group-title"}
_NUMBERS = {"channel-number", "ch-number", "channel-no", "tvg-num", "tvg-channel-no", "tvg-channel-number", "chno"}
"""Other words for `tvg-chno`."""
_NUMBER = re.compile(r"\s*\d{1,6}(?:[.-]\d{1,4})?\s*")
_FOR_ALL = {"catchup", "catchup-type", "catchup-source", "catchup-days", "catchup-correction", "tvg-shift", "timeshift"}
_FOR_ALL |= {"http-user-agent", "http-referrer", "user-agent"}
"""Attributes of the first line that hold for each entry which does not say otherwise."""
_MEDIA = re.compile(r"(?i)[^\s].*\.(?:m3u8?|mpd|ts|m2ts|mp4|mkv|flv|aac|mp3)(?:[?|].*)?")
_ONE_STREAM = re.compile(rb"(?m)^#EXT-X-(?:STREAM-INF|TARGETDURATION|MEDIA-SEQUENCE)\b")
_OF_LISTS = re.compile(rb"(?i)tvg-|group-title")
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
    if _ONE_STREAM.search(head) and not _OF_LISTS.search(head):
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
    for block in blocks:
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
        self._pending: _Pending | None = None
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
        found = []
        for raw in piece.split(b"\n"):
            line = _text(raw).strip()
            if not line:
                continue
            if line.startswith("#"):
                self._directive(line)
                continue
            pending = self._pending or _Pending()
            if _is_address(line, named=pending.name is not None):
                self._pending = None
                entry = pending.entry(line, self._base, self.header.attributes)
                if entry.url:
                    found.append(entry)
        return found

    def alone(self, piece: bytes, for_all: dict[str, str]) -> list[ListEntry]:
        """The entries of a piece that was passed over, where nothing was said of it before; `for_all` is what the header said then."""
        return Reader(ListHeader([], for_all), self._base).entries(piece)

    def end(self) -> None:
        """The text is over. Raises `Retry` when it ended inside of an entry."""
        if self._pending is not None and self._pending.name is not None and not self._whole:
            raise Retry("the list ends in the middle of an entry, so it is incomplete")

    def _directive(self, line: str) -> None:
        keyword, _, rest = line.partition(":")
        said = _SAYS.get(keyword.upper())
        if said is not None:
            self._pending = self._pending or _Pending()
            said(self._pending, rest)
        elif line.upper().startswith("#EXTM3U"):
            found = {key.lower(): "".join(values) for key, *values in _HEADER_ATTRIBUTE.findall(line)}
            self.header.guides += [one for one in _guides(found) if one not in self.header.guides][:MOST_GUIDES]
            self.header.attributes = {key: _clean(value) for key, value in found.items() if key in _FOR_ALL and value}


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


@dataclass(slots=True)
class _Pending:
    """What has been said of the next address."""

    name: str | None = None
    group: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)

    def extinf(self, text: str) -> None:
        """Read `<duration> key="value" …,name`. What is no attribute before the comma is passed over."""
        if self.name is not None:  # the entry before had no address
            self.group, self.attributes, self.known = "", {}, {}
        text = text.lstrip()
        seconds = _DURATION.match(text)
        position = seconds.end() if seconds else 0
        if seconds and seconds.group(1) not in {"-1", "0"}:
            self.attributes.setdefault("duration", seconds.group(1))
        loose: list[str] = []
        while position < len(text):
            if text[position] == ",":
                if not _GOES_ON.match(text, position + 1):
                    break
                position += 1
            match = _ATTRIBUTE.match(text, position) or _JUNK.match(text, position)
            if match is None:
                break
            position = match.end()
            if match.re is _ATTRIBUTE:
                self._attribute(match.group(1).lower(), match.group(2) or match.group(3) or match.group(4) or "")
            else:
                loose.append(match.group(1))
        self.name = text[position + 1 :].strip() or " ".join(loose)

    def _attribute(self, key: str, value: str) -> None:
        if key in _KNOWN:
            self.known.setdefault(key, value.strip())
        elif key in _NUMBERS and _NUMBER.fullmatch(value):
            self.known.setdefault("number", value.strip())
        elif len(self.attributes) < MAX_ATTRIBUTES:
            self.attributes.setdefault(key, _clean(value))

    def extgrp(self, text: str) -> None:
        """A group, unless the entry has named one."""
        self.group = self.group or text.strip()

    def option(self, kind: str, text: str) -> None:
        """An option line of a player."""
        key, _, value = text.strip().partition("=")
        if key and len(self.attributes) < MAX_ATTRIBUTES:
            self.attributes[f"{kind}:{_clean(key)}"] = _clean(value)

    def headers(self, text: str) -> None:
        """HTTP headers as an object of JSON."""
        if len(text) <= LONGEST:
            self.attributes[EXTHTTP] = _clean(text)

    def entry(self, line: str, base: str, for_all: Mapping[str, str]) -> ListEntry:
        url, headers = _split_headers(_absolute(line, base))
        for key, value in for_all.items():
            self.attributes.setdefault(key, value)
        known = self.known
        name = _clean(self.name or self.attributes.get("tvg-name") or known.get("tvg-id") or url.rsplit("/", 1)[-1])
        if self.attributes.get("tvg-name") == name:
            del self.attributes["tvg-name"]  # the writer says it again
        return ListEntry(
            name=name,
            url=_clean(url),
            group=_clean(known.get("group-title") or self.group),
            number=_clean(known.get("tvg-chno") or known.get("number", "")),
            logo=_clean(known.get("tvg-logo", "")),
            guide_id=_clean(known.get("tvg-id", "")),
            attributes={**self.attributes, **headers} if headers else self.attributes,
        )


_SAYS: dict[str, Callable[[_Pending, str], None]] = {
    "#EXTINF": _Pending.extinf,
    "#EXTGRP": _Pending.extgrp,
    "#EXTVLCOPT": lambda pending, text: pending.option("vlc", text),
    "#KODIPROP": lambda pending, text: pending.option("kodi", text),
    "#WEBPROP": lambda pending, text: pending.option("web", text),
    "#EXTHTTP": _Pending.headers,
}
"""What lines say of the next address."""


def _split_headers(line: str) -> tuple[str, dict[str, str]]:
    """`url|User-Agent=x&Referer=y` → the address, and `http:` attributes."""
    url, bar, tail = line.partition("|")
    if not bar or "=" not in tail or "://" not in url:
        return line, {}
    return url.strip(), {f"{HTTP}{_clean(key)}": _clean(value) for key, value in pairs(tail)}


def _absolute(line: str, base: str) -> str:
    """An address that is relative to the list's own, joined to it; any other line as it is."""
    if not base or "://" in line or line.startswith(("[", "\\")) or ":" in line.partition("/")[0]:
        return line
    try:
        joined = urljoin(base, line)
    except ValueError:
        return line
    return joined if is_playable(joined) else line


def _clean(text: str) -> str:
    return text.strip() if text.isprintable() else "".join(c for c in text if c >= " " and c != "\x7f").strip()


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
    pairs += [(k, v) for k, v in attributes.items() if ":" not in k and k not in {"tvg-name", "duration", "channel-id"}]
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
