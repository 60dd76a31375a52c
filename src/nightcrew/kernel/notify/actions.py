"""What a person or a script may do with targets. Each change is in the activity feed, without the address."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from typing import Any, cast

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import Invalid
from nightcrew.kernel.notify import notices_store, rules, targets_store, ways
from nightcrew.kernel.notify.models import Kind, Quiet, Target
from nightcrew.kernel.notify.post import Post
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.words import plain


async def add(runtime: Runtime, values: Mapping[str, Any], *, actor: str) -> Target:
    """A new target. `values`: name, kind, address, wants, level, enabled, quiet. Raises `Invalid` and `Conflict`."""
    row = await _row(runtime, values["kind"], values)
    if not await targets_store.any_listener(runtime.store):
        await notices_store.forget_all_needs(runtime.store)
    target = await targets_store.add(runtime.store, row, now=utcnow())
    await runtime.activity.record(
        "notify.added", f"{target.name} ({target.shown}) will be notified from now on", actor=actor, subject=target.name
    )
    runtime.bus.publish("notifications")
    return target


async def change(runtime: Runtime, target_id: int, values: Mapping[str, Any], *, actor: str) -> Target:
    """Change some of it; its kind stays. Raises `NotFound`, `Invalid` and `Conflict`."""
    before = await targets_store.get(runtime.store, target_id)
    row = await _row(runtime, before.kind, values)
    target = await targets_store.change(runtime.store, target_id, row)
    await runtime.activity.record("notify.changed", f"{target.name}: {_said(before, target)}", actor=actor)
    runtime.bus.publish("notifications")
    return target


async def remove(runtime: Runtime, target_id: int, *, actor: str) -> Target:
    """Tell it nothing any more, and forget its address. Raises `NotFound`."""
    target = await targets_store.remove(runtime.store, target_id)
    await runtime.activity.record("notify.removed", f"{target.name} is not told any more", actor=actor)
    runtime.bus.publish("notifications")
    return target


async def test(runtime: Runtime, target_id: int, *, actor: str) -> tuple[bool, str]:
    """Send a test now; returns whether it was taken, and what happened in a sentence. Raises `NotFound`."""
    target, error = await runtime.part(Post).test(target_id)
    what = "the call" if target.kind == "heartbeat" else "the test"
    said = f"{target.name} accepted {what}" if error is None else f"{target.name} did not accept {what}: {error}"
    level = "info" if error is None else "warning"
    await runtime.activity.record("notify.tested", said, level=level, actor=actor, subject=target.name)
    return error is None, said


def quiet_of(begin: str | None, end: str | None, *, loud: bool) -> Quiet | None:
    """Quiet hours from two times of the day, none when both are empty. Raises `Invalid`."""
    if not begin and not end:
        return None
    times: dict[str, time] = {}
    for field, text in (("quiet_from", begin), ("quiet_to", end)):
        try:
            times[field] = time.fromisoformat(text or "").replace(second=0, microsecond=0, tzinfo=None)
        except ValueError as exc:
            raise Invalid(f"{field}: quiet hours have two times such as 22:30 and 07:00", field=field) from exc
    if times["quiet_from"] == times["quiet_to"]:
        raise Invalid("quiet_to: quiet hours must not begin and end at the same time", field="quiet_to")
    return Quiet(times["quiet_from"], times["quiet_to"], loud)


async def _row(runtime: Runtime, kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """As the store takes it: the name cleaned, the address checked and sealed."""
    row = {key: value for key, value in values.items() if key != "address"}
    known = cast("Kind", kind)
    if "name" in row:
        row["name"] = plain(row["name"])
        if not row["name"]:
            raise Invalid("name: enter a name", field="name")
    if "address" in values:
        address = await ways.checked(known, values["address"])
        row |= {"sealed": runtime.vault.seal(address), "shown": rules.shown_address(known, address)[:300]}
    return row


def _said(before: Target, after: Target) -> str:
    """What has changed, in words."""
    if before.enabled != after.enabled:
        return "notifications are on again" if after.enabled else "it is switched off"
    return "it has a new address" if before.sealed != after.sealed else "it was changed"
