"""An answer that is looked at before it is known what it is: nothing of it is lost, and it is not asked for a second time."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator

import requests

from nightcrew.recorder.fetch import Refused, chunks, read_already

MARK = b"#EXTM3U"
BLANK = b"\xef\xbb\xbf \r\n"
LEAST = len(MARK)
"""Bytes that tell what it is, blank ones at their beginning aside."""
MOST = 4096
"""Bytes that are looked at."""
LOOKING = 15.0
"""Seconds that they may take."""


class OpenAnswer:
    """Whose body has only begun to come. Closing it hangs up."""

    def __init__(self, response: requests.Response) -> None:
        self.response = response
        self._coming: Iterator[bytes] = chunks(response)
        self._head = b""

    @property
    def url(self) -> str:
        """Where it came from in the end."""
        return str(self.response.url)

    @property
    def is_playlist(self) -> bool:
        """Whether it begins as HLS does. Waits for its first bytes. Raises OSError."""
        return self._begun().startswith(MARK)

    @property
    def is_page(self) -> bool:
        """Whether it begins as a page does, or an error in JSON. As `is_playlist`."""
        return self._begun()[:1] in {b"<", b"{"}

    @property
    def is_empty(self) -> bool:
        """Whether nothing came. As `is_playlist`."""
        self._begun()
        return not self._head

    def _begun(self) -> bytes:
        deadline = time.monotonic() + LOOKING
        while len(begun := self._head.lstrip(BLANK)) < LEAST and len(self._head) < MOST and time.monotonic() < deadline:
            chunk = next(self._coming, b"")
            if not chunk:
                break
            self._head += chunk
        return begun

    def whole(self, *, limit: int, seconds: float) -> bytes:
        """All of it; the answer can then be given to who asks for it. Raises `Refused` when that is too much, other OSErrors."""
        deadline, found = time.monotonic() + seconds, bytearray()
        for chunk in self.chunks():
            found += chunk
            if len(found) > limit:
                raise Refused(f"the response is larger than {limit >> 20} MB")
            if time.monotonic() > deadline:
                raise Refused(f"the response took longer than {seconds:.0f} s")
        read_already(self.response, bytes(found))
        return bytes(found)

    def chunks(self) -> Generator[bytes, None, None]:
        """Its body as it comes, with what was looked at. Raises `Refused` and other OSErrors."""
        head, self._head = self._head, b""
        if head:
            yield head
        yield from self._coming

    def close(self) -> None:
        """Hang up."""
        self.response.close()
