"""What the kernel declares of notifications: two ticks, its own kinds of notices, what needs a person."""

from __future__ import annotations

from datetime import datetime, timedelta

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.declare import Need, NoticeKind, Tick
from nightcrew.kernel.notify import notices_store
from nightcrew.kernel.notify.post import Post
from nightcrew.kernel.runtime import KernelSettings, Runtime

NOTICES = (
    NoticeKind("promise.broken", "broken", "A promise is broken", "promises are broken", by_subject=True),
    NoticeKind("promise.kept", "recovered", "A promise is kept again", "promises are kept again", by_subject=True),
    NoticeKind("worker.failed", "failed", "A worker failed", "workers failed"),
    NoticeKind("node.silent", "failed", "A machine is silent", "machines are silent", by_subject=True),
    NoticeKind("node.back", "recovered", "A machine is back", "machines are back"),
    NoticeKind("need.new", "needs", "Something needs you", "things need you"),
)


async def start(runtime: Runtime) -> None:
    """Open the post office, before anything is recorded."""
    post = Post(runtime)
    runtime.add(post)
    runtime.activity.also(post.enter)


async def stop(runtime: Runtime) -> None:
    """Close it."""
    await runtime.part(Post).close()


async def send(runtime: Runtime) -> None:
    """Send what is due, and call heartbeat addresses."""
    await runtime.part(Post).look()


async def send_at(runtime: Runtime) -> datetime | None:
    """When there is something to send, or heartbeat addresses are to be held back, as a promise is broken here."""
    found = await notices_store.next_at(runtime.store)
    if found is None or runtime.health.keeps_all():
        return found
    return min(found, utcnow() + timedelta(seconds=runtime.settings.of(KernelSettings).heartbeat_interval / 3))


async def compare(runtime: Runtime) -> None:
    """Look for what needs a person and did not before."""
    await runtime.part(Post).compare_needs()


async def needs(runtime: Runtime) -> list[Need]:
    """Targets that do not work."""
    return await runtime.part(Post).needs()


TICKS = (
    Tick(
        "kernel.notify",
        send,
        every=2.0,
        promise=60.0,
        time_limit=30.0,
        help="Sends what people are to be told, and calls heartbeat addresses.",
        next_at=send_at,
        topics=(notices_store.NOTICES.topic,),
    ),
    Tick(
        "kernel.needs",
        compare,
        every=15.0,
        promise=120.0,
        time_limit=60.0,
        help="Tells people of what needs one of them.",
    ),
)
