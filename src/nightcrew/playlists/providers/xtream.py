"""Source kind `xtream`: an Xtream Codes panel (`player_api.php`), as most providers run it.

Wire format: `player_api.php?username&password` gives `user_info` and `server_info`; `&action=get_live_categories` and
`&action=get_live_streams` give lists. Numbers often come as strings, and missing values as null or "".
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, BinaryIO, Literal
from urllib.parse import quote, urlencode, urlsplit

from pydantic import field_validator

from nightcrew.guidereader.moments import zone_named
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.connections.question import Question, Reach
from nightcrew.kernel.declare import Signed
from nightcrew.kernel.errors import Misread, NeedsUser, Retry
from nightcrew.kernel.fields import Secret, ask
from nightcrew.kernel.http import Http, Reply
from nightcrew.kernel.words import counted
from nightcrew.playlists.formats import json_list
from nightcrew.playlists.formats.catchup import ZONE
from nightcrew.playlists.providers.base import (
    AGENT,
    AccountConfig,
    Fetch,
    Listing,
    Provider,
    Unchanged,
    batched,
    batches,
    host_is_private,
    sent_by,
)
from nightcrew.playlists.rules import ListEntry, digest, printable

API = "player_api.php"
_NO_CHANNELS = {"movie", "movies", "vod", "series"}
"""Types of streams that some panels have among their channels."""
_STREAM_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


class XtreamConfig(AccountConfig):
    """`url` is the panel's address without `player_api.php`."""

    url: str = ask(label="Panel address", help="Without player_api.php.", placeholder="http://panel.example.net:8080")
    username: Secret = ask(label="User name")
    password: Secret = ask(label="Password")
    output: Literal["ts", "m3u8"] = ask(
        "ts", label="Stream format", choices=(("ts", "MPEG-TS (.ts)"), ("m3u8", "HLS (.m3u8)"))
    )
    guide: bool = ask(True, label="Fetch its programme guide too")
    user_agent: str = AGENT

    @field_validator("url")
    @classmethod
    def _url(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("the panel's address must begin with http:// or https://")
        return f"{parts.scheme}://{parts.netloc}{parts.path.removesuffix('/player_api.php').removesuffix('/get.php')}".rstrip(
            "/"
        )

    @field_validator("username", "password")
    @classmethod
    def _filled(cls, value: str) -> str:
        if not value:
            raise ValueError("user name and password are both needed")
        return value


class Xtream(Provider):
    """An Xtream panel with one login."""

    def __init__(self, config: XtreamConfig) -> None:
        self._config = config
        self.login = f"{urlsplit(config.url).netloc.lower()}/{config.username}"
        self._login = {"username": config.username, "password": config.password}
        super().__init__(
            Reach(
                (config.url,),
                private=config.private or host_is_private(config.url),
                route=config.route,
                secrets=(quote(config.username, safe=""), quote(config.password, safe="")),
                headers=sent_by(config.model_dump(), config.url),
                signed=Signed(params=self._login),
            )
        )

    @contextlib.asynccontextmanager
    async def listing(self, fetch: Fetch) -> AsyncIterator[Listing | Unchanged]:
        """Check the account, then read the streams from a temporary file one by one."""
        account = await self._account(fetch.http)
        categories = await self._categories(fetch.http)
        with fetch.temporary() as file:
            answer = await self.download(fetch, _action("get_live_streams"), file, _sniff)
            zone = {"zone": account["timezone"]} if account["timezone"] else {}
            marker = f"{answer.sha256}:{hash_of(categories | zone)}"
            if answer.not_modified or (fetch.content_hash and marker == fetch.content_hash):
                yield Unchanged(answer.validators)
                return
            file.seek(0)
            entries = self._entries(file, categories, account["timezone"])
            first = await asyncio.to_thread(batched, entries)
            if not first:
                raise Retry("the panel lists no live channels")
            yield Listing(batches(first, entries, fetch.max_entries), answer.validators, marker, {"account": account})

    async def try_out(self, fetch: Fetch) -> list[str]:
        """How the account stands, and what the panel has."""
        account = await self._account(fetch.http)
        until = f" until {account['expires'][:10]}" if account["expires"] else ""
        most, used = account["max_connections"], account["active_connections"]
        said = [f"The account is {account['status'].lower()}{until}."]
        said += [f"It allows {counted(most, 'connection')} at a time; {used} in use now."] if most else []
        return [*said, f"The panel has {counted(len(await self._categories(fetch.http)), 'group')} of channels."]

    async def _account(self, http: Http) -> dict[str, Any]:
        answer = await self.calls(http).read(Question(API), _value)
        info = answer.get("user_info") if isinstance(answer, dict) else None
        if not isinstance(info, dict):
            raise Retry("the panel's answer has no user_info: this may not be an Xtream panel")
        if str(info.get("auth", "1")) == "0":
            raise NeedsUser("the panel refuses the login: check user name and password")
        status = str(info.get("status") or "Active")
        expires = _epoch(info.get("exp_date"))
        if status.lower() in {"expired", "banned", "disabled"} or (expires and expires < utcnow()):
            raise NeedsUser(f"the account is {status.lower()}{f', it ran until {expires:%Y-%m-%d}' if expires else ''}")
        server = answer.get("server_info")
        return {
            "status": status,
            "timezone": _zone(server.get("timezone")) if isinstance(server, dict) else "",
            "expires": expires.isoformat() if expires else None,
            "max_connections": _number(info.get("max_connections")),
            "active_connections": _number(info.get("active_cons")),
        }

    async def _categories(self, http: Http) -> dict[str, str]:
        """Names by id. When the panel cannot say them now, the last known ones are used; its connection tells that.

        A panel that never said any has none: its channels are there all the same.
        """
        answer, _ = await self.calls(http).kept_json(_action("get_live_categories"), how=_said_groups)
        return {str(row["category_id"]): str(row.get("category_name") or "") for row in _groups(answer)}

    def _entries(self, file: BinaryIO, categories: dict[str, str], zone: str) -> Iterator[ListEntry]:
        for row in json_list.read(file):
            entry = self._entry(row, categories, zone) if isinstance(row, dict) else None
            if entry is not None:
                yield entry

    def _entry(self, row: dict[str, Any], categories: dict[str, str], zone: str) -> ListEntry | None:
        stream_id = _text(row.get("stream_id"))
        if not _STREAM_ID.fullmatch(stream_id) or _text(row.get("stream_type")).lower() in _NO_CHANNELS:
            return None
        user, password = self.secrets
        archive = _number(row.get("tv_archive"))
        days = _number(row.get("tv_archive_duration"))
        own_time = {ZONE: zone} if zone else {}
        return ListEntry(
            name=_text(row.get("name")) or f"Channel {stream_id}",
            url=f"{self._config.url}/live/{user}/{password}/{stream_id}.{self._config.output}",
            group=categories.get(_category(row), ""),
            number=_text(row.get("num")),
            logo=_text(row.get("stream_icon")),
            guide_id=_text(row.get("epg_channel_id")),
            provider_id=stream_id,
            attributes={"catchup": "xc", "catchup-days": str(days), **own_time} if archive else {},
        )

    def guide_url(self) -> str | None:
        """The panel's own guide, unless the user switched it off."""
        login = urlencode(self._login, quote_via=quote)
        return f"{self._config.url}/xmltv.php?{login}" if self._config.guide else None


def _action(name: str) -> Question:
    return Question(API, params={"action": name})


async def _value(reply: Reply) -> Any:
    """A small answer as JSON, also behind a script's notice or with control characters in it. Raises `Misread`."""
    try:
        return await reply.json()
    except Misread:
        return await replace(reply, body=json_list.bare(reply.body)).json()


async def _said_groups(reply: Reply) -> list[dict[str, Any]]:
    """The groups of an answer; none for one that is something else, as of panels that have none: that is no failure of theirs."""
    try:
        return _groups(await _value(reply))
    except Misread:
        return []


def _groups(answer: Any) -> list[dict[str, Any]]:
    """The rows that are groups, in a list or in an object that wraps one or has them by number."""
    if isinstance(answer, dict):
        inside = answer.get("data")
        answer = inside if isinstance(inside, list) else list(answer.values())
    rows = answer if isinstance(answer, list) else []
    return [row for row in rows if isinstance(row, dict) and _text(row.get("category_id"))]


def hash_of(categories: dict[str, str]) -> str:
    """A short text that changes when a category's name does."""
    return digest("\0".join(f"{k}={v}" for k, v in sorted(categories.items()))).hex()


def _sniff(first: bytes, content_type: str) -> None:
    head = first.removeprefix(b"\xef\xbb\xbf").lstrip()
    is_page = b"<html" in head[:600].lower() or b"<!doctype" in head[:600].lower()
    if not head.startswith((b"[", b"{")) and (is_page or not json_list.BEGINS.search(head[: json_list.MAX_BEFORE])):
        found = "an HTML page" if head[:1] == b"<" or "html" in content_type else "something else"
        raise Misread(f"the panel returned {found} instead of its channel list")


def _text(value: Any) -> str:
    if value is None or isinstance(value, dict | list | bool):
        return ""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else ""
    return printable(str(value))


def _zone(value: Any) -> str:
    """The zone in which a panel writes times, empty for UTC and for what is no zone's name."""
    name = _text(value)
    return name if name.upper() not in {"UTC", "GMT"} and zone_named(name) is not None else ""


def _category(row: dict[str, Any]) -> str:
    several = row.get("category_ids")
    return _text(row.get("category_id")) or _text(several[0] if isinstance(several, list) and several else None)


def _number(value: Any) -> int:
    text = _text(value)
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def _epoch(value: Any) -> datetime | None:
    text = _text(value)
    try:
        return datetime.fromtimestamp(int(text), UTC) if text.isdecimal() and int(text) > 0 else None
    except (OverflowError, ValueError, OSError):
        return None
