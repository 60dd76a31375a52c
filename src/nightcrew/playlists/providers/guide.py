"""Source kind `guide`: an XMLTV programme guide by URL or as a file, plain or packed."""

from __future__ import annotations

import re
from typing import Any

from nightcrew.kernel.errors import Misread
from nightcrew.kernel.fields import ask
from nightcrew.playlists.formats import charsets
from nightcrew.playlists.formats.packed import packing
from nightcrew.playlists.providers.document import Document
from nightcrew.playlists.providers.m3u import M3uConfig

_BEGINS = re.compile(rb"<tv[\s>]")
"""A script's warning may stand before it."""


class GuideConfig(M3uConfig):
    """`url` is http(s), or a file on this machine."""

    url: str = ask(
        label="Address or file",
        help="XMLTV; http(s), or a path on this machine; plain, gzip, bzip2, xz or zip.",
        placeholder="https://example.net/guide.xml.gz",
    )


class Guide(Document):
    """A guide, alone or belonging to another source."""

    what = "an XMLTV guide"

    def __init__(self, url: str, **more: Any) -> None:
        super().__init__(url, sniff=_sniff, **more)


def _sniff(first: bytes, content_type: str) -> None:
    text = charsets.utf8(first)
    if packing(first) or first[:2] in {b"\xff\xfe", b"\xfe\xff"} or _BEGINS.search(text):
        return
    head = text.removeprefix(b"\xef\xbb\xbf").lstrip()[:600].lower()
    if b"<html" in head or b"<!doctype html" in head or (head[:1] != b"<" and "html" in content_type):
        raise Misread("it returned an HTML page instead of an XMLTV guide")
    if not head.startswith(b"<"):
        raise Misread("its answer is not an XMLTV guide")
