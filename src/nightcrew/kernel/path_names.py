"""Names of files and folders that every system takes. Pure."""

from __future__ import annotations

import unicodedata

MAX_BYTES = 255
"""Of UTF-8 in one component: the limit of ext4, XFS, ZFS and APFS; NTFS and SMB count UTF-16 units, which are never more.

Folders that are encrypted name by name take less: 143 bytes with eCryptfs, as on some NAS.
"""

_ZWJ = "\u200d"
_ZWNJ = "\u200c"
_ENDS = f" .{_ZWJ}{_ZWNJ}"
_FORBIDDEN = {ord(char): ord(char) + 0xFEE0 for char in '<>:"|?*\\/'}
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$", "clock$"}
    | {f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³"}
)


def clean(text: str) -> str:
    """`text` as one path component that Linux, macOS, Windows and SMB shares take; never empty, hidden, or a device.

    Each of `<>:"|?*\\/` becomes its full-width look-alike (`?` is `？`); white space becomes single spaces. Characters that
    cannot be seen are dropped, besides those that join emoji and letters.
    """
    return component(text, MAX_BYTES)


def component(text: str, limit: int) -> str:
    """As `clean`, of at most `limit` bytes."""
    name = cut(allowed(text), limit) or "_"
    # Windows opens the device for "nul.mp4" and "nul .mp4" as well.
    if name.partition(".")[0].rstrip().casefold() in _DEVICES:
        return cut(f"_{name}", limit)
    return name


def allowed(text: str) -> str:
    """`text` without what a name may not have. It may be empty, or too long."""
    kept = "".join(" " if char.isspace() else char for char in text if char.isspace() or _visible(char))
    composed = unicodedata.normalize("NFC", kept).translate(_FORBIDDEN)
    return " ".join(composed.split()).strip(_ENDS)


def _visible(char: str) -> bool:
    """False for controls, bidirectional overrides, lone surrogates, noncharacters, and private ones.

    SMB clients store forbidden characters as private ones: read back, they would be separators again. A character that
    this Python's Unicode tables do not know is kept: it may be a new emoji.
    """
    kind, code = unicodedata.category(char), ord(char)
    if kind == "Cf":
        return (
            char in {_ZWJ, _ZWNJ} or 0xE0020 <= code <= 0xE007F
        )  # the tags spell the flags of England, Scotland, Wales
    return kind not in {"Cc", "Cs", "Co"} and code & 0xFFFE != 0xFFFE and not 0xFDD0 <= code <= 0xFDEF


# -- cutting -----------------------------------------------------------------------------------------------------------


def cut(text: str, limit: int) -> str:
    """At most `limit` bytes of UTF-8, ending before a combined character where it would be torn."""
    if size(text) <= limit:
        return text
    most = len(text.encode()[: max(limit, 0)].decode(errors="ignore"))
    end = most
    while end and _torn(text, end):
        end -= 1
    return text[: end or most].rstrip(_ENDS)


def _torn(text: str, at: int) -> bool:
    """Whether the characters before and after `at` are shown as one."""
    char, last = text[at], text[at - 1]
    if last == _ZWJ or char in {_ZWJ, _ZWNJ} or unicodedata.category(char).startswith("M"):
        return True
    if "\U0001f3fb" <= char <= "\U0001f3ff" or "\U000e0020" <= char <= "\U000e007f":  # skin tones, tags
        return True
    return _regional(char) and _regionals_before(text, at) % 2 == 1


def _regional(char: str) -> bool:
    """Two of them are a flag."""
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _regionals_before(text: str, at: int) -> int:
    start = at
    while start and _regional(text[start - 1]):
        start -= 1
    return at - start


def size(text: str) -> int:
    """Bytes of UTF-8."""
    return len(text.encode())
