"""The commands about channels and their sources."""

from __future__ import annotations

from nightcrew.client import named
from nightcrew.kernel.commands import CommandGroup, Commands, Table
from nightcrew.playlists import channel_commands as channels
from nightcrew.playlists import source_commands as sources
from nightcrew.playlists.channel_commands import Channel, channel_of

__all__ = ["COMMANDS", "Channel", "channel_of"]

REGIONS = ("region", "status_text", "channels", "resolved", "age", "size")

COMMANDS = Commands(
    top=(channels.refresh, channels.channels),
    groups=(CommandGroup("source", "Sources of channels", named("source", vars(sources))),),
    status=(Table("regions", "/api/v1/regions", REGIONS, empty="No regions yet."),),
)
