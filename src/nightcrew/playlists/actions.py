"""What people and scripts do with sources and channels. Every change is in the activity feed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from nightcrew.kernel.errors import Conflict, Invalid, NotFound
from nightcrew.kernel.redaction import MASK, credentials_in, redact
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.settings import invalid_from
from nightcrew.kernel.targets import is_web_address
from nightcrew.kernel.words import counted
from nightcrew.playlists import jobs, rules
from nightcrew.playlists.accounts import profile_configs
from nightcrew.playlists.guide_matching import MOST_SHIFT
from nightcrew.playlists.models import MAX_NAME, MAX_URL, Feed, Source
from nightcrew.playlists.outputs import Outputs
from nightcrew.playlists.providers import KINDS, SECRETS, Adapters, checked_config
from nightcrew.playlists.providers.base import ProfileConfig, SourceConfig
from nightcrew.playlists.relay import Relay
from nightcrew.playlists.settings import PlaylistSettings
from nightcrew.playlists.store import adopting, applying, channels, numbers, sources
from nightcrew.playlists.store.sources import Slice
from nightcrew.playlists.ways import check_route

LONGEST = {"name": MAX_NAME, "number": 20, "group": MAX_NAME, "logo": MAX_URL, "guide_id": MAX_NAME}
"""Characters that a person may enter for a channel."""
NUMBER = re.compile(r"\d{1,6}(\.\d{1,4})?", re.ASCII)


async def add_source(
    runtime: Runtime, kind: str, name: str, values: Mapping[str, Any], *, region: str = "", actor: str = "system"
) -> Source:
    """Add a source and start its first refresh. Raises `Invalid` or `Conflict`."""
    kind = "guide" if kind == "xmltv" else kind
    name = _checked_name(name)
    config = await located(runtime, checked_config(kind, {**values, "region": region or rules.region_from(name)}))
    stored = config.model_dump(mode="json")
    shown = _shown(config)
    source_id = await sources.add(runtime.store, runtime.vault, kind=kind, name=name, config=stored, shown_url=shown)
    source = await sources.get(runtime.store, runtime.vault, source_id)
    await sync_source(runtime, source)
    said = f"Source {name} ({KINDS[kind].title}) was added"
    await runtime.activity.record("source.added", said, actor=actor, subject=name)
    await refresh_source(runtime, source_id, rebuild=False)
    return source


async def add_missing(runtime: Runtime, bodies: Iterable[Mapping[str, Any]], *, actor: str) -> None:
    """Add those sources, as the API takes them, of whose name there is none."""
    known = {source.name for source in await sources.every(runtime.store, runtime.vault)}
    for body in bodies:
        values = dict(body)
        kind, name, region = str(values.pop("kind")), str(values.pop("name")), str(values.pop("region", ""))
        if name not in known:
            await add_source(runtime, kind, name, values, region=region, actor=actor)


async def edit_source(runtime: Runtime, source_id: int, changes: Mapping[str, Any], *, actor: str) -> Source:
    """Change only the named fields: name, enabled, region, and those of the kind. Raises `Invalid`, `NotFound`, `Conflict`."""
    source = await sources.get(runtime.store, runtime.vault, source_id)
    if not changes:
        return source
    values: dict[str, Any] = {}
    if "name" in changes:
        values["name"] = _checked_name(str(changes["name"]))
    if "enabled" in changes:
        values["enabled"] = bool(changes["enabled"])
    checked = await config_after(runtime, source, changes)
    fresh = checked.model_dump(mode="json")
    if fresh != source.config:
        values |= {"config": fresh, "shown_url": _shown(checked)}
    if values:
        await sources.update(runtime.store, runtime.vault, source_id, **values)
    if checked.route != source.route:
        for feed in await sources.feeds(runtime.store, source_id=source_id):
            await jobs.stop(runtime, feed)  # what has begun goes the way of before
        await runtime.part(Relay).recheck()
    source = await sources.get(runtime.store, runtime.vault, source_id)
    await sync_source(runtime, source)
    said = f"Source {source.name} was changed: {', '.join(sorted(changes))}"
    await runtime.activity.record("source.changed", said, actor=actor, subject=source.name)
    if "config" in values or changes.get("enabled"):
        await refresh_source(runtime, source_id, rebuild=True)
    runtime.bus.publish("sources")
    return source


async def config_after(runtime: Runtime, source: Source, changes: Mapping[str, Any]) -> SourceConfig:
    """A source's configuration with what was entered; an empty secret is the stored one. Raises `Invalid`."""
    config = dict(source.config)
    for key in changes.keys() - {"name", "enabled", "kind", "id"}:
        if not (key in SECRETS and changes[key] in ("", None)):
            config[key] = changes[key]
    config["region"] = config.get("region") or rules.region_from(source.name)
    checked = checked_config(source.kind, config)
    moved = checked.model_dump().get("url") != source.config.get("url")
    if moved or checked.route != source.route:
        checked = await located(runtime, checked.model_copy(update={"private": bool(changes.get("private"))}))
    return checked


async def remove_source(runtime: Runtime, source_id: int, *, dry_run: bool, actor: str) -> dict[str, Any]:
    """Delete a source and the channels that only it can play; with `dry_run` only say how many."""
    source = await sources.get(runtime.store, runtime.vault, source_id)
    count = await channels.count(runtime.store, channels.ChannelQuery(source_id=source_id))
    if not dry_run:
        for feed in await sources.feeds(runtime.store, source_id=source_id):
            await jobs.stop(runtime, feed)
        await sources.remove(runtime.store, source_id)
        said = f"Source {source.name} and its {counted(count, 'channel')} were removed"
        await runtime.activity.record("source.removed", said, actor=actor, subject=source.name)
        await runtime.health.look()  # its promise is gone too
        runtime.bus.publish("sources")
    return {"dry_run": dry_run, "source": source.name, "channels": count}


async def add_profile(runtime: Runtime, source_id: int, values: Mapping[str, Any], *, actor: str) -> Source:
    """Add another way to use a source, tried after those that it has. Raises `Invalid`, `NotFound` or `Conflict`."""
    source = await sources.get(runtime.store, runtime.vault, source_id)
    if source.kind == "guide":
        raise Invalid("a guide has no streams, so it needs no profile", field="kind")
    try:
        profile = ProfileConfig.model_validate(values)
    except ValidationError as exc:
        raise invalid_from(exc) from exc
    if profile.username and source.kind != "xtream":
        raise Invalid("username: only panels have logins; say which text to search for and replace", field="username")
    known = profile_configs(source)
    if any(profile.name.casefold() == other.name.casefold() for other in known):
        raise Conflict(f"{source.name} has a profile named {profile.name!r} already")
    return await _set_profiles(runtime, source, [*known, profile], f"profile {profile.name} was added", actor)


async def remove_profile(runtime: Runtime, source_id: int, name: str, *, actor: str) -> Source:
    """Remove a profile of a source. Raises `NotFound`."""
    source = await sources.get(runtime.store, runtime.vault, source_id)
    left = [profile for profile in profile_configs(source) if profile.name != name]
    if len(left) == len(profile_configs(source)):
        raise NotFound(f"{source.name} has no profile {name!r} that can be removed")
    return await _set_profiles(runtime, source, left, f"profile {name} was removed", actor)


async def _set_profiles(
    runtime: Runtime, source: Source, profiles: Sequence[ProfileConfig], change: str, actor: str
) -> Source:
    stored = [profile.model_dump(mode="json") for profile in profiles]
    config = checked_config(source.kind, {**source.config, "profiles": stored}).model_dump(mode="json")
    await sources.update(runtime.store, runtime.vault, source.id, config=config)
    await runtime.activity.record("source.changed", f"Source {source.name}: {change}", actor=actor, subject=source.name)
    runtime.bus.publish("sources")
    return await sources.get(runtime.store, runtime.vault, source.id)


async def sync_source(runtime: Runtime, source: Source) -> None:
    """Make a source's feeds those that its configuration and the setting LOCALES ask for."""
    if source.kind in {"m3u", "xtream"}:
        await sources.rename_region(runtime.store, source.id, str(source.config["region"]))
    await sources.sync_feeds(runtime.store, source.id, _slices(runtime, source), enabled=source.enabled)


async def sync_all(runtime: Runtime) -> None:
    """After a change of LOCALES."""
    for source in await sources.every(runtime.store, runtime.vault):
        if not source.locked:
            await sync_source(runtime, source)


def _slices(runtime: Runtime, source: Source) -> list[Slice]:
    if source.kind == "guide":
        return [("guide", "", "")]
    if source.kind == "catalogue":
        locales = source.config.get("locales") or runtime.settings.of(PlaylistSettings).LOCALES
        return [("channels", lang, region) for lang, region in locales]
    wanted: list[Slice] = [("channels", "", str(source.config["region"]))]
    if runtime.part(Adapters).guide_of(source) is not None:
        wanted.append(("guide", "", ""))
    return wanted


# -- refreshing --------------------------------------------------------------------------------------------------------


async def refresh_source(runtime: Runtime, source_id: int, *, rebuild: bool) -> list[str]:
    """Refresh all feeds of a source now; returns the runs, joined or started. Raises `NotFound`."""
    await sources.get(runtime.store, runtime.vault, source_id)
    feeds = await sources.feeds(runtime.store, source_id=source_id, enabled=True)
    return [await jobs.begin(runtime, feed, rebuild=rebuild, urgent=True) for feed in feeds]


async def refresh_region(runtime: Runtime, region: str, *, rebuild: bool) -> list[str]:
    """Refresh the feeds of one region, or of all for `*`; returns the runs. Raises `NotFound` for an unknown region."""
    feeds = [f for f in await sources.feeds(runtime.store, enabled=True) if f.kind == "channels"]
    if region != "*":
        if region.upper() not in await runtime.part(Outputs).regions():
            raise NotFound(f"there is no region {region!r}")
        feeds = [feed for feed in feeds if feed.region == region.upper()]
    return [await jobs.begin(runtime, feed, rebuild=rebuild, urgent=True) for feed in feeds]


async def held_feeds(runtime: Runtime, source_id: int) -> list[Feed]:
    """The feeds of a source that hold a change back. Raises `NotFound` when none does."""
    found = [feed for feed in await sources.feeds(runtime.store, source_id=source_id) if feed.held_run]
    if not found:
        raise NotFound("nothing is held back at this source")
    return found


async def accept_held(runtime: Runtime, source_id: int, *, actor: str) -> list[dict[str, Any]]:
    """Apply what a source held back; returns the changes."""
    changes = [await jobs.accept(runtime, feed, actor=actor) for feed in await held_feeds(runtime, source_id)]
    return [{"new": change.new, "changed": change.changed, "gone": change.gone} for change in changes]


async def reject_held(runtime: Runtime, source_id: int, *, actor: str) -> None:
    """Forget what a source held back; the next refresh decides anew."""
    for feed in await held_feeds(runtime, source_id):
        await applying.reject(runtime.store, feed.id)
    source = await sources.get(runtime.store, runtime.vault, source_id)
    said = f"{source.name}: the held-back change was rejected"
    await runtime.activity.record("playlist.rejected", said, actor=actor, subject=source.name)
    runtime.bus.publish("sources")


# -- channels ----------------------------------------------------------------------------------------------------------


async def edit_channel(runtime: Runtime, channel_id: int, changes: Mapping[str, Any], *, actor: str) -> list[str]:
    """Set a person's name, number, group, logo, guide id, guide offset in minutes, or hide a channel; returns what is to be said of it.

    None or "" gives the provider's value again.
    """
    names = {"name": "name", "number": "number", "group": "grp", "logo": "logo", "guide_id": "guide_id"}
    values: dict[str, Any] = {}
    for key, value in changes.items():
        if key == "hidden":
            values["hidden"] = bool(value)
        elif key == "shift":
            values["shift"] = _minutes(value)
        elif key in names:
            text = rules.printable(str(value or ""))
            _check_value(key, text)
            values[names[key]] = text or None
        else:
            raise Invalid(f"a channel has no field {key!r} that can be changed", field=key)
    before = await channels.get(runtime.store, channel_id)
    await channels.edit(runtime.store, channel_id, values)
    said = f"Channel {before.name} was changed: {', '.join(sorted(changes))}"
    await runtime.activity.record("channel.changed", said, actor=actor, subject=before.name)
    runtime.bus.publish("channels")
    return await _notes(runtime, channel_id, values)


async def _notes(runtime: Runtime, channel_id: int, values: Mapping[str, Any]) -> list[str]:
    """What a person may not have meant of the values that were set."""
    channel, notes = await channels.get(runtime.store, channel_id), list[str]()
    if values.get("number") and (others := await numbers.sharing(runtime.store, channel)):
        more = f" and {counted(others.count - 1, 'other channel')}" if others.count > 1 else ""
        notes.append(
            f"{others.first}{more} {'have' if more else 'has'} the number {channel.number} too. Some players show only one of them."
        )
    if values.get("guide_id") and channel.guide is None:
        notes.append(f"No guide has the ID {channel.guide_id}, so this channel has no programmes.")
    return notes


async def adopt_channel(runtime: Runtime, gone_id: int, listed_id: int, *, actor: str) -> None:
    """Say that a channel which its source no longer lists is one that it lists now. Raises as `adopting.adopt`."""
    gone, listed = await adopting.adopt(runtime.store, gone_id, listed_id)
    said = f"Channel {gone} goes on as {listed}, with its number of before and what was changed of it"
    await runtime.activity.record("channel.adopted", said, actor=actor, subject=gone)
    runtime.bus.publish("channels")


def _minutes(value: Any) -> int | None:
    """A guide offset. Raises `Invalid`."""
    if value is None or value == "":
        return None
    try:
        minutes = int(value)
    except (TypeError, ValueError, OverflowError):
        minutes = MOST_SHIFT + 1
    if isinstance(value, bool) or abs(minutes) > MOST_SHIFT:
        raise Invalid(f"shift: whole minutes from -{MOST_SHIFT} to {MOST_SHIFT}", field="shift")
    return minutes


def _check_value(key: str, text: str) -> None:
    """Raise `Invalid` for what players could not use."""
    if len(text) > LONGEST[key]:
        raise Invalid(f"{key}: at most {LONGEST[key]} characters", field=key)
    if key == "number" and text and not NUMBER.fullmatch(text):
        raise Invalid("number: a channel number looks like 7 or 7.2", field=key)
    if key == "logo" and MASK in text:
        raise Invalid("logo: a part of the address is hidden; enter all of it", field=key)
    if key == "logo" and text and not is_web_address(text):
        raise Invalid("logo: it must be an http or https address", field=key)


async def located(runtime: Runtime, config: SourceConfig) -> SourceConfig:
    """Note whether the address lies in a private network now. A public name that turns private later is refused.

    Raises `Invalid` for a route that is not known.
    """
    check_route(runtime, config.route)
    url = str(getattr(config, "url", ""))
    if config.private or not url.lower().startswith(("http://", "https://")):
        return config
    return config.model_copy(update={"private": await runtime.http.routes.points_private(config.route, url)})


def _checked_name(name: str) -> str:
    cleaned = " ".join(rules.printable(name).split())
    if not 1 <= len(cleaned) <= 100:
        raise Invalid("name: a source needs a name of 1 to 100 characters", field="name")
    return cleaned


def _shown(config: SourceConfig) -> str:
    url = str(getattr(config, "url", ""))
    return redact(url, credentials_in(url))
