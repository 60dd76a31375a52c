"""The tables of a transport stream (ISO/IEC 13818-1, 2.4.4; ETSI EN 300 468): which streams it has, with codec and language. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from nightcrew.transport.elementary import MAX_STREAMS, ElementaryStream, Kind

ASSOCIATION_PID = 0
ASSOCIATION, MAP = 0x00, 0x02
"""Which table a section belongs to (table 2-31)."""
MAX_SECTION = 1024 + 3
"""Bytes of a section of these tables (2.4.4.1)."""
MIN_SECTION = {ASSOCIATION: 12, MAP: 16}
"""Bytes of a section in which nothing is listed: its head and its checksum. A shorter one is none (tables 2-30 and 2-33)."""
LANGUAGE, REGISTRATION, EXTENSION = 0x0A, 0x05, 0x7F
TELETEXT, SUBTITLING, DATA_COMPONENT = 0x56, 0x59, 0xFD

TYPES: dict[int, tuple[Kind, str]] = {
    0x01: ("video", "mpeg1video"),
    0x02: ("video", "mpeg2video"),
    0x03: ("audio", "mp2"),
    0x04: ("audio", "mp2"),
    0x0F: ("audio", "aac"),
    0x10: ("video", "mpeg4"),
    0x11: ("audio", "aac_latm"),
    0x1B: ("video", "h264"),
    0x1C: ("audio", "aac"),
    0x24: ("video", "hevc"),
    0x33: ("video", "vvc"),
    0x42: ("video", "cavs"),
    0x81: ("audio", "ac3"),
    0x82: ("audio", "dts"),
    0x83: ("audio", "truehd"),
    0x84: ("audio", "eac3"),
    0x85: ("audio", "dts"),
    0x87: ("audio", "eac3"),
    0xC1: ("audio", "ac3"),
    0xC2: ("audio", "eac3"),
    0xD1: ("video", "dirac"),
    0xD2: ("video", "avs2"),
    0xEA: ("video", "vc1"),
}
"""Stream types (table 2-34, ATSC A/53) that are picture or sound."""
_DESCRIBED: dict[int, tuple[Kind, str]] = {
    0x6A: ("audio", "ac3"),
    0x7A: ("audio", "eac3"),
    0x7B: ("audio", "dts"),
    0x7C: ("audio", "aac"),
    SUBTITLING: ("subtitle", "dvb_subtitle"),
}
"""Descriptors that say what private data is (EN 300 468, table 12)."""
_REGISTERED: dict[bytes, tuple[Kind, str]] = {
    b"AC-3": ("audio", "ac3"),
    b"EAC3": ("audio", "eac3"),
    b"DTS1": ("audio", "dts"),
    b"DTS2": ("audio", "dts"),
    b"DTS3": ("audio", "dts"),
    b"Opus": ("audio", "opus"),
    b"BSSD": ("audio", "s302m"),
    b"HEVC": ("video", "hevc"),
    b"AV01": ("video", "av1"),
    b"VC-1": ("video", "vc1"),
}
_PRIVATE = 0x06
_SPLICES = 0x86
"""DTS on a Blu-ray disc, cues for advertisements on television: the latter are no content."""


def sections(packets: Iterator[bytes], table: int) -> Iterator[bytes]:
    """The whole sections of `table` in the payloads of one PID. Each payload: its packet's start flag, then its bytes."""
    held = b""
    for packet in packets:
        if packet[:1] == b"\1":
            pointer = packet[1] if len(packet) > 1 else 0
            held = packet[2 + pointer :]
        elif held:
            held += packet[1:]
        while len(held) >= 3:
            if held[0] == 0xFF:  # stuffing up to the end of the packet
                held = b""
                break
            size = 3 + ((held[1] & 0x0F) << 8 | held[2])
            if size > MAX_SECTION or len(held) < size:
                held = b"" if size > MAX_SECTION else held
                break
            section, held = held[:size], held[size:]
            if section[0] == table and size >= MIN_SECTION[table] and section[5] & 1:  # in force now
                yield section[: size - 4]


def map_pids(section: bytes) -> Iterator[int]:
    """Where the programme maps are, by a programme association section (2.4.4.3)."""
    for at in range(8, len(section) - 3, 4):
        if section[at] << 8 | section[at + 1]:
            yield (section[at + 2] & 0x1F) << 8 | section[at + 3]


def entries(section: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Stream type, PID and descriptors of each stream of a programme map section (2.4.4.8)."""
    at = 12 + ((section[10] & 0x0F) << 8 | section[11])
    while at + 5 <= len(section):
        size = (section[at + 3] & 0x0F) << 8 | section[at + 4]
        yield section[at], (section[at + 1] & 0x1F) << 8 | section[at + 2], section[at + 5 : at + 5 + size]
        at += 5 + size


def streams(section: bytes) -> list[ElementaryStream]:
    """Picture, sound and subtitles of a programme map section."""
    found: list[ElementaryStream] = []
    for kind, pid, described in entries(section):
        descriptors = list(_descriptors(described))
        what = _what(kind, descriptors)
        if what is not None and len(found) < MAX_STREAMS:
            found.append(ElementaryStream(pid, *what, language=_language(descriptors)))
    return found


def _descriptors(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 2 <= len(data):
        yield data[at], data[at + 2 : at + 2 + data[at + 1]]
        at += 2 + data[at + 1]


def _what(kind: int, descriptors: list[tuple[int, bytes]]) -> tuple[Kind, str] | None:
    registered = next((body[:4] for tag, body in descriptors if tag == REGISTRATION), b"")
    if kind == _SPLICES:
        return None if registered == b"CUEI" else ("audio", "dts")
    if kind != _PRIVATE:
        return TYPES.get(kind)
    described = (_described(tag, body) for tag, body in descriptors)
    return next(filter(None, described), _REGISTERED.get(registered))


def _described(tag: int, body: bytes) -> tuple[Kind, str] | None:
    """What a descriptor of private data says that it is."""
    if tag == TELETEXT and _subtitle_page(body):
        return ("subtitle", "dvb_teletext")
    if tag == EXTENSION and body[:1] == b"\x15":
        return ("audio", "ac4")
    if tag == DATA_COMPONENT and body[:2] in {b"\0\x08", b"\0\x12"}:
        return ("subtitle", "arib_caption")
    return _DESCRIBED.get(tag)


def _language(descriptors: list[tuple[int, bytes]]) -> str:
    for tag, body in descriptors:
        body = _subtitle_page(body) if tag == TELETEXT else body  # noqa: PLW2901
        if tag in {LANGUAGE, SUBTITLING, TELETEXT} and len(body) >= 3:
            found = body[:3].decode("latin-1").lower()
            if found.isascii() and found.isalpha() and found != "und":
                return found
    return ""


def _subtitle_page(body: bytes) -> bytes:
    """The first page of a teletext descriptor that is for subtitles (EN 300 468, 6.2.43): other pages belong to no film."""
    for at in range(0, len(body) - 4, 5):
        if body[at + 3] >> 3 in {2, 5}:
            return body[at : at + 5]
    return b""
