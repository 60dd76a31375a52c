"""Where recordings of this machine lie: its own library, which other machines need not see."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from nightcrew.kernel.errors import NeedsUser
from nightcrew.kernel.runtime import Runtime
from nightcrew.recordings import naming
from nightcrew.recordings.settings import RecordingSettings

LIBRARY = "recordings"
"""The library's folder in the data directory, unless a setting names another."""
_EPISODE = re.compile(r" - S\d{6}E(\d{1,6})\b")


def root_of(runtime: Runtime) -> Path:
    """The library's folder by the settings, which touches no disk. Raises `NeedsUser` when it is no absolute path."""
    given = runtime.settings.of(RecordingSettings).library
    root = Path(given).expanduser() if given else runtime.data_dir / LIBRARY
    if not root.is_absolute():
        raise NeedsUser(f"the library folder {given!r} is not an absolute path; change the setting recordings.library")
    return root


def library(runtime: Runtime) -> Path:
    """The folder of the finished recordings, made where it is not there. Raises `NeedsUser` when it cannot be used."""
    root = root_of(runtime)
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise NeedsUser(f"the library folder {root} cannot be used: {exc.strerror}; see recordings.library") from exc
    return root


def episodes(root: Path, name: str, title: str, moment: datetime) -> list[int]:
    """The numbers of the episodes that lie in the folder of a season, whoever has put them there."""
    folder = root / naming.names(name, title, moment, 1).folder
    if not folder.is_dir():
        return []
    return [int(found[1]) for path in folder.iterdir() if (found := _EPISODE.search(path.name))]
