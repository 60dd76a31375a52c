"""The file of a backup: a tar archive under gzip, written member by member and unpacked with limits."""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import shutil
import tarfile
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from nightcrew.kernel.backup import manifest
from nightcrew.kernel.backup.manifest import Manifest
from nightcrew.kernel.errors import Invalid
from nightcrew.kernel.words import size

DATABASE, RUNS = "nightcrew.db", "jobs.db"
KEY, NODE, CONFIGURATION = "secret.key", "node-id", "nightcrew.toml"
PLAIN = (KEY, NODE, CONFIGURATION)

TABLE = re.compile(r"tables/([a-z][a-z0-9_]{0,62})")
LITTLE = {KEY: 4 << 10, NODE: 4 << 10, CONFIGURATION: 1 << 20, manifest.NAME: 4 << 20}
"""Bytes that these may have. The others may have what the disk has room for."""
MEMBERS = 500
HEADERS = 4 << 20
"""Bytes of an archive beside the members' own; tarfile holds them in memory."""
RESERVE = 64 << 20
"""Bytes that stay free on the disk."""
BLOCK = 1 << 20


class Writer:
    """Adds members to an archive. `members` are those added, with their SHA-256."""

    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive
        self.members: dict[str, str] = {}

    def add(self, name: str, content: BinaryIO, length: int) -> None:
        """Add `length` bytes of an open file."""
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.mtime = length, 0o600, int(time.time())
        source = _Digesting(content)
        self._archive.addfile(info, source)
        self.members[name] = source.digest.hexdigest()

    def add_bytes(self, name: str, content: bytes) -> None:
        """Add a small member."""
        self.add(name, io.BytesIO(content), len(content))

    def add_file(self, name: str, path: Path) -> None:
        """Add a file that nobody writes any more."""
        with path.open("rb") as file:
            self.add(name, file, path.stat().st_size)


class _Digesting:
    """A file whose SHA-256 is known once it is read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, count: int = -1) -> bytes:
        block = self._file.read(count)
        self.digest.update(block)
        return block


@dataclass(frozen=True, slots=True)
class Unpacked:
    """Members of an archive in a folder, by name with their SHA-256. `manifest` None: an older Nightcrew or a person made it."""

    folder: Path
    members: dict[str, str]
    manifest: Manifest | None

    def path(self, name: str) -> Path:
        """Where a member lies."""
        return self.folder / name

    def tables(self) -> set[str]:
        """The tables that have a member."""
        return {found[1] for name in self.members if (found := TABLE.fullmatch(name))}

    def proven(self, key: bytes) -> bool:
        """Whether somebody who has the key made it, and nobody else has changed it."""
        return self.manifest is not None and self.manifest.proves(key, self.members)


class _Inflated:
    """The archive's bytes, of which no more can be read than was allowed: a header that claims a gigabyte would be held in memory."""

    def __init__(self, file: gzip.GzipFile) -> None:
        self._file = file
        self.allowed = HEADERS

    def read(self, count: int) -> bytes:
        self.allowed -= count
        if self.allowed < 0:
            raise Invalid("this is not a Nightcrew backup: it has extra data besides its files")
        return self._file.read(count)

    def seek(self, position: int) -> int:
        return self._file.seek(position)

    def tell(self) -> int:
        return self._file.tell()


def unpack(file: Path, into: Path) -> Unpacked:
    """Unpack known members into an empty folder. What is unknown is refused, not passed over. Raises `Invalid`."""
    (into / "tables").mkdir()
    members: dict[str, str] = {}
    room = _Room(into)
    try:
        with gzip.open(file, "rb") as inflated:
            source = _Inflated(inflated)
            with tarfile.open(fileobj=source, mode="r:") as archive:  # type: ignore[call-overload]
                for member in archive:
                    _check(member, members)
                    room.take(member)
                    source.allowed += member.size + BLOCK
                    members[member.name] = _copy(archive, member, into / member.name)
                    source.allowed = min(source.allowed, HEADERS)
                while source.read(1 << 16):  # to the end, where gzip has its checksum
                    pass
    except (tarfile.TarError, zlib.error, OSError, EOFError, ValueError, RecursionError, OverflowError) as exc:
        raise Invalid(f"{file} cannot be read as a backup: {exc}") from exc
    digest = members.pop(manifest.NAME, None)
    said = manifest.read((into / manifest.NAME).read_bytes()) if digest else None
    return Unpacked(into, members, said)


def _check(member: tarfile.TarInfo, found: dict[str, str]) -> None:
    known = member.name in {DATABASE, RUNS, *LITTLE} or TABLE.fullmatch(member.name)
    plain = member.type in {tarfile.REGTYPE, tarfile.AREGTYPE} and not member.issparse()
    fits = 0 <= member.size <= LITTLE.get(member.name, member.size)
    if not known or not plain or not fits or member.name in found or len(found) >= MEMBERS:
        raise Invalid(f"this is not a Nightcrew backup: it has {member.name[:80]!r}, which does not belong in a backup")


class _Room:
    """The disk's room for what is unpacked. A SQLite database is needed twice: its rows go into one that is made anew."""

    def __init__(self, folder: Path) -> None:
        disk = shutil.disk_usage(folder)
        self._total, self._free = disk.total, disk.free
        self._taken = 0

    def take(self, member: tarfile.TarInfo) -> None:
        self._taken += member.size * (2 if member.name == DATABASE else 1)
        needed = self._taken + RESERVE
        if needed > self._free:
            raise Invalid(
                f"to unpack the backup takes {size(needed)} or more: {size(self._free)} of {size(self._total)} free"
            )


def _copy(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> str:
    content = archive.extractfile(member)
    if content is None:
        raise Invalid(f"this is not a Nightcrew backup: it has {member.name!r}")
    digest = hashlib.sha256()
    with path.open("wb") as out:
        while block := content.read(BLOCK):
            digest.update(block)
            out.write(block)
    return digest.hexdigest()
