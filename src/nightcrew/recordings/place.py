"""Where recordings of this machine lie: its own library, which other machines need not see."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from nightcrew.kernel import files, path_names
from nightcrew.kernel.errors import NeedsUser
from nightcrew.kernel.runtime import Runtime
from nightcrew.recordings import naming
from nightcrew.recordings.naming import SeasonFolder
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


def season(root: Path, name: str, title: str, moment: datetime) -> SeasonFolder:
    """The folder of a season: the episodes that lie there, whoever has put them there, and how long its names may be."""
    longest = files.longest_name(root, path_names.MAX_BYTES)
    folder = root / naming.names(name, title, moment, 1, longest).folder
    if not folder.is_dir():
        return SeasonFolder((), longest)
    taken = (int(found[1]) for path in folder.iterdir() if (found := _EPISODE.search(path.name)))
    return SeasonFolder(tuple(taken), longest)
