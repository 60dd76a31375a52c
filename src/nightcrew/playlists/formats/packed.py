"""Lists and guides that come packed: gzip, bzip2, xz, zip. Unpacked in pieces, within limits of size and memory. Blocking."""

from __future__ import annotations

import bz2
import contextlib
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol

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
    return _streams(file, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MEMORY), XZ_MAGIC, "xz")


def _bzip2(file: BinaryIO) -> Iterator[bytes]:
    return _streams(file, bz2.BZ2Decompressor, b"BZh", "bzip2")


class _Unpacks(Protocol):
    """What unpacks one stream of those that a file may have one after the other."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


def _streams(file: BinaryIO, begin: Callable[[], _Unpacks], magic: bytes, kind: str) -> Iterator[bytes]:
    """Streams one after the other, with zeros in between. What stands behind the last one and is none is left alone."""
    unpack, begun, held = begin(), False, b""
    try:
        while raw := file.read(CHUNK):
            raw, held = held + raw, b""
            while raw or (begun and not unpack.needs_input):
                if not begun:
                    raw = raw.lstrip(b"\0")
                    if len(raw) < len(magic):
                        held = raw
                        break
                    if not raw.startswith(magic):
                        return
                piece = unpack.decompress(raw, CHUNK)
                raw, begun = b"", True
                if piece:
                    yield piece
                if unpack.eof:
                    raw, unpack, begun = unpack.unused_data, begin(), False
    except (lzma.LZMAError, OSError, EOFError, ValueError) as exc:
        raise GiveUp(f"its {kind} data cannot be unpacked: {exc}") from exc
    if begun or (held and magic.startswith(held)):
        raise Retry(f"the {kind} file is incomplete")


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
