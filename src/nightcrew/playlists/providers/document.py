"""A list or a guide as one file: from an address or a path on this machine, plain or packed."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import stat
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from nightcrew.kernel import words
from nightcrew.kernel.connections.calls import Sniff
from nightcrew.kernel.connections.question import Question, Reach
from nightcrew.kernel.errors import GiveUp, NeedsUser
from nightcrew.kernel.http import Download, Jar, Validators
from nightcrew.kernel.inflate import CHUNK
from nightcrew.kernel.routes import DIRECT
from nightcrew.playlists.formats import packed
from nightcrew.playlists.providers.base import Asked, Fetch, Unchanged, host_is_private

FIRST = 64 << 10
"""Bytes that say what a document is."""


class Document(Asked):
    """One address or path. `secrets` must not show up in an error."""

    what = "a document"
    """What people call it."""

    def __init__(
        self,
        url: str,
        *,
        sniff: Sniff,
        secrets: tuple[str, ...] = (),
        headers: Mapping[str, str] | None = None,
        private: bool = False,
        jar: Jar | None = None,
        route: str = DIRECT,
    ) -> None:
        self._path = local_path(url)
        self._sniff = sniff
        private = private or self._path is not None or host_is_private(url)
        super().__init__(Reach((url,), private=private, route=route, secrets=secrets, headers=headers or {}), jar)

    @contextlib.asynccontextmanager
    async def open(self, fetch: Fetch) -> AsyncIterator[tuple[BinaryIO, Download] | Unchanged]:
        """The plain content in an unnamed temporary file, and what it was; `Unchanged` when it is the stored one."""
        with fetch.temporary() as file:
            answer = await self._fetch(fetch, file)
            if answer.not_modified or (fetch.content_hash and answer.sha256 == fetch.content_hash):
                yield Unchanged(answer.validators)
                return
            with await asyncio.to_thread(_plain, file, fetch, self._sniff) as plain:
                yield plain, answer

    async def try_out(self, fetch: Fetch) -> list[str]:
        """Its kind and size, by how it begins."""
        first = await self.calls(fetch.http).first(Question(), FIRST, self._sniff)
        size = "" if first.size is None else f" of {words.size(first.size)}"
        how = packed.packing(first.head)
        return [f"It is {self.what}{size}{f', packed with {how}' if how else ''}."]

    async def _fetch(self, fetch: Fetch, file: BinaryIO) -> Download:
        if self._path is not None:
            return await asyncio.to_thread(_copy, self._path, file, fetch.limits.max_bytes, self._sniff)
        return await self.download(fetch, Question(), file, self._sniff)


def local_path(url: str) -> Path | None:
    """The file that `url` names, or None when it is an http(s) address."""
    if url.lower().startswith(("http://", "https://")):
        return None
    if url.lower().startswith("file://"):
        return Path(unquote(urlsplit(url).path))
    try:
        return Path(url).expanduser()
    except RuntimeError as exc:
        raise NeedsUser(f"{url}: there is no such home directory") from exc


def _copy(path: Path, into: BinaryIO, max_bytes: int, sniff: Sniff) -> Download:
    """Copy a regular file within limits. Blocking. Raises `NeedsUser` when it is missing or may not be read."""
    digest, size = hashlib.sha256(), 0
    try:
        # without waiting: a pipe would wait for somebody to write into it
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise NeedsUser(f"{path} is not a file")
            while chunk := file.read(CHUNK):
                if size == 0:
                    sniff(chunk, "")
                size += len(chunk)
                if size > max_bytes:
                    raise GiveUp(f"{path} is larger than the limit of {max_bytes >> 20} MiB")
                digest.update(chunk)
                into.write(chunk)
    except OSError as exc:
        raise NeedsUser(f"cannot read {path}: {exc.strerror}") from exc
    return Download(str(path), "", Validators(), size, digest.hexdigest())


def _plain(file: BinaryIO, fetch: Fetch, sniff: Sniff) -> BinaryIO:
    """The file itself, or an unpacked copy in another unnamed file, at most the fetch's limit. Blocking.

    What was packed is packed again sometimes. Raises `GiveUp` for what is packed more often than that.
    """
    how = _packing(file)
    for _ in range(packed.MOST_LAYERS):
        if not how:
            return file
        file = _unpacked(file, how, fetch, sniff)
        how = _packing(file)
    if how:
        file.close()
        raise GiveUp(f"it is packed more than {packed.MOST_LAYERS} times, so it is not read")
    return file


def _packing(file: BinaryIO) -> str:
    file.flush()
    file.seek(0)
    how = packed.packing(file.read(FIRST))
    file.seek(0)
    return how


def _unpacked(file: BinaryIO, how: str, fetch: Fetch, sniff: Sniff) -> BinaryIO:
    """A copy without one layer. The packed file is closed by then, as two of them may be large."""
    with contextlib.ExitStack() as closing, file:
        plain = closing.enter_context(fetch.temporary())
        packed.unpack(file, how, plain, fetch.limits.max_bytes, sniff)
        closing.pop_all()
    return plain
