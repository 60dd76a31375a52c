"""Where a finished download lies for us: slskd names its own path, which a person maps to one of this machine. Pure."""

from __future__ import annotations

from pathlib import PurePath, PurePosixPath, PureWindowsPath


def local_path(said: str, remote_folder: str, local_folder: str) -> PurePath:
    """The path on this machine of a file that slskd has at `said`.

    `remote_folder` is slskd's download folder and `local_folder` the same one as this machine sees it; both empty: they are the
    same machine. Raises ValueError for a file that lies elsewhere.
    """
    windows = "\\" in said or said[1:2] == ":"
    path: PurePath = PureWindowsPath(said) if windows else PurePosixPath(said)
    if not path.is_absolute():
        raise ValueError(f"slskd says {said!r}, which is no absolute path")
    if ".." in path.parts:
        raise ValueError(f"slskd says {said!r}, which leads out of its folder")
    if not local_folder:
        if windows:
            raise ValueError(f"slskd says {said!r}; say in its connection where that folder is on this machine")
        return path
    begin: PurePath = PureWindowsPath(remote_folder) if windows else PurePosixPath(remote_folder or "/")
    try:
        inside = path.relative_to(begin)
    except ValueError as exc:
        raise ValueError(
            f"slskd says {said!r}, which is not in {remote_folder!r}, its folder by the connection"
        ) from exc
    return PurePosixPath(local_folder, *inside.parts)
