"""Source kind `m3u`: a playlist by URL or as a file, plain or gzip."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from pydantic import field_validator

from nightcrew.kernel.errors import GiveUp, NeedsUser, Retry
from nightcrew.kernel.http import Answer, Http, Inflate, Request, Validators
from nightcrew.kernel.redaction import credentials_in
from nightcrew.playlists.formats import m3u
from nightcrew.playlists.providers.base import (
    Config,
    Fetch,
    Listing,
    Resolved,
    Unchanged,
    batched,
    batches,
    host_is_private,
)

GZIP = b"\x1f\x8b"


class M3uConfig(Config):
    """`url` is http(s), or a file: a path or file:// address on this machine."""

    url: str
    user_agent: str = ""
    guide_url: str = ""

    @field_validator("url")
    @classmethod
    def _url(cls, value: str) -> str:
        if not value:
            raise ValueError("the address or path of the playlist is missing")
        if len(value) > 4_000 or "\n" in value or "\0" in value:
            raise ValueError("the address is too long or has control characters")
        if "://" in value and not value.lower().startswith(("http://", "https://", "file://")):
            raise ValueError("the address must begin with http://, https:// or file://, or be a path")
        return value


class M3u:
    """A playlist source."""

    def __init__(self, config: M3uConfig) -> None:
        self._config = config
        self._path = local_path(config.url)
        self.secrets = credentials_in(config.url) if self._path is None else ()
        self.private = config.private or self._path is not None or host_is_private(config.url)

    @contextlib.asynccontextmanager
    async def listing(self, fetch: Fetch) -> AsyncIterator[Listing | Unchanged]:
        """Fetch to an unnamed temporary file, then read it batch by batch in a thread."""
        with fetch.temporary() as file:
            if self._path is None:
                answer = await self._download(fetch, file)
            else:
                answer = await asyncio.to_thread(copy_file, self._path, file, fetch.limits.max_bytes)
            if answer.not_modified or (fetch.content_hash and answer.sha256 == fetch.content_hash):
                yield Unchanged(answer.validators)
                return
            with await asyncio.to_thread(_plain, file, fetch) as plain:
                notes = m3u.Listing()
                entries = m3u.read(lines(plain), notes)
                first = await asyncio.to_thread(batched, entries)
                if not first:
                    raise Retry("the list has no channels")
                listing = Listing(
                    batches(first, entries, fetch.max_entries),
                    answer.validators,
                    answer.sha256,
                    {"guides": notes.guides},
                )
                yield listing

    async def _download(self, fetch: Fetch, file: BinaryIO) -> Answer:
        headers = {"User-Agent": self._config.user_agent} if self._config.user_agent else {}

        request = Request(self._config.url, headers=headers, secrets=self.secrets, allow_private=self.private)
        return await fetch.http.download(
            request, file, limits=fetch.limits, validators=fetch.validators, sniff=m3u.sniff, on_bytes=fetch.on_bytes
        )

    async def resolve(self, http: Http, url: str, provider_id: str, region: str) -> Resolved:  # noqa: ARG002
        """Addresses in a playlist do not expire."""
        return Resolved(url)

    def guide_url(self) -> str | None:
        """Only the guide that the user named: lists often name dozens, of which few are wanted."""
        return self._config.guide_url or None


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


Check = Callable[[bytes, str], None]


def copy_file(path: Path, into: BinaryIO, max_bytes: int, *, check: Check | None = m3u.sniff) -> Answer:
    """Copy a regular file within limits. Blocking. Raises `NeedsUser` when it is missing or may not be read."""
    digest, size = hashlib.sha256(), 0
    try:
        # without waiting: a pipe would wait for somebody to write into it
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise NeedsUser(f"{path} is not a file")
            while chunk := file.read(1 << 18):
                size += len(chunk)
                if size > max_bytes:
                    raise GiveUp(f"{path} is larger than the limit of {max_bytes >> 20} MiB")
                digest.update(chunk)
                into.write(chunk)
    except OSError as exc:
        raise NeedsUser(f"cannot read {path}: {exc.strerror}") from exc
    into.seek(0)
    if check:
        check(into.read(m3u.SNIFF), "")
    return Answer(200, str(path), "", Validators(), size, digest.hexdigest())


def _plain(file: BinaryIO, fetch: Fetch) -> BinaryIO:
    """The file itself, or an unpacked copy when it is gzip. Blocking."""
    file.flush()
    file.seek(0)
    magic = file.read(2)
    file.seek(0)
    if magic != GZIP:
        return file
    return unpack(file, fetch)


def unpack(file: BinaryIO, fetch: Fetch, *, check: Check | None = m3u.sniff) -> BinaryIO:
    """A gzip file's content in another unnamed file, at most the fetch's limit. Blocking."""
    plain = fetch.temporary()
    inflate, size = Inflate(), 0
    try:
        while raw := file.read(1 << 16):
            for piece in inflate.feed(raw):
                size += len(piece)
                if size > fetch.limits.max_bytes:
                    raise GiveUp(f"it unpacks to more than the limit of {fetch.limits.max_bytes >> 20} MiB")
                plain.write(piece)
        if not inflate.complete:
            raise Retry("the packed list is cut off")
        plain.seek(0)
        if check:
            check(plain.read(m3u.SNIFF), "")
        plain.seek(0)
    except BaseException:
        plain.close()
        raise
    return plain


def lines(file: BinaryIO) -> Iterator[bytes]:
    """Lines with their ends; an overlong one comes in pieces, which the reader refuses."""
    while line := file.readline(m3u.MAX_LINE):
        yield line
