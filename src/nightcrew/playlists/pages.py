"""The pages of the playlists domain: sources with their feeds; channels have a file of their own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.connections import detours_store
from nightcrew.kernel.connections import store as connections
from nightcrew.kernel.errors import Conflict, Invalid, NightcrewError, NotFound
from nightcrew.kernel.redaction import credentials_in, redact
from nightcrew.kernel.runtime import Runtime
from nightcrew.playlists import accounts, actions, channel_pages, rules, standing, ways
from nightcrew.playlists.models import Feed, Source
from nightcrew.playlists.outputs import Outputs
from nightcrew.playlists.plot import history_plots
from nightcrew.playlists.preview import preview
from nightcrew.playlists.providers import KINDS, checked_config
from nightcrew.playlists.services import owner_of
from nightcrew.playlists.settings import PlaylistSettings
from nightcrew.playlists.source_forms import describe_form, read_values, stored_value
from nightcrew.playlists.store import channels as channel_rows
from nightcrew.playlists.store import refreshes, sources
from nightcrew.web.api import Node
from nightcrew.web.callers import Actor
from nightcrew.web.render import PageRoute, done, is_fragment, note, render, render_part, texts

router = APIRouter(include_in_schema=False, route_class=PageRoute)
router.routes.extend(channel_pages.router.routes)

Id = Annotated[int, Path(ge=1, lt=2**63)]
LISTED = 20
PLOTTED = 200
"""Runs of a feed in the table and in the plot of its history."""


# -- the page ----------------------------------------------------------------------------------------------------------


@router.get("/sources")
async def sources_page(request: Request, node: Node, kind: Annotated[str, Query(max_length=20)] = "m3u") -> Response:
    """All sources with their feeds, the form for a new one, and the addresses for players."""
    form = describe_form(node, kind if kind in KINDS else "m3u")
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
    return render(request, "playlists/start.html", form=describe_form(node, "m3u"))


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
    used = await accounts.in_use(node)
    known_accounts = {source.id: a for a in await accounts.accounts(node) if not a.profiles for source in a.sources}
    shown = {
        source.id: [feed for feed in feeds if feed.source_id == source.id and (feed.enabled or not source.enabled)]
        for source in found
    }
    runs = await refreshes.runs(node.store, [feed.id for own in shown.values() for feed in own], 30)
    paused, bridged = await connections.paused(node.store), await detours_store.bridged(node.store)
    cards = []
    for source in found:
        account = known_accounts.get(source.id)
        holders = used.get(account.resource, []) if account else []
        own = shown[source.id]
        views = [
            _feed_view(node, feed, runs[feed.id], now) | {"paused": paused.get(owner), "bridged": bridged.get(owner)}
            for feed in own
            for owner in [owner_of(source.id, feed.kind)]
        ]
        cards.append(
            {
                "source": source,
                "kind": KINDS[source.kind].title,
                "feeds": views,
                "guides": _guides(own, known),
                "account": account,
                "holders": holders,
                "awaited": ways.awaited(node, source),
            }
        )
    return {"cards": cards}


def _feed_view(node: Runtime, feed: Feed, runs: list[dict[str, Any]], now: datetime) -> dict[str, Any]:
    options = node.settings.of(PlaylistSettings)
    age, status = standing.feed_status(feed, now, options)
    return {
        "feed": feed,
        "status": status,
        "age": age,
        "promise": standing.interval_of(feed, options) + rules.GRACE,
        "runs": [_run_view(run, now) for run in reversed(runs)],
        "refreshing": feed.refreshing,
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


# -- add and edit ------------------------------------------------------------------------------------------------------


@router.get("/sources/new")
async def new_source(request: Request, node: Node, kind: Annotated[str, Query(max_length=20)] = "m3u") -> Response:
    """The form for a new source of a kind."""
    form = describe_form(node, kind if kind in KINDS else "m3u")
    return render_part(request, "playlists/form.html", title="Add a source", form=form)


@router.post("/sources")
async def add_source(request: Request, node: Node, actor: Actor) -> Response:
    """Add a source; its first refresh starts at once."""
    form = await texts(request)
    kind = form.get("kind", "")
    try:
        if kind not in KINDS:
            raise Invalid("kind: choose one of the kinds", field="kind")
        values = read_values(kind, form, None)
        region = str(values.pop("region", ""))
        source = await actions.add_source(node, kind, form.get("name", ""), values, region=region, actor=actor)
    except (Invalid, Conflict) as exc:
        shown = describe_form(node, kind if kind in KINDS else "m3u", typed=form, error=exc)
        return render_part(request, "playlists/form.html", title="Add a source", status_code=422, form=shown)
    if not is_fragment(request):
        return RedirectResponse(f"/sources#source-{source.id}", 303)
    said = note(f"{source.name} was added and is being fetched.")
    if request.headers.get("hx-target") == "div#start":
        return await _wait(request, node, said)
    return render(request, "playlists/form.html", headers=said, form=describe_form(node, kind))


@router.post("/sources/preview")
async def preview_new(request: Request, node: Node) -> Response:
    """What a source would give, as it is typed."""
    form = await texts(request)
    return await _previewed(request, node, form.get("kind", ""), form, None)


@router.post("/sources/{source_id}/preview")
async def preview_changed(request: Request, node: Node, source_id: Id) -> Response:
    """What a source would give after what was typed."""
    source = await sources.get(node.store, node.vault, source_id)
    return await _previewed(request, node, source.kind, await texts(request), source)


async def _previewed(
    request: Request, node: Runtime, kind: str, form: Mapping[str, str], source: Source | None
) -> Response:
    found, error = None, ""
    try:
        if kind not in KINDS:
            raise Invalid("kind: choose one of the kinds", field="kind")
        typed = read_values(kind, form, source)
        new = {**typed, "region": typed.get("region") or "PREVIEW"}
        coming = (
            actions.config_after(node, source, typed) if source else actions.located(node, checked_config(kind, new))
        )
        config = await coming
        found = await preview(node, kind, config)
    except NightcrewError as exc:
        error = str(exc)
    return render_part(request, "playlists/preview.html", title="Preview", found=found, error=error)


@router.get("/sources/{source_id}/edit")
async def edit_form(request: Request, node: Node, source_id: Id) -> Response:
    """The form of a source. What is secret is left out."""
    source = await sources.get(node.store, node.vault, source_id)
    return render_part(
        request, "playlists/form.html", title=f"Edit {source.name}", form=describe_form(node, source.kind, source)
    )


@router.post("/sources/{source_id}/edit")
async def edit_source(request: Request, node: Node, actor: Actor, source_id: Id) -> Response:
    """Save what was typed; empty secret fields keep what is stored."""
    source = await sources.get(node.store, node.vault, source_id)
    form = await texts(request)
    try:
        values = read_values(source.kind, form, source)
        changes = {key: value for key, value in values.items() if value != stored_value(source, key)}
        if form.get("name", "").strip() != source.name:
            changes["name"] = form.get("name", "")
        if changes:
            await actions.edit_source(node, source_id, changes, actor=actor)
    except (Invalid, Conflict) as exc:
        shown = describe_form(node, source.kind, source, typed=form, error=exc)
        return render_part(request, "playlists/form.html", title=f"Edit {source.name}", status_code=422, form=shown)
    if not is_fragment(request):
        return RedirectResponse(f"/sources#source-{source_id}", 303)
    return Response("", headers=note("The source was saved." if changes else "Nothing was changed."))


# -- what can be done with one -----------------------------------------------------------------------------------------


@router.post("/sources/{source_id}/refresh")
async def refresh_source(request: Request, node: Node, source_id: Id) -> Response:
    """Refresh a source now, or fetch it anew."""
    rebuild = bool((await texts(request)).get("rebuild"))
    await actions.refresh_source(node, source_id, rebuild=rebuild)
    return done(
        request, "It is being fetched again." if rebuild else "It is being refreshed.", f"/sources#source-{source_id}"
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
    """The last runs of a source as plots and as a table."""
    source = await sources.get(node.store, node.vault, source_id)
    now = utcnow()
    slices = {feed.id: feed.region or "Guide" for feed in await sources.feeds(node.store, source_id=source_id)}
    runs = [
        _run_view(run, now) | {"slice": slices[feed_id]}
        for feed_id, found in (await refreshes.runs(node.store, slices, PLOTTED)).items()
        for run in found
    ]
    runs.sort(key=lambda run: run["at"], reverse=True)
    context: dict[str, Any] = {"source": source, "runs": runs[:LISTED], "plots": history_plots(runs)}
    return render_part(request, "playlists/history.html", title=f"History of {source.name}", **context)


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
            values = {"url": named[int(place)], "route": source.route}
            await actions.add_source(node, "guide", name, values, actor=actor)
            return done(request, f"{name} was added and is being fetched.", "/sources")
    raise NotFound("the list no longer names this guide")
