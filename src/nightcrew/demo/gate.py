"""What every request passes first: it is counted, and hit by its service's fault."""

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from .breakage import BREAKAGES
from .capture import capture, send_headers_only
from .faults import SERVICES, Fault
from .replacements import replace
from .scene import Scene

CONDITIONS = {b"if-none-match", b"if-modified-since"}


class Gate:
    def __init__(self, app: ASGIApp, scene: Scene) -> None:
        self._app = app
        self._scene = scene

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        service = scope["path"].split("/")[1]
        fault = None
        if service in SERVICES:
            self._scene.counters[service] += 1
            fault = self._scene.faults.take(service)
        try:
            if fault in BREAKAGES:
                good = await capture(self._app, _unconditional(scope), receive)
                await BREAKAGES[fault](good, send)
            else:
                await self._answer(fault, service, scope, receive, send)
        except ClientDisconnect:
            return

    async def _answer(self, fault: Fault | None, service: str, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app if fault is None else await replace(fault, service, Request(scope))
        if scope["method"] == "HEAD" and fault is not Fault.HANG:
            await send_headers_only(app, scope, receive, send)
        else:
            await app(scope, receive, send)


def _unconditional(scope: Scope) -> Scope:
    """A 304 has no body that could be spoilt."""
    return {**scope, "headers": [header for header in scope["headers"] if header[0] not in CONDITIONS]}
