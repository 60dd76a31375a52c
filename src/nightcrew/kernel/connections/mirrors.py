"""The addresses of one connection, as this node finds them: one that fails cools down, longer each time, and is tried again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nightcrew.kernel.connections.rules import pause


@dataclass(frozen=True, slots=True)
class Cooling:
    """An address that failed so often in a row, and is tried after the others until `until` (monotonic seconds)."""

    failures: int
    until: float


class Mirrors:
    """Which address is asked first."""

    def __init__(self) -> None:
        self._cooling: dict[str, Cooling] = {}

    def order(self, addresses: Sequence[str], now: float) -> list[str]:
        """All addresses that are not cooling, as the person ordered them; when all are, the one that is tried again soonest."""
        self._cooling = {address: one for address, one in self._cooling.items() if address in addresses}
        ready = [address for address in addresses if not self.is_cooling(address, now)]
        return ready or sorted(addresses, key=lambda address: self._cooling[address].until)[:1]

    def is_cooling(self, address: str, now: float) -> bool:
        """Whether others are asked before it."""
        return address in self._cooling and self._cooling[address].until > now

    def failed(self, address: str, now: float) -> None:
        """It did not answer, or not as it should."""
        failures = self._cooling[address].failures + 1 if address in self._cooling else 1
        self._cooling[address] = Cooling(failures, now + pause(failures))

    def worked(self, address: str) -> None:
        """It answered."""
        self._cooling.pop(address, None)
