"""What a connection is asked, and how far it has come with that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from nightcrew.kernel import recovery
from nightcrew.kernel.connections.models import Connection
from nightcrew.kernel.errors import NightcrewError
from nightcrew.kernel.http import Request
from nightcrew.kernel.recovery import Left

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: a path below the connection's address, or an address of its own."""

    path: str = ""
    method: str = "GET"
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    form: Mapping[str, str] | None = None
    safe: bool = False
    """Whether it may be sent twice although its method may not."""


@dataclass(slots=True)
class Trial(Generic[ResultT]):
    """A request on its way through attempts and mirrors."""

    one: Connection
    question: Question
    send: Callable[[Request], Awaitable[ResultT]]
    addresses: list[str]
    kept: Any = None
    attempt: int = 1
    place: int = 0
    refused: str = ""
    """The token that the service did not take, after which a newer one was fetched."""

    @property
    def address(self) -> str:
        """The address that is asked now."""
        return self.addresses[self.place]

    def left(self, error: NightcrewError, *, repeatable: bool) -> Left:
        """What is still possible after an error."""
        again = repeatable or error.unreached or error.status == 429
        further = len(self.addresses) - self.place - 1
        return Left(
            attempts=recovery.ATTEMPTS - self.attempt if again else 0,
            mirrors=further if again else 0,
            kept=self.kept is not None,
        )
