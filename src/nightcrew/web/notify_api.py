"""JSON routes for notifications: who is told, and what they were told."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from nightcrew.kernel.clock import iso
from nightcrew.kernel.declare import Group
from nightcrew.kernel.fields import Secret, ask
from nightcrew.kernel.notify import actions, notices_store, rules, targets_store
from nightcrew.kernel.notify.models import MAX_ADDRESS, MAX_NAME, Kind, Level, Notice, Target
from nightcrew.kernel.runtime import Runtime
from nightcrew.web import answers as say
from nightcrew.web.answers import Items
from nightcrew.web.api import Cursor, Limit, Node, number_cursor
from nightcrew.web.callers import Actor, Admin

router = APIRouter(prefix="/api/v1/notifications", tags=["notifications"])

TargetId = Annotated[int, Path(ge=1, lt=2**63)]
Address = Annotated[Secret, Field(min_length=1, max_length=MAX_ADDRESS)]
Clock = Annotated[str, Field(max_length=5)]
EVERYTHING = frozenset(rules.TITLES)
KINDS = (
    ("apprise", "A service, through apprise"),
    ("webhook", "A web address that takes JSON"),
    ("heartbeat", "A heartbeat: an address that is called while every promise is kept"),
)
LEVELS = (("info", "Everything"), ("warning", "Warnings and errors"), ("error", "Errors only"))


class NewTarget(BaseModel):
    """Somebody to tell. `address`: an apprise address, a web address that takes JSON (webhook), or one to call (heartbeat).

    It is told of the groups in `wants` from `level` on. Between `quiet_from` and `quiet_to` (22:30, local time) messages wait;
    with `loud` errors do not.
    """

    model_config = ConfigDict(extra="forbid")

    name: str = ask(label="Name", placeholder="My phone", min_length=1, max_length=MAX_NAME)
    kind: Kind = ask(label="Kind", choices=KINDS)
    address: Secret = ask(
        label="Address",
        help="For a service: an apprise address such as tgram://token/chat, ntfy://topic or mailtos://user:password@example.net. "
        "For the other kinds: a web address. It is stored encrypted and never shown again.",
        control="text",
        placeholder="tgram://… or https://…",
        min_length=1,
        max_length=MAX_ADDRESS,
    )
    level: Level = ask("info", label="Level", choices=LEVELS)
    enabled: bool = True
    quiet_from: str | None = ask(
        None,
        label="Quiet from",
        help="Messages wait until the quiet hours are over, and arrive as one. Leave both empty to have none.",
        control="time",
        max_length=5,
    )
    quiet_to: str | None = ask(None, label="Quiet to", control="time", max_length=5)
    loud: bool = ask(False, label="Send errors during quiet hours too")
    wants: frozenset[Group] = ask(
        EVERYTHING, label="Tell it when", control="checks", choices=list(rules.TITLES.items())
    )


class TargetChange(BaseModel):
    """What to change. Empty `quiet_from` and `quiet_to` end the quiet hours."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(None, min_length=1, max_length=MAX_NAME)
    address: Address | None = None
    wants: frozenset[Group] | None = None
    level: Level | None = None
    enabled: bool | None = None
    quiet_from: Clock | None = None
    quiet_to: Clock | None = None
    loud: bool | None = None


@router.get("/targets", response_model=Items[say.TargetRow])
async def list_targets(node: Node) -> dict[str, Any]:
    """All targets, by name. Of an address only so much is shown as is no secret."""
    return {"items": [target_row(one) for one in await targets_store.every(node.store)], "next": None}


@router.post("/targets", dependencies=[Admin], response_model=say.TargetRow, status_code=201)
async def add_target(node: Node, actor: Actor, wanted: NewTarget) -> dict[str, Any]:
    """Tell somebody from now on. The address is sealed and not shown again."""
    return target_row(await add(node, wanted, actor=actor))


async def add(node: Runtime, wanted: NewTarget, *, actor: str) -> Target:
    """Add a target. Raises `Invalid`, `Conflict`."""
    values = wanted.model_dump(exclude={"quiet_from", "quiet_to", "loud"})
    values["quiet"] = actions.quiet_of(wanted.quiet_from, wanted.quiet_to, loud=wanted.loud)
    return await actions.add(node, values, actor=actor)


@router.patch("/targets/{target_id}", dependencies=[Admin], response_model=say.TargetRow)
async def change_target(node: Node, actor: Actor, target_id: TargetId, changes: TargetChange) -> dict[str, Any]:
    """Change some of a target. What waits for one that is switched off is dropped."""
    return target_row(await change(node, target_id, changes, actor=actor))


async def change(node: Runtime, target_id: int, changes: TargetChange, *, actor: str) -> Target:
    """Change some of a target. Raises `NotFound`, `Invalid`, `Conflict`."""
    given = changes.model_dump(exclude_unset=True)
    quiet = {key: given.pop(key) for key in ("quiet_from", "quiet_to", "loud") if key in given}
    values = {key: value for key, value in given.items() if value is not None}
    if quiet:
        before = target_row(await targets_store.get(node.store, target_id))
        quiet = {key: before[key] for key in ("quiet_from", "quiet_to", "loud")} | quiet
        values["quiet"] = actions.quiet_of(quiet["quiet_from"], quiet["quiet_to"], loud=bool(quiet["loud"]))
    return await actions.change(node, target_id, values, actor=actor)


@router.delete("/targets/{target_id}", dependencies=[Admin], status_code=204)
async def remove_target(node: Node, actor: Actor, target_id: TargetId) -> None:
    """Tell it nothing any more. Its address and its history are forgotten."""
    await actions.remove(node, target_id, actor=actor)


@router.post("/targets/{target_id}/test", response_model=say.TargetTested)
async def test_target(node: Node, actor: Actor, target_id: TargetId) -> dict[str, Any]:
    """Send a test now, and say what happened. Quiet hours do not matter."""
    taken, said = await actions.test(node, target_id, actor=actor)
    return {"ok": taken, "message": said}


@router.get("", response_model=Items[say.NoticeRow])
async def history(node: Node, limit: Limit = 50, cursor: Cursor = None) -> dict[str, Any]:
    """What was told and is to be told, newest first."""
    found = await notices_store.page(node.store, before=number_cursor(cursor), limit=limit)
    names = {target.id: target.name for target in await targets_store.every(node.store)}
    items = [notice_row(one, names.get(one.target_id, "")) for one in found]
    return {"items": items, "next": str(found[-1].id) if len(found) == limit else None}


def target_row(target: Target) -> dict[str, Any]:
    """A target as scripts see it."""
    return {
        "id": target.id,
        "name": target.name,
        "kind": target.kind,
        "address": target.shown,
        "wants": [group for group in rules.TITLES if group in target.wants],
        "level": target.level,
        "enabled": target.enabled,
        "quiet_from": f"{target.quiet.begin:%H:%M}" if target.quiet else None,
        "quiet_to": f"{target.quiet.end:%H:%M}" if target.quiet else None,
        "loud": bool(target.quiet and target.quiet.loud),
        "state": state_of(target),
        "waiting": target.waiting,
        "failing_since": iso(target.failing_since),
        "error": target.error,
        "delivered_at": iso(target.delivered_at),
        "created_at": iso(target.created_at),
    }


def state_of(target: Target) -> str:
    """How a target stands, in a word."""
    if not target.enabled:
        return "off"
    if target.failing_since:
        return "failing"
    return "works" if target.delivered_at else "new"


def notice_row(one: Notice, target: str) -> dict[str, Any]:
    """A notice as scripts see it."""
    return {
        "id": one.id,
        "target": one.target_id,
        "target_name": target,
        "kind": one.kind,
        "level": one.level,
        "subject": one.subject,
        "message": one.message,
        "count": one.repeats,
        "state": one.state.value,
        "attempts": one.attempts,
        "at": iso(one.last_at),
        "due_at": iso(one.due_at),
        "sent_at": iso(one.sent_at),
        "error": one.error,
    }
