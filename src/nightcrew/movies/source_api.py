"""JSON routes of films' sources, of the tasks, and of quality profiles."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import NotFound
from nightcrew.kernel.runtime import Runtime
from nightcrew.movies import crew, profile_actions, profile_words, source_actions
from nightcrew.movies import source_answers as say
from nightcrew.movies.models import SourceEntry
from nightcrew.movies.profile_actions import KnownProfile
from nightcrew.movies.releases.profile import ReleaseProfile
from nightcrew.movies.store import films, searches, sources
from nightcrew.movies.tally import TITLES, history
from nightcrew.web.answers import Items
from nightcrew.web.api import Id, Node
from nightcrew.web.callers import Actor, Admin

router = APIRouter(prefix="/api/v1/movies", tags=["movies"])
Name = Annotated[str, Path(min_length=1, max_length=80, pattern=r"^[\w .+-]+$")]
Hours = Annotated[int, Query(ge=1, le=14 * 24)]


async def names_of(runtime: Runtime) -> dict[int, str]:
    """What the indexers are called."""
    return {one.connection.id: one.connection.name for one in await crew.indexers(runtime)}


@router.get("/tasks")
async def list_tasks(node: Node, hours: Hours = 24) -> Items[say.TaskRow]:
    """The seven tasks: what waits for each, and what it did in the last hours."""
    waiting, known = await history(node, utcnow() - timedelta(hours=hours))
    rows = [say.TaskRow.made(task, title, waiting[task], known.get(task, [])) for task, title in TITLES.items()]
    return Items(items=rows)


# -- quality profiles --------------------------------------------------------------------------------------------------


@router.get("/profiles")
async def list_profiles(node: Node) -> Items[say.ProfileAnswer]:
    """The quality profiles: presets, and those that people made. One that this version cannot read has no words."""
    return Items(items=[_made(one) for one in await profile_actions.every(node)])


@router.post("/profiles/{name}/use", dependencies=[Admin])
async def use_profile(node: Node, actor: Actor, name: Name) -> say.ProfileAnswer:
    """Let a quality profile decide from now on. A job judges all sources by it anew."""
    return _made(await profile_actions.use(node, name, actor=actor))


@router.post("/profiles/{name}/copy", dependencies=[Admin], status_code=201)
async def copy_profile(node: Node, actor: Actor, name: Name, new: say.ProfileCopy) -> say.ProfileAnswer:
    """Make a quality profile that is like another one."""
    return _made(await profile_actions.copy(node, name, new.name, actor=actor))


@router.put("/profiles/{name}", dependencies=[Admin])
async def put_profile(node: Node, actor: Actor, name: Name, body: ReleaseProfile) -> say.ProfileAnswer:
    """Make a quality profile, or change it. A job judges all sources by it anew when it is in use."""
    await source_actions.put_profile(node, name, body, actor=actor)
    return _made(await profile_actions.get(node, name))


@router.post("/profiles/{name}/formats", dependencies=[Admin])
async def import_formats(node: Node, actor: Actor, name: Name, new: say.NewFormats) -> say.ImportedAnswer:
    """Add custom formats to a quality profile. What cannot be read is said, and the others are taken."""
    taken, refused = await source_actions.add_formats(node, name, new.formats, new.scores, actor=actor)
    return say.ImportedAnswer(taken=taken, refused=refused)


@router.delete("/profiles/{name}", dependencies=[Admin], status_code=204)
async def remove_profile(node: Node, actor: Actor, name: Name) -> None:
    """Remove a quality profile that is not in use."""
    if not await source_actions.remove_profile(node, name, actor=actor):
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


# -- sources -----------------------------------------------------------------------------------------------------------


@router.get("/{movie_id}/sources")
async def list_sources(node: Node, movie_id: Id) -> say.SourcesAnswer:
    """The sources of a film, the best first, with what they are worth and why."""
    entry, names = await films.get(node.store, movie_id), await names_of(node)
    rows = await sources.of_movie(node.store, movie_id)
    return say.SourcesAnswer(
        movie=entry.shown,
        wanted=entry.wanted,
        sources=[say.MovieSourceRow.made(one, best_id=entry.best_id, names=names) for one in rows],
        searches=[say.SearchRow.made(one, names) for one in await searches.of_movie(node.store, movie_id)],
    )


@router.post("/{movie_id}/search", status_code=202)
async def search_movie(node: Node, actor: Actor, movie_id: Id) -> say.SearchedAnswer:
    """Search for a film now, before all others. It is wanted from now on."""
    entry = await source_actions.search_now(node, movie_id, actor=actor)
    return say.SearchedAnswer(movie=entry.shown, wanted=True)


@router.post("/{movie_id}/unwant")
async def unwant_movie(node: Node, actor: Actor, movie_id: Id) -> say.SearchedAnswer:
    """Search for a film no longer. Its sources stay."""
    entry = await source_actions.stop_searching(node, movie_id, actor=actor)
    return say.SearchedAnswer(movie=entry.shown, wanted=False)


@router.post("/sources/{source_id}/refuse")
async def refuse_source(node: Node, actor: Actor, source_id: Id) -> say.MovieSourceRow:
    """This source is not the film, or is not wanted: it is never the best one again."""
    return await _row(node, await source_actions.refuse(node, source_id, actor=actor))


@router.post("/sources/{source_id}/accept")
async def accept_source(node: Node, actor: Actor, source_id: Id) -> say.MovieSourceRow:
    """This source is the film, whatever its name or its files say."""
    return await _row(node, await source_actions.accept(node, source_id, actor=actor))


async def _row(node: Runtime, one: SourceEntry) -> say.MovieSourceRow:
    entry = await films.get(node.store, one.movie_id)
    return say.MovieSourceRow.made(one, best_id=entry.best_id, names=await names_of(node))
