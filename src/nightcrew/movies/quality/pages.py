"""The page of quality profiles: what each asks for, which one is in use, and forms to make others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from nightcrew.kernel.errors import Conflict, NightcrewError, NotFound
from nightcrew.kernel.runtime import Runtime
from nightcrew.movies.movie_tabs import tabs_of
from nightcrew.movies.quality import profile_actions, profile_words, taste
from nightcrew.movies.quality.profile_actions import KnownProfile
from nightcrew.movies.quality.profile_form import FormatsForm, form_for, formats_form, profile_of
from nightcrew.movies.releases.profile import ReleaseProfile
from nightcrew.web.api import Node
from nightcrew.web.callers import Actor
from nightcrew.web.forms import Form, checked, values_of
from nightcrew.web.render import PageRoute, done, is_fragment, note, render, render_part, texts

router = APIRouter(include_in_schema=False, route_class=PageRoute)
Name = Annotated[str, Query(alias="name", min_length=1, max_length=80)]
PAGE = "/movies/quality"


@router.get(PAGE)
async def quality_page(request: Request, node: Node) -> Response:
    """All profiles."""
    return render(request, "movies/quality.html", tabs=await tabs_of(node, "quality"), **await _context(node))


@router.get("/fragments/movies/quality")
async def quality_part(request: Request, node: Node) -> Response:
    """All profiles, as they are now."""
    return render(request, "movies/quality_profiles.html", **await _context(node))


@router.post(f"{PAGE}/use")
async def use(request: Request, node: Node, actor: Actor, name: Name) -> Response:
    """Let a profile decide from now on."""
    await profile_actions.use(node, name, actor=actor)
    return done(request, f"{name} is in use: all sources are being judged by it.", PAGE)


@router.get(f"{PAGE}/copy")
async def copy_form(request: Request, node: Node, name: Name) -> Response:
    """The form of a new profile, made from another one."""
    profile = _readable(await profile_actions.get(node, name))
    return _form(request, name, form_for(profile, f"My {name}"), new=True)


@router.post(f"{PAGE}/copy")
async def copy(request: Request, node: Node, actor: Actor, name: Name) -> Response:
    """Make it."""
    profile, typed = _readable(await profile_actions.get(node, name)), await texts(request)
    try:
        new = profile_of(profile, typed)
        await profile_actions.copy(node, name, new.name, new, actor=actor)
    except NightcrewError as exc:
        return _form(request, name, form_for(profile, name, typed, exc), new=True, status_code=422)
    return _over(request, f"{new.name} is there.")


@router.get(f"{PAGE}/edit")
async def edit_form(request: Request, node: Node, name: Name) -> Response:
    """The form of a profile that a person made."""
    profile = _readable(await _own(node, name))
    return _form(request, name, form_for(profile, name), new=False)


@router.post(f"{PAGE}/edit")
async def edit(request: Request, node: Node, actor: Actor, name: Name) -> Response:
    """Change it. Its name stays."""
    profile, typed = _readable(await _own(node, name)), await texts(request)
    try:
        await profile_actions.put(node, name, profile_of(profile, {**typed, "name": name}), actor=actor)
    except NightcrewError as exc:
        return _form(request, name, form_for(profile, name, typed, exc), new=False, status_code=422)
    node.bus.publish("movies")
    return _over(request, f"{name} is changed.")


@router.get(f"{PAGE}/formats")
async def formats_part(request: Request, node: Node, name: Name) -> Response:
    """The form for custom formats of a profile that a person made."""
    await _own(node, name)
    return _formats(request, name, formats_form())


@router.post(f"{PAGE}/formats")
async def add_formats(request: Request, node: Node, actor: Actor, name: Name) -> Response:
    """Add them: all, or none where one cannot be read."""
    await _own(node, name)
    typed = await texts(request)
    try:
        text = checked(FormatsForm, values_of(FormatsForm, typed)).formats
        said = await profile_actions.add_formats_text(node, name, text, actor=actor)
    except NightcrewError as exc:
        return _formats(request, name, formats_form(typed, exc), status_code=422)
    return _over(request, said)


@router.get(f"{PAGE}/remove")
async def try_removal(request: Request, node: Node, name: Name) -> Response:
    """What the removal would do. Nothing is changed."""
    one = await _own(node, name)
    return render_part(request, "movies/quality_removal.html", title="Remove the profile?", one=one)


@router.post(f"{PAGE}/remove")
async def remove(request: Request, node: Node, actor: Actor, name: Name) -> Response:
    """Forget a profile."""
    if not await profile_actions.remove(node, name, actor=actor):
        raise NotFound(f"there is no quality profile {name!r} that can be removed")
    node.bus.publish("movies")
    return done(request, f"{name} is gone.", PAGE)


async def _context(node: Runtime) -> dict[str, Any]:
    known = await profile_actions.every(node)
    words = {one.name: profile_words.described(one.profile) if one.profile else [] for one in known}
    used = taste.name_in_use(node)
    return {"profiles": known, "words": words, "missing": "" if any(one.in_use for one in known) else used}


async def _own(node: Runtime, name: str) -> KnownProfile:
    found = await profile_actions.get(node, name)
    if found.preset:
        raise Conflict(f"{name} is a preset, which cannot be changed; copy it")
    return found


def _readable(found: KnownProfile) -> ReleaseProfile:
    if found.profile is None:
        raise Conflict(f"the quality profile {found.name} cannot be read any more")
    return found.profile


def _form(request: Request, name: str, form: Form, *, new: bool, status_code: int = 200) -> Response:
    title = f"A profile made from {name}" if new else f"Change {name}"
    more: Mapping[str, Any] = {"profile": name, "form": form, "new": new, "heading": title}
    return render_part(request, "movies/quality_form.html", title=title, status_code=status_code, **more)


def _formats(request: Request, name: str, form: Form, *, status_code: int = 200) -> Response:
    title = f"Custom formats of {name}"
    more: Mapping[str, Any] = {"profile": name, "form": form, "heading": title}
    return render_part(request, "movies/quality_formats.html", title=title, status_code=status_code, **more)


def _over(request: Request, said: str) -> Response:
    """A form is done with: it goes, beside a note."""
    return HTMLResponse("", headers=note(said)) if is_fragment(request) else RedirectResponse(PAGE, 303)
