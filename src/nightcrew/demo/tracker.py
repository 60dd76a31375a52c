"""Service `tracker`: the HTTP half of the world's tracker. The world starts the UDP half beside it."""

import asyncio

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from .scene import Scene


def routes(scene: Scene) -> list[BaseRoute]:
    tracker = scene.tracker

    async def scrape(request: Request) -> Response:
        if tracker.delay:
            await asyncio.sleep(tracker.delay)
        if tracker.page:
            return HTMLResponse("<!doctype html><title>Parked</title><p>This domain is for sale.")
        return Response(tracker.page_for(request.scope["query_string"]), media_type="text/plain")

    return [Route("/tracker/scrape", scrape)]
