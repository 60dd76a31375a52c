"""What a source adapter is given and what it gives. Its answers are frozen dataclasses; nobody else sees JSON or XML."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Self, TypeVar, cast
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from nightcrew.addresses import is_private
from nightcrew.kernel import redaction
from nightcrew.kernel.connections.calls import Calls, Sniff
from nightcrew.kernel.connections.question import Question, Reach
from nightcrew.kernel.errors import GiveUp, Retry
from nightcrew.kernel.fields import Secret, ask
from nightcrew.kernel.http import Download, Http, Jar, Limits, Validators
from nightcrew.kernel.routes import DIRECT
from nightcrew.playlists.formats.headers import headers_from
from nightcrew.playlists.formats.m3u import Reader
from nightcrew.playlists.numbering import Numbering
from nightcrew.playlists.picking import test_of
from nightcrew.playlists.rules import ListEntry, region_name

_Item = TypeVar("_Item")

BATCH = 500
"""Entries of a list that is no text that are read at a time."""
PIECES = 2_000
"""Pieces of a text that are looked at at a time."""
PIECES_BYTES = 512 << 10
"""Bytes of them at most: of some lists a piece has thousands of entries."""
NO_CHANNELS = "the list has no channels"


class SourceConfig(BaseModel):
    """Base of what a user enters for a source. Everything in it is sealed at rest."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    region: str = ask(
        "",
        label="Region",
        help="A short name for these channels; their playlist is /playlist/REGION.m3u. Leave it empty to use the source's name.",
        placeholder="DE",
    )
    """The region that the source's channels belong to, where the kind does not have regions of its own."""
    private: bool = False
    """Whether the address was in a private network when it was entered; only then may answers lead there."""
    route: str = ask(
        DIRECT,
        label="Route",
        help="All that is asked of it takes this way or waits. With a route its streams are passed on to players whatever the stream "
        "mode is, and cannot be recorded.",
        placeholder=DIRECT,
        max_length=40,
    )
    """The way out that all requests for it take, its streams' too."""

    @field_validator("region")
    @classmethod
    def _region(cls, value: str) -> str:
        return region_name(value) if value else ""

    @field_validator("route")
    @classmethod
    def _route(cls, value: str) -> str:
        return value or DIRECT

    @field_validator("*", mode="before")
    @classmethod
    def _strip(cls, value: Any) -> Any:
        return value.strip() if isinstance(value, str) else value


SHIFT = ask(
    0.0,
    label="Guide offset",
    unit="h",
    help="Hours by which programmes begin later than the guide says; less than 0 for earlier.",
    ge=-24,
    le=24,
)
"""A field of what has channels, for all of them, and of a guide."""
AGENT = ask(
    "",
    label="User agent",
    help="Some providers only answer players they know. Leave it empty to use Nightcrew's own.",
)
"""A field that several kinds have."""
CHARSET = ask(
    "",
    label="Charset",
    help="For a source whose letters come out wrong, such as windows-1253. Leave it empty: most are recognised.",
    max_length=40,
)
"""A field that kinds of documents have."""
LOGINS = frozenset(["authorization", "cookie", "x-api-key", "x-auth-token"])
"""Headers that are a login, in lower case."""
DEFAULT = "Default"
"""The name of the profile that every source has: the source as it was entered."""


class ProfileConfig(BaseModel):
    """Another way to use a source: another login (panels), or a part of its addresses written differently."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)
    name: str = Field(min_length=1, max_length=60)
    max_streams: int = Field(0, ge=0, le=10_000)
    """Connections that it allows at a time; 0: any number."""
    username: str = Field("", max_length=300)
    password: str = Field("", max_length=300)
    search: str = Field("", max_length=300)
    """Text in a stream's address that `replace` takes the place of."""
    replace: str = Field("", max_length=300)
    own_login: bool = False
    """Whether what is replaced is the login: then its connections do not count for the source's own account."""
    enabled: bool = True

    @model_validator(mode="after")
    def _useful(self) -> Self:
        if self.name == DEFAULT:
            raise ValueError(f"{DEFAULT!r} is the source's own profile")
        if bool(self.username) != bool(self.password):
            raise ValueError("user name and password are both needed")
        if not self.username and not self.search:
            raise ValueError("a profile needs a login, or a text to search for in addresses")
        return self


class AccountConfig(SourceConfig):
    """Base of the kinds whose streams take connections of an account."""

    max_streams: int = ask(
        0,
        label="Connections at a time",
        help="How many the account allows. 0: as many as the panel says, or any number. It counts in the stream mode proxy.",
        ge=0,
        le=10_000,
    )
    """Connections that the account allows at a time; 0: as many as the panel says, else any number."""
    only: list[str] = ask(
        [],
        label="Only these",
        help="A pattern on each line: a part of the name, group:NAME for a whole group, or /…/ for a regular expression in "
        '"group / name". * and ? stand for any signs. Leave it empty to take everything.',
        rows=3,
        max_length=200,
    )
    without: list[str] = ask([], label="Not these", help="Patterns of what to leave out.", rows=3, max_length=200)
    films: bool = ask(True, label="Take films and episodes too")
    headers: Secret = ask(
        "",
        label="Headers",
        help="What a provider wants to be sent besides, for its list and its streams: Name: value on each line, such as "
        "Referer: https://example.net/. A cookie or a login goes to the source's own host alone. What a list says of an entry counts "
        "more. Enter - to remove them.",
        control="textarea",
        rows=2,
        max_length=8_000,
    )
    guide_shift: float = SHIFT
    numbers: list[str] = ask(
        [],
        label="Number channels from",
        help="A number such as 100; on further lines, groups with a start of their own, such as News = 200. A channel keeps its "
        "number. Leave it empty to use the list's.",
        rows=2,
        max_length=500,
    )
    profiles: tuple[ProfileConfig, ...] = Field((), max_length=50)
    """Further ways to use the account, in the order in which they are tried."""

    @field_validator("numbers")
    @classmethod
    def _numbers(cls, value: list[str]) -> list[str]:
        found = [text.strip() for text in value if text.strip()]
        Numbering.of(found)
        return found

    @field_validator("headers")
    @classmethod
    def _headers(cls, value: str) -> str:
        if value.strip() == "-":
            return ""
        headers_from(value)
        return value

    @field_validator("only", "without")
    @classmethod
    def _patterns(cls, value: list[str]) -> list[str]:
        found = [text.strip() for text in value if text.strip()]
        for text in found:
            test_of(text)
        return found

    @field_validator("max_streams", mode="before")
    @classmethod
    def _number(cls, value: Any) -> Any:
        return value or 0


@dataclass(frozen=True, slots=True)
class Fetch:
    """One fetch of one feed."""

    http: Http
    folder: Path
    limits: Limits
    max_entries: int
    lang: str = ""
    region: str = ""
    validators: Validators = field(default_factory=Validators)
    content_hash: str | None = None
    """The hash of the stored list: the same one means there is nothing to do. None at a rebuild."""
    on_bytes: Callable[[int], Awaitable[None]] | None = None
    """Told how many bytes have come so far."""

    def temporary(self) -> BinaryIO:
        """A file without a name: it cannot outlive the process, however that ends."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return cast("BinaryIO", tempfile.TemporaryFile(dir=self.folder))


@dataclass(slots=True)
class Text:
    """A list that is a text: whoever knows a piece of it already need not have it read.

    `context`: what decides, besides the text, what a piece says.
    """

    pieces: Iterator[bytes]
    reader: Reader
    context: str = ""

    async def batches(self) -> AsyncIterator[list[bytes]]:
        """The pieces in order; who takes them gives each to the reader, or knows it. Raises `Retry` for a text that was cut off."""
        while batch := await asyncio.to_thread(self._some):
            yield batch
        self.reader.end()

    def _some(self) -> list[bytes]:
        found, size = list[bytes](), 0
        for piece in self.pieces:
            found.append(piece)
            size += len(piece)
            if len(found) == PIECES or size > PIECES_BYTES:
                break
        return found

    async def entries(self) -> AsyncIterator[list[ListEntry]]:
        """All entries, read in a thread. Raises `Retry` when there are none."""
        any_yet = False
        async for pieces in self.batches():
            found = await asyncio.to_thread(self._read, pieces)
            any_yet = any_yet or bool(found)
            yield found
        if not any_yet:
            raise Retry(NO_CHANNELS)

    def _read(self, pieces: Sequence[bytes]) -> list[ListEntry]:
        return [entry for piece in pieces for entry in self.reader.entries(piece)]


@dataclass(slots=True)
class Listing:
    """A fetched list: entries in batches, and what to remember once it has been stored.

    `text`: the same entries, as they are written. Only one of the two is gone through, and `notes` may be filled as it is.
    """

    batches: AsyncIterator[list[ListEntry]]
    validators: Validators = field(default_factory=Validators)
    content_hash: str | None = None
    notes: dict[str, Any] = field(default_factory=dict)
    text: Text | None = None


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The provider says, or the hash shows, that the list is the stored one."""

    validators: Validators


@dataclass(frozen=True, slots=True)
class Resolved:
    """An address to play now. `lifetime` seconds None: it does not expire."""

    url: str
    lifetime: float | None = None


class Asked:
    """A configured source that is asked: where it is, with which login, and the cookies of that login alone."""

    login: str | None = None
    """What tells this login from others at any source (host and user name), to be hashed; None: the source is its own."""

    def __init__(self, reach: Reach, jar: Jar | None = None) -> None:
        redaction.know_login(reach.secrets)
        self.secrets = reach.secrets  # hidden in stored addresses, and never shown; in a stable order
        self.private = reach.private
        self.route = reach.route
        self.jar = Jar() if jar is None else jar
        self.reach = reach
        self.line: Calls | None = None  # of its connection, once it has one

    def calls(self, http: Http) -> Calls:
        """What its questions go through."""
        return self.line or Calls(http, self.reach, jar=self.jar)

    async def try_out(self, fetch: Fetch) -> list[str]:
        """What works, in sentences. Raises what does not."""
        raise NotImplementedError

    async def download(self, fetch: Fetch, question: Question, into: BinaryIO, sniff: Sniff) -> Download:
        """The answer to a question within the limits of a fetch. Raises as `Http.download`."""
        known = {"limits": fetch.limits, "validators": fetch.validators, "on_bytes": fetch.on_bytes}
        return await self.calls(fetch.http).download(question, into, sniff=sniff, **known)


class Provider(Asked, ABC):
    """One kind of source, for one configured source."""

    @abstractmethod
    def listing(self, fetch: Fetch) -> AbstractAsyncContextManager[Listing | Unchanged]:
        """Fetch the channels of `fetch.region`. Raises `Retry`, `GiveUp` or `NeedsUser`."""

    async def resolve(self, http: Http, url: str, provider_id: str, region: str) -> Resolved:  # noqa: ARG002
        """The address that plays a stream now: the listed one, where addresses do not expire."""
        return Resolved(url)

    def guide_url(self) -> str | None:
        """The address of the source's own programme guide."""
        return None


def sent_by(config: Mapping[str, Any], url: str) -> dict[str, str]:
    """The headers that a source's configuration asks for, to be sent to an address. A login goes to the source's own host alone."""
    headers = headers_from(str(config.get("headers") or ""))
    logins = {name: value for name, value in headers.items() if name.lower() in LOGINS}
    redaction.know(logins.values())
    home, host = (urlsplit(one).hostname for one in (str(config.get("url") or ""), url))
    if home and home != host:
        headers = {name: value for name, value in headers.items() if name not in logins}
    return agent(str(config.get("user_agent") or "")) | headers


def agent(name: str) -> dict[str, str]:
    """The header of a user agent of one's own."""
    return {"User-Agent": name} if name and name.isascii() else {}


def batched(entries: Iterator[_Item], size: int = BATCH) -> list[_Item]:
    """The next `size` entries; shorter or empty at the end. Runs in a thread."""
    return list(itertools.islice(entries, size))


async def limited(
    first: list[ListEntry], others: AsyncIterator[list[ListEntry]], limit: int, what: str
) -> AsyncIterator[list[ListEntry]]:
    """`first` and then the others, but empty ones. Raises `GiveUp` beyond `limit` entries."""
    total, batch = 0, cast("list[ListEntry] | None", first)
    while batch is not None:
        total += len(batch)
        check_size(total, limit, what)
        if batch:
            yield batch
        batch = await anext(others, None)


def check_size(entries: int, limit: int, what: str = "list") -> None:
    """Raise `GiveUp` for a list with more entries than are read."""
    if entries > limit:
        raise GiveUp(f"the {what} has more than {limit} channels (setting max_channels)")


async def batches(first: list[ListEntry], entries: Iterator[ListEntry], limit: int) -> AsyncIterator[list[ListEntry]]:
    """`first` and then the rest of `entries`, parsed in a thread. Raises `GiveUp` beyond `limit` entries."""

    async def others() -> AsyncIterator[list[ListEntry]]:
        while batch := await asyncio.to_thread(batched, entries):
            yield batch

    async for batch in limited(first, others(), limit, "list"):
        yield batch


def host_is_private(url: str) -> bool:
    """Whether the user wrote a private address or a name of the local network (localhost, *.local, no dot at all)."""
    host = (urlsplit(url).hostname or "").lower()
    try:
        return is_private(host)
    except ValueError:
        return host == "localhost" or "." not in host or host.endswith((".local", ".lan", ".home.arpa", ".internal"))
