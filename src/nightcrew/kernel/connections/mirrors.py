"""The addresses of one connection, as this node finds them: one that fails cools down, longer each time, and is tried again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nightcrew.kernel.connections.rules import SETTLED, pause

PROBE = 10.0
"""Seconds for which one request has a cooled address to itself, while the others go on without it."""


@dataclass(frozen=True, slots=True)
class Cooling:
    """An address that failed so often, and is not asked until `until` (monotonic seconds). `answers`: how often it has answered since."""

    failures: int
    until: float
    reason: str = ""
    answers: int = 0


class Mirrors:
    """Which address is asked first."""

    def __init__(self) -> None:
        self._cooling: dict[str, Cooling] = {}
        self.last = ""
        """The address that answered last."""

    def order(self, addresses: Sequence[str], now: float, *, probe: bool = True) -> list[str]:
        """All addresses that are not cooling, as the person ordered them; when all are, the one that is tried again soonest.

        One whose pause is over is given to a single request, which probes it; `probe`: whether this may be that request, as it can go
        on with another address when the probe fails.
        """
        self._cooling = {address: one for address, one in self._cooling.items() if address in addresses}
        due = {address for address in addresses if self.is_probed(address) and not self.is_cooling(address, now)}
        ready = [address for address in addresses if not self.is_cooling(address, now)]
        certain = [address for address in ready if address not in due]
        if not ready:
            return sorted(addresses, key=lambda address: self._cooling[address].until)[:1]
        if not probe and certain:
            return certain
        if len(addresses) > 1:
            for address in due:
                self._cooling[address] = replace(self._cooling[address], until=now + PROBE)
        return ready

    def is_cooling(self, address: str, now: float) -> bool:
        """Whether others are asked in its place."""
        return address in self._cooling and self._cooling[address].until > now

    def is_probed(self, address: str) -> bool:
        """Whether it has failed and not answered since, so that a single attempt shows how it is."""
        return address in self._cooling and not self._cooling[address].answers

    def of(self, address: str) -> Cooling | None:
        """What is known of an address that failed lately."""
        return self._cooling.get(address)

    def failed(self, address: str, now: float, reason: str = "") -> None:
        """It did not answer, or not as it should."""
        failures = self._cooling[address].failures + 1 if address in self._cooling else 1
        self._cooling[address] = Cooling(failures, now + pause(failures), reason)

    def worked(self, address: str) -> None:
        """It answered. Its failures are forgotten once it does so for a while: one that flaps cools longer each time."""
        self.last = address
        known = self._cooling.get(address)
        if known is None:
            return
        if known.answers + 1 >= SETTLED:
            del self._cooling[address]
        else:
            self._cooling[address] = replace(known, until=0.0, answers=known.answers + 1)
