"""The pages of music: what is wanted and why it is missing, what is downloaded, how the library grows, how the last run went."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, RedirectResponse, Response
from pydantic import BaseModel

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.errors import NightcrewError, NotFound
from nightcrew.kernel.fields import ask
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.words import counted
from nightcrew.music import actions, autosync, clients, rules
from nightcrew.music import library as local_library
from nightcrew.music.models import DownloadState, WantedState
from nightcrew.music.plot import library_plot, matching_plot
from nightcrew.music.store import downloads, figures, library, listings, wanted
from nightcrew.music.store.listings import NewTrack
from nightcrew.music.wishes import SOURCES
from nightcrew.web.api import Id, Node
from nightcrew.web.callers import Actor
from nightcrew.web.forms import Form, checked, form_of, values_of
from nightcrew.web.paging import paging
from nightcrew.web.render import PageRoute, answer_form, done, is_fragment, note, render, render_part

router = APIRouter(include_in_schema=False, route_class=PageRoute)

Show = Literal["open", "missing", "review", "downloading", "owned", "ignored", "unlisted"]
Words = Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")]  # PostgreSQL has no texts with NUL
Before = Annotated[int, Query(ge=0, lt=2**63)]
ROWS = 40
LATEST, MOST_RUNNING = 12, 100
"""Downloads that are shown, and those that run, which are shown first."""
SAFE = {"X-Content-Type-Options": "nosniff"}
TYPES = {
    ".flac": "audio/flac",
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".wav": "audio/wav",
}
SHOWN: dict[str, tuple[str, frozenset[WantedState]]] = {
    "open": ("Open", frozenset(WantedState) - {WantedState.OWNED, WantedState.IGNORED, WantedState.UNLISTED}),
    "missing": ("Missing", frozenset({WantedState.MISSING})),
    "review": ("Need a choice", frozenset({WantedState.REVIEW})),
    "downloading": ("Downloading", wanted.AT_WORK),
    "owned": ("In the library", frozenset({WantedState.OWNED})),
    "ignored": ("Ignored", frozenset({WantedState.IGNORED})),
    "unlisted": ("No longer wanted", frozenset({WantedState.UNLISTED})),
}
CAUSES = {
    "search": "the search failed",
    "quality": "not good enough",
    "no_results": "nobody shares it",
    "download": "the download failed",
    "missing_path": "the file was lost",
    "import": "the import failed",
}


class AddForm(BaseModel):
    """A track by hand."""

    artist: str = ask(label="Artist", min_length=1, max_length=300)
    title: str = ask(label="Title", min_length=1, max_length=500)
    album: str = ask("", label="Album", help="Leave it empty if any will do.", max_length=500)


class ListForm(BaseModel):
    """A list."""

    name: str = ask(label="Name of the list", min_length=1, max_length=150)
    text: str = ask(
        label="Tracks",
        control="textarea",
        rows=6,
        help="An M3U, a CSV as streaming services export it, or one track per line.",
        placeholder="Artist - Title",
        min_length=1,
        max_length=1 << 20,
    )


@router.get("/music")
async def music_page(
    request: Request, node: Node, show: Show = "open", q: Words = "", source: Words = "", before: Before = 0
) -> Response:
    """All of it."""
    context: dict[str, Any] = {
        "form": _add_form(),
        "list_form": _list_form(),
        "slskd": await clients.slskd(node) is not None,
    }
    context |= await _wanted(node, show, q, source, before)
    for part in PARTS.values():
        context |= await part(node)
    return render(request, "music/music.html", **context)


@router.get("/fragments/music/wanted")
async def wanted_part(
    request: Request, node: Node, show: Show = "open", q: Words = "", source: Words = "", before: Before = 0
) -> Response:
    """A page of wanted tracks."""
    return render(request, "music/wanted.html", **await _wanted(node, show, q, source, before))


@router.get("/fragments/music/{part}")
async def music_part(request: Request, node: Node, part: Literal["downloads", "library", "run"]) -> Response:
    """What is downloaded, how much the library has, or how the last run of autosync went."""
    return render(request, f"music/{part}.html", **await PARTS[part](node))


@router.post("/music")
async def add(request: Request, node: Node, actor: Actor) -> Response:
    """Want a track."""

    async def act(typed: Mapping[str, str]) -> str:
        new = checked(AddForm, values_of(AddForm, typed))
        track = NewTrack(rules.key_of(new.title, new.artist), new.title, (new.artist,), rules.BY_HAND, new.album)
        return f"{(await actions.add(node, track, actor=actor)).shown} is searched for."

    return await answer_form(request, "music/form.html", "Want a track", _add_form, act, "/music")


@router.post("/music/lists")
async def add_list(request: Request, node: Node, actor: Actor) -> Response:
    """Want the tracks of a list."""

    async def act(typed: Mapping[str, str]) -> str:
        new = checked(ListForm, values_of(ListForm, typed))
        taken, found = await actions.take_list(node, new.name, new.text, whole=False, actor=actor)
        unread = f" {counted(found.unread, 'line')} could not be read: {found.problems[0]}." if found.unread else ""
        return f"{counted(taken.tracks, 'track')}, {taken.added} new.{unread}"

    return await answer_form(
        request, "music/list_form.html", "Import a list", _list_form, act, "/music", name="list_form"
    )


@router.get("/music/autosync")
async def try_autosync(request: Request, node: Node) -> Response:
    """What a run would do. Nothing is changed."""
    made, known = await autosync.plan(node), node.part(Connections)
    services = [one.name for source in SOURCES for one in await known.of_kind(source.kind.name)]
    title = "Fetch what is missing?"
    return render_part(request, "music/autosync.html", title=title, plan=made, services=services)


@router.post("/music/autosync")
async def start_autosync(request: Request, node: Node) -> Response:
    """Start a run."""
    await node.jobs.start(autosync.JOB)
    return done(request, "Autosync has begun.", "/music")


@router.get("/music/tracks/{wanted_id}")
async def track_page(request: Request, node: Node, wanted_id: Id) -> Response:
    """A track: why it is missing or where it came from, and every file that was offered for it."""
    return render(request, "music/track.html", **await _track(node, wanted_id))


@router.get("/fragments/music/tracks/{wanted_id}")
async def track_part(request: Request, node: Node, wanted_id: Id) -> Response:
    """What is known of it."""
    return render(request, "music/facts.html", **await _track(node, wanted_id))


@router.post("/music/tracks/{wanted_id}/{action}")
async def act_on_track(
    request: Request,
    node: Node,
    actor: Actor,
    wanted_id: Id,
    action: Literal["search", "ignore", "want", "upgrade", "remove"],
) -> Response:
    """Search for it now, ignore it, want it again, look for a better file, or want it no longer."""
    if action == "remove":
        await actions.remove(node, wanted_id, actor=actor)
        if is_fragment(request):
            return Response(status_code=204, headers=note("It is no longer wanted.") | {"HX-Redirect": "/music"})
        return RedirectResponse("/music", 303)
    entry = await actions.act_on_wanted(node, wanted_id, action, actor=actor)
    return done(request, f"{entry.shown} {actions.SAID[action]}.", f"/music/tracks/{wanted_id}")


@router.post("/music/offers/{offer_id}/{action}")
async def act_on_offer(
    request: Request, node: Node, actor: Actor, offer_id: Id, action: Literal["choose", "reject"]
) -> Response:
    """Fetch this file, or never."""
    if action == "choose":
        row = await actions.choose(node, offer_id, actor=actor)
        return done(request, f"The file of {row.peer} is being fetched.", f"/music/tracks/{row.wanted_id}")
    one = await actions.reject_offer(node, offer_id, actor=actor)
    return done(request, "This file is never fetched for this track.", f"/music/tracks/{one.wanted_id}")


@router.get("/music/downloads/{download_id}/file", response_class=FileResponse)
async def listen(node: Node, download_id: Id) -> Response:
    """The bytes of an imported file, to listen to. Range requests are supported."""
    row = await downloads.get(node.store, download_id)
    path = Path(row.library_path)
    inside = bool(row.library_path) and path.is_relative_to(local_library.root_of(node))
    if not inside or not await asyncio.to_thread(path.is_file):
        raise NotFound("the file is not in the library of this machine")
    return FileResponse(path, media_type=TYPES.get(path.suffix.lower(), "application/octet-stream"), headers=SAFE)


@router.get("/music/downloads/{download_id}/reject")
async def try_rejection(request: Request, node: Node, download_id: Id) -> Response:
    """What "wrong song" would do. Nothing is changed."""
    row = await downloads.get(node.store, download_id)
    return render_part(request, "music/reject.html", title="Is it the wrong song?", row=row)


@router.post("/music/downloads/{download_id}/{action}")
async def act_on_download(
    request: Request, node: Node, actor: Actor, download_id: Id, action: actions.DownloadAction
) -> Response:
    """Cancel it, try it again, or reject its file."""
    row = await actions.act_on_download(node, download_id, action, actor=actor)
    said = {
        "cancel": "The download was cancelled.",
        "retry": "The download is tried again.",
        "reject": "The wrong song is gone, and is never fetched again for this track.",
    }[action]
    return done(request, said, f"/music/tracks/{row.wanted_id}")


# -- what is shown -----------------------------------------------------------------------------------------------------


async def _wanted(node: Runtime, show: str, q: str, source: str, before: int) -> dict[str, Any]:
    found = await wanted.page(
        node.store, states=SHOWN[show][1], search=q, source=source, after=before or None, limit=ROWS
    )
    counts = await wanted.counts(node.store, source=source)
    chosen = {"source": source} if source else {}
    sources = await listings.sources(node.store) if source else []
    tabs = [
        (
            f"/music?{urlencode({'show': key, **chosen})}",
            words,
            key == show,
            sum(counts.get(state.value, 0) for state in states),
        )
        for key, (words, states) in SHOWN.items()
    ]
    known = await listings.of_tracks(node.store, [row.id for row in found])
    causes = await wanted.causes(node.store)
    return {
        "tracks": [(row, known.get(row.id, [])) for row in found],
        "tabs": tabs,
        "show": show,
        "q": q,
        "source": next((row for row in sources if row["source"] == source), None),
        "causes": [(CAUSES[name], number) for name, number in sorted(causes.items())],
        "paging": paging(
            "/music", {"show": show, "q": q, **chosen}, "before", before, found[-1].id if len(found) == ROWS else None
        ),
    }


async def _downloads(node: Runtime) -> dict[str, Any]:
    running = {DownloadState.RUNNING}
    rows = await downloads.page(node.store, states=running, limit=MOST_RUNNING)
    rows += await downloads.page(
        node.store, states=set(DownloadState) - running, limit=max(LATEST - len(rows), LATEST // 2)
    )
    tracks = await wanted.of_ids(node.store, {row.wanted_id for row in rows})
    return {
        "downloads": [(row, tracks.get(row.wanted_id)) for row in rows],
        "counts": await downloads.counts(node.store),
    }


async def _library(node: Runtime) -> dict[str, Any]:
    counts = await library.count_history(node.store, utcnow() - timedelta(days=365))
    known = await figures.every(node.store)
    batches = await node.activity.page(kind="matching_batch", limit=200)
    return {
        "library": library_plot(counts),
        "matching": matching_plot(batches),
        "figures": known,
        "sources": await listings.sources(node.store),
    }


async def _run(node: Runtime) -> dict[str, Any]:
    found = await figures.runs(node.store, 5)
    return {"runs": found}


async def _track(node: Runtime, wanted_id: int) -> dict[str, Any]:
    entry = await wanted.get(node.store, wanted_id)
    return {
        "entry": entry,
        "listings": (await listings.of_tracks(node.store, [wanted_id])).get(wanted_id, []),
        "offers": await actions.offered(node, wanted_id),
        "downloads": await downloads.of_wanted(node.store, wanted_id),
        "library": await library.fetched_for(node.store, wanted_id),
    }


def _add_form(typed: Mapping[str, str] | None = None, error: NightcrewError | None = None) -> Form:
    return form_of(AddForm, tuple(AddForm.model_fields), typed=typed, error=error)


def _list_form(typed: Mapping[str, str] | None = None, error: NightcrewError | None = None) -> Form:
    return form_of(ListForm, tuple(ListForm.model_fields), typed=typed, error=error)


PARTS = {"downloads": _downloads, "library": _library, "run": _run}
