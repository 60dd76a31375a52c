"""The HTTP API of one server, as commands ask it. A refusal is an error with a sentence for a person.

Answers are typed: a command declares those fields of an answer that it uses as a TypedDict, and a test holds these to what the
API says of itself. A server of another version, whose answer lacks one, is told as such.
"""

from __future__ import annotations

from functools import cached_property
from json import loads
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    import httpx2

    from nightcrew.client.asking import Asking

DEFAULT_URL = "http://127.0.0.1:8780"
PAGE = 1000
"""Items that are asked for at a time: as many as the API gives."""

Row = dict[str, Any]
"""An answer of which no field is used by name, or that has no fields of its own."""
JsonT = TypeVar("JsonT")


class Failed(Exception):
    """The server refused or cannot be reached; the message is for a person."""


class Unreachable(Failed):
    """Nobody answers at the server's address."""


class _Answer(Row):
    """An object in an answer."""

    def __missing__(self, name: str) -> Any:
        raise Failed(f"the server is of another version than this command: its answer has no {name!r}")


class Server:
    """The API of one server. Every method raises `Failed` with the problem's sentence, `Unreachable` where nobody answers."""

    def __init__(self, url: str = DEFAULT_URL, key: str = "") -> None:
        self.url = url
        """As it was named."""
        self._base = url.rstrip("/")
        self._key = key

    def ask(self, method: str, path: str, /, *, params: Row | None = None, json: object = None) -> Any:
        """The JSON answer, None where there is none."""
        from http.client import HTTPException

        try:
            status, content = self._asking.ask(method, path, params or {}, json)
        except (OSError, HTTPException) as exc:
            raise self._unreachable() from exc
        if status == 204:
            return None
        try:
            body = loads(content, object_hook=_Answer)
        except ValueError as exc:
            raise self._stranger(f"HTTP {status}") from exc
        if status >= 400 and path != "/health":
            detail = body.get("detail") if isinstance(body, dict) else None
            raise Failed(str(detail or f"HTTP {status}"))
        return body

    def get(self, kind: type[JsonT], path: str, /, **params: Any) -> JsonT:
        """What is there."""
        return self._fitting(kind, self.ask("GET", path, params=given(**params)))

    def post(self, kind: type[JsonT], path: str, body: object = None, /, **params: Any) -> JsonT:
        """Make or start something."""
        return self._fitting(kind, self.ask("POST", path, json=body, params=given(**params)))

    def put(self, kind: type[JsonT], path: str, body: object, /) -> JsonT:
        """Change some of it."""
        return self._fitting(kind, self.ask("PUT", path, json=body))

    def patch(self, kind: type[JsonT], path: str, body: object, /) -> JsonT:
        """Change some of it."""
        return self._fitting(kind, self.ask("PATCH", path, json=body))

    def delete(self, kind: type[JsonT], path: str, /, **params: Any) -> JsonT:
        """Remove it."""
        return self._fitting(kind, self.ask("DELETE", path, params=given(**params)))

    def rows(self, kind: type[JsonT], path: str, limit: int | None = None, /, **params: Any) -> list[JsonT]:
        """The items of a list: of one that has pages, up to `limit` over as many as that takes."""
        items: list[JsonT] = []
        cursor = None
        while limit is None or len(items) < limit:
            size = None if limit is None else min(PAGE, limit - len(items))
            body = self._fitting(Row, self.ask("GET", path, params=given(**params, limit=size, cursor=cursor)))
            items += [self._fitting(kind, item) for item in body["items"]]
            cursor = body.get("next")
            if cursor is None:
                break
        return items

    def find(self, kind: type[JsonT], path: str, text: str, noun: str, listed: str) -> JsonT:
        """The one item of a list that has this number or this name. `listed`: the command that shows all of them."""
        items = self.rows(kind, path)
        for wanted, spelled in ((text, str), (text.casefold(), _folded)):
            for item in items:
                named = cast("Row", item)
                if wanted in {spelled(named["id"]), spelled(named["name"])}:
                    return item
        raise Failed(f"there is no {noun} {text!r}; `nightcrew {listed}` has all of them")

    def events(self) -> httpx2.Response:
        """The open stream of what changes (`changes.py`)."""
        import httpx2

        request = self._client.build_request("GET", "/api/v1/events", headers={"Accept": "text/event-stream"})
        try:
            answer = self._client.send(request, stream=True)
        except httpx2.TransportError as exc:
            raise self._unreachable() from exc
        if answer.status_code != 200:
            answer.close()
            raise Failed(f"HTTP {answer.status_code}")
        return answer

    def close(self) -> None:
        """Give the connections back."""
        for name in ("_asking", "_client"):
            if name in vars(self):
                vars(self)[name].close()

    @cached_property
    def _asking(self) -> Asking:
        from nightcrew.client.asking import Asking

        if not (self._key.isascii() and self._key.isprintable()):
            raise Failed("what --api-key or NIGHTCREW_API_KEY says is no API key: those are letters, digits and signs")
        try:
            return Asking(self._base, self._key)
        except ValueError as exc:
            raise Failed(f"{self._base} is not an address: {exc}") from exc

    @cached_property
    def _client(self) -> httpx2.Client:
        """For what has no end: it tells what has come of it, and what may still come."""
        import httpx2

        headers = {"Accept": "application/json", "User-Agent": "nightcrew-cli"}
        if self._key:
            headers["X-Api-Key"] = self._key
        try:
            verify = self._base.startswith("https:")  # to load the certificates takes longer than most answers
            return httpx2.Client(base_url=self._base, headers=headers, timeout=60, trust_env=False, verify=verify)
        except httpx2.InvalidURL as exc:
            raise Failed(f"{self._base} is not an address: {exc}") from exc

    def _unreachable(self) -> Unreachable:
        return Unreachable(
            f"no Nightcrew answers at {self._base}: start it with `nightcrew serve`, or name another with --url"
        )

    def _fitting(self, _: type[JsonT], body: Any) -> JsonT:
        """An answer, as its type. Its fields are looked for when they are used."""
        if not isinstance(body, dict):
            raise self._stranger("it answers something else")
        return cast("JsonT", body)

    def _stranger(self, why: str) -> Failed:
        return Failed(f"{self._base} does not speak Nightcrew's API ({why})")


def given(**values: Any) -> Row:
    """Those that have a value."""
    return {name: value for name, value in values.items() if value is not None}


def _folded(value: object) -> str:
    return str(value).casefold()
