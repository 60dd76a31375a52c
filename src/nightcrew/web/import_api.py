"""Configuration files of ours, and of the programs that a domain has taken the place of, are taken over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Body

from nightcrew.kernel.errors import NightcrewError
from nightcrew.kernel.runtime import Runtime
from nightcrew.web.actions import apply_settings
from nightcrew.web.answers import SettingsImported
from nightcrew.web.api import Node
from nightcrew.web.callers import Actor, Admin

router = APIRouter(prefix="/api/v1", tags=["settings"])


@router.post("/settings/import", dependencies=[Admin], response_model=SettingsImported)
async def import_settings(
    node: Node, actor: Actor, data: Annotated[dict[str, Any], Body(max_length=1_000)]
) -> dict[str, list[str]]:
    """Take over a configuration file of ours or of a seed."""
    return await import_config(node, data, actor=actor)


async def import_config(node: Runtime, data: Mapping[str, Any], *, actor: str) -> dict[str, list[str]]:
    """Take over a configuration file: ours (`{"playlists.refresh_interval": 300}`) or a seed's.

    Returns `{imported, ignored}`: what is unknown is named, and stops nothing. Raises `Invalid` for a known key with a wrong value.
    """
    foreign = {old: new for domain in node.hooks.domains for old, new in domain.seed_options.items()}
    known: dict[str, Any] = {}
    ignored: list[str] = []
    for key, value in _flattened(data, frozenset(old.partition(".")[0] for old in foreign)):
        try:
            known[foreign.get(key) or node.settings.resolve(key)] = value
        except NightcrewError:
            ignored.append(key)
    await apply_settings(node, known, actor)
    return {"imported": sorted(known), "ignored": sorted(ignored)}


def _flattened(data: Mapping[str, Any], groups: frozenset[str]) -> Iterator[tuple[str, Any]]:
    """The entries of a configuration file; what stands in one of `groups` as `group.key`."""
    for key, value in data.items():
        if key in groups and isinstance(value, Mapping):
            yield from ((f"{key}.{name}", inner) for name, inner in value.items())
        else:
            yield key, value
