"""The part of the page that is about watched streams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import Invalid
from nightcrew.kernel.runtime import Runtime
from nightcrew.recordings import access_forms, actions, forms, requests
from nightcrew.recordings.resting import rests
from nightcrew.recordings.standing import watch_state
from nightcrew.recordings.store import recordings, watches
from nightcrew.recordings.stream_ref import access_of
from nightcrew.web.api import Id, Node
from nightcrew.web.callers import Actor
from nightcrew.web.forms import checked
from nightcrew.web.render import PageRoute, answer_form, done, render_part, texts

ACCESS = "recordings/watch_access.html"
router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.post("/recordings/watches")
async def add_watch(request: Request, node: Node, actor: Actor) -> Response:
    """Watch a stream."""

    async def act(typed: Mapping[str, str]) -> str:
        wanted = checked(requests.NewWatch, forms.watch_values(typed))
        return f"{(await requests.watch(node, wanted, actor=actor)).name} is watched."

    page, form = "recordings/watch_form.html", forms.watch_form
    return await answer_form(request, page, "Watch a stream", form, act, "/recordings#watches", name="watch_form")


@router.post("/recordings/watches/{watch_id}/enabled")
async def switch_watch(request: Request, node: Node, actor: Actor, watch_id: Id) -> Response:
    """Switch a watch on or off. What is being recorded goes on."""
    on = bool((await texts(request)).get("on"))
    watch = await actions.change_watch(node, watch_id, {"enabled": on}, actor=actor)
    return done(request, f"{watch.name} is {'watched' if on else 'not watched for now'}.", "/recordings#watches")


@router.get("/recordings/watches/{watch_id}/access")
async def access(request: Request, node: Node, watch_id: Id) -> Response:
    """The form of what its stream asks for. Nothing that is stored is shown."""
    watch = await watches.get(node.store, watch_id)
    form = access_forms.change_form(access_of(node, watch.sealed))
    return render_part(request, ACCESS, title=f"Access of {watch.name}", watch=watch, form=form)


@router.post("/recordings/watches/{watch_id}/access")
async def change_access(request: Request, node: Node, actor: Actor, watch_id: Id) -> Response:
    """Change what its stream asks for. What is empty stays as it is."""
    watch, typed = await watches.get(node.store, watch_id), await texts(request)
    try:
        changes = checked(requests.WatchChange, access_forms.change_values(typed))
        watch = await requests.change_watch(node, watch_id, changes, actor=actor)
    except Invalid as exc:
        form = access_forms.change_form(access_of(node, watch.sealed), typed, exc)
        title = f"Access of {watch.name}"
        return render_part(request, ACCESS, title=title, status_code=422, watch=watch, form=form)
    return done(request, f"What {watch.name} asks for was changed.", "/recordings#watches")


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
    """All watches, with the recordings of each that go on."""
    found = await watches.every(node.store)
    running = await recordings.running_of(node.store, [one.id for one in found])
    resting = await rests(node, found, utcnow())
    shown = [
        {
            "watch": one,
            "state": watch_state(one, rests=one.id in resting),
            "rest": resting.get(one.id),
            "running": running.get(one.id, []),
            "access": access_of(node, one.sealed),
        }
        for one in found
    ]
    return {"watches": shown}
