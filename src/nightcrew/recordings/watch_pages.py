"""The part of the page that is about watched streams."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from nightcrew.kernel.errors import NightcrewError
from nightcrew.kernel.runtime import Runtime
from nightcrew.recordings import actions, forms, requests
from nightcrew.recordings.models import ACTIVE
from nightcrew.recordings.standing import watch_state
from nightcrew.recordings.store import recordings, watches
from nightcrew.web.api import Actor, Id, Node
from nightcrew.web.forms import checked
from nightcrew.web.render import PageRoute, done, is_fragment, note, render, render_part, texts

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/fragments/recordings/watches")
async def watches_part(request: Request, node: Node) -> Response:
    """The watched streams."""
    return render(request, "recordings/watches.html", **await watched(node))


@router.post("/recordings/watches")
async def add_watch(request: Request, node: Node, actor: Actor) -> Response:
    """Watch a stream."""
    typed = await texts(request)
    try:
        row = await requests.watch(node, checked(requests.NewWatch, forms.watch_values(typed)), actor=actor)
    except NightcrewError as exc:
        shown = forms.watch_form(typed, exc)
        return render_part(
            request, "recordings/watch_form.html", title="Watch a stream", status_code=422, watch_form=shown
        )
    if not is_fragment(request):
        return RedirectResponse("/recordings#watches", 303)
    said = note(f"{row.name} is watched.")
    return render(request, "recordings/watch_form.html", headers=said, watch_form=forms.watch_form())


@router.post("/recordings/watches/{watch_id}/enabled")
async def switch_watch(request: Request, node: Node, actor: Actor, watch_id: Id) -> Response:
    """Switch a watch on or off. What is being recorded goes on."""
    on = bool((await texts(request)).get("on"))
    watch = await actions.change_watch(node, watch_id, {"enabled": on}, actor=actor)
    return done(request, f"{watch.name} is {'watched' if on else 'not watched for now'}.", "/recordings#watches")


@router.get("/recordings/watches/{watch_id}/remove")
async def try_removal(request: Request, node: Node, watch_id: Id) -> Response:
    """What a removal means. Nothing is changed."""
    watch = await watches.get(node.store, watch_id)
    return render_part(request, "recordings/watch_remove.html", title=f"Stop watching {watch.name}?", watch=watch)


@router.post("/recordings/watches/{watch_id}/remove")
async def remove_watch(request: Request, node: Node, actor: Actor, watch_id: Id) -> Response:
    """Watch it no longer."""
    await actions.remove_watch(node, watch_id, actor=actor)
    return done(request, "The stream is no longer watched.", "/recordings#watches")


async def watched(node: Runtime) -> dict[str, Any]:
    """All watches, with the recording of each that goes on."""
    running = {row.watch_id: row.id for row in await recordings.of_states(node.store, ACTIVE)}
    found = await watches.every(node.store)
    return {"watches": [{"watch": one, "state": watch_state(one), "recording": running.get(one.id)} for one in found]}
