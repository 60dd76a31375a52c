"""Ways out to the network. A route alone resolves names and opens connections for the requests that take it.

Each address that a name has is checked, and one of exactly these addresses is connected to: a name that answers differently a
moment later (DNS rebinding) leads nowhere else. A route that is not known, or not up, opens nothing: it fails closed.
"""

from nightcrew.kernel.routes.base import DIRECT, Datagrams, Private, Route, RouteDown, Unavailable
from nightcrew.kernel.routes.direct import Direct
from nightcrew.kernel.routes.guarded import MOST_ADDRESSES, STAGGER, GuardedBackend
from nightcrew.kernel.routes.known import Routes

__all__ = [
    "DIRECT",
    "MOST_ADDRESSES",
    "STAGGER",
    "Datagrams",
    "Direct",
    "GuardedBackend",
    "Private",
    "Route",
    "RouteDown",
    "Routes",
    "Unavailable",
]
