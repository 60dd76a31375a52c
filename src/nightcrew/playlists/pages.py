"""The pages of the playlists domain: sources with their feeds, and channels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import Conflict, Invalid, NightcrewError, NotFound
from nightcrew.kernel.redaction import credentials_in, redact
from nightcrew.kernel.runtime import Runtime
from nightcrew.playlists import actions, rules
from nightcrew.playlists.api import read_cursor, shown_url, write_cursor
from nightcrew.playlists.models import Feed, Source
from nightcrew.playlists.outputs import Outputs
from nightcrew.playlists.providers import KINDS
from nightcrew.playlists.settings import PlaylistSettings
from nightcrew.playlists.store import channels as channel_rows
from nightcrew.playlists.store import guides, sources
from nightcrew.web.api import Actor, Node
from nightcrew.web.render import PageRoute, done, is_fragment, note, render, render_part, texts

router = APIRouter(include_in_schema=False, route_class=PageRoute)

Id = Annotated[int, Path(ge=1, lt=2**63)]
ROWS = 100
"""Channels a request shows."""
BY_ITSELF = 2_000
"""Channels that come by scrolling; after that a person asks for more, so that a page does not grow without end."""
NO_GROUP = "="
"""How the filter says "without a group": every group's name stands after an equals sign."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a source's form. A secret one is never filled in again."""

    name: str
    label: str
    help: str = ""
    kind: str = "text"
    required: bool = False
    placeholder: str = ""
    choices: tuple[tuple[str, str], ...] = ()


AGENT = Field("user_agent", "User agent", "Some providers only answer known players. Empty: Nightcrew's own.")
REGION = Field(
    "region",
    "Region",
    "A short name for these channels; their playlist is /playlist/REGION.m3u. Empty: made from the name.",
    placeholder="DE",
)
FIELDS: Mapping[str, tuple[Field, ...]] = {
    "m3u": (
        Field(
            "url",
            "Address or file",
            "http(s), or a path on this machine; plain or gzip.",
            required=True,
            placeholder="https://example.net/list.m3u",
        ),
        REGION,
        Field("guide_url", "Guide address", "An XMLTV guide that belongs to the list, if there is one."),
        AGENT,
    ),
    "xtream": (
        Field(
            "url",
            "Panel address",
            "Without player_api.php.",
            required=True,
            placeholder="http://panel.example.net:8080",
        ),
        Field("username", "User name", kind="password", required=True),
        Field("password", "Password", kind="password", required=True),
        REGION,
        Field("output", "Streams as", kind="select", choices=(("ts", "MPEG-TS (.ts)"), ("m3u8", "HLS (.m3u8)"))),
        Field("guide", "Fetch its programme guide too", kind="checkbox"),
        AGENT,
    ),
    "catalogue": (
        Field("url", "Base address", "Of the JSON interface.", required=True, placeholder="https://api.example.net/v1"),
        Field(
            "locales",
            "Locales",
            "Language:region pairs; the catalogue is fetched once for each. Empty: the setting LOCALES.",
            placeholder="de:DE, de:AT",
        ),
        Field("options", "Description of the interface", "JSON, as in the template beside it.", kind="textarea"),
    ),
    "guide": (
        Field(
            "url",
            "Address or file",
            "XMLTV; http(s), or a path on this machine; plain or gzip.",
            required=True,
            placeholder="https://example.net/guide.xml.gz",
        ),
        AGENT,
    ),
}
ABOUT: Mapping[str, str] = {
    "m3u": "A list by address or file, as most providers give out.",
    "xtream": "A panel with user name and password.",
    "catalogue": "A JSON interface that you describe.",
    "guide": "What runs when (XMLTV), for any channels.",
}


# -- sources: the page -------------------------------------------------------------------------------------------------


@router.get("/sources")
async def sources_page(request: Request, node: Node, kind: Annotated[str, Query(max_length=20)] = "m3u") -> Response:
    """All sources with their feeds, the form for a new one, and the addresses for players."""
    form = _form(kind if kind in KINDS else "m3u")
    return render(request, "playlists/sources.html", form=form, **await _cards(node), **await _addresses(node))


@router.get("/fragments/sources")
async def sources_part(request: Request, node: Node) -> Response:
    """The sources."""
    return render(request, "playlists/cards.html", **await _cards(node))


@router.get("/fragments/addresses")
async def addresses_part(request: Request, node: Node) -> Response:
    """The addresses for players."""
    return render(request, "playlists/addresses.html", **await _addresses(node))


@router.get("/fragments/addresses/groups")
async def group_addresses(request: Request, node: Node) -> Response:
    """The addresses of groups. Counting them takes a while with 100k channels, so it is done when they are asked for."""
    groups = [(name, count) for name, count in await channel_rows.groups(node.store) if name]
    return render_part(request, "playlists/group_addresses.html", title="Playlists of one group", groups=groups)


@router.get("/fragments/sources/start")
async def start_part(request: Request, node: Node) -> Response:
    """On the overview while there are no channels: the form for the first source, or that it is being fetched."""
    if await sources.every(node.store, node.vault):
        return await _wait(request, node)
    return render(request, "playlists/start.html", form=_form("m3u"))


async def _wait(request: Request, node: Runtime, headers: dict[str, str] | None = None) -> Response:
    names = {source.id: source.name for source in await sources.every(node.store, node.vault)}
    waiting = [(names[feed.source_id], feed) for feed in await sources.feeds(node.store, enabled=True)]
    return render(request, "playlists/wait.html", headers=headers, waiting=waiting)


async def _addresses(node: Runtime) -> dict[str, Any]:
    regions = await node.part(Outputs).regions()
    options = node.settings.of(PlaylistSettings)
    return {"regions": list(regions.values()), "combined": options.COMBINED_PLAYLISTS}


async def _cards(node: Runtime) -> dict[str, Any]:
    found = await sources.every(node.store, node.vault)
    feeds = await sources.feeds(node.store)
    known = {source.config.get("url" if source.kind == "guide" else "guide_url") for source in found}
    now = utcnow()
    cards = []
    for source in found:
        own = [feed for feed in feeds if feed.source_id == source.id and (feed.enabled or not source.enabled)]
        views = [await _feed_view(node, feed, now) for feed in own]
        cards.append(
            {"source": source, "kind": KINDS[source.kind].title, "feeds": views, "guides": _guides(own, known)}
        )
    return {"cards": cards}


async def _feed_view(node: Runtime, feed: Feed, now: datetime) -> dict[str, Any]:
    options = node.settings.of(PlaylistSettings)
    interval = options.guide_interval if feed.kind == "guide" else options.refresh_interval
    age = None if feed.refreshed_at is None else max(0.0, (now - feed.refreshed_at).total_seconds())
    status = rules.status(age, interval, refreshing=feed.refreshing(now))
    runs = await sources.runs(node.store, feed.id, 30)
    return {
        "feed": feed,
        "status": status.value,
        "age": age,
        "promise": interval + rules.GRACE,
        "runs": [_run_view(run, now) for run in reversed(runs)],
        "refreshing": feed.refreshing(now),
    }


def _run_view(run: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """A run as a bar, see `web.render.bars`."""
    return {
        "state": run["outcome"] or "running",
        "seconds": ((run["ended_at"] or now) - run["started_at"]).total_seconds(),
        "at": run["started_at"],
        "error": run["reason"],
        "channels": run["channels"],
        "change": run["change"],
        "rebuild": run["rebuild"],
        "ended_at": run["ended_at"],
    }


def _guides(feeds: list[Feed], known: set[Any]) -> list[dict[str, Any]]:
    """Guides that a list names, without their secrets; `place` finds the real address again."""
    return [
        {"feed_id": feed.id, "place": place, "url": redact(url, credentials_in(url)), "added": url in known}
        for feed in feeds
        for place, url in enumerate(feed.notes.get("guides", ()))
    ]


# -- sources: add and edit ---------------------------------------------------------------------------------------------


@router.get("/sources/new")
async def new_source(request: Request, kind: Annotated[str, Query(max_length=20)] = "m3u") -> Response:
    """The form for a new source of a kind."""
    form = _form(kind if kind in KINDS else "m3u")
    return render_part(request, "playlists/form.html", title="Add a source", form=form)


@router.post("/sources")
async def add_source(request: Request, node: Node, actor: Actor) -> Response:
    """Add a source; its first refresh starts at once."""
    form = await texts(request)
    kind = form.get("kind", "")
    try:
        if kind not in FIELDS:
            raise Invalid("kind: choose one of the kinds", field="kind")
        values = _values(kind, form, None)
        region = str(values.pop("region", ""))
        source = await actions.add_source(node, kind, form.get("name", ""), values, region=region, actor=actor)
    except (Invalid, Conflict) as exc:
        shown = _form(kind if kind in FIELDS else "m3u", typed=form, error=exc)
        return render_part(request, "playlists/form.html", title="Add a source", status_code=422, form=shown)
    if not is_fragment(request):
        return RedirectResponse(f"/sources#source-{source.id}", 303)
    said = note(f"{source.name} was added and is being fetched.")
    if request.headers.get("hx-target") == "div#start":
        return await _wait(request, node, said)
    return render(request, "playlists/form.html", headers=said, form=_form(kind))


@router.get("/sources/{source_id}/edit")
async def edit_form(request: Request, node: Node, source_id: Id) -> Response:
    """The form of a source. What is secret is left out."""
    source = await sources.get(node.store, node.vault, source_id)
    return render_part(request, "playlists/form.html", title=f"Edit {source.name}", form=_form(source.kind, source))


@router.post("/sources/{source_id}/edit")
async def edit_source(request: Request, node: Node, actor: Actor, source_id: Id) -> Response:
    """Save what was typed; empty secret fields keep what is stored."""
    source = await sources.get(node.store, node.vault, source_id)
    form = await texts(request)
    try:
        values = _values(source.kind, form, source)
        changes = {key: value for key, value in values.items() if value != _stored(source, key)}
        if form.get("name", "").strip() != source.name:
            changes["name"] = form.get("name", "")
        if changes:
            await actions.edit_source(node, source_id, changes, actor=actor)
    except (Invalid, Conflict) as exc:
        shown = _form(source.kind, source, typed=form, error=exc)
        return render_part(request, "playlists/form.html", title=f"Edit {source.name}", status_code=422, form=shown)
    if not is_fragment(request):
        return RedirectResponse(f"/sources#source-{source_id}", 303)
    return Response("", headers=note("The source was saved." if changes else "Nothing was changed."))


def _form(
    kind: str,
    source: Source | None = None,
    *,
    typed: Mapping[str, str] | None = None,
    error: NightcrewError | None = None,
) -> dict[str, Any]:
    """What the form's template needs."""
    wrong = (getattr(error, "field", None) or "").partition(".")[0] if error else ""
    if isinstance(error, Conflict):
        wrong = "name"
    name = Field("name", "Name", required=True, placeholder="My provider")
    fields = [_control(field, source, typed) for field in (name, *FIELDS[kind])]
    return {
        "kind": kind,
        "kinds": [(key, known.title, ABOUT[key]) for key, known in KINDS.items()],
        "source": source,
        "fields": fields,
        "wrong": wrong if wrong in {control["name"] for control in fields} else "",
        "error": _sentence(error, wrong) if error else "",
    }


def _sentence(error: NightcrewError, field: str) -> str:
    """The error without the name of the field that it stands beside."""
    text = str(error).removeprefix(f"{field}: ")
    return text[:1].upper() + text[1:]


def _control(field: Field, source: Source | None, typed: Mapping[str, str] | None) -> dict[str, Any]:
    secret = field.name in actions.SECRET_FIELDS
    value, kept = "", ""
    if source is not None and not secret:
        value, kept = _shown(source, field)
    elif source is None and field.kind == "checkbox":
        value = "on"
    if typed is not None and not (secret and field.kind == "password"):
        value = typed.get(field.name, "")
    keeps = source is not None and (secret or bool(kept))
    return {
        "name": field.name,
        "label": field.label,
        "kind": field.kind,
        "help": f"{field.help} Empty: it stays as it is.".strip() if keeps else field.help,
        "required": field.required and not keeps,
        "placeholder": (kept or "stored, not shown") if keeps else field.placeholder,
        "choices": field.choices,
        "value": value,
    }


def _shown(source: Source, field: Field) -> tuple[str, str]:
    """A stored value for its control; an address with credentials only as a hint of what is kept."""
    if field.name == "name":
        return source.name, ""
    stored = _stored(source, field.name)
    if field.name == "locales":
        return ", ".join(f"{lang}:{region}" for lang, region in stored or ()), ""
    if field.kind == "checkbox":
        return ("on" if stored else ""), ""
    text = str(stored or "")
    masked = redact(text, credentials_in(text))
    return (text, "") if masked == text else ("", masked)


def _stored(source: Source, name: str) -> Any:
    return source.config.get(name)


def _values(kind: str, form: Mapping[str, str], source: Source | None) -> dict[str, Any]:
    """The typed fields of a kind as its configuration takes them. Raises `Invalid`."""
    values: dict[str, Any] = {}
    for field in FIELDS[kind]:
        text = form.get(field.name, "").strip()
        if field.kind == "checkbox":
            values[field.name] = bool(text)
        elif not text and _stays(field, source):
            continue
        elif field.name == "locales":
            values[field.name] = _locales(text)
        elif field.name == "options":
            values[field.name] = _options(text)
        else:
            values[field.name] = text
    return values


def _stays(field: Field, source: Source | None) -> bool:
    """Whether an empty field leaves things as they are."""
    if source is None:
        return field.name in {"options", "output"}
    return field.name in actions.SECRET_FIELDS or bool(_shown(source, field)[1])


def _locales(text: str) -> list[list[str]]:
    pairs = []
    for part in text.replace(",", " ").split():
        lang, colon, region = part.partition(":")
        if not (lang and colon and region):
            raise Invalid(f"locales: {part!r} is not a pair such as de:DE", field="locales")
        pairs.append([lang, region.upper()])
    return pairs


def _options(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as exc:
        raise Invalid(f"options: this is not JSON: {exc}", field="options") from exc


# -- sources: what can be done with one --------------------------------------------------------------------------------


@router.post("/sources/{source_id}/refresh")
async def refresh_source(request: Request, node: Node, source_id: Id) -> Response:
    """Refresh a source now, or fetch it anew."""
    rebuild = bool((await texts(request)).get("rebuild"))
    await actions.refresh_source(node, source_id, rebuild=rebuild)
    return done(
        request, "It is being fetched anew." if rebuild else "It is being refreshed.", f"/sources#source-{source_id}"
    )


@router.post("/sources/{source_id}/enabled")
async def switch_source(request: Request, node: Node, actor: Actor, source_id: Id) -> Response:
    """Switch a source on or off; its channels are kept either way."""
    on = bool((await texts(request)).get("on"))
    await actions.edit_source(node, source_id, {"enabled": on}, actor=actor)
    return done(
        request,
        "It is on." if on else "It is off. Its channels are kept, but not served.",
        f"/sources#source-{source_id}",
    )


@router.get("/sources/{source_id}/remove")
async def try_removal(request: Request, node: Node, actor: Actor, source_id: Id) -> Response:
    """What a removal would delete. Nothing is changed."""
    tried = await actions.remove_source(node, source_id, dry_run=True, actor=actor)
    title = f"Remove {tried['source']}?"
    return render_part(request, "playlists/remove.html", title=title, tried=tried, source_id=source_id)


@router.post("/sources/{source_id}/remove")
async def remove_source(request: Request, node: Node, actor: Actor, source_id: Id) -> Response:
    """Delete a source."""
    removed = await actions.remove_source(node, source_id, dry_run=False, actor=actor)
    return done(request, f"{removed['source']} was removed.", "/sources")


@router.post("/sources/{source_id}/held")
async def decide_held(request: Request, node: Node, actor: Actor, source_id: Id) -> Response:
    """Accept or reject what a source holds back."""
    accept = (await texts(request)).get("decision") == "accept"
    if accept:
        await actions.accept_held(node, source_id, actor=actor)
    else:
        await actions.reject_held(node, source_id, actor=actor)
    return done(
        request, "The change was accepted." if accept else "The change was rejected.", f"/sources#source-{source_id}"
    )


@router.get("/sources/{source_id}/history")
async def history(request: Request, node: Node, source_id: Id) -> Response:
    """The last runs of a source as a plot and as a table."""
    source = await sources.get(node.store, node.vault, source_id)
    now = utcnow()
    runs = [
        _run_view(run, now) | {"slice": feed.region or "guide"}
        for feed in await sources.feeds(node.store, source_id=source_id)
        for run in await sources.runs(node.store, feed.id, 20)
    ]
    runs.sort(key=lambda run: run["at"], reverse=True)
    return render_part(
        request, "playlists/history.html", title=f"History of {source.name}", source=source, runs=runs[:20]
    )


@router.post("/sources/{source_id}/guides")
async def add_guide(request: Request, node: Node, actor: Actor, source_id: Id) -> Response:
    """Add a guide that a list names as a source of its own."""
    form = await texts(request)
    source = await sources.get(node.store, node.vault, source_id)
    place = form.get("place", "")
    for feed in await sources.feeds(node.store, source_id=source_id):
        named = feed.notes.get("guides", ())
        if str(feed.id) == form.get("feed") and place.isdecimal() and int(place) < len(named):
            name = f"Guide of {source.name}" + (f" {int(place) + 1}" if len(named) > 1 else "")
            await actions.add_source(node, "guide", name, {"url": named[int(place)]}, actor=actor)
            return done(request, f"{name} was added and is being fetched.", "/sources")
    raise NotFound("the list does not name this guide any more")


# -- channels ----------------------------------------------------------------------------------------------------------

Text = Annotated[str, Query(max_length=300)]
Show = Literal["", "visible", "hidden", "problem"]


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
    wanted = channel_rows.Wanted(
        q=q,
        region=region.upper() or None,
        group=group[1:] if group.startswith(NO_GROUP) else None,
        hidden={"visible": False, "hidden": True}.get(show),
        problem=show == "problem",
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
    }


@router.get("/channels/{channel_id}")
async def channel_panel(request: Request, node: Node, channel_id: Id) -> Response:
    """A channel's streams, its programme and its form."""
    context = await _panel(node, channel_id)
    return render_part(request, "playlists/channel.html", title=context["channel"].name, **context)


async def _panel(node: Runtime, channel_id: int) -> dict[str, Any]:
    channel = await channel_rows.get(node.store, channel_id)
    now = utcnow()
    found = await guides.schedule(node.store, channel.guide_id, now=now, limit=20) if channel.guide_id else []
    programmes = list({programme.start: programme for programme in reversed(found)}.values())[::-1][:5]
    streams = [{"stream": stream, "url": shown_url(stream.url)} for stream in channel.streams]
    return {"channel": channel, "streams": streams, "programmes": programmes, "now": now}


@router.post("/channels/{channel_id}")
async def edit_channel(request: Request, node: Node, actor: Actor, channel_id: Id) -> Response:
    """Save what differs from what is shown; an empty field takes the provider's value again."""
    form = await texts(request)
    before = await channel_rows.get(node.store, channel_id)
    if form.get("reset"):
        changes: dict[str, Any] = {_field_of(name): None for name in before.edited}
    else:
        changes = {name: text for name in _EDITABLE if (text := form.get(name, "").strip()) != getattr(before, name)}
    if changes:
        await actions.edit_channel(node, channel_id, changes, actor=actor)
    return await _row_answer(
        request, node, channel_id, "The channel was saved." if changes else "Nothing was changed.", panel=True
    )


@router.post("/channels/{channel_id}/hidden")
async def hide_channel(request: Request, node: Node, actor: Actor, channel_id: Id) -> Response:
    """Hide a channel from playlists, or show it again."""
    hidden = bool((await texts(request)).get("hidden"))
    await actions.edit_channel(node, channel_id, {"hidden": hidden}, actor=actor)
    return await _row_answer(
        request, node, channel_id, "It is hidden." if hidden else "It is shown again.", panel=False
    )


_EDITABLE = ("name", "number", "group", "logo", "guide_id")


def _field_of(column: str) -> str:
    return "group" if column == "grp" else column


async def _row_answer(request: Request, node: Runtime, channel_id: int, sentence: str, *, panel: bool) -> Response:
    if not is_fragment(request):
        return RedirectResponse(f"/channels/{channel_id}", 303)
    context = await _panel(node, channel_id)
    return render(request, "playlists/row.html", headers=note(sentence), panel=panel, **context)
