"""Source kind `catalogue`: a paged JSON API that settings alone describe.

The user supplies every address, header and path; nothing here knows a provider. Templates may hold `{lang}`,
`{region}`, `{cursor}`, `{token}` and, where a stream is resolved, `{id}`. Paths into JSON are keys and numbers joined by
dots (`streams.0.url`).
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from nightcrew.kernel.connections.question import Question, Reach
from nightcrew.kernel.errors import GiveUp, NeedsUser, Retry
from nightcrew.kernel.fields import SECRET, ask
from nightcrew.kernel.http import Http, Limits
from nightcrew.kernel.words import counted
from nightcrew.playlists import rules
from nightcrew.playlists.providers.base import (
    AccountConfig,
    Fetch,
    Listing,
    Provider,
    Resolved,
    Unchanged,
    host_is_private,
    limited,
    sent_by,
)
from nightcrew.playlists.rules import ListEntry

MAX_PAGES = 5_000
PAGE_LIMITS = Limits(max_bytes=16 << 20, seconds=60)
_HOLE = re.compile(r"\{(lang|region|cursor|token|id)\}")

Text = Annotated[str, StringConstraints(max_length=2_000)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Call(_Part):
    """One request: `path` is joined to the base address, `body` is sent as JSON (None: no body)."""

    method: Literal["GET", "POST"] = "GET"
    path: Text = ""
    headers: dict[str, Text] = Field(default_factory=dict, max_length=30)
    body: Any = None


class Fields(_Part):
    """Where an item keeps its values, as paths inside of the item. `url` is only needed without `resolve`."""

    id: Text = "id"
    name: Text = "name"
    group: Text = ""
    logo: Text = ""
    url: Text = ""
    number: Text = ""
    guide_id: Text = ""


class Auth(Call):
    """How a request is signed: not at all, with a fixed header, or with a token that the call to an endpoint gives."""

    kind: Literal["none", "header", "token"] = "none"
    method: Literal["GET", "POST"] = "POST"
    header: Text = ""
    value: Text = ""
    token: Text = "token"
    lifetime: float = Field(default=300, ge=1, le=31_536_000)

    @model_validator(mode="after")
    def _complete(self) -> Auth:
        if self.kind == "header" and not (self.header and self.value):
            raise ValueError("auth of kind header needs header and value")
        if self.kind == "token" and not (self.header and self.path):
            raise ValueError("auth of kind token needs header and path")
        return self


class Resolve(Call):
    """How an item becomes an address: it has one, a template makes one, or the call gives one that lives for a while."""

    kind: Literal["none", "template", "post"] = "none"
    method: Literal["GET", "POST"] = "POST"
    template: Text = ""
    url: Text = "url"
    lifetime: float = Field(default=300, ge=1, le=31_536_000)


class Shape(_Part):
    """The whole description of an API."""

    list: Call = Call()
    items: Text = "items"
    next_cursor: Text = ""
    fields: Fields = Fields()
    where: dict[str, Any] = Field(default_factory=dict, max_length=20)
    auth: Auth = Auth()
    resolve: Resolve = Resolve()

    @model_validator(mode="after")
    def _resolvable(self) -> Shape:
        if self.resolve.kind == "none" and not self.fields.url:
            raise ValueError("without resolve, fields.url must say where an item keeps its address")
        if self.resolve.kind == "template" and not self.resolve.template:
            raise ValueError("resolve of kind template needs template")
        return self


class CatalogueConfig(AccountConfig):
    """`url` is the API's base address; `locales` are language and region pairs (empty: the setting LOCALES)."""

    url: str = ask(label="Base address", help="Of the JSON interface.", placeholder="https://api.example.net/v1")
    locales: list[tuple[str, str]] = ask(
        [],
        label="Locales",
        help="Pairs of language and region; the catalogue is fetched once for each. Leave it empty to use the setting LOCALES.",
        control="text",
        placeholder="de:DE, de:AT",
        max_length=100,
    )
    options: Annotated[Shape, SECRET] = ask(
        Shape(fields=Fields(url="url")),
        label="Description of the interface",
        help="JSON, as in the example below.",
        control="textarea",
        rows=14,
    )

    @field_validator("url")
    @classmethod
    def _url(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("the base address must begin with http:// or https://")
        return value.rstrip("/")

    @field_validator("locales")
    @classmethod
    def _locales(cls, value: list[tuple[str, str]]) -> list[tuple[str, str]]:
        return [(lang.strip()[:20], rules.region_name(region)) for lang, region in value]


class Catalogue(Provider):
    """One configured API. Its token is shared by all fetches until it expires or is refused."""

    def __init__(self, config: CatalogueConfig) -> None:
        self._config = config
        self._shape = config.options
        self._token = ""
        self._token_until = 0.0
        auth = self._shape.auth
        secrets = tuple(v for v in (auth.value, *_texts(auth.body)) if len(v) >= 8)
        private = config.private or host_is_private(config.url)
        super().__init__(
            Reach(
                (config.url,),
                private=private,
                route=config.route,
                secrets=secrets,
                headers=sent_by(config.model_dump(), config.url),
            )
        )

    @contextlib.asynccontextmanager
    async def listing(self, fetch: Fetch) -> AsyncIterator[Listing | Unchanged]:
        """Page through the API. A page that fails fails the run: half a catalogue is never taken for a whole one."""
        pages = self._pages(fetch)
        first = await anext((page async for page in pages if page), None)
        if first is None:
            raise Retry("the catalogue has no channels for this region")
        yield Listing(limited(first, pages, fetch.max_entries, "catalogue"))

    async def try_out(self, fetch: Fetch) -> list[str]:
        """What the first page of a region has."""
        found = await anext(self._pages(fetch))
        return [
            f"It answers. Its first page has {counted(len(found), 'channel')}{f' for {fetch.region}' if fetch.region else ''}."
        ]

    async def _pages(self, fetch: Fetch) -> AsyncIterator[list[ListEntry]]:
        holes = {"lang": fetch.lang, "region": fetch.region, "cursor": None}
        seen: set[str] = set()
        for _ in range(MAX_PAGES):
            answer = await self._call(fetch.http, self._shape.list, holes)
            items = dig(answer, self._shape.items)
            if not isinstance(items, list):
                raise Retry(f"the catalogue's answer has no list at {self._shape.items!r}")
            yield [entry for item in items if isinstance(item, dict) and (entry := self._entry(item)) is not None]
            cursor = dig(answer, self._shape.next_cursor) if self._shape.next_cursor else None
            if cursor is None or cursor == "" or not items:
                return
            if str(cursor) in seen:
                raise GiveUp(f"the catalogue's pages repeat themselves (cursor {str(cursor)[:40]!r})")
            seen.add(str(cursor))
            holes["cursor"] = str(cursor)
        raise GiveUp(f"the catalogue has more than {MAX_PAGES} pages")

    def _entry(self, item: Mapping[str, Any]) -> ListEntry | None:
        if any(dig(item, path) != value for path, value in self._shape.where.items()):
            return None
        resolve = self._shape.resolve
        found: dict[str, Any] = {name: _plain(dig(item, path)) if path else "" for name, path in self._shape.fields}
        provider_id, name, url = found.pop("id"), found.pop("name"), found.pop("url")
        if not provider_id or not name:
            return None
        if resolve.kind == "template":
            url = fill(resolve.template, {"id": provider_id}, quoted=True)
        return ListEntry(
            name=name,
            url="" if resolve.kind == "post" else url,
            provider_id=provider_id,
            expires=resolve.kind == "post",
            **found,
        )

    async def resolve(self, http: Http, url: str, provider_id: str, region: str) -> Resolved:
        """Ask the API for an address that works now. Raises `Retry` when its answer has none."""
        resolve = self._shape.resolve
        if resolve.kind != "post":
            return Resolved(url)
        answer = await self._call(http, resolve, {"id": provider_id, "region": region, "lang": "", "cursor": None})
        found = dig(answer, resolve.url)
        if not isinstance(found, str) or not rules.is_playable(found):
            raise Retry(f"the catalogue's answer has no address at {resolve.url!r}")
        return Resolved(found, resolve.lifetime)

    async def _call(self, http: Http, call: Call, holes: Mapping[str, str | None]) -> Any:
        """One signed request; a refused token is renewed once."""
        for attempt in (1, 2):
            signed = {**holes, "token": await self._fresh_token(http)}
            headers = {key: fill(value, signed) for key, value in call.headers.items()}
            auth = self._shape.auth
            if auth.kind == "header":
                headers[auth.header] = auth.value
            elif auth.kind == "token":
                headers[auth.header] = self._token
            try:
                question = self._question(call, headers, signed)
                return await self.calls(http).json(question, limits=PAGE_LIMITS)
            except NeedsUser:
                if auth.kind != "token" or attempt == 2:
                    raise
                self._token_until = 0.0
        raise AssertionError("unreachable")

    async def _fresh_token(self, http: Http) -> str:
        auth = self._shape.auth
        if auth.kind != "token":
            return ""
        if time.monotonic() >= self._token_until:
            question = self._question(auth, auth.headers, {})
            answer = await self.calls(http).json(question)
            token = dig(answer, auth.token)
            if not isinstance(token, str) or not token or len(token) > 8_000 or not token.isprintable():
                raise Retry(f"the token endpoint's answer has no token at {auth.token!r}")
            self._token = token
            self._token_until = time.monotonic() + auth.lifetime * 0.9
        return self._token

    def _question(self, call: Call, headers: Mapping[str, str], holes: Mapping[str, str | None]) -> Question:
        """Whatever the method, it only asks."""
        path = call.path
        url = path if path.startswith(("http://", "https://")) else f"{self._config.url}/{path.lstrip('/')}"
        return Question(
            fill(url, holes, quoted=True),
            call.method,
            headers={key: fill(value, holes) for key, value in headers.items()},
            json=filled(call.body, holes) if call.method == "POST" else None,
            safe=True,
            secrets=(self._token,) if self._token else (),
        )


def dig(value: Any, path: str) -> Any:
    """What lies at `path` (`a.b.0.c`) inside of JSON, or None. An empty path is the value itself."""
    for step in path.split(".") if path else ():
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def fill(template: str, holes: Mapping[str, str | None], *, quoted: bool = False) -> str:
    """`template` with its holes filled; in an address the values are percent-encoded."""

    def value(match: re.Match[str]) -> str:
        text = holes.get(match.group(1)) or ""
        return quote(text, safe="") if quoted else text

    return _HOLE.sub(value, template)


def filled(body: Any, holes: Mapping[str, str | None]) -> Any:
    """A JSON body with its holes filled. A text that is only one hole becomes null when there is nothing to put in."""
    if isinstance(body, dict):
        return {key: filled(value, holes) for key, value in body.items()}
    if isinstance(body, list):
        return [filled(value, holes) for value in body]
    if not isinstance(body, str):
        return body
    alone = _HOLE.fullmatch(body)
    return holes.get(alone.group(1)) if alone else fill(body, holes)


def _plain(value: Any) -> str:
    if value is None or isinstance(value, dict | list | bool):
        return ""
    return rules.printable(str(value))[:4_000]


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for item in value.values() for text in _texts(item)]
    return [text for item in value for text in _texts(item)] if isinstance(value, list) else []
