"""Channels: search, filter, edit."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import Invalid, NotFound, Retry
from nightcrew.kernel.fields import ask
from nightcrew.kernel.redaction import redact
from nightcrew.kernel.runtime import Runtime
from nightcrew.playlists import actions
from nightcrew.playlists.api import read_cursor, shown_url, write_cursor
from nightcrew.playlists.logos import Logos
from nightcrew.playlists.models import Channel
from nightcrew.playlists.outputs import Outputs
from nightcrew.playlists.standing import stream_state
from nightcrew.playlists.store import adopting, guides, sources
from nightcrew.playlists.store import channels as channel_rows
from nightcrew.web.api import Node
from nightcrew.web.callers import Actor
from nightcrew.web.forms import Form, form_of
from nightcrew.web.render import PageRoute, is_fragment, note, render, render_part, texts

router = APIRouter(include_in_schema=False, route_class=PageRoute)

Id = Annotated[int, Path(ge=1, lt=2**63)]
ROWS = 100
"""Channels a request shows."""
BY_ITSELF = 2_000
"""Channels that come by scrolling; after that a person asks for more, so that a page does not grow without end."""
NO_GROUP = "="
"""How the filter says "without a group": every group's name stands after an equals sign."""


class ChannelForm(BaseModel):
    """What a person may change of a channel."""

    name: str = ask("", label="Name", max_length=actions.LONGEST["name"])
    number: str = ask("", label="Number", max_length=actions.LONGEST["number"])
    group: str = ask("", label="Group", max_length=actions.LONGEST["group"])
    logo: str = ask("", label="Logo address", max_length=actions.LONGEST["logo"])
    guide_id: str = ask("", label="Guide ID", max_length=actions.LONGEST["guide_id"])
    shift: str = ask(
        "",
        label="Guide offset",
        unit="min",
        help="Minutes by which programmes begin later; less than 0 for earlier.",
        max_length=5,
    )


LOGO_HEADERS = {
    "Cache-Control": "private, max-age=86400",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",  # an SVG may hold a script
    "Content-Disposition": "inline",
    "Cross-Origin-Resource-Policy": "same-origin",
}
EDITABLE = tuple(ChannelForm.model_fields)

Text = Annotated[str, Query(max_length=300)]
Show = Literal["", "visible", "hidden", "problem", "gone"]


@router.get("/channels")
async def channels_page(
    request: Request, node: Node, q: Text = "", region: Text = "", group: Text = "", show: Show = "", cursor: Text = ""
) -> Response:
    """All channels: search, filter, edit."""
    listed = await _listed(node, q, region, group, show, cursor, 0)
    regions = await node.part(Outputs).regions()
    total = sum(r.channels for r in regions.values())
    context: dict[str, Any] = {"regions": regions, "total": total, "mark": await _mark(node)}
    return render(request, "playlists/channels.html", **listed, **context)


@router.get("/fragments/channels")
async def channels_part(
    request: Request,
    node: Node,
    q: Text = "",
    region: Text = "",
    group: Text = "",
    show: Show = "",
    cursor: Text = "",
    before: Annotated[int, Query(ge=0, le=10**9)] = 0,
) -> Response:
    """The first or the next channels of a list."""
    listed = await _listed(node, q, region, group, show, cursor, before)
    if cursor:
        return render(request, "playlists/rows.html", **listed)
    headers = {"HX-Replace-Url": f"/channels?{listed['query']}" if listed["query"] else "/channels"}
    return render(request, "playlists/list.html", headers=headers, **listed)


@router.get("/fragments/channels/groups")
async def group_choices(request: Request, node: Node, region: Text = "", group: Text = "") -> Response:
    """What the group filter offers; apart from the page, because counting takes a while with 100k channels."""
    groups = await channel_rows.groups(node.store, region=region.upper() or None)
    return render(request, "playlists/groups.html", groups=groups, group=group)


@router.get("/fragments/channels/changed")
async def channels_changed(request: Request, node: Node, known: Text) -> Response:
    """Whether a refresh has changed the channels since the list was shown."""
    return render(request, "playlists/changed.html", mark=await _mark(node), known=known)


async def _mark(node: Runtime) -> str:
    """Changes whenever a refresh changes channels."""
    feeds = await sources.feeds(node.store, enabled=True)
    moments = [feed.changed_at for feed in feeds if feed.kind == "channels" and feed.changed_at]
    return f"{max(moments).timestamp():.3f}" if moments else "0"


async def _listed(
    node: Runtime, q: str, region: str, group: str, show: Show, cursor: str, before: int
) -> dict[str, Any]:
    wanted = channel_rows.ChannelQuery(
        q=q,
        region=region.upper() or None,
        group=group[1:] if group.startswith(NO_GROUP) else None,
        hidden={"visible": False, "hidden": True}.get(show),
        problem=show == "problem",
        gone=show == "gone",
    )
    found = await channel_rows.page(node.store, wanted, after=read_cursor(cursor), limit=ROWS)
    chosen = {"q": q, "region": region, "group": group, "show": show}
    shown = before + len(found)
    return {
        "channels": found,
        "chosen": chosen,
        "query": urlencode({key: value for key, value in chosen.items() if value}),
        "following": write_cursor(found[-1]) if len(found) == ROWS else "",
        "shown": shown,
        "by_itself": shown % BY_ITSELF != 0,
        "has_guides": await _has_guides(node),
    }


async def _has_guides(node: Runtime) -> bool:
    """Whether any guide was read, so that an ID can be unknown."""
    return any(feed.kind == "guide" and feed.generation for feed in await sources.feeds(node.store, enabled=True))


@router.get("/channels/{channel_id}")
async def channel_panel(request: Request, node: Node, channel_id: Id) -> Response:
    """A channel's streams, its programme and its form."""
    context = await _panel(node, channel_id)
    return render_part(request, "playlists/channel.html", title=context["channel"].name, **context)


@router.get("/channels/{channel_id}/logo")
async def channel_logo(request: Request, node: Node, channel_id: Id) -> Response:
    """A channel's logo, from this node alone. 404 where there is none yet: the page shows an empty place."""
    try:
        logo = await node.part(Logos).of(await channel_rows.get(node.store, channel_id))
    except NotFound:
        return Response(status_code=404, headers={"Cache-Control": "private, max-age=300"})
    except Retry:
        return Response(status_code=404, headers={"Cache-Control": "no-store"})
    headers = LOGO_HEADERS | {"ETag": logo.etag}
    if request.headers.get("if-none-match") == logo.etag:
        return Response(status_code=304, headers=headers)
    return Response(logo.data, media_type=logo.kind, headers=headers)


async def _panel(node: Runtime, channel_id: int) -> dict[str, Any]:
    channel = await channel_rows.get(node.store, channel_id)
    now = utcnow()
    view = guides.view_of(channel, now)
    found = await guides.schedule(node.store, view, limit=20) if view is not None else []
    programmes = list({programme.start: programme for programme in reversed(found)}.values())[::-1][:5]
    streams = [{"stream": one, "url": shown_url(one.url), "state": stream_state(one)} for one in channel.streams]
    form = form_of(ChannelForm, values={name: _shown(channel, name) for name in EDITABLE})
    edited = {_field_of(column) for column in channel.edited}
    controls = [replace(one, label=f"{one.label} (edited)") if one.name in edited else one for one in form.controls]
    offered = {"list": f"guide-ids-{channel_id}"}
    controls = [
        replace(one, attributes={**one.attributes, **offered}) if one.name == "guide_id" else one for one in controls
    ]
    successors = [] if channel.streams else await adopting.successors(node.store, channel_id)
    context = {"streams": streams, "programmes": programmes, "now": now, "successors": successors}
    return {"channel": channel, "form": Form(tuple(controls)), **context}


@router.post("/channels/{channel_id}")
async def edit_channel(request: Request, node: Node, actor: Actor, channel_id: Id) -> Response:
    """Save what differs from what is shown; an empty field takes the provider's value again."""
    form = await texts(request)
    before = await channel_rows.get(node.store, channel_id)
    if form.get("reset"):
        changes: dict[str, Any] = {_field_of(name): None for name in before.edited}
    else:
        changes = {name: text for name in EDITABLE if (text := form.get(name, "").strip()) != _shown(before, name)}
    notes = await actions.edit_channel(node, channel_id, changes, actor=actor) if changes else []
    said = " ".join(["The channel was saved.", *notes]) if changes else "Nothing was changed."
    return await _row_answer(request, node, channel_id, said, panel=True)


@router.get("/fragments/guide-channels")
async def guide_choices(request: Request, node: Node, name: Text = "", guide_id: Text = "") -> Response:
    """What the field of the guide ID offers: channels of guides that are like what is typed, else like the channel's name."""
    found = await guides.offered(node.store, guide_id or name) or await guides.offered(node.store, name)
    return render(request, "playlists/guide_choices.html", found=found)


@router.post("/channels/{channel_id}/adopt")
async def adopt_channel(request: Request, node: Node, actor: Actor, channel_id: Id) -> Response:
    """Say which of the listed channels one is that its source no longer lists."""
    chosen = (await texts(request)).get("channel", "")
    if not chosen.isascii() or not chosen.isdecimal():
        raise Invalid("channel: choose one of the channels", field="channel")
    await actions.adopt_channel(node, channel_id, int(chosen), actor=actor)
    return await _row_answer(request, node, channel_id, "It goes on as the channel that you chose.", panel=True)


@router.post("/channels/{channel_id}/hidden")
async def hide_channel(request: Request, node: Node, actor: Actor, channel_id: Id) -> Response:
    """Hide a channel from playlists, or show it again."""
    hidden = bool((await texts(request)).get("hidden"))
    await actions.edit_channel(node, channel_id, {"hidden": hidden}, actor=actor)
    return await _row_answer(
        request, node, channel_id, "It is hidden." if hidden else "It is shown again.", panel=False
    )


def _shown(channel: Channel, name: str) -> str:
    """A field as the form shows it: a logo's address without its secrets. What comes back so is not changed."""
    if name == "shift":
        return str(channel.shift) if channel.shift or "shift" in channel.edited else ""
    value = str(getattr(channel, name))
    return redact(value) if name == "logo" else value


def _field_of(column: str) -> str:
    return "group" if column == "grp" else column


async def _row_answer(request: Request, node: Runtime, channel_id: int, sentence: str, *, panel: bool) -> Response:
    if not is_fragment(request):
        return RedirectResponse(f"/channels/{channel_id}", 303)
    context = {**await _panel(node, channel_id), "has_guides": await _has_guides(node)}
    return render(request, "playlists/row.html", headers=note(sentence), panel=panel, **context)
