"""The commands about recordings, and about watched streams below them."""

from __future__ import annotations

from nightcrew.client import named
from nightcrew.kernel.commands import CommandGroup, Commands
from nightcrew.recordings import recording_commands as recordings
from nightcrew.recordings import watch_commands as watches

WATCH = CommandGroup("watch", "Watched streams", named("watch", vars(watches)))
RECORDINGS = CommandGroup("recordings", "Recordings", named("recordings", vars(recordings)), groups=(WATCH,))

COMMANDS = Commands(top=(recordings.record,), groups=(RECORDINGS,))
