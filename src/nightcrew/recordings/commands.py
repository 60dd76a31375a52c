"""The commands about recordings, and about watched streams below them."""

from __future__ import annotations

from nightcrew.kernel.declare import CommandGroup, Commands
from nightcrew.recordings import recording_commands as recordings
from nightcrew.recordings import watch_commands as watches

COMMANDS = Commands(
    top=(recordings.record,),
    groups=(
        CommandGroup(
            "recordings",
            "Recordings",
            (
                recordings.recordings_list,
                recordings.recordings_show,
                recordings.recordings_stop,
                recordings.recordings_rotate,
                recordings.recordings_retry,
                recordings.recordings_keep,
                recordings.recordings_release,
                recordings.recordings_delete,
                recordings.recordings_retention,
                recordings.recordings_stuck,
            ),
            groups=(
                CommandGroup(
                    "watch",
                    "Watched streams",
                    (
                        watches.watch_add,
                        watches.watch_list,
                        watches.watch_on,
                        watches.watch_off,
                        watches.watch_remove,
                    ),
                ),
            ),
        ),
    ),
)
