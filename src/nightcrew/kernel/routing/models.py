"""Tables of the routes, and the frozen rows that leave their store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from nightcrew.kernel.routes.states import RouteState
from nightcrew.kernel.store import Moment, metadata

MOST = 20
"""Routes that people may define."""
MAX_REASON = 500

route = sa.Table(
    "route",
    metadata,
    sa.Column("name", sa.String(40), primary_key=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("shown", sa.String(300), nullable=False),  # what it is, without a login
    sa.Column("sealed", sa.Text, nullable=False),  # the whole definition
    sa.Column("version", sa.String(32), nullable=False),  # another with each change
    sa.Column("created_at", Moment, nullable=False),
)

route_state = sa.Table(
    "route_state",
    metadata,
    sa.Column("route", sa.String(40), sa.ForeignKey("route.name", ondelete="CASCADE"), primary_key=True),
    sa.Column("node", sa.String(100), primary_key=True),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("reason", sa.String(MAX_REASON), nullable=False),
    sa.Column("since", Moment, nullable=False),  # it stands so
    sa.Column("seen_at", Moment, nullable=False),  # the node said so last
    sa.Column("canary_s", sa.Float),  # the last round trip
    sa.Column("canary_at", Moment),
    sa.Column("public", sa.String(45), nullable=False),
    sa.Column("parked", sa.Integer, nullable=False),  # requests that found it closed since it was last up
    sa.Column("parked_at", Moment),  # the last of them
)


@dataclass(frozen=True, slots=True)
class DefinedRoute:
    """A route as it is stored. `sealed` is its whole definition."""

    name: str
    kind: str
    shown: str
    sealed: str
    version: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RouteAtNode:
    """How a route stands at one node, as that node said last."""

    route: str
    node: str
    state: RouteState
    reason: str
    since: datetime
    seen_at: datetime
    canary_s: float | None
    canary_at: datetime | None
    public: str
    parked: int
    parked_at: datetime | None
