"""What a request's route allows and was: where each hop may lead, and whether the route has ended under it."""

from __future__ import annotations

from urllib.parse import urlsplit

from nightcrew.kernel import recovery
from nightcrew.kernel.errors import NightcrewError
from nightcrew.kernel.http_requests import Request
from nightcrew.kernel.routes import DIRECT, Private, RouteDown, Routes
from nightcrew.kernel.routes.hops import Hop, hop_of


def private_of(request: Request, url: str, *, outside: bool) -> Private:
    """Where one hop may lead in private networks. On a route a public name has to be public, unless a person entered it.

    `outside`: the hop before lay on the public network, whose redirects lead nowhere in this one.
    """
    if not request.allow_private:
        return Private.NEVER
    if request.route == DIRECT:
        return Private.ANYWHERE
    if outside and not is_outside(url):
        return Private.NEVER
    return Private.ANYWHERE if urlsplit(url).netloc == urlsplit(request.url).netloc else Private.NAMED


def is_outside(url: str) -> bool:
    """Whether a hop lies on the public network, as far as its address says."""
    return hop_of(urlsplit(url).hostname or "") is not Hop.LOCAL


class RouteWay:
    """What the route of a request was when it began."""

    def __init__(self, routes: Routes, request: Request) -> None:
        self._request = request
        self._route = routes.of(request.route)
        self._began = self._route.generation

    def told(self, error: NightcrewError) -> NightcrewError:
        """The error; where the route has ended meanwhile, that it has: it costs no attempt. What may have arrived may not be repeated."""
        ended = self._route.generation != self._began or not self._route.is_up
        network = recovery.trouble_of(error) is recovery.Trouble.NETWORK
        if not ended or not network or not (self._request.repeatable or error.unreached):
            return error
        parked = RouteDown(f"{error}, as the route {self._route.name} has changed")
        parked.unreached = error.unreached
        return parked
