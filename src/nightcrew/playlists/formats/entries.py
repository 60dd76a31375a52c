"""What a list says of one entry before its address: the `#EXTINF` line with its attributes, and the lines of players. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urljoin

from nightcrew.playlists.formats.headers import ENCODED_BAR, EXTHTTP, HTTP, LONGEST, NAMED, pairs
from nightcrew.playlists.rules import ListEntry, is_playable

MAX_ATTRIBUTES = 40
# a quote ends a value when a comma, the end or the next attribute follows; others belong to the value
_ATTRIBUTE = re.compile(
    r"""\s*([A-Za-z][\w.-]*)(?:=(?:\s{1,3}(?=["']))?|\s{1,3}=\s{0,3}(?=["']))(?:
        "([^"]*(?:"(?!\s*(?:,|$|[A-Za-z][\w.-]*\s{0,3}=\s{0,3}"))[^"]*)*)"
        |'([^']*(?:'(?!\s*(?:,|$|[A-Za-z][\w.-]*\s{0,3}=\s{0,3}['"]))[^']*)*)'
        |([^\s",]*)
    )\s*""",
    re.VERBOSE,
)
_CURLY = re.compile('=\\s{0,3}[“”„]([^“”„"]*)[“”„]')
_GOES_ON = re.compile(r"""\s*[A-Za-z][\w.-]*=(?:"[^"]*"|'[^']*')\s*(?:,|[A-Za-z][\w.-]*=["'])""")
"""Behind a comma that does not end the attributes."""
_JUNK = re.compile(r"\s*([^\s,]+)\s*")
_DURATION = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*")
_KNOWN = {"tvg-id", "tvg-logo", "group-title"}
_NUMBERS = {
    "tvg-chno",
    "channel-number",
    "ch-number",
    "channel-no",
    "tvg-num",
    "tvg-channel-no",
    "tvg-channel-number",
    "chno",
}
_NUMBERS |= {"tvg-number", "lcn", "channel_number", "num", "number", "tvg-ch"}
"""Words for a channel's number. `tvg-chno` counts most, and `cuid`, which is an id of its own and mostly the number, least."""
_NUMBER = re.compile(r"\s*\d{1,6}(?:[.-]\d{1,4})?\s*")
_ESCAPED = re.compile("&(amp|quot|apos|lt|gt|#0?39|#34);")
_SIGNS = {"amp": "&", "quot": '"', "apos": "'", "lt": "<", "gt": ">", "#39": "'", "#039": "'", "#34": '"'}


@dataclass(slots=True)
class PendingEntry:
    """What has been said of the next address."""

    name: str | None = None
    group: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)
    perhaps: str = ""
    """A word that may be an address relative to the list's own, if no other one comes."""

    def extinf(self, text: str) -> None:
        """Read `<duration> key="value" …,name`. What is no attribute before the comma is passed over."""
        if self.name is not None:  # the entry before had no address
            self.group, self.attributes, self.known, self.perhaps = "", {}, {}, ""
        text = text.lstrip()
        if "“" in text or "”" in text:
            text = _CURLY.sub(r'="\1"', text)
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
            self.known.setdefault(key if key == "tvg-chno" else "number", value.strip())
        elif len(self.attributes) < MAX_ATTRIBUTES:
            self.attributes.setdefault(key, clean(value))

    def extgrp(self, text: str) -> None:
        """A group, unless the entry has named one."""
        self.group = self.group or text.strip()

    def option(self, kind: str, text: str) -> None:
        """An option line of a player."""
        key, _, value = text.strip().partition("=")
        key = clean(key) if kind == "web" else clean(key).lstrip("-: ").lower()
        if key and len(self.attributes) < MAX_ATTRIBUTES:
            self.attributes[f"{kind}:{key}"] = clean(value)

    def headers(self, text: str) -> None:
        """HTTP headers as an object of JSON."""
        if len(text) <= LONGEST:
            self.attributes[EXTHTTP] = clean(text)

    def entry(self, line: str, base: str, for_all: Mapping[str, str]) -> ListEntry:
        """The entry whose address is in a line. `for_all`: attributes that hold where it does not say otherwise."""
        url, headers = _split_headers(_absolute(line.replace("&amp;", "&"), base))
        for key, value in for_all.items():
            self.attributes.setdefault(key, value)
        known = self.known
        name = _plain(self.name or self.attributes.get("tvg-name") or known.get("tvg-id") or url.rsplit("/", 1)[-1])
        said = self.attributes.get("tvg-name")
        if said == name or (said and "&" in said and _plain(said) == name):
            del self.attributes["tvg-name"]  # the writer says it again
        number = clean(known.get("tvg-chno") or known.get("number") or self._own_id())
        if number and "tvg-chno" in self.attributes:
            del self.attributes["tvg-chno"]  # what it says is no number, and is passed on where there is none
        return ListEntry(
            name=name,
            url=clean(url),
            group=_plain(known.get("group-title") or self.group),
            number=number,
            logo=_plain(known.get("tvg-logo", "")),
            guide_id=_plain(known.get("tvg-id", "")),
            attributes={**self.attributes, **headers} if headers else self.attributes,
        )

    def _own_id(self) -> str:
        found = self.attributes.get("cuid")
        return found if found and _NUMBER.fullmatch(found) else ""


SAYS: dict[str, Callable[[PendingEntry, str], None]] = {
    "#EXTINF": PendingEntry.extinf,
    "#EXTGRP": PendingEntry.extgrp,
    "#EXTVLCOPT": lambda pending, text: pending.option("vlc", text),
    "#KODIPROP": lambda pending, text: pending.option("kodi", text),
    "#WEBPROP": lambda pending, text: pending.option("web", text),
    "#EXTHTTP": PendingEntry.headers,
}
"""What lines say of the next address."""


def _split_headers(line: str) -> tuple[str, dict[str, str]]:
    """`url|User-Agent=x&Referer=y` → the address, and `http:` attributes. The bar may be percent-encoded, and a colon be the sign."""
    url, bar, tail = line.partition("|")
    if not bar and "%7" in line and (encoded := ENCODED_BAR.search(line)):
        url, bar, tail = line[: encoded.start()], "|", line[encoded.end() :]
        tail = unquote(tail) if "=" not in tail else tail
    if not bar or "://" not in url or not ("=" in tail or NAMED.match(tail)):
        return line, {}
    return url.strip(), {f"{HTTP}{clean(key)}": clean(value) for key, value in pairs(tail)}


def _absolute(line: str, base: str) -> str:
    """An address that is relative to the list's own, joined to it; any other line as it is."""
    if not base or "://" in line or line.startswith(("[", "\\")) or ":" in line.partition("/")[0]:
        return line
    try:
        joined = urljoin(base, line)
    except ValueError:
        return line
    return joined if is_playable(joined) else line


def _plain(text: str) -> str:
    """A text as it is meant: some lists write it as HTML does."""
    return clean(_ESCAPED.sub(lambda sign: _SIGNS[sign[1]], text)) if "&" in text else clean(text)


def clean(text: str) -> str:
    """A text without control characters and spaces around it."""
    return text.strip() if text.isprintable() else "".join(c for c in text if c >= " " and c != "\x7f").strip()
