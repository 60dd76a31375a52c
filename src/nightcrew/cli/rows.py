"""What commands use of the kernel's answers. A test holds the fields to what the API says of itself."""

from __future__ import annotations

from typing import Any, TypedDict


class StateJson(TypedDict):
    """How something stands after it was acted on."""

    state: str


class EntryJson(TypedDict):
    """An entry of the activity feed."""

    id: int
    at: str
    level: str
    message: str


class TargetJson(TypedDict):
    """Who is told."""

    id: int
    name: str
    kind: str
    wants: list[str]
    level: str
    quiet_from: str | None
    quiet_to: str | None


class TestedJson(TypedDict):
    """What a test found."""

    ok: bool
    message: str


class ConnectionTestedJson(TestedJson):
    """What a test of a connection found, in sentences."""

    facts: list[str]


class KindJson(TypedDict):
    """A kind of service that can be connected. `fields` is the JSON schema of its settings."""

    kind: str
    title: str
    url: str
    granted: bool
    fields: dict[str, Any]


class ConnectionJson(TypedDict):
    """A connection and how it stands."""

    id: int
    kind: str
    title: str
    name: str
    url: str
    state: str
    reason: str
    retry_at: str | None


class RouteJson(TypedDict):
    """A route and how it stands at the node that answers."""

    name: str
    spec: str
    dns: list[str]
    state: str
    reason: str
    since: str | None
    canary_s: float | None
    public: str
    parked: int
    used_by: list[str]
