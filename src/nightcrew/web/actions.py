"""What a person or a script may do with the kernel's own parts, on a page or over the API alike: each is in the activity feed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from fastapi import Request

from nightcrew.kernel.access import Access, Permission
from nightcrew.kernel.errors import Forbidden
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.words import counted
from nightcrew.web.callers import address_of, caller_of
from nightcrew.web.outputs import PlayerOutputs

WorkerAction = Literal["run", "pause", "resume"]
_DONE: dict[WorkerAction, str] = {"run": "started by hand", "pause": "paused", "resume": "resumed"}


async def apply_settings(node: Runtime, changes: dict[str, Any], actor: str) -> dict[str, Any]:
    """Change options and write it into the activity feed; returns what really changed."""
    changed = await node.settings.change(node.store, changes, actor=actor)
    if changed:
        shown = ", ".join(f"{key} = {json.dumps(value)[:80]}" for key, value in changed.items())
        await node.activity.record("settings.changed", f"Settings were changed: {shown}", actor=actor, **changed)
        node.bus.publish("settings")
    return changed


async def act_on_worker(runtime: Runtime, name: str, action: WorkerAction, *, actor: str) -> str:
    """Run a worker now, pause it on all nodes, or resume it; returns that as a sentence. Raises `NotFound`."""
    if action == "run":
        await runtime.schedule.run_now(name)
    elif action == "pause":
        await runtime.schedule.pause(name, actor=actor)
    else:
        await runtime.schedule.resume(name)
    said = f"Worker {name} was {_DONE[action]}"
    await runtime.activity.record(f"worker.{action}", said, actor=actor, subject=name)
    return f"{said}."


async def cancel_job(runtime: Runtime, job_id: str, *, actor: str) -> None:
    """End a queued or running job now. Raises `NotFound`, `Conflict`."""
    await runtime.jobs.cancel(job_id)
    await runtime.activity.record("job.cancelled", f"Job {job_id} was cancelled", actor=actor, subject=job_id)


async def retry_job(runtime: Runtime, job_id: str, *, actor: str) -> str:
    """Run a failed or cancelled job again; returns the new one's id. Raises `NotFound`, `Conflict`."""
    fresh = await runtime.jobs.retry(job_id)
    await runtime.activity.record("job.retried", f"Job {job_id} was started again", actor=actor, subject=job_id)
    return fresh


async def forget_node(runtime: Runtime, name: str, *, actor: str) -> None:
    """Forget a node that is gone. Raises `Conflict`."""
    await runtime.nodes.forget(name)
    await runtime.activity.record("node.forgotten", f"{name} was forgotten", actor=actor, subject=name)


@dataclass(frozen=True, slots=True)
class Made:
    """A token, with the text that is shown this once."""

    scope: Literal["api", "player"]
    name: str
    output: str
    permission: Permission
    text: str


async def make_token(
    request: Request,
    scope: Literal["api", "player"],
    name: str,
    output: str = "",
    permission: Permission = "admin",
    *,
    actor: str,
    password: str = "",
) -> Made:
    """Make a token. Raises `Invalid`, and `Forbidden` for an API key without the password: keys alone make no keys."""
    if caller_of(request).key and not (password and await is_password(request, password)):
        raise Forbidden("an API key makes no further keys or tokens: send the password too, or log in")
    runtime: Runtime = request.app.state.runtime
    access: Access = request.app.state.access
    outputs: PlayerOutputs = request.app.state.outputs
    meant = outputs.checked(output)
    text = await access.make_token(scope, name, output=meant, permission=permission)
    given = "players" if scope == "player" else permission
    said = f"A token ({scope}, {given}) named {name.strip()} was made"
    await runtime.activity.record("access.token_made", said, actor=actor)
    return Made(scope, name.strip(), meant, given, text)


async def is_password(request: Request, text: str) -> bool:
    """Whether it is the password. Raises `MustWait` for a client that sent too many wrong ones."""
    access: Access = request.app.state.access
    return await access.check_password(text, address=address_of(request))


async def end_session(request: Request, session_id: int, *, actor: str) -> None:
    """Log a browser out. Raises `NotFound`."""
    runtime: Runtime = request.app.state.runtime
    access: Access = request.app.state.access
    await access.sessions.end(session_id)
    await runtime.activity.record("access.session_ended", "A session was ended", actor=actor)


async def end_other_sessions(request: Request, *, actor: str) -> int:
    """Log all other browsers out; returns how many they were."""
    runtime: Runtime = request.app.state.runtime
    access: Access = request.app.state.access
    number = await access.sessions.end_others(caller_of(request).session)
    said = f"{counted(number, 'other session')} ended"
    await runtime.activity.record("access.session_ended", said, actor=actor)
    return number


async def revoke_token(request: Request, token_id: int, *, actor: str) -> str:
    """A token stops working at once; returns its name. Raises `NotFound`."""
    runtime: Runtime = request.app.state.runtime
    access: Access = request.app.state.access
    name = await access.revoke_token(token_id)
    await runtime.activity.record("access.token_revoked", f"The token {name} was revoked", actor=actor)
    return name
