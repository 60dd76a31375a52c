"""uvicorn inside a loop that belongs to somebody else: it takes no signals, changes no logger and stops at once."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Generator
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

log = logging.getLogger("nightcrew.demo.server")


def _is_mistake(record: logging.LogRecord) -> bool:
    """Broken-off answers are wanted here and cancelled ones come with stopping; exceptions are neither."""
    return record.exc_info is not None and not isinstance(record.exc_info[1], asyncio.CancelledError)


log.addFilter(_is_mistake)
log.setLevel(logging.ERROR)


class QuietProtocol(HttpToolsProtocol):
    """Writes no access log, and into the world's own log only the servers' mistakes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = log
        self.access_log = False


class DemoServer(uvicorn.Server):
    """Set `leaving` to end `serve`."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(uvicorn.Config(app, http=QuietProtocol, ws="none", lifespan="off", log_config=None))
        self.listening = asyncio.Event()
        self.leaving = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def main_loop(self) -> None:
        """Renews the Date header each second, and notices the end at once, unlike the loop that it replaces."""
        self.listening.set()
        while not self.leaving.is_set():
            await self.on_tick(0)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.leaving.wait(), 1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends what is being sent instead of waiting for it: hanging and endless answers never end by themselves."""
        for listener in (*self.servers, *(sockets or ())):
            listener.close()
        requests = tuple(self.server_state.tasks)
        for request in requests:
            request.cancel()
        for connection in tuple(self.server_state.connections):
            if isinstance(connection, HttpToolsProtocol):
                connection.transport.abort()
        if requests:
            await asyncio.wait(requests, timeout=1)
        for server in self.servers:
            await server.wait_closed()


def listen(port: int) -> socket.socket:
    """Bound to loopback; port 0 takes a free one."""
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener
