"""The pages of hand-overs to download clients: that of a film, and all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from nightcrew.kernel.errors import Invalid
from nightcrew.kernel.runtime import Runtime
from nightcrew.movies.clients.base import TAG
from nightcrew.movies.handover import actions as handover_actions
from nightcrew.movies.handover import fetch_rules, fetching
from nightcrew.movies.handover import following as handovers
from nightcrew.movies.handover.fetch_rules import HOLDBACK_WORDS, Holdback
from nightcrew.movies.handover.models import BlockedSource, HandoverEntry
from nightcrew.movies.handover.rules import HandoverState, fingerprints
from nightcrew.movies.movie_tabs import tabs_of
from nightcrew.movies.settings import MovieSettings
from nightcrew.movies.sources.models import USABLE, SourceEntry
from nightcrew.movies.store import fetches, films
from nightcrew.movies.store import handovers as rows
from nightcrew.web.api import Id, Node
from nightcrew.web.callers import Actor
from nightcrew.web.render import PageRoute, done, render, render_part, texts

router = APIRouter(include_in_schema=False, route_class=PageRoute)
SHOWN, PLANNED = 200, 10
"""Hand-overs, and films that are fetched next, on the page of all."""
SPEECHLESS = frozenset({Holdback.GOING, Holdback.FETCHED})
"""Why a film is not fetched by itself, where the page shows that anyhow."""
MOST_ID = (1 << 63) - 1
LONGEST_ID = len(str(MOST_ID))


async def clients_of(node: Runtime) -> list[tuple[int, str]]:
    """The download clients: numbers and names."""
    return [(one.id, one.name) for one in await handovers.clients(node)]


async def context_of(node: Runtime, movie_id: int) -> dict[str, Any]:
    """What the part with the hand-overs of a film shows."""
    known = await rows.of_movie(node.store, movie_id)
    return {
        "movie_id": movie_id,
        "current": known[0] if known else None,
        "earlier": known[1:],
        "blocked": _titles(await rows.blocked_of(node.store, movie_id)),
        "names": dict(await clients_of(node)),
        "by_itself": await _by_itself(node, movie_id, known),
    }


async def choices_of(node: Runtime, movie_id: int, every: Sequence[SourceEntry]) -> dict[str, Any]:
    """What the part with the sources of a film needs for its buttons: clients, what goes on, what may be fetched, what is blocked."""
    known = {one.fingerprint: one.reason for one in await rows.blocked_of(node.store, movie_id)}
    tried = await rows.of_movie(node.store, movie_id)
    going = next((one for one in tried if one.ended_at is None), None)
    blocked = {
        one.id: known[sign] for one in every for sign in fingerprints(one.swarm, one.title, one.size) if sign in known
    }
    fetchable = {one.id for one in every if one.state in USABLE and one.swarm}
    return {
        "clients": await clients_of(node),
        "going": going,
        "fetched": any(one.state is HandoverState.DONE for one in tried),
        "blocked": blocked,
        "fetchable": fetchable,
    }


@router.get("/fragments/movies/{movie_id}/handover")
async def handover_part(request: Request, node: Node, movie_id: Id) -> Response:
    """The hand-overs of a film."""
    return render(request, "movies/handover.html", **await context_of(node, movie_id))


@router.get("/movies/downloads")
async def downloads_page(request: Request, node: Node) -> Response:
    """All hand-overs."""
    tabs = await tabs_of(node, "downloads")
    return render(request, "movies/downloads.html", tabs=tabs, **await _downloads(node))


@router.get("/fragments/movies/downloads")
async def downloads_part(request: Request, node: Node) -> Response:
    """All hand-overs, as they are now."""
    return render(request, "movies/download_table.html", **await _downloads(node))


@router.post("/movies/{movie_id:int}/fetch")
async def fetch(request: Request, node: Node, actor: Actor, movie_id: Id) -> Response:
    """Hand a source over: the one that the form names, to the client that it names."""
    typed = await texts(request)
    source, client = (_number(typed.get(name, ""), name) for name in ("source", "client"))
    entry = await handover_actions.hand_over(node, movie_id, source_id=source, client=client, actor=actor)
    return done(request, f"{entry.title} is handed over.", f"/movies/{movie_id}")


@router.get("/movies/handovers/{handover_id}/give-up")
async def try_giving_up(request: Request, node: Node, handover_id: Id) -> Response:
    """What giving it up would do. Nothing is changed."""
    found = await handover_actions.giving_up(node, handover_id)
    return render_part(request, "movies/handover_giving_up.html", title="Give it up?", found=found, tag=TAG)


@router.post("/movies/handovers/{handover_id}/give-up")
async def give_up(request: Request, node: Node, actor: Actor, handover_id: Id) -> Response:
    """End a hand-over."""
    entry = await handover_actions.give_up(node, handover_id, actor=actor)
    return done(request, f"{entry.title} is given up.", f"/movies/{entry.movie_id}")


@router.post("/movies/{movie_id:int}/allow")
async def allow(request: Request, node: Node, actor: Actor, movie_id: Id) -> Response:
    """Let what is blocked be handed over again."""
    title = (await texts(request)).get("title", "")
    found = await handover_actions.allow(node, movie_id, title or None, actor=actor)
    return done(request, f"{', '.join(found)} may be fetched again.", f"/movies/{movie_id}")


async def _by_itself(node: Runtime, movie_id: int, known: Sequence[HandoverEntry]) -> Any:
    """When a film is fetched by itself, or in a word why not; None where there is nothing to say."""
    options = node.settings.of(MovieSettings)
    entry = await fetches.of_movie(node.store, movie_id) if options.fetch else None
    if entry is None:
        return None
    held = fetch_rules.holdback((one.state, one.cause) for one in known) or entry.held
    if held is not None:
        return None if held in SPEECHLESS else HOLDBACK_WORDS[held]
    if not await handovers.clients(node):
        return "no download client is connected"
    return fetch_rules.fetched_at(entry.good_since, options.fetch_delay)


async def _downloads(node: Runtime) -> dict[str, Any]:
    known = await rows.newest(node.store, SHOWN)
    return {
        "handovers": known,
        "films": await films.of_ids(node.store, {one.movie_id for one in known}),
        "names": dict(await clients_of(node)),
        "plan": await fetching.plan(node, PLANNED),
    }


def _titles(found: Sequence[BlockedSource]) -> list[BlockedSource]:
    """One row for each title: what is blocked has several fingerprints."""
    return list({one.title: one for one in found}.values())


def _number(text: str, name: str) -> int | None:
    if not text:
        return None
    if len(text) > LONGEST_ID or not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= MOST_ID:
        raise Invalid(f"{name}: it is no number", field=name)
    return int(text)
