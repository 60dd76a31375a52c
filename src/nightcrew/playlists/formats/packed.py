"""Lists and guides that come packed: gzip, bzip2, xz, zip. Unpacked in pieces, within limits of size and memory. Blocking."""

from __future__ import annotations

import bz2
import contextlib
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

from nightcrew.kernel.errors import GiveUp, Retry
from nightcrew.kernel.inflate import CHUNK, GZIP_MAGIC, Inflate

XZ_MAGIC = b"\xfd7zXZ\0"
ZIP_MAGIC = b"PK\x03\x04"
BZIP2_MAGICS = tuple(b"BZh%d1AY&SY" % level for level in range(1, 10))
MAGICS = {GZIP_MAGIC: "gzip", XZ_MAGIC: "xz", ZIP_MAGIC: "zip", **dict.fromkeys(BZIP2_MAGICS, "bzip2")}
MOST_LAYERS = 3
"""How often a document may be packed: scripts pack what is packed already."""
MEMORY = 96 << 20
"""Bytes that unpacking xz may take: its largest usual setting takes 65 MiB."""
MOST_FILES, LARGEST_TABLE = 1_000, 1 << 20
"""Files in a zip, and bytes of its table."""
_END_OF_ZIP = 22 + 65_535
_WANTED = (".xml", ".xmltv", ".m3u", ".m3u8", ".txt")


def packing(first: bytes) -> str:
    """How a document is packed, by its first bytes: gzip, bzip2, xz, zip, or empty for not at all."""
    return next((name for magic, name in MAGICS.items() if first.startswith(magic)), "")


def pieces(file: BinaryIO, how: str) -> Iterator[bytes]:
    """The content of a packed file in pieces. Raises `GiveUp` for one that cannot be read, `Retry` for one that is cut off."""
    return _READERS[how](file)


def _gzip(file: BinaryIO) -> Iterator[bytes]:
    inflate = Inflate()
    while raw := file.read(CHUNK):
        yield from inflate.feed(raw)
    if not inflate.complete:
        raise Retry("the gzip file is incomplete")


def _xz(file: BinaryIO) -> Iterator[bytes]:
    unpack, begun = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MEMORY), False
    try:
        while raw := file.read(CHUNK):
            while raw or not (unpack.needs_input or unpack.eof):
                piece = unpack.decompress(raw, CHUNK)
                raw, begun = b"", True
                if piece:
                    yield piece
                if unpack.eof:  # another stream may follow, and zeros between both
                    raw = unpack.unused_data.lstrip(b"\0")
                    unpack, begun = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MEMORY), bool(raw)
                    if not raw:
                        break
    except (lzma.LZMAError, EOFError) as exc:
        raise GiveUp(f"its xz data cannot be unpacked: {exc}") from exc
    if begun:
        raise Retry("the xz file is incomplete")


def _bzip2(file: BinaryIO) -> Iterator[bytes]:
    unpack, begun = bz2.BZ2Decompressor(), False
    try:
        while raw := file.read(CHUNK):
            while raw or not (unpack.needs_input or unpack.eof):
                piece = unpack.decompress(raw, CHUNK)
                raw, begun = b"", True
                if piece:
                    yield piece
                if unpack.eof:  # another stream may follow
                    raw, begun = unpack.unused_data.lstrip(b"\0"), False
                    if not raw.startswith(b"BZh"[: len(raw)]):
                        return
                    unpack = bz2.BZ2Decompressor()
                    if not raw:
                        break
    except (OSError, EOFError, ValueError) as exc:
        raise GiveUp(f"its bzip2 data cannot be unpacked: {exc}") from exc
    if begun:
        raise Retry("the bzip2 file is incomplete")


def _zip(file: BinaryIO) -> Iterator[bytes]:
    _check_table(file)
    try:
        with zipfile.ZipFile(file) as packed:
            inside = [one for one in packed.infolist() if not one.is_dir() and one.file_size]
            fitting = [one for one in inside if one.filename.lower().endswith(_WANTED)] or inside
            if not fitting:
                raise GiveUp("the zip file is empty")
            with packed.open(max(fitting, key=lambda one: one.file_size)) as member:
                while piece := member.read(CHUNK):
                    yield piece
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError) as exc:
        raise Retry(f"the zip file cannot be unpacked, or it is incomplete: {exc}") from exc


def _check_table(file: BinaryIO) -> None:
    """A zip's table is read as a whole: its size is looked at before. Raises `GiveUp` or `Retry`."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _END_OF_ZIP))
    tail = file.read()
    file.seek(0)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 16:
        raise Retry("the zip file is incomplete")
    files, table = int.from_bytes(tail[at + 10 : at + 12], "little"), int.from_bytes(tail[at + 12 : at + 16], "little")
    if files > MOST_FILES or table > LARGEST_TABLE:
        raise GiveUp(f"the zip file has more than {MOST_FILES} files, so it is not read")


_READERS: dict[str, Callable[[BinaryIO], Iterator[bytes]]] = {"gzip": _gzip, "bzip2": _bzip2, "xz": _xz, "zip": _zip}


def unpack(file: BinaryIO, how: str, into: BinaryIO, most: int, sniff: Callable[[bytes, str], None]) -> None:
    """Write the content of a packed file into another one, at most `most` bytes. `sniff` sees how it begins."""
    size = 0
    with contextlib.closing(pieces(file, how)) as found:  # type: ignore[type-var]
        for piece in found:
            if size == 0:
                sniff(piece, "")
            size += len(piece)
            if size > most:
                raise GiveUp(f"it is larger than the limit of {most >> 20} MiB when unpacked")
            into.write(piece)
    into.seek(0)
