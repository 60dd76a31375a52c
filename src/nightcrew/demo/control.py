"""Switches for whoever drives the world over HTTP. They never fail: no fault reaches them."""

from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from .lineup import KINDS
from .png import png
from .replies import read_object
from .scene import Scene


def routes(scene: Scene, sources: Callable[[], list[dict[str, object]]]) -> list[BaseRoute]:
    async def front(_request: Request) -> Response:
        return JSONResponse(sources())

    async def show(_request: Request) -> Response:
        return JSONResponse({"faults": scene.faults.snapshot(), "requests": dict(scene.counters)})

    async def set_fault(request: Request) -> Response:
        body = await read_object(request)
        times = body.get("times")
        if times is not None and not isinstance(times, int):
            raise HTTPException(400, "times must be a whole number")
        try:
            scene.faults.set(str(body.get("service")), str(body.get("fault")), times)
        except ValueError as exc:
            raise HTTPException(400, str(exc)) from exc
        return await show(request)

    async def clear(request: Request) -> Response:
        scene.faults.clear(request.query_params.get("service"))
        return await show(request)

    async def shrink(request: Request) -> Response:
        body = await read_object(request)
        keep, service = body.get("keep"), body.get("service")
        kind = next((kind for kind in KINDS if kind == service), None)
        if kind is None or not isinstance(keep, int | float) or not 0 <= keep <= 1:
            raise HTTPException(400, "service must be m3u, xtream or catalogue, and keep a share from 0 to 1")
        scene.lineup.shrink(kind, keep)
        return _counts(scene)

    async def restore(_request: Request) -> Response:
        scene.lineup.restore()
        return _counts(scene)

    return [
        Route("/", front),
        Route("/logos/{seed}.png", _logo),
        Route("/_faults", show),
        Route("/_faults", set_fault, methods=["POST"]),
        Route("/_faults", clear, methods=["DELETE"]),
        Route("/_lineup/shrink", shrink, methods=["POST"]),
        Route("/_lineup/restore", restore, methods=["POST"]),
    ]


async def _logo(request: Request) -> Response:
    return Response(png(request.path_params["seed"]), media_type="image/png")


def _counts(scene: Scene) -> Response:
    return JSONResponse({kind: len(scene.lineup.of(kind)) for kind in KINDS})
