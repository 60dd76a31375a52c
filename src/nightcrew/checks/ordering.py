"""Puts a channel's streams into order by what checks know of them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from nightcrew.checks import rules
from nightcrew.checks.settings import CheckSettings
from nightcrew.checks.store import views
from nightcrew.playlists import accounts, channels, grades

if TYPE_CHECKING:
    from nightcrew.kernel.runtime import Runtime


async def reorder(runtime: Runtime, channel_id: int, options: CheckSettings, now: datetime) -> bool:
    """Put a channel's streams into order by what is known of them; returns whether that changed anything."""
    channel = await channels.get(runtime.store, channel_id)
    known = {one.stream_id: one for one in await views.of_channel(runtime.store, channel_id, now=now)}
    ways = await accounts.profiles(runtime)
    entries = [
        rules.Entry(
            id=stream.id,
            account=ways[stream.source_id][0].account if ways.get(stream.source_id) else str(stream.source_id),
            source=stream.source,
            score=stream.score,
            height=known[stream.id].height if stream.id in known else 0,
            dead=stream.dead,
            exempt=bool(ways.get(stream.source_id)) and accounts.is_own_list(ways[stream.source_id][0].source),
            lead=index,
        )
        for index, stream in enumerate(
            sorted(channel.streams, key=lambda one: (one.feed_id != channel.feed_id, one.id))
        )
        if stream.playable
    ]
    changed = await grades.place(runtime.store, channel_id, channel.streams, rules.order(entries, options))
    if changed:
        runtime.bus.publish("channels")
    return changed
