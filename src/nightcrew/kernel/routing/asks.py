"""The HTTP of a look at a route: by the route's own opener without its gate, or directly, one small answer, no pool kept."""

from __future__ import annotations

from nightcrew.kernel.http import Http, Limits, Request
from nightcrew.kernel.routes import DIRECT, Direct, Route, Routes

SMALL = Limits(max_bytes=16_384, seconds=6)


class LookHttp:
    """Asks for text."""

    async def text(self, url: str, through: Route | None, headers: dict[str, str]) -> str:
        """The answer. A route leads to public hosts only; what is asked directly may lie in this network, as gluetun does."""
        http = Http(routes=Routes(Direct()) if through is None else Routes(through))
        name = DIRECT if through is None else through.name
        try:
            asked = Request(url, headers=headers, route=name, allow_private=through is None, attempts=1)
            text, _ = await http.text(asked, limits=SMALL)
        finally:
            await http.close()
        return text
