"""The FastAPI application, and the server that stops when it is told to."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from nightcrew import __version__
from nightcrew.kernel.access import Access
from nightcrew.kernel.declare import Domain
from nightcrew.kernel.runtime import KernelSettings, Runtime
from nightcrew.web import api, connections_api, import_api, notify_api, pages, problems, routes_api
from nightcrew.web.guard import Guard
from nightcrew.web.outputs import PlayerOutputs
from nightcrew.web.protocol import MAX_HEAD, ClientProtocol
from nightcrew.web.render import create_renderer

SOUND = ("aac", "ac3", "eac3", "flac", "mp4", "mpeg", "ogg", "wav")
AS_THEY_ARE = tuple(
    kind for kind in DEFAULT_EXCLUDED_CONTENT_TYPES if kind != "audio/*"
)  # a playlist is audio/x-mpegurl
AS_THEY_ARE += ("application/octet-stream", *(f"audio/{kind}" for kind in SOUND))
"""Kinds of answers that are not packed: pictures and sound are already, and a stream of an unknown kind may be."""
STATIC = Path(__file__).parent / "static"


def create_app(
    runtime: Runtime, access: Access, domains: Sequence[Domain], *, hosts: frozenset[str] = frozenset()
) -> FastAPI:
    """All routes of all domains behind the guard. `hosts` are names under which it may be asked while no password is set."""
    app = FastAPI(
        title="Nightcrew",
        version=__version__,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
    )
    app.state.runtime = runtime
    app.state.access = access
    app.state.domains = tuple(domains)
    app.state.outputs = PlayerOutputs(output for domain in domains for output in domain.player_outputs)
    problems.install(app)
    create_renderer(app, domains)
    own = (
        api.router,
        notify_api.router,
        connections_api.router,
        routes_api.router,
        import_api.router,
        pages.router,
    )
    for router in (*own, *(router for domain in domains for router in domain.routers)):
        # the routes as they are: `include_router` works each of them out anew, at the first request of every application
        app.router.routes.extend(router.routes)
    app.state.outputs.keep(["/static/", *(route.path for route in app.router.routes if isinstance(route, Route))])
    app.mount("/static", _Static(directory=STATIC), name="static")
    app.add_middleware(GZipMiddleware, compresslevel=6, exclude_content_types=AS_THEY_ARE)
    app.add_middleware(
        Guard,
        access=access,
        metrics=runtime.health.metrics,
        outputs=app.state.outputs,
        hosts=hosts,
        proxies=lambda: runtime.settings.of(KernelSettings).trusted_proxies,
    )
    return app


class _Static(StaticFiles):
    """Static files that a browser may keep for an hour."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def cached(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"cache-control", b"public, max-age=3600")]  # type: ignore[misc]
            await send(message)

        await super().__call__(scope, receive, cached)  # type: ignore[arg-type]


class WebServer(uvicorn.Server):
    """uvicorn without its own signal handling: Nightcrew stops its parts in order. It is told to stop, and does not look for it."""

    def __init__(self, config: uvicorn.Config) -> None:
        self._ending = asyncio.Event()
        super().__init__(config)

    @property
    def should_exit(self) -> bool:
        """Whether it ends; set to end it, on the event loop."""
        return self._ending.is_set()

    @should_exit.setter
    def should_exit(self, wanted: bool) -> None:
        if wanted:
            self._ending.set()

    async def main_loop(self) -> None:
        """Until the end. Once a second the date of the answers is set anew."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._ending.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the composition root."""
        yield


def make_server(app: FastAPI, *, host: str, port: int) -> WebServer:
    """A server that is not started yet. Access logs are off: addresses hold players' tokens."""
    return WebServer(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            access_log=False,
            log_config=None,
            timeout_graceful_shutdown=2,
            timeout_keep_alive=30,
            server_header=False,
            proxy_headers=False,
            http=ClientProtocol,
            h11_max_incomplete_event_size=MAX_HEAD,
            ws="none",
        )
    )
