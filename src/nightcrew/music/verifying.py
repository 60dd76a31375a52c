"""Opens a file that has arrived and says whether it may be put into the library."""

from __future__ import annotations

import asyncio
from pathlib import Path

from nightcrew.kernel.runtime import Runtime
from nightcrew.music import choosing, fingerprints, syncing, upgrades
from nightcrew.music.listening import Listeners
from nightcrew.music.models import MAX_REASON, FailureCause, LibraryTrack, TrackDownload, WantedEntry
from nightcrew.music.settings import MusicSettings
from nightcrew.music.store import downloads, offers
from nightcrew.music.verify import TRANSCODE, problem_of, too_poor


class RejectedFile(Exception):
    """The file is not what it was said to be. The text is the reason; `cause`: what its track failed by when there is no other."""

    def __init__(self, text: str, cause: FailureCause = FailureCause.DOWNLOAD) -> None:
        super().__init__(text)
        self.cause = cause


async def verify(
    runtime: Runtime, row: TrackDownload, entry: WantedEntry, path: Path, replaced: LibraryTrack | None
) -> None:
    """Raises `RejectedFile`. A file that a person has chosen is taken as it is. `replaced`: what it has to be better than."""
    if row.forced:
        return
    size = (await asyncio.to_thread(path.stat)).st_size
    heard = await runtime.part(Listeners).hear(path)
    said = problem_of(heard, entry.track(), row.path, size=size, advertised=row.size, seconds=row.seconds)
    poor = too_poor(heard, row.path, size=size, rules=runtime.settings.of(MusicSettings).quality())
    may_be_taken = not said or said.startswith(TRANSCODE)
    if poor and may_be_taken:
        raise RejectedFile(poor, FailureCause.QUALITY)
    if may_be_taken and await _sounds_wrong(runtime, row, path):
        raise RejectedFile("it sounds like the file that a person has called the wrong song")
    if replaced is not None and (said := said or await upgrades.problem_of(runtime, replaced, row, path, heard)):
        raise RejectedFile(said, FailureCause.QUALITY)
    if said.startswith(TRANSCODE) and not await _is_better_offered(runtime, row):
        marked = f"{row.explanation}; {said}"[:MAX_REASON]
        await downloads.note(runtime.store, row.id, explanation=marked, due_in=syncing.AGAIN)
    elif said:
        raise RejectedFile(said)


async def _sounds_wrong(runtime: Runtime, row: TrackDownload, path: Path) -> bool:
    """Whether another peer's copy of the wrong song has come."""
    wrong = await offers.wrong_sounds(runtime.store, row.wanted_id)
    if not wrong:
        return False
    words = (await runtime.part(Listeners).fingerprint(path)).words
    differ = (fingerprints.difference(words, fingerprints.unpacked(one)) for one in wrong)
    return any(one is not None and one <= fingerprints.SAME for one in differ)


async def _is_better_offered(runtime: Runtime, row: TrackDownload) -> bool:
    """Whether another file of the track can be tried, so that a transcoded one need not be taken."""
    if row.attempt >= choosing.MOST_ATTEMPTS:
        return False
    found = await offers.of_wanted(runtime.store, row.wanted_id)
    return choosing.following(found, runtime.settings.of(MusicSettings).quality(), peer=row.peer) is not None
