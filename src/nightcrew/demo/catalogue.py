"""Service `catalogue`: an invented paged JSON API with short-lived tokens; streams are resolved one by one."""

import base64
from collections.abc import Iterator

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from .live import signed_path
from .names import SUBJECTS
from .replies import read_object
from .scene import Scene

PAGE = 20
TOKEN_SECONDS = 60
STREAM_SECONDS = 120
OPTIONS: dict[str, object] = {
    "list": {
        "method": "POST",
        "path": "/list",
        "headers": {"X-Signature": "{token}"},
        "body": {"language": "{lang}", "region": "{region}", "cursor": "{cursor}"},
    },
    "items": "items",
    "next_cursor": "nextCursor",
    "fields": {"id": "id", "name": "name", "group": "group", "logo": "logo"},
    "where": {"kind": "live"},
    "auth": {
        "kind": "token",
        "path": "/token",
        "body": {"client": "demo"},
        "token": "data.token",
        "header": "X-Signature",
        "lifetime": TOKEN_SECONDS,
    },
    "resolve": {
        "kind": "post",
        "path": "/resolve",
        "body": {"id": "{id}"},
        "url": "streams.0.url",
        "lifetime": STREAM_SECONDS,
    },
}
"""What a consumer has to be told to read this API."""


def routes(scene: Scene) -> list[BaseRoute]:
    async def token(request: Request) -> Response:
        body = await read_object(request)
        if body.get("client") != "demo":
            raise HTTPException(403, "unknown client")
        text = scene.signer.sign("token", int(scene.clock()) + TOKEN_SECONDS)
        return JSONResponse({"data": {"token": text, "expires_in": TOKEN_SECONDS}})

    async def page(request: Request) -> Response:
        _check_token(scene, request)
        body = await read_object(request)
        items = list(_items(scene, str(body.get("region") or "").upper()))
        start = _offset(body.get("cursor"))
        following = start + PAGE
        return JSONResponse(
            {"items": items[start:following], "nextCursor": _cursor(following) if following < len(items) else None}
        )

    async def resolve(request: Request) -> Response:
        _check_token(scene, request)
        wanted = str((await read_object(request)).get("id"))
        channel = scene.lineup.find(wanted)
        if not (channel and channel.kind == "catalogue") and not wanted.startswith("film-"):
            raise HTTPException(404, "no such item")
        url = scene.url + signed_path(scene, wanted, STREAM_SECONDS)
        return JSONResponse({"streams": [{"url": url, "expires_in": STREAM_SECONDS}]})

    return [
        Route("/catalogue/token", token, methods=["POST"]),
        Route("/catalogue/list", page, methods=["POST"]),
        Route("/catalogue/resolve", resolve, methods=["POST"]),
    ]


def _check_token(scene: Scene, request: Request) -> None:
    if not scene.signer.valid("token", request.headers.get("x-signature", ""), scene.clock()):
        raise HTTPException(401, "the token is missing or has expired")


def _items(scene: Scene, region: str) -> Iterator[dict[str, object]]:
    """A film after every fourth channel: the consumer has to leave them out by their kind."""
    for index, channel in enumerate(scene.lineup.of("catalogue", region), 1):
        yield _item(channel.id, channel.name, channel.group, scene.url + channel.logo, "live")
        if index % 4 == 0:
            film = f"film-{region.lower()}-{index // 4:04d}"
            title = f"The {SUBJECTS[index // 4 % len(SUBJECTS)]} ({1950 + index % 70})"
            yield _item(film, title, "Films", f"{scene.url}/logos/{film}.png", "movie")


def _item(item_id: str, name: str, group: str, logo: str, kind: str) -> dict[str, object]:
    return {"id": item_id, "name": name, "group": group, "logo": logo, "kind": kind, "locator": f"meridian:{item_id}"}


def _cursor(offset: int) -> str:
    return base64.urlsafe_b64encode(f"from:{offset}".encode()).decode()


def _offset(cursor: object) -> int:
    if cursor is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(str(cursor)).removeprefix(b"from:"))
    except ValueError as exc:
        raise HTTPException(400, "not a cursor of this catalogue") from exc
