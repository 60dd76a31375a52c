"""Who sent a request, and what it may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from starlette.types import Scope

from nightcrew.kernel.access import Permission
from nightcrew.kernel.errors import Forbidden

UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
READS, OPERATES = frozenset({"read", "operate", "admin"}), frozenset({"operate", "admin"})
SCRIPTS = ("/api/", "/vavoo/api/", "/admin/")
"""What begins the addresses that a key which is not for everything may change something at: not those of pages."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `actor`: for the activity feed. `known`: whether it is more than just anyone.

    `permission`: what its API key may do; a person may do everything. `output`: what a player's token is bound to, None for who
    has no such token. `session`: the number of a person's session.
    """

    actor: str
    permission: Permission = "admin"
    key: bool = False
    output: str | None = None
    session: int | None = None
    known: bool = True


ANYONE = Caller("anyone", permission="read", known=False)


def caller_of(request: Request) -> Caller:
    """As the guard has found out."""
    caller: Caller | None = getattr(request.state, "caller", None)
    return caller or ANYONE


def refused(caller: Caller, scope: Scope, players: tuple[str, ...]) -> str:
    """Why a key may not do this, or empty. `players`: what begins the addresses for players.

    Routes that need `admin` say so themselves (`Admin`).
    """
    if not caller.key or caller.permission == "admin":
        return ""
    path = scope["path"]
    if path.startswith(players):
        return "" if caller.permission in {"players", "operate"} else _needs("players", caller)
    if scope["method"] not in UNSAFE:
        return "" if caller.permission in READS else _needs("read", caller)
    if caller.permission not in OPERATES:
        return _needs("operate", caller)
    return "" if path.startswith(SCRIPTS) else _needs("admin", caller)


def _needs(permission: str, caller: Caller) -> str:
    return f"this needs an API key with the permission {permission!r}, and this one has {caller.permission!r}"


def admin_only(request: Request) -> None:
    """Raise `Forbidden` for a key that may not change how Nightcrew is set up."""
    caller = caller_of(request)
    if caller.key and caller.permission != "admin":
        raise Forbidden(_needs("admin", caller))


def actor_of(request: Request) -> str:
    """Who acts, for the activity feed."""
    return caller_of(request).actor


def output_of(request: Request) -> str | None:
    """What the player's token of a request is bound to (`""`: everything for players), None for who has no such token."""
    return caller_of(request).output


def address_of(request: Request) -> str:
    """The client's address, by what a trusted proxy says of it."""
    return request.client.host if request.client else ""


Admin = Depends(admin_only)
"""For routes that change settings, sources, connections, or who may do what."""
Actor = Annotated[str, Depends(actor_of)]
BoundTo = Annotated[str | None, Depends(output_of)]
