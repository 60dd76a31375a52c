"""Takes an application's answer instead of sending it, so that it can be spoilt or shortened."""

import asyncio
import contextlib
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 64_000_000
MOST_SECONDS = 2.0


@dataclass
class Captured:
    """`whole` is False where the answer was longer, or slower, than the limits."""

    status: int = 200
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    whole: bool = False

    def headers_without_length(self) -> list[tuple[bytes, bytes]]:
        return [(name, value) for name, value in self.headers if name.lower() != b"content-length"]


async def capture(app: ASGIApp, scope: Scope, receive: Receive, most: int = MOST_BYTES) -> Captured:
    """Ends the application after `most` bytes of body or two seconds: live streams never end by themselves."""
    got = Captured()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(MOST_SECONDS) as limit:

            async def send(message: Message) -> None:
                if message["type"] == "http.response.start":
                    got.status, got.headers = message["status"], list(message.get("headers", ()))
                else:
                    got.body += message.get("body", b"")
                    got.whole = not message.get("more_body", False)
                if not got.whole and len(got.body) >= most:
                    limit.reschedule(asyncio.get_running_loop().time())
                    await asyncio.sleep(MOST_SECONDS)

            await app(scope, receive, send)
    return got


async def send_headers_only(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Answers HEAD; without this an endless stream would be produced for nobody."""
    got = await capture(app, scope, receive, most=0)
    await send({"type": "http.response.start", "status": got.status, "headers": got.headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
