"""HTML from templates: one Jinja2 environment for all domains, and the words in which pages say times and sizes."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.routing import APIRoute
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined
from markupsafe import Markup

from nightcrew import __version__
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.declare import Domain, Page
from nightcrew.kernel.errors import Invalid, NightcrewError
from nightcrew.kernel.runtime import KernelSettings, Runtime
from nightcrew.kernel.words import MOST, bit_rate, bounded, duration, hms, sentence, size
from nightcrew.web.states import all_states

MOST_FIELDS = 500
"""Fields of a form."""
LATEST = 253_402_128_000.0
"""The last moment that a page can name in any time zone, in seconds since 1970."""
_HERE = Path(__file__).parent
_STATIC = _HERE / "static"
PARTS = ("action", "form", "plot", "state", "table", "words")
"""Files of `templates/parts`, whose macros every template has as `ui.table`, `ui.field` and so on."""


OWN_TOPICS = ("workers", "jobs", "activity", "settings", "slots", "notifications", "connections", "routes")
"""What the kernel publishes on the bus."""


@dataclass(frozen=True, slots=True)
class Renderer:
    """The environment and what the frame of every page shows."""

    environment: Environment
    pages: tuple[Page, ...]

    def text(self, request: Request, name: str, context: dict[str, Any]) -> str:
        """A template's text, with what all templates may use."""
        frame = {
            "request": request,
            "pages": self.pages,
            "path": request.url.path,
            "protected": request.app.state.access.protected,
            "version": __version__,
            "base": base_of(request),
        }
        return self.environment.get_template(name).render(frame | context)


def base_of(request: Request) -> str:
    """The address under which players reach us: the configured one, else the one that this browser uses."""
    runtime: Runtime = request.app.state.runtime
    return (runtime.settings.of(KernelSettings).public_url or str(request.base_url)).rstrip("/")


def create_renderer(app: FastAPI, domains: Sequence[Domain]) -> None:
    """Keep a renderer in `app.state.renderer`. A domain's templates are named `<domain>/<file>`."""
    folders = {domain.name: FileSystemLoader(domain.templates) for domain in domains if domain.templates}
    environment = Environment(
        loader=ChoiceLoader([FileSystemLoader(_HERE / "templates"), PrefixLoader(folders)]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "ago": ago,
        "until": until,
        "duration": duration,
        "bytes": size,
        "rate": bit_rate,
        "hms": hms,
        "sentence": sentence,
        "epoch": epoch,
        "instant": moment_of,
        "number": number,
        "fraction": fraction,
        "clock": clock,
        "iso": iso,
        "bars": bars,
        "ticks": ticks,
    }
    marks = {path.relative_to(_STATIC).as_posix(): _mark(path) for path in _STATIC.rglob("*") if path.is_file()}
    of_domains = [topic for domain in domains for topic in domain.topics]
    environment.globals |= {"topics": [*OWN_TOPICS, *of_domains], "figures_of": [*of_domains, "settings"]}
    environment.globals["states"] = all_states(domains)
    environment.globals["static"] = lambda name: f"/static/{name}?v={marks.get(name, '')}"
    environment.globals["ui"] = _parts(environment)
    pages = tuple(page for domain in domains for page in domain.pages)
    if any(domain.connections or domain.owned for domain in domains):
        pages += (Page("/connections", "Connections"),)
    app.state.renderer = Renderer(environment, pages)


def _parts(environment: Environment) -> SimpleNamespace:
    modules = [environment.get_template(f"parts/{part}.html").module for part in PARTS]
    return SimpleNamespace(
        **{name: macro for module in modules for name, macro in vars(module).items() if name[0] != "_"}
    )


def render(
    request: Request, name: str, *, status_code: int = 200, headers: dict[str, str] | None = None, **context: Any
) -> HTMLResponse:
    """A template as an answer. Nothing of a page may be kept by a browser: it is out of date a second later."""
    renderer: Renderer = request.app.state.renderer
    kept = {"Cache-Control": "no-store", "Vary": "HX-Request"}
    return HTMLResponse(renderer.text(request, name, context), status_code, kept | (headers or {}))


def is_fragment(request: Request) -> bool:
    """Whether htmx asks for a part of a page, rather than a browser for a whole one."""
    return request.headers.get("hx-request") == "true"


def render_part(
    request: Request,
    name: str,
    *,
    title: str,
    status_code: int = 200,
    headers: dict[str, str] | None = None,
    **context: Any,
) -> HTMLResponse:
    """A part of a page for htmx; for a browser without JavaScript the same part in a page of its own."""
    if is_fragment(request):
        return render(request, name, status_code=status_code, headers=headers, **context)
    return render(request, "part.html", status_code=status_code, headers=headers, part=name, title=title, **context)


def done(request: Request, sentence: str, back: str) -> Response:
    """The answer to a change that worked: a note on the page that htmx keeps, or back to the page."""
    if is_fragment(request):
        return Response(status_code=204, headers=note(sentence))
    return RedirectResponse(back, 303)


async def answer_form(
    request: Request,
    template: str,
    title: str,
    form: Callable[..., Any],
    act: Callable[[Mapping[str, str]], Awaitable[str]],
    back: str,
    *,
    name: str = "form",
) -> Response:
    """The answer to a form that was sent. `act` does what it asks for, and returns a sentence.

    What is wrong stands in the form, with what was typed (`form(typed=…, error=…)`). Else the form is empty (`form()`) beside a note;
    without JavaScript the page `back` follows. `name`: what the template calls the form.
    """
    typed = await texts(request)
    try:
        said = await act(typed)
    except NightcrewError as exc:
        return render_part(request, template, title=title, status_code=422, **{name: form(typed=typed, error=exc)})
    if is_fragment(request):
        return render(request, template, headers=note(said), **{name: form()})
    return RedirectResponse(back, 303)


def note(sentence: str) -> dict[str, str]:
    """The header that makes `app.js` show a sentence."""
    return {"HX-Trigger": json.dumps({"said": {"text": sentence}})}


async def texts(request: Request) -> dict[str, str]:
    """The fields of a sent form, the last of each name. Raises `Invalid` for one of more than `MOST_FIELDS`, or of another kind."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in {"", "application/x-www-form-urlencoded"}:
        raise Invalid("the form was sent in a way that is not known here")
    try:
        text = (await request.body()).decode()
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError as exc:
        raise Invalid(f"the form has bytes that are no text, or more than {MOST_FIELDS} fields") from exc


class PageRoute(APIRoute):
    """Errors of whole pages are pages; those of fragments stay problem JSON, which `app.js` shows as a note."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's own handler, with a page for the errors that are expected."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await handler(request)
            except (NightcrewError, RequestValidationError) as exc:
                if is_fragment(request):
                    raise
                error = exc if isinstance(exc, NightcrewError) else Invalid("this address is not complete or not right")
                answer: Response = await request.app.exception_handlers[NightcrewError](request, error)
                return render(request, "error.html", status_code=answer.status_code, sentence=str(error))

        return handle


# -- words -------------------------------------------------------------------------------------------------------------


def moment_of(value: datetime | str | float | None) -> datetime | None:
    """A point in time from a datetime, an ISO 8601 text, or an age in seconds."""
    if value is None or isinstance(value, datetime):
        return value
    if isinstance(value, str):
        return datetime.fromisoformat(value)
    return epoch(utcnow().timestamp() - (bounded(value, LATEST, -LATEST) or 0))


def epoch(seconds: float) -> datetime:
    """A point in time from seconds since 1970; the nearest one that a calendar has."""
    return datetime.fromtimestamp(bounded(seconds, LATEST) or 0, UTC)


def ago(value: datetime | str | float | None) -> str:
    """How long ago: "12 s ago", "3 min ago"; "never" for None. A number is an age in seconds."""
    moment = moment_of(value)
    if moment is None:
        return "never"
    seconds = (utcnow() - moment).total_seconds()
    return "just now" if seconds < 1 else f"{duration(seconds)} ago"


def until(value: datetime | str | None) -> str:
    """How long it is until then: "in 12 s"; "now" when it is past."""
    moment = moment_of(value)
    if moment is None:
        return "not planned"
    seconds = (moment - utcnow()).total_seconds()
    return "now" if seconds < 1 else f"in {duration(seconds)}"


def number(value: float | None) -> str:
    """Digits in groups of three, with a narrow space that does not break."""
    value = bounded(value, MOST, -MOST)
    return "–" if value is None else f"{value:,}".replace(",", "\u202f")


def fraction(value: float | None) -> float:
    """A part of a whole, from 0 to 1."""
    return bounded(value, 1.0) or 0.0


def clock(value: datetime | str | None) -> str:
    """The time of day at this installation, with the date when it is not today's."""
    moment = moment_of(value)
    if moment is None:
        return "–"
    local, today = moment.astimezone(), utcnow().astimezone().date()
    return f"{local:%H:%M:%S}" if local.date() == today else f"{local:%Y-%m-%d %H:%M}"


def iso(value: datetime | str | float | None) -> str:
    """For the attribute `datetime` of an element."""
    moment = moment_of(value)
    return "" if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def bars(runs: Sequence[Mapping[str, Any]], count: int = 30) -> list[dict[str, Any]]:
    """The last runs, oldest first, as bars: `height` 0–1 grows with the logarithm of the seconds, `state` says how it ended."""
    last = list(runs)[-count:]
    longest = max([_grown(run["seconds"]) for run in last], default=0) or 1
    return [
        {
            "state": run.get("state") or ("failed" if run["error"] else "ok"),
            "height": round(0.15 + 0.85 * _grown(run["seconds"]) / longest, 3),
            "at": run["at"],
            "seconds": run["seconds"],
            "error": run["error"],
        }
        for run in last
    ]


def _grown(seconds: float | None) -> float:
    """The logarithm of a length of time, which a clock that was set back makes negative."""
    return math.log1p(bounded(seconds) or 0)


def ticks(text: str) -> Markup:
    """Text in which `so` stands for code."""
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else part for place, part in enumerate(parts)
    )


def _mark(path: Path) -> str:
    """Changes with the file, so that a browser may keep what it has."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:8]
