"""Where a folder of ours lies for a media server, by what a person has entered. Pure."""

from __future__ import annotations

from pathlib import PurePath, PurePosixPath, PureWindowsPath


def path_there(folder: str, local_folder: str, remote_folder: str) -> str | None:
    """A folder of this machine as the server names it; None where that is not known.

    `local_folder` is its music folder as this machine sees it, and `remote_folder` as the server does, such as `D:\\Music`.
    """
    if not local_folder or not remote_folder:
        return None
    try:
        inside = PurePosixPath(folder).relative_to(local_folder)
    except ValueError:
        return None
    windows = "\\" in remote_folder or remote_folder[1:2] == ":"
    there: PurePath = PureWindowsPath(remote_folder) if windows else PurePosixPath(remote_folder)
    return str(there.joinpath(*inside.parts))
