"""What commands use of the API's answers, and how people are told of it. A test holds the fields to what the API says of itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypedDict

from nightcrew.client import Row
from nightcrew.kernel.words import counted


class ChannelJson(TypedDict):
    """A channel, as far as it is named."""

    id: int
    name: str


class JobsJson(TypedDict):
    """The jobs that were started or joined."""

    jobs: list[str]


class FeedJson(TypedDict):
    """One region of a source, or its guide."""

    kind: str
    region: str | None
    status: str
    age: float | None
    channels: int
    streams: int
    resolved: int
    error: str | None
    held: Row | None
    run: str | None


class SourceJson(TypedDict):
    """A source with its feeds."""

    id: int
    kind: str
    name: str
    enabled: bool
    feeds: list[FeedJson]


def lines(source: SourceJson) -> str:
    """A source, a line for each feed."""
    return "\n".join(f"source {source['id']} {source['name']}, {_standing(source, feed)}" for feed in source["feeds"])


def _standing(source: SourceJson, feed: FeedJson) -> str:
    lost = feed["channels"] - feed["resolved"]
    unplayable = f" ({lost} cannot be played: no usable address)" if lost else ""
    what = f"region {feed['region']}: {counted(feed['channels'], 'channel')}{unplayable}"
    if feed["kind"] != "channels":
        what = f"guide: {counted(feed['streams'], 'programme')}"
    error = f": {feed['error']}" if feed["error"] else ""
    return f"{what}, {_status(source, feed)}{error}"


def _status(source: SourceJson, feed: FeedJson) -> str:
    return feed["status"] if source["enabled"] else "off"


def by_feed(sources: Iterable[SourceJson]) -> Iterator[Mapping[str, Any]]:
    """Sources in a table, with a row for each feed."""
    for source in sources:
        for feed in source["feeds"]:
            held = f"held back: {feed['held']['reason']}" if feed["held"] else None
            yield {
                **feed,
                "id": source["id"],
                "kind": source["kind"],
                "name": source["name"],
                "region": feed["region"] or "(guide)",
                "status": _status(source, feed),
                "problem": feed["error"] or held,
            }


def use(account: Row) -> Mapping[str, Any]:
    """An account in a table."""
    return {
        "account": account["name"],
        "in use": f"{account['in_use']} of {account['max_streams'] or 'any number'}",
        "by": "; ".join(f"{holder['owner']} ({holder['purpose']})" for holder in account["holders"]),
    }
