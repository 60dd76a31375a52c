"""The commands about channels and their sources."""

from __future__ import annotations

from nightcrew.kernel.declare import CommandGroup, Commands, Table
from nightcrew.playlists import channel_commands as channels
from nightcrew.playlists import source_commands as sources
from nightcrew.playlists.channel_commands import channel_of

__all__ = ["COMMANDS", "channel_of"]

COMMANDS = Commands(
    top=(channels.refresh, channels.channels),
    groups=(
        CommandGroup(
            "source",
            "Sources of channels",
            (
                sources.source_add,
                sources.source_list,
                sources.source_edit,
                sources.source_remove,
                sources.source_refresh,
                sources.source_accounts,
                sources.source_profiles,
                sources.source_add_profile,
                sources.source_remove_profile,
                sources.source_accept,
                sources.source_reject,
            ),
        ),
    ),
    status=(
        Table(
            "regions",
            "/api/v1/regions",
            ("region", "status_text", "channels", "resolved", "age", "size"),
            empty="No regions yet.",
        ),
    ),
)
