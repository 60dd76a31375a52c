"""Hostile bodies. Serving one costs next to nothing; reading it without a limit costs everything."""

import itertools
import os
import struct
import zlib
from collections.abc import Iterator
from functools import cache

from .faults import JSON_SERVICES

MIB = 1 << 20
GARBAGE_BYTES = 100_000_000
BOMB_BLOCKS = 1100

MEDIA_TYPES = {
    "m3u": "audio/x-mpegurl",
    "xtream": "application/json",
    "catalogue": "application/json",
    "guide": "application/xml",
    "live": "video/mp2t",
    "torznab": "application/rss+xml",
    **dict.fromkeys(JSON_SERVICES, "application/json"),
}
"""What a good answer of the service would call itself."""

ENDLESS = {
    "m3u": ("#EXTM3U\n", '#EXTINF:-1 tvg-id="again" group-title="News",Again TV\nhttp://streams.example/again.ts\n'),
    "xtream": ("[", '{"num": 1, "name": "Again TV", "stream_id": 1, "category_id": "1"},\n'),
    "catalogue": ('{"items": [', '{"id": "again", "name": "Again TV", "group": "News", "kind": "live"},\n'),
    "guide": ("<tv>\n", '<channel id="again"><display-name>Again TV</display-name></channel>\n'),
    "torznab": ("<rss><channel>\n", "<item><title>Again</title><size>1</size></item>\n"),
    "live": ("", "G\x1f\x7f\x10" + "~" * 184),
    **dict.fromkeys(JSON_SERVICES, ("[", '{"username": "again", "files": []},\n')),
}
"""Start and repeated part: valid as far as it goes, but it never goes to an end. `live` sends padding packets."""


def garbage() -> Iterator[bytes]:
    for start in range(0, GARBAGE_BYTES, MIB):
        yield os.urandom(min(MIB, GARBAGE_BYTES - start))


def endless(service: str) -> Iterator[bytes]:
    start, again = (text.encode("latin-1") for text in ENDLESS[service])
    return itertools.chain([start], itertools.repeat(again * (65_536 // len(again))))


@cache
def gzip_bomb() -> bytes:
    """1.1 MB that unpack to 1.1 GiB of spaces in one line.

    A block that ends with a full flush depends on nothing before it (RFC 1951), so one block is packed and repeated.
    """
    blank = b" " * MIB
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = packer.compress(blank) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = 0
    for _ in range(BOMB_BLOCKS):
        checksum = zlib.crc32(blank, checksum)
    header = b"\x1f\x8b\x08" + bytes(6) + b"\xff"
    return header + block * BOMB_BLOCKS + packer.flush() + struct.pack("<II", checksum, BOMB_BLOCKS * MIB)


def xml_bomb() -> bytes:
    """Billion laughs: 10 levels of ten references each."""
    levels = "".join(f'  <!ENTITY laugh{n} "{f"&laugh{n - 1};" * 10}">\n' for n in range(1, 10))
    return (
        f'<?xml version="1.0"?>\n<!DOCTYPE tv [\n  <!ENTITY laugh0 "ha">\n{levels}]>\n'
        '<tv><channel id="bomb"><display-name>&laugh9;</display-name></channel></tv>\n'
    ).encode()
