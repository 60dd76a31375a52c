"""A torrent's metainfo (BEP 3, 12, 19, 27, 47, 52) and its hashes, which are over the raw bytes of the info dictionary. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import Any

from nightcrew.movies.torrents import addresses, bencode, layers, paths, v1, v2
from nightcrew.movies.torrents.errors import BadTorrent
from nightcrew.movies.torrents.model import Metainfo, TorrentFile

__all__ = ["BadTorrent", "Metainfo", "TorrentFile", "read", "read_info", "verify"]

MAX_PIECES = 2_097_152
MAX_PIECE_LENGTH = 1 << 28
"""libtorrent takes no longer ones."""
_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def read(data: bytes) -> Metainfo:
    """A .torrent file. Takes up to four seconds for the largest. Raises `BadTorrent`."""
    document = bencode.read(data)
    if not isinstance(document.value, dict):
        raise BadTorrent("it is no dictionary")
    if document.info is None:
        raise BadTorrent("it has no info dictionary")
    begin, end = document.info
    return _metainfo(document.value[b"info"], data[begin:end], document.value)


def read_info(info: bytes) -> Metainfo:
    """The info dictionary alone, as peers send it (BEP 9); there are no trackers and no piece layers then. Raises `BadTorrent`."""
    document = bencode.read(info)
    if document.end != len(info):
        raise BadTorrent(f"byte {document.end}: something follows the info dictionary")
    return _metainfo(document.value, info, None)


def verify(data: bytes, promised_hash: str) -> Metainfo:
    """A .torrent file that has to be the one of a hash: v1 or v2 in hex, v2 cut to 20 bytes, or v1 in base32. Raises `BadTorrent`."""
    promised = canonical(promised_hash)
    if not promised:
        raise BadTorrent("the hash that was promised is none")
    torrent = read(data)
    if promised not in {torrent.hash_v1, torrent.hash_v2, (torrent.hash_v2 or "")[:40]}:
        raise BadTorrent(f"it does not hash as promised: {torrent.hash_v1 or torrent.hash_v2} instead of {promised}")
    return torrent


def canonical(text: str) -> str:
    """A hash in small hex digits, 40 or 64; empty when the text is none. 32 letters are base32 (BEP 9)."""
    text = text.strip()
    if len(text) == 32 and text.isascii():
        try:
            return base64.b32decode(text.upper()).hex()
        except binascii.Error:
            return ""
    return text.lower() if _HASH.fullmatch(text.lower()) else ""


def _metainfo(info: Any, raw: bytes, outer: dict[bytes, Any] | None) -> Metainfo:
    """`outer`: what is around the info dictionary, if that is known."""
    if not isinstance(info, dict):
        raise BadTorrent("its info is no dictionary")
    encoding = _encoding(outer or {})
    name = paths.name(info, b"name", encoding, "the torrent")
    is_v2 = _version(info) == 2
    if is_v2 and bencode.written(info) != raw:
        raise BadTorrent("its info dictionary is not written in the one form that version 2 allows")
    is_v1 = not is_v2 or not info.keys().isdisjoint((b"pieces", b"length", b"files"))
    piece_length = _piece_length(info, is_v2=is_v2)
    tree = v2.files(info) if is_v2 else ()
    flat = v1.files(info, name, encoding) if is_v1 else ()
    files = flat or tuple(one.file for one in tree)
    total = sum(file.size for file in flat)
    pieces = -(-total // piece_length) if flat else sum(-(-one.file.size // piece_length) for one in tree)
    if not any(file.size for file in files if not file.pad):
        raise BadTorrent("its files are empty")
    if pieces > MAX_PIECES:
        raise BadTorrent(f"it has {pieces:,} pieces; {MAX_PIECES:,} are the most that are read")
    if is_v1:
        v1.check_pieces(info, total, piece_length)
    if is_v1 and is_v2:
        v2.check_same(flat, tree, piece_length)
    if is_v2 and outer is not None:
        layers.check(outer, tree, piece_length)
    return Metainfo(
        name=name,
        files=files,
        hash_v1=hashlib.sha1(raw, usedforsecurity=False).hexdigest() if is_v1 else None,
        hash_v2=hashlib.sha256(raw).hexdigest() if is_v2 else None,
        piece_length=piece_length,
        pieces=pieces,
        private=info.get(b"private", 0) not in (0, b"0", b""),
        tiers=addresses.tiers(outer or {}),
        web_seeds=addresses.web_seeds(outer or {}),
        single=[file.path for file in files] == [(name,)] and b"files" not in info,
    )


def _encoding(outer: dict[bytes, Any]) -> str:
    """The charset of names that are not UTF-8, as the torrent calls it."""
    found = outer.get(b"encoding")
    return found.decode("ascii", "replace") if isinstance(found, bytes) and len(found) < 40 else ""


def _version(info: dict[bytes, Any]) -> int:
    version = info.get(b"meta version", 1)
    if not isinstance(version, int) or not 1 <= version <= 2:
        raise BadTorrent("it is of a version that is not known")
    if version == 1 and b"file tree" in info:
        raise BadTorrent("it has a file tree and does not say that it is of version 2")
    return version


def _piece_length(info: dict[bytes, Any], *, is_v2: bool) -> int:
    length = info.get(b"piece length")
    if not isinstance(length, int) or not 0 < length <= MAX_PIECE_LENGTH:
        raise BadTorrent("its piece length is none")
    if is_v2 and (length < v2.BLOCK or length & (length - 1)):
        raise BadTorrent(f"its piece length of {length} is no power of two from {v2.BLOCK} on")
    return length
