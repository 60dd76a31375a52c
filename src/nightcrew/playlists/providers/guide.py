"""Source kind `guide`: an XMLTV programme guide by URL or as a file, plain or gzip."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import BinaryIO

from nightcrew.kernel.errors import Retry
from nightcrew.kernel.http import Answer, Request
from nightcrew.playlists.providers.base import Fetch, Unchanged, host_is_private
from nightcrew.playlists.providers.m3u import GZIP, M3uConfig, copy_file, local_path, unpack


class GuideConfig(M3uConfig):
    """`url` is http(s), or a file on this machine."""


class Guide:
    """A guide, alone or belonging to another source."""

    def __init__(self, url: str, *, secrets: tuple[str, ...] = (), user_agent: str = "", private: bool = False) -> None:
        self._url = url
        self._path = local_path(url)
        self._user_agent = user_agent
        self.secrets = secrets
        self.private = private or self._path is not None or host_is_private(url)

    @contextlib.asynccontextmanager
    async def document(self, fetch: Fetch) -> AsyncIterator[tuple[BinaryIO, Answer] | Unchanged]:
        """The plain XML in an unnamed temporary file."""
        with fetch.temporary() as file:
            if self._path is not None:
                answer = await asyncio.to_thread(copy_file, self._path, file, fetch.limits.max_bytes, check=None)
            else:
                headers = {"User-Agent": self._user_agent} if self._user_agent else {}
                request = Request(self._url, headers=headers, secrets=self.secrets, allow_private=self.private)
                answer = await fetch.http.download(
                    request,
                    file,
                    limits=fetch.limits,
                    validators=fetch.validators,
                    sniff=_sniff,
                    on_bytes=fetch.on_bytes,
                )
            if answer.not_modified or (fetch.content_hash and answer.sha256 == fetch.content_hash):
                yield Unchanged(answer.validators)
                return
            with await asyncio.to_thread(_plain, file, fetch) as plain:
                yield plain, answer


def _plain(file: BinaryIO, fetch: Fetch) -> BinaryIO:
    file.flush()
    file.seek(0)
    magic = file.read(2)
    file.seek(0)
    return unpack(file, fetch, check=None) if magic == GZIP else file


def _sniff(first: bytes, content_type: str) -> None:
    head = first.removeprefix(b"\xef\xbb\xbf").lstrip()[:600].lower()
    if first.startswith(GZIP) or first[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return
    if b"<html" in head or b"<!doctype html" in head or (head[:1] != b"<" and "html" in content_type):
        raise Retry("it answers an HTML page where an XMLTV guide is expected")
    if not head.startswith(b"<"):
        raise Retry("it answers something that is no XMLTV guide")
