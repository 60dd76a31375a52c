"""What a service is asked, where, and how far a request has come."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from nightcrew.kernel import recovery
from nightcrew.kernel.connections.models import Connection
from nightcrew.kernel.declare import Budget, Signed
from nightcrew.kernel.errors import NightcrewError
from nightcrew.kernel.http import Request
from nightcrew.kernel.http_gate import AskPriority
from nightcrew.kernel.http_requests import Attached
from nightcrew.kernel.recovery import Left
from nightcrew.kernel.routes import DIRECT

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a service is, and what goes with every request. `secrets` must not show up in an error."""

    addresses: tuple[str, ...]
    """The first one, and its mirrors."""
    private: bool = False
    route: str = DIRECT
    secrets: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    """They are no login, so that they go to other hosts too."""
    signed: Signed = field(default_factory=Signed)
    """The login, for the service's own hosts alone."""
    safe: frozenset[str] = frozenset()
    """Methods that may be repeated besides those that always may."""
    row: Connection | None = None
    """How the connection stood when this was made, if it is one."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: a path below the service's address, or an address of its own."""

    path: str = ""
    method: str = "GET"
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    form: Mapping[str, str] | None = None
    files: Mapping[str, Attached] | None = None
    """Files that go with the form, by field."""
    safe: bool = False
    """Whether it may be sent twice although its method may not."""
    secrets: tuple[str, ...] = ()
    """Values of its own that must not show up in an error."""
    budget: Budget | None = None
    """What it is counted on, where only some questions are; else on the budget of its kind, if that has one."""
    priority: AskPriority = field(default=AskPriority.STANDARD, repr=False)
    """Who comes first where the service may be asked little."""


@dataclass(slots=True)
class Trial(Generic[ResultT]):
    """A request on its way through attempts and mirrors."""

    reach: Reach
    question: Question
    send: Callable[[Request], Awaitable[ResultT]]
    addresses: list[str]
    kept: Any = None
    probed: frozenset[str] = frozenset()
    """Addresses that failed the last time: one attempt shows whether they answer again."""
    attempt: int = 1
    place: int = 0
    bearer: str = ""
    """The token that went with it."""
    refused: str = ""
    """The token that the service did not take, after which a newer one was fetched."""

    @property
    def address(self) -> str:
        """The address that is asked now."""
        return self.addresses[self.place]

    def left(self, error: NightcrewError) -> Left:
        """What is still possible after an error."""
        elsewhere = self.repeatable or error.unreached or error.status == 429
        mirrors = len(self.addresses) - self.place - 1 if elsewhere else 0
        attempts = (1 if mirrors and self.address in self.probed else recovery.ATTEMPTS) - self.attempt
        return Left(
            attempts=recovery.attempts_left(error, attempts, repeatable=self.repeatable),
            mirrors=mirrors,
            kept=self.kept is not None,
        )

    @property
    def repeatable(self) -> bool:
        """Whether the same may be sent twice."""
        method = self.question.method
        return Request("", method, safe=self.question.safe or method in self.reach.safe).repeatable
