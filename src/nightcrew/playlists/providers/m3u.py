"""Source kind `m3u`: a playlist by URL or as a file, plain or packed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

from pydantic import field_validator

from nightcrew.charsets import is_charset
from nightcrew.kernel.fields import ask
from nightcrew.kernel.redaction import credentials_in
from nightcrew.kernel.targets import is_web_address
from nightcrew.playlists.formats import charsets, m3u
from nightcrew.playlists.providers.base import (
    AGENT,
    CHARSET,
    AccountConfig,
    Fetch,
    Listing,
    Provider,
    Text,
    Unchanged,
    limited,
    sent_by,
)
from nightcrew.playlists.providers.document import Document, local_path


class M3uConfig(AccountConfig):
    """`url` is http(s), or a file: a path or file:// address on this machine."""

    url: str = ask(
        label="Address or file",
        help="http(s), or a path on this machine; plain, gzip, bzip2, xz or zip.",
        placeholder="https://example.net/list.m3u",
    )
    guide_url: str = ask("", label="Guide address", help="An XMLTV guide that belongs to the list, if there is one.")
    user_agent: str = AGENT
    charset: str = CHARSET

    @field_validator("charset")
    @classmethod
    def _charset(cls, value: str) -> str:
        if value and not is_charset(value):
            raise ValueError("no such charset is known here; examples are windows-1253, iso-8859-8 and gb18030")
        return value

    @field_validator("url")
    @classmethod
    def _url(cls, value: str) -> str:
        if not value:
            raise ValueError("the address or path of the playlist is missing")
        if len(value) > 4_000 or "\n" in value or "\0" in value:
            raise ValueError("the address is too long or has control characters")
        if "://" in value and not value.lower().startswith(("http://", "https://", "file://")):
            raise ValueError("the address must begin with http://, https:// or file://, or be a path")
        if value.lower().startswith("http") and "://" in value and not is_web_address(value):
            raise ValueError("the address cannot be read: it needs a host, and a port from 1 to 65535 if any")
        return value


class M3u(Document, Provider):
    """A playlist source."""

    what = "an M3U list"

    def __init__(self, config: M3uConfig) -> None:
        self._config = config
        self.login = _login(config.url)
        super().__init__(
            config.url,
            sniff=m3u.sniff,
            secrets=credentials_in(config.url) if local_path(config.url) is None else (),
            headers=sent_by(config.model_dump(), config.url),
            private=config.private,
            route=config.route,
        )

    @contextlib.asynccontextmanager
    async def listing(self, fetch: Fetch) -> AsyncIterator[Listing | Unchanged]:
        """Fetch to an unnamed temporary file, then read it piece by piece in a thread."""
        async with self.open(fetch) as found:
            if isinstance(found, Unchanged):
                yield found
                return
            plain, answer = found
            charset = self._config.charset or await asyncio.to_thread(charsets.of, plain)
            base = answer.url if local_path(answer.url) is None else ""
            reader = m3u.Reader(base=base)
            text = Text(m3u.pieces(charsets.blocks(plain, charset)), reader, f"{charset}\0{base}")
            notes = {"guides": reader.header.guides}  # known once the text is read
            batches = limited([], text.entries(), fetch.max_entries, "list")
            yield Listing(batches, answer.validators, answer.sha256, notes, text=text)

    def guide_url(self) -> str | None:
        """Only the guide that the user named: lists often name dozens, of which few are wanted."""
        return self._config.guide_url or None


def _login(url: str) -> str | None:
    """A panel's list (`get.php?username=…`) is the same login as the panel itself."""
    if local_path(url) is not None:
        return None
    parts = urlsplit(url)
    user = parse_qs(parts.query).get("username")
    return f"{parts.netloc.rpartition('@')[2].lower()}/{user[0]}" if user else None
