"""The seed's own addresses (`/vavoo/…`), mapped onto Nightcrew's, so that existing scripts and players go on working."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Path
from fastapi.responses import PlainTextResponse

from nightcrew.kernel.errors import Invalid
from nightcrew.kernel.runtime import Runtime
from nightcrew.playlists import actions, pages, players, standing
from nightcrew.playlists import answers as say
from nightcrew.playlists.settings import PlaylistSettings
from nightcrew.playlists.store import channels
from nightcrew.web.actions import apply_settings
from nightcrew.web.api import Node
from nightcrew.web.callers import Actor, Admin

router = APIRouter(prefix="/vavoo", tags=["seed: playlists"])

SEED_KEYS = tuple(say.SeedConfig.model_fields)
RegionName = Annotated[str, Path(max_length=60)]


# the same routes under the seed's addresses
router.add_api_route("/", pages.sources_page, include_in_schema=False)
router.add_api_route("/playlist/combined/{name}.m3u", players.combined_playlist)
router.add_api_route("/playlist/{region}.m3u", players.region_playlist)


@router.get("/api/status")
async def status(node: Node) -> say.SeedStatus:
    """Every region as the seed showed it."""
    return say.SeedStatus.model_validate(await standing.overview(node))


@router.get("/health", response_class=PlainTextResponse)
async def health(node: Node) -> str:
    """Three lines of text."""
    listed, playable = await players.totals(node)
    return f"OK\nChannels: {listed}\nResolved: {playable}\n"


@router.get("/stats", response_class=PlainTextResponse)
async def stats(node: Node) -> str:
    """Totals, and a line for each group."""
    listed, playable = await players.totals(node)
    lines = [f"Channels: {listed}", f"Resolved: {playable}", "", "Groups:"]
    lines += [f"{name or 'Other'}: {count}" for name, count in await channels.groups(node.store)]
    return "\n".join(lines) + "\n"


@router.post("/api/refresh/{region}", status_code=202)
async def refresh(node: Node, region: RegionName) -> say.SeedStarted:
    """Renew the channels of one region, or of all for `*`."""
    return say.SeedStarted(jobs=await actions.refresh_region(node, region, rebuild=False))


@router.post("/api/rebuild/{region}", status_code=202)
async def rebuild(node: Node, region: RegionName) -> say.SeedStarted:
    """Fetch one region, or all for `*`, from nothing. The old channels stay until the new are whole."""
    return say.SeedStarted(jobs=await actions.refresh_region(node, region, rebuild=True))


@router.get("/api/config")
async def config(node: Node) -> say.SeedConfig:
    """The seed's options."""
    return seed_config(node)


@router.post("/api/config", dependencies=[Admin])
async def change_config(
    node: Node, actor: Actor, changes: Annotated[dict[str, Any], Body(max_length=100)]
) -> say.SeedConfig:
    """Change only the named options."""
    unknown = sorted(changes.keys() - set(SEED_KEYS))
    if unknown:
        raise Invalid(f"{unknown[0]}: there is no such option; known are {', '.join(SEED_KEYS)}", field=unknown[0])
    await apply_settings(node, {f"playlists.{key}": value for key, value in changes.items()}, actor)
    return seed_config(node)


def seed_config(node: Runtime) -> say.SeedConfig:
    """The options under the seed's names."""
    return say.SeedConfig.of(node.settings.of(PlaylistSettings))
