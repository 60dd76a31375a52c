"""JSON routes of quality profiles."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from nightcrew.kernel.errors import NotFound
from nightcrew.movies.quality import answers as say
from nightcrew.movies.quality import profile_actions, profile_words
from nightcrew.movies.quality.profile_actions import KnownProfile
from nightcrew.movies.releases.profile import ReleaseProfile
from nightcrew.web.answers import Items
from nightcrew.web.api import Node
from nightcrew.web.callers import Actor, Admin

router = APIRouter(prefix="/api/v1/movies/profiles", tags=["movies"])
Name = Annotated[str, Path(min_length=1, max_length=80, pattern=r"^[\w .+-]+$")]


@router.get("")
async def list_profiles(node: Node) -> Items[say.ProfileAnswer]:
    """The quality profiles: presets, and those that people made. One that this version cannot read has no words."""
    return Items(items=[_made(one) for one in await profile_actions.every(node)])


@router.post("/{name}/use", dependencies=[Admin])
async def use_profile(node: Node, actor: Actor, name: Name) -> say.ProfileAnswer:
    """Let a quality profile decide from now on. A job judges all sources by it anew."""
    return _made(await profile_actions.use(node, name, actor=actor))


@router.post("/{name}/copy", dependencies=[Admin], status_code=201)
async def copy_profile(node: Node, actor: Actor, name: Name, new: say.ProfileCopy) -> say.ProfileAnswer:
    """Make a quality profile that is like another one."""
    return _made(await profile_actions.copy(node, name, new.name, actor=actor))


@router.put("/{name}", dependencies=[Admin])
async def put_profile(node: Node, actor: Actor, name: Name, body: ReleaseProfile) -> say.ProfileAnswer:
    """Make a quality profile, or change it. A job judges all sources by it anew when it is in use."""
    await profile_actions.put(node, name, body, actor=actor)
    return _made(await profile_actions.get(node, name))


@router.post("/{name}/formats", dependencies=[Admin])
async def import_formats(node: Node, actor: Actor, name: Name, new: say.NewFormats) -> say.ImportedAnswer:
    """Add custom formats to a quality profile. What cannot be read is said, and the others are taken."""
    taken, refused = await profile_actions.add_formats(node, name, new.formats, new.scores, actor=actor)
    return say.ImportedAnswer(taken=taken, refused=refused)


@router.delete("/{name}", dependencies=[Admin], status_code=204)
async def remove_profile(node: Node, actor: Actor, name: Name) -> None:
    """Remove a quality profile that is not in use."""
    if not await profile_actions.remove(node, name, actor=actor):
        raise NotFound(f"there is no quality profile {name!r} that can be removed")


def _made(one: KnownProfile) -> say.ProfileAnswer:
    profile = one.profile
    return say.ProfileAnswer(
        name=one.name,
        preset=one.preset,
        in_use=one.in_use,
        words=profile_words.described(profile) if profile else [],
        body=profile.model_dump(mode="json") if profile else {},
    )
