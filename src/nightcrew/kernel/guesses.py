"""Wrong passwords by who sent them, so that a stranger's keep nobody else out. Pure: times are monotonic seconds."""

from __future__ import annotations

import contextlib
import ipaddress

TRIES = 5
"""Wrong passwords of one client after which it has to wait before each further one."""
FIRST_WAIT, LONGEST_WAIT = 60.0, 3600.0
"""Seconds: the wait doubles with each wrong password."""
FORGOTTEN = 3600.0
LOCK_FORGOTTEN = 86_400.0
"""Seconds after the last wrong one from which a client begins anew: one that never had to wait, and one that had to."""
MAX_CLIENTS = 1_000
"""Clients whose wrong passwords are remembered."""


class Guesses:
    """How many wrong passwords each client has sent, and how long it has to wait."""

    def __init__(self) -> None:
        self._wrong: dict[str, tuple[int, float]] = {}
        """By client: how many, and when the last one was."""

    def __len__(self) -> int:
        return len(self._wrong)

    def wait(self, client: str, now: float) -> float:
        """Seconds until the client may try again; 0 when it may now."""
        number, last = self._known(client, now)
        if number < TRIES:
            return 0.0
        pause = min(FIRST_WAIT * 2.0 ** min(number - TRIES, 10), LONGEST_WAIT)
        return max(0.0, last + pause - now)

    def begin(self, client: str, now: float) -> bool:
        """Count a guess as wrong until `forgive` takes it back; False when the client has to wait."""
        if self.wait(client, now) > 0:
            return False
        number, _ = self._known(client, now)
        self._wrong.pop(client, None)
        self._wrong[client] = number + 1, now
        if len(self._wrong) > MAX_CLIENTS:
            del self._wrong[next(iter(self._wrong))]
        return True

    def forgive(self, client: str) -> None:
        """A guess that was begun was right."""
        with contextlib.suppress(KeyError):
            number, last = self._wrong[client]
            self._wrong[client] = max(0, number - 1), last

    def _known(self, client: str, now: float) -> tuple[int, float]:
        number, last = self._wrong.get(client, (0, now))
        return (0, now) if now - last >= (FORGOTTEN if number < TRIES else LOCK_FORGOTTEN) else (number, last)


def client_of(address: str) -> str:
    """Whom an address stands for: itself, or the IPv6 network of 64 bits, as one client has all addresses of it."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or ipaddress.IPv6Network((int(found) >> 64 << 64, 64)))
