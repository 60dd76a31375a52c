"""Charsets by name and by the first bytes of a text: what the server and the processes that read strangers' files both need. Pure."""

from __future__ import annotations

import codecs
import re

_NO_CHARSETS = {"idna", "punycode", "raw_unicode_escape", "unicode_escape", "undefined", "utf_7"}
"""Codecs of texts in which no document is written."""
HEAD = 2_000
"""Bytes of an XML document by which its charset is told: something else may stand before its first line."""
_DECLARED = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def is_charset(name: str) -> bool:
    """Whether documents in it can be read here."""
    try:
        "".encode(name)  # refuses what is no codec of texts, such as zlib
        return codecs.lookup(name).name.replace("-", "_") not in _NO_CHARSETS
    except (LookupError, ValueError):
        return False


def marked(first: bytes) -> str:
    """The charset that the first bytes of a text show, empty when they do not: UTF-16 and UTF-32, UTF-16 also without a mark."""
    for mark, name in _MARKS:
        if first.startswith(mark):
            return name
    if first[1:4:2] == b"\0\0" and b"\0" not in first[:4:2]:
        return "utf-16-le"
    if first[:3:2] == b"\0\0" and b"\0" not in first[1:4:2]:
        return "utf-16-be"
    return ""


def declared(first: bytes) -> str:
    """The charset that an XML document shows or declares by its first bytes; it may be one that nobody knows. UTF-8 where it says none."""
    if name := marked(first):
        return name
    found = _DECLARED.search(first[:HEAD])
    name = found[1].decode() if found else "utf-8"
    return "utf-8" if name.lower().startswith(("utf-16", "utf-32", "ucs")) else name  # it could not be read as ASCII
