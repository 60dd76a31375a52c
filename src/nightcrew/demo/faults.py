"""What can go wrong at a provider, and how often it still will."""

from dataclasses import dataclass
from enum import StrEnum

JSON_SERVICES = (
    "slskd",
    "jellyfin",
    "plex",
    "subsonic",
    "spotify",
    "listenbrainz",
    "list_movies",
    "tmdb",
    "qbittorrent",
)
SERVICES = ("m3u", "xtream", "catalogue", "guide", "live", "torznab", *JSON_SERVICES)


class Fault(StrEnum):
    """Explained where it is done: `breakage.py` for answers bent out of shape, `replacements.py` for others."""

    EMPTY = "empty"
    HALF = "half"
    HALF_CLEAN = "half-clean"
    ERROR_500 = "500"
    ERROR_503 = "503"
    ERROR_429 = "429"
    ERROR_404 = "404"
    SLOW = "slow"
    HANG = "hang"
    HTML = "html"
    WRONG_TYPE = "wrong-type"
    GARBAGE = "garbage"
    GZIP_BOMB = "gzip-bomb"
    XML_BOMB = "xml-bomb"
    ENDLESS = "endless"
    REDIRECT_LOOP = "redirect-loop"
    REDIRECT_FILE = "redirect-file"
    TRUNCATED_JSON = "truncated-json"


@dataclass
class Active:
    fault: Fault
    left: int | None
    """Requests that it still hits; None: until cleared."""


class Faults:
    """At most one fault per service. Raises ValueError for services and faults that do not exist."""

    def __init__(self) -> None:
        self._active: dict[str, Active] = {}

    def set(self, service: str, fault: Fault | str, times: int | None = None) -> None:
        if service not in SERVICES:
            raise ValueError(f"there is no service {service!r}, only {', '.join(SERVICES)}")
        if times is not None and times < 1:
            raise ValueError(f"a fault cannot happen {times} times")
        self._active[service] = Active(Fault(fault), times)

    def clear(self, service: str | None = None) -> None:
        if service is None:
            self._active.clear()
        else:
            self._active.pop(service, None)

    def current(self, service: str) -> Fault | None:
        active = self._active.get(service)
        return active.fault if active else None

    def take(self, service: str) -> Fault | None:
        """The fault for one request; counts it."""
        active = self._active.get(service)
        if active is None:
            return None
        if active.left is not None:
            active.left -= 1
            if active.left == 0:
                del self._active[service]
        return active.fault

    def snapshot(self) -> dict[str, dict[str, object]]:
        return {name: {"fault": active.fault.value, "times": active.left} for name, active in self._active.items()}
